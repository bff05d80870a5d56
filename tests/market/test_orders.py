"""A day's orders: caps, closing times, substitution, the late rush."""

import dataclasses

import numpy as np
import pytest

from gbanalysis.market.config import Config
from gbanalysis.market.orders import NEVER, _sell, _Wanted, day_orders, order_seconds, units_offered
from gbanalysis.market.world import build_world


def wanted(sku, quantity, second):
    n = len(sku)
    return _Wanted(
        order=np.arange(n),
        sku=np.array(sku),
        quantity=np.array(quantity),
        second=np.array(second),
        row=np.zeros(n, dtype=np.int64),
        region=np.zeros(n, dtype=np.int64),
    )


def test_units_go_to_the_first_who_come_and_the_last_gets_a_part():
    lines = wanted([0, 1, 0, 0, 1], [2, 1, 3, 1, 1], [10, 20, 30, 40, 50])
    got, closed = _sell(lines, np.array([[4, 5]]))
    assert got.tolist() == [2, 1, 2, 0, 1]
    assert closed.tolist() == [[30, NEVER]]


def test_selling_agrees_with_a_loop(small_world):
    rng = np.random.default_rng(4)
    for _ in range(20):
        n = 60
        lines = wanted(rng.integers(0, 5, n), rng.integers(1, 4, n), np.sort(rng.integers(0, 9999, n)))
        cap = rng.integers(1, 30, (1, 5))
        left, by_hand = cap[0].copy(), []
        for sku, quantity in zip(lines.sku, lines.quantity, strict=True):
            by_hand.append(min(quantity, left[sku]))
            left[sku] -= by_hand[-1]
        assert _sell(lines, cap)[0].tolist() == by_hand


def test_nothing_is_sold_beyond_the_cap_or_after_the_closing(small_world):
    world = small_world
    n_closed = 0
    for day in range(0, 90, 9):
        found, cap = day_orders(world, day), units_offered(world, day)
        lines = found.lines
        region = world.site_region[lines.site]
        sold = np.zeros_like(cap)
        np.add.at(sold, (region, lines.sku), lines.quantity)
        assert (sold == found.sold).all()
        assert (sold <= cap).all()
        closed = found.sold_out_second > NEVER
        assert ((sold == cap) == closed)[cap > 0].all()
        second = lines.ordered_second - 86_400 * (lines.calendar_day < day)
        assert (second <= np.where(closed, found.sold_out_second, 10**9)[region, lines.sku]).all()
        n_closed += closed.sum()
    assert n_closed > 50


def test_orders_are_whole(small_world):
    lines = day_orders(small_world, 30).lines
    assert (np.diff(lines.order) >= 0).all()
    assert np.unique(lines.order).tolist() == list(range(lines.order[-1] + 1))
    assert len(np.unique(lines.order * small_world.n_skus + lines.sku)) == len(lines)
    first = np.unique(lines.order, return_index=True)[1]
    for name in ("user", "site", "ordered_second"):
        value = getattr(lines, name)
        assert (value == value[first][lines.order]).all()
    assert (lines.site == small_world.user_site[lines.user]).all()
    assert (small_world.user_joined_day[lines.user] <= 30).all()
    assert (small_world.user_left_day[lines.user] > 30).all()


def test_amounts_are_list_price_less_the_discount(small_world):
    world, day = small_world, 30
    lines = day_orders(world, day).lines
    region = world.site_region[lines.site]
    price = world.list_price[day][region, lines.sku] * (1 - world.discount[day][region, lines.sku])
    assert lines.amount == pytest.approx(lines.quantity * price, abs=0.006)
    assert (world.discount[day][region, lines.sku] > 0).sum() > 5


def test_times_of_order():
    """The last hour before the cutoff is the busiest; nobody orders outside the selling day."""
    rng = np.random.default_rng(0)
    second = order_seconds(200_000, 5, 23 * 3600, rng)
    assert second.min() > -3600
    assert second.max() <= 23 * 3600
    hours = np.bincount(second // 3600 + 1, minlength=24)
    assert hours.argmax() == 23
    assert hours[23] / len(second) == pytest.approx(0.16 * (1 - np.exp(-60 / 35)) + 0.4 * 0.07, abs=0.02)
    assert hours[0] / len(second) == pytest.approx(0.04, abs=0.003)
    assert order_seconds(10_000, 0, 23 * 3600, rng).min() >= 0


def test_substitutes_stay_in_the_subcategory_and_raise_the_sales():
    config = Config(seed=11, n_lines=30_000, n_days=20, stock_cover=0.7, shocks="none")
    world = build_world(config)
    without = dataclasses.replace(world, config=dataclasses.replace(config, substitution_share=0.0))
    gained = np.zeros(len(world.subcategory))
    for day in range(20):
        more, less = day_orders(world, day), day_orders(without, day)
        assert (more.demanded == less.demanded).all()
        np.add.at(gained, world.sku_subcategory, (more.sold - less.sold).sum(axis=0))
    alone = np.bincount(world.sku_subcategory) == 1
    assert gained.sum() > 200
    assert (gained >= 0).all()
    assert not alone.any() or (gained[alone] == 0).all()
