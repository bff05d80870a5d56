"""Expected demand against brute force and against what the days really draw."""

import numpy as np
import pytest

from gbanalysis.market.demand import expected_lines, expected_units, line_share, site_sku_sampler, sku_weights
from gbanalysis.market.people import FIRST_VISIT
from gbanalysis.market.sourcing import draw_supplier, supplier_probabilities


def test_expected_lines_by_brute_force_over_users(small_world):
    world, day = small_world, 40
    share = line_share(world.config, sku_weights(world, day))
    by_hand = np.zeros((world.n_regions, world.n_skus))
    for user in range(world.n_users):
        joined = world.user_joined_day[user]
        if joined <= day < world.user_left_day[user]:
            site = world.user_site[user]
            region = world.site_region[site]
            visits = world.user_rate[user] + FIRST_VISIT * (joined == day)
            visits *= world.activity[day, world.site_city[site]] * np.exp(0.003 * min(world.rain_mm[region, day], 30))
            visits *= (0.7 if day >= world.leader_left_day[site] else 1.0) * world.user_basket[user]
            by_hand[region] += visits * share[region, world.user_segment[user]]
    np.testing.assert_allclose(expected_lines(world, day), by_hand, rtol=1e-4)


def test_repeats_of_a_sku_in_a_basket_are_one_line(small_world):
    """The lines of a SKU a visit, by simulation of baskets with a gamma-mixed Poisson size."""
    config, rng = small_world.config, np.random.default_rng(1)
    weight, n = 0.2, 400_000
    wanted = rng.poisson(rng.gamma(config.basket_shape, config.basket_mean * weight / config.basket_shape, n))
    expected = config.basket_mean * float(line_share(config, np.array(weight)))
    se = np.sqrt(expected * (1 - expected) / n)
    assert abs((wanted > 0).mean() - expected) < 4 * se


def test_days_draw_what_is_expected(default_market):
    """Totals by SKU and by province, against the expectation before stock-outs: units wanted within their noise."""
    world = default_market.world
    expected = sum(expected_units(world, day) for day in range(world.n_days))
    by_sku = default_market.demanded.sum(axis=(0, 1)) / expected.sum(axis=0)
    by_region = default_market.demanded.sum(axis=(0, 2)) / expected.sum(axis=1)
    assert by_region == pytest.approx(1, abs=0.03)
    busy = expected.sum(axis=0) > 2_000
    assert busy.sum() > 50
    assert by_sku[busy] == pytest.approx(1, abs=0.12)
    assert default_market.demanded.sum() / expected.sum() == pytest.approx(1, abs=0.01)


def test_sampler_draws_the_expected_mix(small_world):
    world, day, n = small_world, 33, 400_000
    rng = np.random.default_rng(0)
    site, sku = site_sku_sampler(world, day)(rng.random(n), rng.random(n))
    drawn = np.zeros((world.n_regions, world.n_skus))
    np.add.at(drawn, (world.site_region[site], sku), 1 / n)
    expected = expected_lines(world, day) / expected_lines(world, day).sum()
    z = (drawn - expected) / np.sqrt(expected / n)
    assert np.mean(z**2) == pytest.approx(1, abs=0.15)


def test_suppliers_are_drawn_by_their_shares(small_world):
    world, day, n = small_world, 12, 300_000
    rng = np.random.default_rng(0)
    chance = supplier_probabilities(world, day)
    assert chance.sum(axis=2) == pytest.approx(1)
    region, sku = np.full(n, 2), np.full(n, 17)
    supplier = draw_supplier(world, day, region, sku, rng.random(n))
    places = world.candidates[2, 17]
    for place, supplier_index in enumerate(places):
        if supplier_index >= 0:
            assert (supplier == supplier_index).mean() == pytest.approx(chance[2, 17, place], abs=0.005)
    assert set(supplier) <= set(places[places >= 0])
