"""The static world: everything that is drawn once and that a day's events depend on.

A day depends on this and on the day alone. Fields are named by what they index: `site_*` [n_sites], `sku_*` [n_skus],
`supplier_*` [n_suppliers], `user_*` [n_users], `grid_* central_* shared_* city_*`; integers are positions in the matching tuple.
Each part's fields stand in the module that draws it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.catalogue import Catalogue, make_catalogue
from gbanalysis.market.config import Config
from gbanalysis.market.geography import Geography, make_geography
from gbanalysis.market.people import People, make_people
from gbanalysis.market.suppliers import Suppliers, make_suppliers
from gbanalysis.market.weather import Weather, make_weather


@dataclass(frozen=True, kw_only=True)
class World(Geography, Catalogue, Suppliers, People, Weather):
    """The union of all static parts; `shocks` are the planted ones, resolved to indices."""

    config: Config
    dates: NDArray[np.datetime64]
    shocks: tuple[Any, ...] = ()

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
    def n_users(self) -> int:
        """Users, of whom some never order."""
        return len(self.user_site)

    @property
    def as_of(self) -> dt.date:
        """The last day whose data is known."""
        last: dt.date = self.dates[-1].astype(object)
        return last

    def date(self, day: int) -> np.datetime64:
        """Give the date of a day index, which may lie before the first or after the last day."""
        return self.dates[0] + np.timedelta64(day, "D")


def build_world(config: Config) -> World:
    """Draw the static world of a market."""
    dates = np.datetime64(config.start, "D") + np.arange(config.n_days)
    places = make_geography(config)
    goods = make_catalogue(config)
    suppliers = make_suppliers(config, places, goods)
    people = make_people(config, places)
    weather = make_weather(config, places, dates)
    parts: dict[str, Any] = {}
    for part in (places, goods, suppliers, people, weather):
        parts |= vars(part)
    return World(config=config, dates=dates, **parts)
