"""Random lines of a day for the known truth: attributes as functions of (day, uniforms).

The same uniforms give the line of one day and its counterpart of another: who buys what where, and from which
supplier it comes. A line changes only where the law of the days differs (maximal coupling of place, SKU and user,
one after another), which cuts the variance of the contribution of the mix to a third of what independent inversion
gives. Lines are drawn from the expected demand before stock-outs, suppliers by inversion of the day's shares.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    keep_cell, move_cell, keep_sku, move_sku, keep_user, move_user
        [n] uniforms of the coupling: whether a line stays when the day changes, and where it goes if not.
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
    keep_cell: Array
    move_cell: Array
    keep_sku: Array
    move_sku: Array
    keep_user: Array
    move_user: Array
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
            keep_cell=rng.random(n),
            move_cell=rng.random(n),
            keep_sku=rng.random(n),
            move_sku=rng.random(n),
            keep_user=rng.random(n),
            move_user=rng.random(n),
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
    """The users in order of site × segment: `first` gives where each cell begins, `place` where each user stands."""

    user: Ints
    cell: Ints
    first: Ints
    place: Ints

    @classmethod
    def of(cls, world: World) -> Buyers:
        """Sort a market's users."""
        n_segments = world.taste.shape[1]
        cell = world.user_site.astype(np.int64) * n_segments + world.user_segment
        user = np.argsort(cell, kind="stable")
        place = np.empty_like(user)
        place[user] = np.arange(len(user))
        return cls(user, cell[user], np.searchsorted(cell[user], np.arange(world.n_sites * n_segments + 1)), place)

    def shares(self, world: World, selling_day: int) -> Array:
        """Give each user's share of its cell's wanted lines on a selling day, in the order of `user`."""
        joined = world.user_joined_day[self.user]
        here = (joined <= selling_day) & (world.user_left_day[self.user] > selling_day)
        visits = (world.user_rate[self.user] + FIRST_VISIT * (joined == selling_day)) * here
        wanted = visits * world.user_basket[self.user]
        total = np.bincount(self.cell, wanted, minlength=len(self.first) - 1)[self.cell]
        share: Array = wanted / np.where(total > 0, total, 1.0)
        return share

    def draw(self, share: Array, cell: Ints, u: Array) -> Ints:
        """Draw users within cells in proportion to ``share`` (not negative)."""
        steps = np.concatenate([[0.0], np.cumsum(share)])
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


@dataclass(frozen=True, eq=False)
class Wish:
    """What lines are for: [n] cells (site × segment), SKUs and users."""

    cell: Ints
    sku: Ints
    user: Ints


@dataclass(frozen=True, eq=False)
class DayMix:
    """Where and what is bought on one selling day.

    Attributes
    ----------
    cell_share
        [n_sites * n_segments] share of the expected lines by site and segment.
    sku_share
        [n_regions * n_segments, n_skus] what a row buys; rows sum to one.
    user_share
        [n_users] each user's share of its cell, in the order of `Buyers.user`.
    """

    world: World
    selling_day: int
    buyers: Buyers
    cell_share: Array
    sku_share: Array
    user_share: Array

    @classmethod
    def of(cls, world: World, buyers: Buyers, selling_day: int) -> DayMix:
        """Work out one selling day of a market."""
        sampler = site_sku_sampler(world, selling_day)
        steps = (
            sampler.skus.steps.reshape(-1, world.n_skus) - np.arange(len(sampler.skus.steps) // world.n_skus)[:, None]
        )
        cell_share, sku_share = np.diff(sampler.cells, prepend=0.0), np.diff(steps, axis=1, prepend=0.0)
        return cls(world, selling_day, buyers, cell_share, sku_share, buyers.shares(world, selling_day))

    def rows(self, cell: Ints) -> Ints:
        """Give the row of `sku_share` of each cell."""
        n_segments = self.world.taste.shape[1]
        site, segment = np.divmod(cell, n_segments)
        row: Ints = self.world.site_region[site] * n_segments + segment
        return row

    def draw(self, numbers: Numbers, who: Ints) -> Wish:
        """Draw cell, SKU and user of the lines ``who``."""
        cell = invert(self.cell_share, numbers.cell[who])
        sku = invert_rows(self.sku_share, self.rows(cell), numbers.sku[who])
        return Wish(cell, sku, self.buyers.draw(self.user_share, cell, numbers.user[who]))

    def move(self, old: DayMix, wish: Wish, numbers: Numbers, who: Ints) -> Wish:
        """Turn lines of another day into lines of this one, keeping as much as can be kept (maximal coupling).

        Cell, SKU and user each stay with chance min(1, new share / old share) and else are drawn from what the new
        day has more of, so that the result follows this day exactly.
        """
        kept = numbers.keep_cell[who] * old.cell_share[wish.cell] < self.cell_share[wish.cell]
        gain = np.maximum(self.cell_share - old.cell_share, 0.0)
        cell = wish.cell if kept.all() else np.where(kept, wish.cell, invert(gain, numbers.move_cell[who]))
        row, old_row = self.rows(cell), old.rows(wish.cell)
        stays = numbers.keep_sku[who] * old.sku_share[old_row, wish.sku] < self.sku_share[row, wish.sku]
        shares = np.concatenate([np.maximum(self.sku_share - old.sku_share, 0.0), self.sku_share])
        moved = invert_rows(shares, np.where(row == old_row, row, row + len(self.sku_share)), numbers.move_sku[who])
        sku = np.where(stays & (row == old_row), wish.sku, moved)
        place = self.buyers.place[wish.user]
        remains = kept & (numbers.keep_user[who] * old.user_share[place] < self.user_share[place])
        other = self.buyers.draw(np.maximum(self.user_share - old.user_share, 0.0), cell, numbers.move_user[who])
        fresh = self.buyers.draw(self.user_share, cell, numbers.move_user[who])
        return Wish(cell, sku, np.where(remains, wish.user, np.where(kept, other, fresh)))

    def lines(self, wish: Wish, numbers: Numbers, who: Ints) -> Mix:
        """Give units to lines whose cell, SKU and user are known."""
        world = self.world
        site, segment = np.divmod(wish.cell, world.taste.shape[1])
        weight = sku_weights(world, self.selling_day)[world.site_region[site], segment, wish.sku]
        units = line_units(world, world.user_basket[wish.user] * weight, wish.sku, numbers, who)
        return Mix(site, wish.sku, wish.user, units)


def invert(share: Array, u: Array) -> Ints:
    """Draw places in proportion to ``share`` (not negative) by inversion."""
    steps = np.cumsum(share)
    place: Ints = np.minimum(np.searchsorted(steps, u * steps[-1], side="right"), len(share) - 1)
    return place


def invert_rows(shares: Array, row: Ints, u: Array) -> Ints:
    """Draw places within rows of shares by inversion; a row of zeros gives its last place."""
    steps = np.cumsum(shares, axis=1)
    steps /= np.maximum(steps[:, -1:], 1e-300)
    flat = (np.minimum(steps, 1.0) + np.arange(len(shares))[:, None]).ravel()
    place = np.searchsorted(flat, row + np.minimum(u, 1 - 1e-12), side="right") - row * shares.shape[1]
    inside: Ints = np.clip(place, 0, shares.shape[1] - 1)
    return inside


def draw_mixes(worlds: Sequence[World], days: Sequence[Ints], numbers: Numbers) -> list[Mix]:
    """Give each draw's line in the first setting and its counterparts in the others.

    Parameters
    ----------
    worlds
        The World of each setting.
    days
        For each setting the draws' days of promised pickup, [n].
    numbers
        The draws' uniforms.

    Returns
    -------
    list of Mix
        One a setting. Each follows its own setting's law exactly, and a line differs from the first setting's only
        where the law does.
    """
    n = len(days[0])
    buyers = Buyers.of(worlds[0])
    found: dict[tuple[int, int], DayMix] = {}

    def of(setting: int, day: int) -> DayMix:
        key = (id(worlds[setting]), day)
        if key not in found:
            found[key] = DayMix.of(worlds[setting], buyers, day - 1)
        return found[key]

    first = Wish(*(np.empty(n, dtype=np.int64) for _ in range(3)))
    mixes = []
    for setting, world in enumerate(worlds):
        mix = Mix(*(np.empty(n, dtype=np.int64) for _ in range(4)))
        pair = days[0] * (world.n_days + 2) + days[setting]
        order = np.argsort(pair, kind="stable")
        for who in np.split(order, np.flatnonzero(np.diff(pair[order])) + 1):
            here = of(setting, int(days[setting][who[0]]))
            if setting == 0:
                wish = here.draw(numbers, who)
                _put(first, wish, who)
            else:
                start = Wish(first.cell[who], first.sku[who], first.user[who])
                wish = here.move(of(0, int(days[0][who[0]])), start, numbers, who)
            _put(mix, here.lines(wish, numbers, who), who)
        mixes.append(mix)
    return mixes


def _put(target: Mix | Wish, part: Mix | Wish, who: Ints) -> None:
    """Write the arrays of a part into their places."""
    for name in part.__dataclass_fields__:
        getattr(target, name)[who] = getattr(part, name)


def draw_allocation(world: World, days: Ints, position: Ints, mix: Mix, u: Array) -> Ints:
    """Give the supplier of each line under the shares of each draw's day."""
    supplier = np.empty(len(position), dtype=np.int64)
    for place in np.unique(position).tolist():
        chosen = np.flatnonzero(position == place)
        region = world.site_region[mix.site[chosen]]
        supplier[chosen] = draw_supplier(world, int(days[place]) - 1, region, mix.sku[chosen], u[chosen])
    return supplier
