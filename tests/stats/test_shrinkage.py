"""Priors for effects of which most are nothing leave large effects alone; intervals do without them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from gbanalysis.stats.shrinkage import SPREADS, TAIL, sparse_interval, sparse_variances, weigh_sizes


def test_the_common_scale_is_a_fixed_point() -> None:
    squares, scale = np.array([0.01, 0.02, 0.5, 0.001]), 0.1
    variances = sparse_variances(squares, scale)
    level = ((1 + TAIL) * variances - squares) / TAIL
    assert np.ptp(level) < 1e-12
    expected = (len(squares) + 2) / ((1 / variances).sum() + 2 / scale**2)
    np.testing.assert_allclose(level[0], expected, rtol=0.02)


def test_a_large_effect_is_shrunk_far_less_than_a_normal_prior_would() -> None:
    estimates, noise = np.array([0.1, -0.15, 0.05, -0.1, 0.0, 0.1, -0.05, 1.5]), 0.03
    variances = sparse_variances(estimates**2 + noise, 0.05)
    kept = variances / (variances + noise)
    normal = (estimates**2).mean() / ((estimates**2).mean() + noise)
    assert kept[-1] > 0.97 > normal
    assert kept[:-1].max() < 0.6


@given(st.lists(st.floats(0, 4), min_size=1, max_size=12), st.floats(0.01, 1.0))
def test_order_does_not_matter_and_larger_effects_get_larger_variances(squares: list[float], scale: float) -> None:
    values = np.array(squares)
    found = sparse_variances(values, scale)
    np.testing.assert_allclose(sparse_variances(values[::-1], scale)[::-1], found, rtol=1e-9)
    order = np.argsort(values)
    assert (np.diff(found[order]) >= -1e-12).all()


def test_the_part_kept_is_the_posterior_mean_by_brute_force() -> None:
    estimate, variance = np.array([0.1, -0.4, 0.9, 0.02]), np.array([0.04, 0.04, 0.06, 0.02])
    belief = weigh_sizes(estimate, variance)
    none = 0.9
    for _ in range(200):  # the share of effects that are none, by its own equation
        prior = np.r_[none, np.full(6, (1 - none) / 6)]
        joint = prior * np.exp(-(estimate[:, None] ** 2) / 2 / (variance[:, None] + SPREADS**2))
        joint /= np.sqrt(variance[:, None] + SPREADS**2)
        chance = joint / joint.sum(axis=1, keepdims=True)
        none = (chance[:, 0].sum() + 18.0) / (len(estimate) + 20.0)
    effect = np.linspace(-15, 15, 600_001)
    law = (prior * np.exp(-(effect[:, None] ** 2) / 2 / SPREADS**2) / SPREADS).sum(axis=1)
    for k, (one, noise) in enumerate(zip(estimate, variance, strict=True)):
        weight = law * np.exp(-((one - effect) ** 2) / 2 / noise)
        mean = (weight @ effect) / weight.sum()
        assert belief.mean[k] * one == pytest.approx(mean, rel=1e-4)
        spread = (weight @ (effect - mean) ** 2) / weight.sum()
        assert belief.mean[k] * noise + belief.doubt[k] * one**2 == pytest.approx(spread, rel=1e-3)


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.99])
def test_intervals_hold_every_true_effect_with_the_same_chance(confidence: float) -> None:
    draws = special.ndtri((np.arange(20_000) + 0.5) / 20_000)
    for effect in (0.0, 0.1, 0.7, 1.5, 3.0, 5.0, 9.0, 14.0, 40.0):
        lower, upper = sparse_interval(0.5 * (effect + draws), np.full(draws.shape, 0.5), confidence)
        held = ((lower <= 0.5 * effect) & (0.5 * effect <= upper)).mean()
        assert held == pytest.approx(confidence, abs=0.006)


@given(st.floats(-40, 40), st.floats(0, 3))
def test_intervals_turn_with_the_sign_and_hold_the_estimate(estimate: float, se: float) -> None:
    lower, upper = sparse_interval(np.array([estimate, -estimate]), np.array([se, se]), 0.9)
    np.testing.assert_allclose(lower, -upper[::-1], atol=1e-12)
    assert lower[0] <= estimate + 1e-9
    assert estimate <= upper[0] + 1e-9
