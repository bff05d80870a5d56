"""Worlds that several test files read."""

import datetime as dt

import numpy as np
import pytest

from gbanalysis.market.config import Config
from gbanalysis.market.orders import NEVER, day_orders
from gbanalysis.market.simulation import DEFAULT_MARKET
from gbanalysis.market.world import World, build_world


class Sold:
    """What a whole market wanted and sold, by [day, region, sku], and the visits of users."""

    def __init__(self, world: World) -> None:
        shape = (world.n_days, world.n_regions, world.n_skus)
        self.world = world
        self.sold, self.demanded, self.closed = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
        self.n_lines = np.zeros(shape)
        self.visits = np.zeros(world.n_users, dtype=int)
        self.site_lines = np.zeros((world.n_days, world.n_sites))
        for day in range(world.n_days):
            found = day_orders(world, day)
            lines = found.lines
            self.sold[day], self.demanded[day] = found.sold, found.demanded
            self.closed[day] = found.sold_out_second > NEVER
            np.add.at(self.n_lines[day], (world.site_region[lines.site], lines.sku), 1)
            buyers = lines.user[np.unique(lines.order, return_index=True)[1]]
            np.add.at(self.visits, buyers, 1)
            self.site_lines[day] = np.bincount(lines.site, minlength=world.n_sites)


@pytest.fixture(scope="session")
def small_world() -> World:
    """The sample's size: 90 days from New Year 2024, about 40 thousand lines."""
    return build_world(Config(seed=7, n_lines=40_000, n_days=90, start=dt.date(2024, 1, 1)))


@pytest.fixture(scope="session")
def default_market() -> Sold:
    """The book's default market, its demand side only."""
    return Sold(build_world(Config(**DEFAULT_MARKET)))
