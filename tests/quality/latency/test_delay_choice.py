"""What a triangle's own past says: the effects that are kept, and how far draws are spread."""

from dataclasses import replace

import numpy as np

from gbanalysis.quality.latency.delay_choice import choose_effects, distances, past_days, spread_draws, spread_factor
from gbanalysis.quality.latency.triangle import Triangle

SHARES = np.array([0.5, 0.25, 0.15, 0.1])


def shocked(shock: float, seed: int) -> Triangle:
    """A triangle in which the desk of single days handles many reports or few: what is late comes the day after."""
    rng = np.random.default_rng(seed)
    work = np.exp(shock * rng.standard_normal(84))
    weight = SHARES * work[np.arange(80)[:, None] + np.arange(4)]
    return Triangle(rng.poisson(600 * weight / weight.sum(axis=1, keepdims=True))[None].astype(float), "2026-01-05")


def test_shocks_of_reporting_days_are_kept_where_there_are_any() -> None:
    kept = [
        "report_day" not in choose_effects(shocked(size, seed), last=79, rng=np.random.default_rng(1))
        for size in (0.4, 0.0)
        for seed in (1, 2, 3)
    ]
    assert kept[:3] == [True] * 3 and sum(kept[3:]) <= 1


def test_nothing_is_judged_without_a_past() -> None:
    short = shocked(0.0, 1).as_of("2026-01-12")
    assert choose_effects(short, last=7, rng=np.random.default_rng(1)) == frozenset()
    assert spread_factor(short, without=frozenset(), last=7, rng=np.random.default_rng(1)) == 1.0
    assert past_days(short, 7) == []


def test_clumps_that_the_law_does_not_know_spread_the_draws() -> None:
    plain = shocked(0.0, 5)
    clumped = replace(plain, counts=plain.counts * (np.random.default_rng(5).random(plain.counts.shape) < 0.2) * 5)
    factors = [
        spread_factor(triangle, without=frozenset(), last=79, rng=np.random.default_rng(1))
        for triangle in (plain, clumped)
    ]
    assert 0.7 < factors[0] < 1.3 and factors[1] > factors[0]


def test_distances_are_one_at_the_interval_s_ends() -> None:
    draws = np.random.default_rng(1).normal(200, 20, size=(4000, 1))
    low, high = np.quantile(draws, (0.05, 0.95))
    found = [distances(draws, np.array([end]))[0] for end in (low, high, 200.0)]
    np.testing.assert_allclose(found, [1, 1, 0], atol=0.05)


def test_spreading_keeps_the_median_and_the_order() -> None:
    draws = np.random.default_rng(1).poisson(30, size=(501, 2)).astype(float)
    wider = spread_draws(draws, 2.0)
    np.testing.assert_allclose(np.median(wider, axis=0), np.median(draws, axis=0))
    assert (np.argsort(wider[:, 0], kind="stable") == np.argsort(draws[:, 0], kind="stable")).all()
    assert wider.std() > 1.5 * draws.std() and (wider >= 0).all()
    np.testing.assert_allclose(spread_draws(draws, 1.0), draws)
