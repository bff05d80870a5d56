"""A selling day's orders: who buys, when, what, and what the buyers did not get.

A selling day runs from one cutoff (23:00) to the next. Visits, wanted lines and SKUs follow `demand`.

    time of order   a mixture of morning, noon and evening bells, a rush before the cutoff (exponential, mean 35
                    minutes) and a few orders after it, which belong to the next selling day
    units offered   ceil(cover * noise * plan * units a line + 2 sqrt(plan) + 1), the plan half today's expectation
                    and half the mean of the last week's
    sold out        the pre-sale of SKU × province closes with the line that takes the last unit (it may get a part)
    substitution    a line that meets a closed pre-sale turns with chance `substitution_share` to a SKU of the same
                    subcategory, drawn by taste; if that is the same SKU, or in the basket already, it is lost

What was wanted and not got stands only in the truth.

Which naive estimator it fools: sales as demand. In the book's default market 2.6 % of the cells (SKU, province, day)
sell out, with sales at 86 % of the demand there. Leaving those days out is worse, for they are the days of high demand:
what remains is 14 % below the demand expected of it, where all sales are 3 % below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.catalogue import EXTRA_UNITS
from gbanalysis.market.demand import SkuSampler, expected_lines, sku_weights
from gbanalysis.market.people import FIRST_VISIT
from gbanalysis.market.sourcing import draw_supplier
from gbanalysis.market.streams import stream
from gbanalysis.market.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY_SECONDS = 86_400
TIME_SHARE = np.array([0.2, 0.2, 0.4, 0.16, 0.04])
TIME_PEAK = np.array([8.7, 12.4, 20.0]) * 3600
TIME_SPREAD = np.array([1.6, 1.2, 1.5]) * 3600
RUSH_SECONDS = 35 * 60
OFFER_NOISE = 0.35


@dataclass(frozen=True, kw_only=True)
class Lines:
    """A selling day's order lines, arrays of equal length sorted by the second of ordering.

    `order` counts the day's orders from 0; user, site, sku and supplier are indices of the World. `ordered_second` is
    counted from midnight of `calendar_day`: the selling day or, for orders after the cutoff, the day before.
    """

    order: Ints
    user: Ints
    site: Ints
    sku: Ints
    supplier: Ints
    quantity: Ints
    amount: Floats
    ordered_second: Ints
    calendar_day: Ints
    selling_day: int

    def __len__(self) -> int:
        """Give the number of lines."""
        return len(self.order)


@dataclass(frozen=True, kw_only=True)
class DayOrders:
    """A selling day: its lines, and by [n_regions, n_skus] the units wanted and sold and when the pre-sale closed.

    `sold_out_second` is counted from midnight of the selling day (negative on the evening before); NEVER where the
    pre-sale stayed open.
    """

    lines: Lines
    demanded: Ints
    sold: Ints
    sold_out_second: Ints


NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class _Wanted:
    """Lines as wanted, in order of time: `second` from midnight of the selling day, `row` the region and segment."""

    order: Ints
    sku: Ints
    quantity: Ints
    second: Ints
    row: Ints
    region: Ints

    def of(self, keep: Ints | NDArray[np.bool_]) -> _Wanted:
        return _Wanted(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def day_orders(world: World, day: int) -> DayOrders:
    """Draw one selling day's orders: a pure function of (world, day)."""
    rng = stream(world.seed, "orders.visits", day)
    user, second = _visits(world, day, rng)
    wanted = _wanted(world, day, user, second, rng)
    cap = units_offered(world, day)
    shape = (world.n_regions, world.n_skus)
    demanded = np.zeros(shape, dtype=np.int64)
    np.add.at(demanded, (wanted.region, wanted.sku), wanted.quantity)
    got, sold_out = _sell(wanted, cap)
    if (got == 0).any():
        wanted = _substitute(world, day, wanted, got)
        got, sold_out = _sell(wanted, cap)
    kept = got > 0
    sold_lines = replace(wanted.of(kept), quantity=got[kept])
    sold = np.zeros(shape, dtype=np.int64)
    np.add.at(sold, (sold_lines.region, sold_lines.sku), sold_lines.quantity)
    return DayOrders(lines=_lines(world, day, user, sold_lines), demanded=demanded, sold=sold, sold_out_second=sold_out)


def _visits(world: World, day: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw the day's visits in order of time: users and seconds from midnight of the selling day."""
    here = np.flatnonzero(world.user_left_day[: np.searchsorted(world.user_joined_day, day, side="right")] > day)
    rate = world.user_rate[here] + FIRST_VISIT * (world.user_joined_day[here] == day)
    user = np.repeat(here, rng.poisson(rate * world.site_activity[day][world.user_site[here]]))
    second = order_seconds(len(user), day, world.config.cutoff_second, rng)
    by_time = np.argsort(second, kind="stable")
    return user[by_time], second[by_time]


def order_seconds(n: int, day: int, cutoff: int, rng: np.random.Generator) -> Ints:
    """Draw times of order in (cutoff of the day before, cutoff], in seconds from midnight of the selling day.

    The market's first selling day has no evening before it.
    """
    kind = np.searchsorted(np.cumsum(TIME_SHARE)[:-1], rng.random(n), side="right")
    bell, rush, late, spare = rng.standard_normal(n), rng.exponential(RUSH_SECONDS, n), rng.random(n), rng.random(n)
    plain = np.minimum(kind, 2)
    second = TIME_PEAK[plain] + TIME_SPREAD[plain] * bell
    second = np.where(kind == 3, cutoff - rush, second)
    second = np.where(kind == 4, cutoff - DAY_SECONDS + 1 + late * (DAY_SECONDS - cutoff - 1), second)
    earliest = 0 if day == 0 else cutoff - DAY_SECONDS + 1
    outside = (second < earliest) | (second > cutoff)
    return np.floor(np.where(outside, 7 * 3600 + spare * (cutoff - 7 * 3600), second)).astype(np.int64)


def _wanted(world: World, day: int, user: Ints, second: Ints, rng: np.random.Generator) -> _Wanted:
    """Draw baskets and SKUs; lines of one SKU in one order become one."""
    n_segments = world.taste.shape[1]
    region = world.site_region[world.user_site[user]]
    row = region * n_segments + world.user_segment[user]
    weights = sku_weights(world, day)
    pull = weights.sum(axis=2).ravel()
    shape = world.config.basket_shape
    size = rng.poisson(rng.gamma(shape, world.user_basket[user] * pull[row] / shape))
    order = np.repeat(np.arange(len(user)), size)
    sku = SkuSampler.of(weights).draw(row[order], rng.random(len(order)))
    extra = EXTRA_UNITS[world.sku_category[sku]]
    units = 1 + np.floor(np.log1p(-rng.random(len(order))) / np.log(extra / (1 + extra))).astype(np.int64)
    key, place = np.unique(order * world.n_skus + sku, return_inverse=True)
    order, sku = np.divmod(key, world.n_skus)
    quantity = np.bincount(place, weights=units, minlength=len(key)).astype(np.int64)
    return _Wanted(order, sku, quantity, second[order], row[order], region[order])


def units_offered(world: World, day: int) -> Ints:
    """Give the units of each SKU that a province may sell on a selling day, [n_regions, n_skus]."""
    rng = stream(world.seed, "orders.offer", day)
    plan = 0.5 * expected_lines(world, day) + 0.5 * world.expected[max(day - 7, 0) : max(day, 1)].mean(axis=0)
    noise = np.exp(OFFER_NOISE * rng.standard_normal(plan.shape))
    cover = world.config.stock_cover * noise * (1 + EXTRA_UNITS[world.sku_category])
    units: Ints = np.ceil(cover * plan + 2 * np.sqrt(plan) + 1).astype(np.int64)
    return units


def _sell(wanted: _Wanted, cap: Ints) -> tuple[Ints, Ints]:
    """Serve the lines in order of time until the units are gone: units got by line, closing second by region × SKU."""
    cell = wanted.region * cap.shape[1] + wanted.sku
    by_cell = np.argsort(cell, kind="stable")
    cell, quantity = cell[by_cell], wanted.quantity[by_cell]
    running = np.cumsum(quantity)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    before_cell = np.repeat((running - quantity)[starts], np.diff(starts, append=len(cell)))
    before = running - quantity - before_cell
    limit = cap.ravel()[cell]
    got = np.empty_like(quantity)
    got[by_cell] = np.clip(limit - before, 0, quantity)
    last = (before < limit) & (before + quantity >= limit)
    closed = np.full(cap.size, NEVER)
    closed[cell[last]] = wanted.second[by_cell][last]
    return got, closed.reshape(cap.shape)


def _substitute(world: World, day: int, wanted: _Wanted, got: Ints) -> _Wanted:
    """Turn some of the lines that got nothing to another SKU of the subcategory; the others stay as they are."""
    lost = np.flatnonzero(got == 0)
    rng = stream(world.seed, "orders.substitution", day)
    by_subcategory = np.argsort(world.sku_subcategory, kind="stable")
    steps = np.cumsum(sku_weights(world, day).reshape(-1, world.n_skus)[:, by_subcategory], axis=1)
    steps = np.hstack([np.zeros((len(steps), 1)), steps])
    subcategory = world.sku_subcategory[wanted.sku[lost]]
    bounds = np.searchsorted(world.sku_subcategory[by_subcategory], np.arange(len(world.subcategory) + 1))
    row, first, last = wanted.row[lost], bounds[subcategory], bounds[subcategory + 1]
    target = steps[row, first] + rng.random(len(lost)) * (steps[row, last] - steps[row, first])
    place = (steps[row, 1:] <= target[:, None]).sum(axis=1)
    other = by_subcategory[np.clip(place, first, last - 1)]
    held = np.isin(wanted.order[lost] * world.n_skus + other, wanted.order * world.n_skus + wanted.sku)
    turned = (rng.random(len(lost)) < world.config.substitution_share) & ~held
    sku = wanted.sku.copy()
    sku[lost[turned]] = other[turned]
    return replace(wanted, sku=sku)


def _lines(world: World, day: int, user: Ints, sold: _Wanted) -> Lines:
    """Allocate the sold lines to suppliers, price them and number the orders that got at least one line."""
    rng = stream(world.seed, "orders.supplier", day)
    price = world.list_price[day].astype(np.float64) * (1 - world.discount[day].astype(np.float64))
    of_order = np.unique(sold.order, return_inverse=True)[1]
    previous = (sold.second < 0).astype(np.int64)
    buyer = user[sold.order]
    return Lines(
        order=of_order,
        user=buyer,
        site=world.user_site[buyer].astype(np.int64),
        sku=sold.sku,
        supplier=draw_supplier(world, day, sold.region, sold.sku, rng.random(len(sold.sku))),
        quantity=sold.quantity,
        amount=np.round(sold.quantity * price[sold.region, sold.sku], 2),
        ordered_second=sold.second + previous * DAY_SECONDS,
        calendar_day=day - previous,
        selling_day=day,
    )
