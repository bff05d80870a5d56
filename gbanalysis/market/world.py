"""The static world: everything that is drawn once and that a day's events depend on.

A day depends on this and on the day alone. Fields are named by what they index: `site_*` [n_sites], `sku_*` [n_skus],
`supplier_*` [n_suppliers], `user_*` [n_users], `grid_* central_* shared_* city_*`; integers are positions in the
matching tuple of ids or names. Each part's fields stand in the module that draws it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.calendar import Calendar, make_calendar
from gbanalysis.market.catalogue import Catalogue, make_catalogue
from gbanalysis.market.config import Config
from gbanalysis.market.demand import Demand, make_demand, make_sku_factor, season_factor
from gbanalysis.market.geography import Geography, make_geography
from gbanalysis.market.people import People, make_people
from gbanalysis.market.prices import Prices, make_prices
from gbanalysis.market.promotions import Promotions, make_promotions
from gbanalysis.market.shocks import Shock, default_shocks
from gbanalysis.market.sourcing import Sourcing, make_sourcing
from gbanalysis.market.suppliers import Suppliers, make_suppliers
from gbanalysis.market.weather import Weather, make_weather


@dataclass(frozen=True, kw_only=True)
class Places(Geography, Catalogue, Suppliers, Weather):
    """What stands before any shock: the part of the world that the default shocks are aimed at."""

    config: Config
    dates: NDArray[np.datetime64]

    @property
    def seed(self) -> int:
        """The market's seed."""
        return self.config.seed

    @property
    def n_days(self) -> int:
        """Selling days."""
        return len(self.dates)

    @property
    def n_regions(self) -> int:
        """Provinces."""
        return len(self.regions)

    @property
    def n_sites(self) -> int:
        """Community sites."""
        return len(self.site_id)

    @property
    def n_skus(self) -> int:
        """SKUs."""
        return len(self.sku_id)

    @property
    def n_suppliers(self) -> int:
        """Suppliers."""
        return len(self.supplier_id)

    @property
    def as_of(self) -> dt.date:
        """The last day whose data is known."""
        last: dt.date = self.dates[-1].astype(object)
        return last

    def date(self, day: int) -> np.datetime64:
        """Give the date of a day index, which may lie before the first day or after the last."""
        found: np.datetime64 = self.dates[0] + np.timedelta64(day, "D")
        return found


@dataclass(frozen=True, kw_only=True)
class World(Places, People, Calendar, Prices, Promotions, Demand, Sourcing):
    """The union of all static parts."""

    shocks: tuple[Shock, ...]

    @property
    def n_users(self) -> int:
        """Users, of whom some never order."""
        return len(self.user_site)


def build_world(config: Config, shocks: Sequence[Shock] | None = None) -> World:
    """Draw the static world of a market.

    Parameters
    ----------
    config
        The market's recorded inputs.
    shocks
        Planted shocks in place of those the config names: the same world with some of them taken out.

    Returns
    -------
    World
        Every part drawn from streams of its own, so that two worlds that differ in their shocks share all else.
    """
    dates = np.datetime64(config.start, "D") + np.arange(config.n_days)
    geography, goods = make_geography(config), make_catalogue(config)
    suppliers, weather = make_suppliers(config, geography, goods), make_weather(config, geography, dates)
    ground = _fields(geography, goods, suppliers, weather) | {"config": config, "dates": dates}
    if shocks is None:
        shocks = _named_shocks(config, Places(**ground))
    people = make_people(config, geography)
    calendar = make_calendar(config, geography, goods, shocks)
    season = season_factor(goods, dates)
    prices = make_prices(config, geography, goods, season, calendar.festival)
    promotions = make_promotions(config, geography, goods, season, shocks)
    sku_factor = make_sku_factor(config, goods, calendar, weather, prices, promotions, season)
    demand, user_rate = make_demand(config, geography, goods, people, calendar, weather, sku_factor)
    sourcing = make_sourcing(config, geography, goods, suppliers)
    drawn = _fields(people, calendar, prices, promotions, demand, sourcing) | {"user_rate": user_rate}
    return World(**ground, **drawn, shocks=tuple(shocks))


def _named_shocks(config: Config, places: Places) -> tuple[Shock, ...]:
    if isinstance(config.shocks, tuple):
        return config.shocks
    return default_shocks(places) if config.shocks == "default" else ()


def _fields(*parts: object) -> dict[str, Any]:
    return {name: value for part in parts for name, value in vars(part).items()}
