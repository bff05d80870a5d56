"""The fit against a general optimiser, and the learned variances against the truth."""

import numpy as np
import pytest
from scipy import optimize, special

from gbanalysis.stats.crossed_effects import Term, add_up, by_level, fit_crossed


def rows(rng: np.random.Generator, n: int, sizes: tuple[int, ...]) -> list[np.ndarray]:
    return [rng.integers(0, size, n) for size in sizes]


def test_mode_and_covariance_are_those_of_a_general_optimiser() -> None:
    rng = np.random.default_rng(1)
    levels = rows(rng, 200, (3, 4))
    trials = rng.integers(20, 60, 200).astype(float)
    mix = rng.normal(size=(4, 2))
    terms = [Term("walk", 3, walk=True, variance=0.3), Term("mixed", 2, variance=0.5, mix=mix)]
    truth = np.array([0.5, 0.2, -0.4, 0.3, -0.2])
    # the expected counts, rounded: less scatter than the binomial's, so no overdispersion is learned
    successes = np.round(trials * special.expit(add_up(levels, by_level(terms, truth))))
    steps = np.diff(np.eye(3), axis=0)
    prior = np.zeros((5, 5))
    prior[:3, :3] = (steps.T @ steps + 1e-6 * np.eye(3)) / 0.3
    prior[3:, 3:] = np.eye(2) / 0.5

    def minus_log(effects: np.ndarray) -> float:
        eta = effects[:3][levels[0]] + (mix @ effects[3:])[levels[1]]
        return float(-np.sum(successes * eta - trials * np.logaddexp(0, eta)) + effects @ prior @ effects / 2)

    found = fit_crossed(successes, trials, np.zeros(200), levels, terms)
    assert found.extra == 0.0
    best = optimize.minimize(minus_log, np.zeros(5), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(found.mean, best.x, atol=2e-3)
    share = special.expit(best.x[:3][levels[0]] + (mix @ best.x[3:])[levels[1]])
    design = np.concatenate([np.eye(3)[levels[0]], mix[levels[1]]], axis=1)
    hessian = design.T @ (design * (trials * share * (1 - share))[:, None]) + prior
    np.testing.assert_allclose(found.root @ found.root.T @ hessian, np.eye(5), atol=2e-2)


@pytest.mark.parametrize("sd", [0.0, 0.3, 0.8])
def test_variance_of_an_effect_is_learned(sd: float) -> None:
    rng = np.random.default_rng(2)
    level = np.arange(4000) % 80
    effect = rng.normal(0, sd, 80)
    trials = np.full(4000, 40.0)
    successes = rng.binomial(40, special.expit(-1 + effect[level])).astype(float)
    terms = [Term("mean", 1, variance=1.0), Term("effect", 80)]
    found = fit_crossed(successes, trials, np.full(4000, -1.0), [np.zeros(4000, dtype=int), level], terms)
    assert found.converged
    # the standard error of a standard deviation from 80 levels is sd / sqrt(160)
    assert np.sqrt(found.variance[1]) == pytest.approx(sd, abs=max(3 * sd / np.sqrt(160), 0.03))


@pytest.mark.parametrize("sd", [0.0, 0.5])
def test_overdispersion_is_learned(sd: float) -> None:
    rng = np.random.default_rng(3)
    trials = np.full(3000, 60.0)
    eta = rng.normal(0, sd, 3000)
    successes = rng.binomial(60, special.expit(eta)).astype(float)
    found = fit_crossed(successes, trials, np.zeros(3000), [np.zeros(3000, dtype=int)], [Term("mean", 1, variance=1.0)])
    # the mean square of 3,000 residuals has a standard error of 2.6 % of 1 / (60 / 4) + sd²
    assert found.extra == pytest.approx(sd**2, abs=3 * 0.026 * (1 / 15 + sd**2))


def test_draws_have_the_posterior_spread() -> None:
    rng = np.random.default_rng(4)
    levels = rows(rng, 300, (5,))
    trials = np.full(300, 30.0)
    found = fit_crossed(
        rng.binomial(30, 0.3, 300).astype(float), trials, np.zeros(300), levels, [Term("cell", 5, variance=1.0)]
    )
    draws = found.draw(20_000, rng)[0]
    np.testing.assert_allclose(np.cov(draws), found.root @ found.root.T, atol=2e-4)
    np.testing.assert_allclose(draws.mean(axis=1), found.mean, atol=5e-3)
