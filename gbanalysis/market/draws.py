"""Random lines of a day for the known truth: attributes as functions of (day, uniforms).

The same uniforms give the line of one day and its counterpart of another: who buys what where, and from which
supplier it comes. Lines are drawn from the expected demand before stock-outs, suppliers by inversion of the day's
shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.catalogue import EXTRA_UNITS
from gbanalysis.market.demand import site_sku_sampler, sku_weights
from gbanalysis.market.losses import SPARE_SHARE
from gbanalysis.market.people import FIRST_VISIT
from gbanalysis.market.routes import CREWS
from gbanalysis.market.sourcing import draw_supplier
from gbanalysis.market.world import World

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_REPEATS, MOST_EXTRA = 8, 12


@dataclass(frozen=True, eq=False)
class Numbers:
    """The random numbers of n lines, held fixed while parameters change.

    Attributes
    ----------
    cell, sku, user, repeats, extra, supplier
        [n] uniforms: of site × segment, SKU, user, times wanted in one order, units beyond one each time, supplier.
    spare
        [n] 1 where a spare unit is packed.
    z_hours, crew
        [5, n] as in `parameters.Items`.
    """

    cell: Array
    sku: Array
    user: Array
    repeats: Array
    extra: Array
    supplier: Array
    spare: Ints
    z_hours: Array
    crew: Ints

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int) -> Numbers:
        """Draw the numbers of n lines; site and SKU are stratified."""
        return cls(
            cell=stratified(rng, n),
            sku=stratified(rng, n),
            user=rng.random(n),
            repeats=rng.random(n),
            extra=rng.random(n),
            supplier=rng.random(n),
            spare=(rng.random(n) < SPARE_SHARE).astype(np.int64),
            z_hours=rng.standard_normal((5, n)),
            crew=rng.integers(0, len(CREWS), (5, n)),
        )


def stratified(rng: np.random.Generator, n: int) -> Array:
    """Draw n uniforms, one in each of n equal strata, in random order."""
    order = rng.permutation(n)
    return (order + rng.random(n)) / n


@dataclass(frozen=True, eq=False)
class Mix:
    """Who buys what where: [n] each."""

    site: Ints
    sku: Ints
    user: Ints
    quantity: Ints


def day_positions(world: World, days: Ints, u: Array) -> Ints:
    """Choose for each uniform a day of promised pickup by its expected lines; gives places in ``days``."""
    lines = world.expected[days - 1].sum(axis=(1, 2), dtype=np.float64)
    steps = np.cumsum(lines) / lines.sum()
    place: Ints = np.minimum(np.searchsorted(steps, u, side="right"), len(days) - 1)
    return place


@dataclass(frozen=True, eq=False)
class Buyers:
    """The users in order of site × segment: `first` gives where each cell begins."""

    user: Ints
    first: Ints

    @classmethod
    def of(cls, world: World) -> Buyers:
        """Sort a market's users."""
        n_segments = world.taste.shape[1]
        cell = world.user_site.astype(np.int64) * n_segments + world.user_segment
        user = np.argsort(cell, kind="stable")
        return cls(user, np.searchsorted(cell[user], np.arange(world.n_sites * n_segments + 1)))

    def draw(self, world: World, selling_day: int, cell: Ints, u: Array) -> Ints:
        """Draw the buyers of lines in cells in proportion to the lines that they are expected to want on the day."""
        joined = world.user_joined_day[self.user]
        here = (joined <= selling_day) & (world.user_left_day[self.user] > selling_day)
        visits = (world.user_rate[self.user] + FIRST_VISIT * (joined == selling_day)) * here
        steps = np.concatenate([[0.0], np.cumsum(visits * world.user_basket[self.user])])
        low, high = steps[self.first[cell]], steps[self.first[cell + 1]]
        place = np.searchsorted(steps, low + u * (high - low), side="right") - 1
        user: Ints = self.user[np.clip(place, self.first[cell], self.first[cell + 1] - 1)]
        return user


def line_units(world: World, mean: Array, sku: Ints, numbers: Numbers, draw: Ints) -> Ints:
    """Give the units of lines: how often the SKU was wanted in the order, and how many units each time.

    Parameters
    ----------
    world
        The market.
    mean
        Mean number of times that the order's user wants the SKU at a visit; the number is negative binomial, here
        given one or more.
    sku
        The lines' SKUs.
    numbers, draw
        The draws' uniforms and which of them these lines are.
    """
    shape = world.config.basket_shape
    fail = mean / (shape + mean)
    chance = (1 - fail) ** shape
    target = chance + numbers.repeats[draw] * (1 - chance)
    reached, times = chance.copy(), np.zeros(len(sku), dtype=np.int64)
    for count in range(MOST_REPEATS):
        open_still = reached <= target
        times += open_still
        chance = chance * (shape + count) / (count + 1) * fail
        reached = reached + chance
    times = np.clip(times, 1, MOST_REPEATS)
    more_each = EXTRA_UNITS[world.sku_category[sku]]
    again = more_each / (1 + more_each)
    chance = (1 - again) ** times
    reached, more = chance.copy(), np.zeros(len(sku), dtype=np.int64)
    for count in range(MOST_EXTRA):
        more += reached <= numbers.extra[draw]
        chance = chance * (times + count) / (count + 1) * again
        reached = reached + chance
    return times + more


def draw_mix(world: World, days: Ints, position: Ints, numbers: Numbers) -> Mix:
    """Give the line of each draw on its day.

    Parameters
    ----------
    world
        The market.
    days
        Days of promised pickup.
    position
        [n] each draw's place in ``days``.
    numbers
        The draws' uniforms.
    """
    n, n_segments = len(position), world.taste.shape[1]
    site, sku, user, quantity = (np.empty(n, dtype=np.int64) for _ in range(4))
    buyers = Buyers.of(world)
    for place in np.unique(position).tolist():
        chosen = np.flatnonzero(position == place)
        selling_day = int(days[place]) - 1
        sampler = site_sku_sampler(world, selling_day)
        cell = np.minimum(np.searchsorted(sampler.cells, numbers.cell[chosen], side="right"), len(sampler.cells) - 1)
        site[chosen], segment = np.divmod(cell, n_segments)
        region = world.site_region[site[chosen]]
        sku[chosen] = sampler.skus.draw(region * n_segments + segment, numbers.sku[chosen])
        user[chosen] = buyers.draw(world, selling_day, cell, numbers.user[chosen])
        weight = sku_weights(world, selling_day)[region, segment, sku[chosen]]
        mean = world.user_basket[user[chosen]] * weight
        quantity[chosen] = line_units(world, mean, sku[chosen], numbers, chosen)
    return Mix(site, sku, user, quantity)


def draw_allocation(world: World, days: Ints, position: Ints, mix: Mix, u: Array) -> Ints:
    """Give the supplier of each line under the shares of each draw's day."""
    supplier = np.empty(len(position), dtype=np.int64)
    for place in np.unique(position).tolist():
        chosen = np.flatnonzero(position == place)
        region = world.site_region[mix.site[chosen]]
        supplier[chosen] = draw_supplier(world, int(days[place]) - 1, region, mix.sku[chosen], u[chosen])
    return supplier
