"""The naive estimators are fooled as the docstrings say, and the adjusted ones are not."""

import dataclasses

import numpy as np
import pytest

from gbanalysis.market import people
from gbanalysis.market.config import Config
from gbanalysis.market.day import Day
from gbanalysis.market.demand import expected_units
from gbanalysis.market.world import build_world


def within(value):
    return value - value.mean(axis=0)


def slope(y, x, weight=1.0):
    return float((y * x * weight).sum() / (x * x * weight).sum())


def test_sales_are_below_demand_and_days_without_stockouts_more_so(default_market):
    m = default_market
    assert m.closed.mean() == pytest.approx(0.026, abs=0.003)
    assert m.sold[m.closed].sum() / m.demanded[m.closed].sum() == pytest.approx(0.85, abs=0.015)
    expected = np.stack([expected_units(m.world, day) for day in range(m.world.n_days)])
    assert m.sold.sum() / expected.sum() == pytest.approx(0.97, abs=0.01)
    assert m.sold[~m.closed].sum() / expected[~m.closed].sum() == pytest.approx(0.86, abs=0.015)


def test_price_slope_is_twice_too_steep_unless_the_week_is_taken_out(default_market):
    m, world = default_market, default_market.world
    n_weeks = world.n_days // 7
    weekly = m.sold[: 7 * n_weeks].reshape(n_weeks, 7, *m.sold.shape[1:]).sum(axis=1)
    dear = np.log(world.list_price[: 7 * n_weeks] / world.sku_price)
    dear = dear.reshape(n_weeks, 7, *m.sold.shape[1:]).mean(axis=1)
    busy = weekly.mean(axis=0) > 3
    sku = np.broadcast_to(np.arange(world.n_skus), busy.shape)[busy]
    y, x, weight = within(np.log(weekly[:, busy] + 0.5)), within(dear[:, busy]), weekly.mean(axis=0)[busy]
    truth = np.average(world.sku_elasticity[sku], weights=weight)
    assert slope(y, x, weight) < 1.7 * truth
    for one in np.unique(sku):
        y[:, sku == one] -= y[:, sku == one].mean(axis=1, keepdims=True)
        x[:, sku == one] -= x[:, sku == one].mean(axis=1, keepdims=True)
    assert slope(y, x, weight) == pytest.approx(truth, abs=0.15)


def test_promoted_days_over_other_days_overstate_the_gain(default_market):
    m, world = default_market, default_market.world
    on = world.discount > 0
    other_days = np.where(on, 0, m.demanded).sum(axis=0) / (~on).sum(axis=0)
    naive = m.demanded[on].sum() / (on * other_days).sum() - 1
    plain = dataclasses.replace(world, sku_factor=world.sku_factor / world.promo_factor)
    with_promotions, without = (
        np.stack([expected_units(one, day) for day in range(world.n_days)]) for one in (world, plain)
    )
    gain = with_promotions[on].sum() / without[on].sum() - 1
    kept = (with_promotions.sum() - without.sum()) / (with_promotions[on].sum() - without[on].sum())
    assert (naive, gain, kept) == (
        pytest.approx(1.32, abs=0.05),
        pytest.approx(0.74, abs=0.03),
        pytest.approx(0.61, abs=0.03),
    )


def test_referred_users_differ_less_within_sites(default_market):
    world, visits = default_market.world, default_market.visits
    present = np.clip(np.minimum(world.user_left_day, world.n_days) - np.maximum(world.user_joined_day, 0), 1, None)
    referred, group = world.user_source == people.REFERRAL, world.user_source == 0
    naive = (visits[referred].sum() / present[referred].sum()) / (visits[group].sum() / present[group].sum())
    n_sites, site = world.n_sites, world.user_site
    days_of_group = np.maximum(np.bincount(site[group], present[group], n_sites), 1)
    rate_of_group = np.bincount(site[group], visits[group], n_sites) / days_of_group
    days = np.bincount(site[referred], present[referred], n_sites)
    standard = visits[referred].sum() / (rate_of_group * days).sum()
    truth = people.SOURCE_RATE[people.REFERRAL] / people.SOURCE_RATE[0]
    assert naive == pytest.approx(1.29, abs=0.04)
    assert truth == pytest.approx(1.087, abs=0.001)
    assert standard == pytest.approx(truth, abs=0.06)


def test_heat_is_read_off_the_gap_to_the_normal_not_off_the_temperature(default_market):
    m, world = default_market, default_market.world
    hot = world.sku_heat_response > 0.4
    y = within(np.log(m.demanded[:, :, hot].sum(axis=2) + 1))
    naive = 8 * slope(y, within(world.temperature.T))
    adjusted = 8 * slope(y, within((world.temperature - world.temperature_normal).T))
    truth = np.average(world.sku_heat_response[hot], weights=world.sku_base_weight[hot])
    assert naive < 0.8 * truth
    assert adjusted == pytest.approx(truth, abs=0.08)


def test_year_on_year_by_date_misses_the_moon(default_market):
    daily, world = default_market.demanded.sum(axis=(1, 2)), default_market.world

    def mean(first, last):
        inside = (world.dates >= np.datetime64(first)) & (world.dates <= np.datetime64(last))
        return daily[inside].mean()

    by_date = mean("2024-01-15", "2024-01-28") / mean("2023-01-15", "2023-01-28") - 1
    by_festival = mean("2024-01-27", "2024-02-09") / mean("2023-01-08", "2023-01-21") - 1
    assert by_date == pytest.approx(0.39, abs=0.03)
    assert by_festival == pytest.approx(0.26, abs=0.03)


def test_growth_of_the_total_is_not_growth_of_the_sites(default_market):
    lines, old = default_market.site_lines, default_market.world.site_opened_day < 0
    late, early = lines[-180:-90].sum(axis=0), lines[:90].sum(axis=0)
    total, alike = late.sum() / early.sum() - 1, late[old].sum() / early[old].sum() - 1
    assert (total, alike) == (pytest.approx(0.58, abs=0.04), pytest.approx(0.31, abs=0.04))


def chances_by_share_of_supplier(family):
    """Mean refund chance of every supplier on the fullest and the emptiest quarter of its days, as a ratio."""
    config = Config(seed=20230101, n_lines=150_000, n_days=365, family=family, shocks="none")
    world = build_world(config)
    n_lines, chance = np.zeros((2, world.n_days, world.n_suppliers))
    for number in range(world.n_days):
        day = Day(world, number)
        n_lines[number] = np.bincount(day.lines.supplier, minlength=world.n_suppliers)
        chance[number] = np.bincount(day.lines.supplier, day.refunded.chance, world.n_suppliers)
    share = n_lines / n_lines.sum(axis=1, keepdims=True)
    full, empty = share >= np.quantile(share, 0.75, axis=0), share <= np.quantile(share, 0.25, axis=0)
    rates = [(chance * part).sum(axis=0) / (n_lines * part).sum(axis=0) for part in (full, empty)]
    return float(np.exp(np.log(rates[0] / rates[1]).mean()))


def test_full_days_of_a_supplier_look_bad_where_an_unrecorded_glut_moves_both():
    assert chances_by_share_of_supplier("standard") == pytest.approx(1.02, abs=0.08)
    assert chances_by_share_of_supplier("confounder") == pytest.approx(1.8, abs=0.25)
