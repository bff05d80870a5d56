"""The calendar: Gregorian and lunar festivals, campaigns, closures and lockdowns, and what they do to demand.

    activity(city, t) = weekday * holiday(t) * campaign(t) * lockdown(city, t) * exp(N(0, 0.06^2) by province)
    festival shape    = exp(height * exp(-((days ahead - 3) / ramp)^2)) before the day,
                        exp(-dip * exp(-days since / fade)) from the day on; by category or subcategory

The activity is a factor on visits, the shape a factor on the weight of the goods it names.

Which naive estimator it fools: year on year by the date. In the book's default market the second half of January 2024
is 39 % above that of 2023; aligned by Spring Festival the fortnights before it differ by 26 %.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.catalogue import Catalogue
from gbanalysis.market.config import Config
from gbanalysis.market.geography import Geography
from gbanalysis.market.shocks import Lockdown, Shock, of_kind
from gbanalysis.market.streams import stream

WEEKDAY = np.array([0.96, 0.95, 0.97, 1.0, 1.08, 1.07, 0.97])
LUNAR = {"spring_festival": (1, 1, -1, 6), "dragon_boat": (5, 5, 0, 2), "mid_autumn": (8, 15, 0, 2)}
SOLAR = {"new_year": (1, 1, 0, 0), "labour_day": (5, 1, 0, 4), "national_day": (10, 1, 0, 6)}
CAMPAIGNS = {"mid_year_618": (6, 16, 3), "double_eleven": (11, 9, 3)}
HOLIDAY_ACTIVITY = {"spring_festival": 0.75, "national_day": 0.9, "new_year": 0.95}
CAMPAIGN_ACTIVITY = 1.25
STOCK_UP = 1.4
STOCK_UP_DAYS = 2


@dataclass(frozen=True)
class Event:
    """One row of the calendar; `region` is empty where the event is national."""

    event: str
    kind: str
    first: dt.date
    last: dt.date
    region: str = ""


@dataclass(frozen=True)
class Shape:
    """How one festival moves the goods it names: log height, days of ramp, log dip after it and days of fade."""

    festival: str
    goods: tuple[str, ...]
    height: float
    ramp: float
    dip: float
    fade: float


# goods are named by category or subcategory; a subcategory's own shape adds to its category's
SHAPES = (
    Shape("spring_festival", ("grains_oils", "household"), 0.5, 10, 0.7, 8),
    Shape("spring_festival", ("snacks_drinks", "fruit", "meat_eggs", "seafood"), 0.6, 9, 0.5, 6),
    Shape("spring_festival", ("nuts",), 0.8, 12, 0.5, 8),
    Shape("dragon_boat", ("rice_dumplings",), 2.6, 9, 2.5, 25),
    Shape("dragon_boat", ("eggs",), 0.3, 7, 0.1, 3),
    Shape("mid_autumn", ("mooncakes",), 3.2, 12, 3.5, 60),
    Shape("mid_autumn", ("crab", "grapes"), 0.5, 8, 0.0, 1),
    Shape("national_day", ("snacks_drinks",), 0.2, 5, 0.1, 3),
)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Events, the visits factor [n_days, n_cities] and the goods' log festival shape [n_days, n_skus]."""

    events: tuple[Event, ...]
    activity: NDArray[np.float64]
    festival: NDArray[np.float64]


def festival_days(name: str, first: dt.date, last: dt.date) -> list[dt.date]:
    """Give the dates of a festival's main day in the years around a period.

    Examples
    --------
    >>> import datetime as dt
    >>> festival_days("spring_festival", dt.date(2024, 1, 1), dt.date(2024, 12, 31))[1]
    datetime.date(2024, 2, 10)
    """
    years = range(first.year - 1, last.year + 2)
    if name in SOLAR:
        month, day = SOLAR[name][:2]
        return [dt.date(year, month, day) for year in years]
    from lunardate import LunarDate

    month, day = LUNAR[name][:2]
    return [LunarDate(year, month, day).to_solar_date() for year in years]


def make_events(start: dt.date, n_days: int, places: Geography, shocks: Sequence[Shock]) -> tuple[Event, ...]:
    """List the holidays, campaigns, closures and lockdowns that touch the period."""
    end = start + dt.timedelta(days=n_days - 1)
    events = []
    for name, (_, _, before, after) in (LUNAR | SOLAR).items():
        for day in festival_days(name, start, end):
            first, last = day + dt.timedelta(days=before), day + dt.timedelta(days=after)
            events.append(Event(name, "holiday", first, last))
            if name == "spring_festival":
                events.append(Event("warehouse_closure", "closure", day, day + dt.timedelta(days=2)))
                events.append(
                    Event("new_year_goods", "campaign", day - dt.timedelta(days=16), day - dt.timedelta(days=5))
                )
    for name, (month, first_day, length) in CAMPAIGNS.items():
        for year in range(start.year, end.year + 1):
            first = dt.date(year, month, first_day)
            events.append(Event(name, "campaign", first, first + dt.timedelta(days=length - 1)))
    for _, shock in of_kind(shocks, Lockdown):
        region = places.regions[places.city_region[places.city.index(shock.city)]]
        events.append(Event(f"lockdown {shock.city}", "lockdown", shock.starts_on, shock.ends_on, region))
    touching = [event for event in events if event.last >= start and event.first <= end]
    return tuple(sorted(touching, key=lambda event: (event.first, event.event, event.region)))


def make_calendar(config: Config, places: Geography, goods: Catalogue, shocks: Sequence[Shock]) -> Calendar:
    """Work out what the calendar does to visits and to goods."""
    n_days, start = config.n_days, config.start
    events = make_events(start, n_days, places, shocks)
    days = np.arange(n_days)
    activity = np.tile(WEEKDAY[(start.weekday() + days) % 7][:, None], (1, len(places.city)))
    for event in events:
        on = (days >= (event.first - start).days) & (days <= (event.last - start).days)
        if event.kind == "holiday":
            activity[on] *= HOLIDAY_ACTIVITY.get(event.event, 1.0)
        elif event.kind == "closure":
            activity[on] *= 0.5
        elif event.kind == "campaign":
            activity[on] *= CAMPAIGN_ACTIVITY
    noise = stream(config.seed, "calendar.region_noise").normal(0, 0.06, (n_days, len(places.regions)))
    activity *= np.exp(noise)[:, places.city_region]
    for _, shock in of_kind(shocks, Lockdown):
        city, first = places.city.index(shock.city), (shock.starts_on - start).days
        held = shock.active(start, days)
        activity[held & (days < first + STOCK_UP_DAYS), city] *= STOCK_UP
        activity[held & (days >= first + STOCK_UP_DAYS), city] *= shock.size
    return Calendar(events=events, activity=activity, festival=_festival(start, n_days, goods))


def _festival(start: dt.date, n_days: int, goods: Catalogue) -> NDArray[np.float64]:
    end = start + dt.timedelta(days=n_days - 1)
    days = np.arange(n_days)
    category = np.array(goods.category)[goods.sku_category]
    subcategory = np.array(goods.subcategory)[goods.sku_subcategory]
    log_factor = np.zeros((n_days, len(goods.sku_id)))
    for shape in SHAPES:
        of_shape = np.isin(category, shape.goods) | np.isin(subcategory, shape.goods)
        for day in festival_days(shape.festival, start, end):
            ahead = (day - start).days - days
            lift = np.where(ahead >= 1, shape.height * np.exp(-(((ahead - 3) / shape.ramp) ** 2)), 0.0)
            dip = np.where(ahead < 1, -shape.dip * np.exp(np.minimum(ahead - 1, 0) / shape.fade), 0.0)
            log_factor[:, of_shape] += (lift + dip)[:, None]
    return log_factor
