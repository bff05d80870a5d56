"""The gamma levels against closed forms and SciPy."""

import numpy as np
import pytest
from scipy import stats

from gbanalysis.quality.latency.levels import (
    LevelParameters,
    LevelState,
    cycle_factors,
    draw_final,
    draw_remaining,
    learn_parameters,
    negative_binomial_log,
    start_state,
)


def test_negative_binomial_is_scipys() -> None:
    count, mean, shape = np.arange(12.0), 4.2, 3.5
    expected = stats.nbinom.logpmf(count, shape, shape / (shape + mean))
    np.testing.assert_allclose(negative_binomial_log(count, mean, shape), expected)


def remaining(count: float, share: float, day_shape: float, own_shape: float) -> np.ndarray:
    state = LevelState(np.array([1e9]), np.array([1e9 / 0.05]), np.array(1e9), np.array(1e9))
    parameters = LevelParameters(1.0, 1.0, day_shape, own_shape)
    shares = np.full((200_000, 1, 1), share)
    start = start_state(0.05, 1)
    rng = np.random.default_rng(1)
    return draw_remaining(np.array([[count]]), np.array([[1000.0]]), shares, state, parameters, start, rng).ravel()


@pytest.mark.parametrize("scatter", [5.0, 50.0])
def test_one_day_is_the_gamma_poisson_closed_form(scatter: float) -> None:
    """Prior Gamma(a, a / 50), 30 of share 0.4 reported: Gamma(a + 30, a / 50 + 0.4), then a Poisson of share 0.6."""
    drawn = remaining(30, 0.4, scatter, 1e9)
    shape, rate = scatter + 30, scatter / 50 + 0.4
    mean = 0.6 * shape / rate
    assert drawn.mean() == pytest.approx(mean, rel=0.005)
    assert drawn.var() == pytest.approx(mean + 0.36 * shape / rate**2, rel=0.02)


def test_days_that_scatter_without_bound_give_count_over_share() -> None:
    assert remaining(30, 0.4, 1e-3, 1e9).mean() == pytest.approx(30 / 0.4 - 30, rel=0.01)


def test_days_that_do_not_scatter_give_the_level() -> None:
    assert remaining(30, 0.4, 1e9, 1e9).mean() == pytest.approx(50 * 0.6, rel=0.01)


def test_scatter_of_days_is_learned() -> None:
    rng = np.random.default_rng(2)
    offered = np.full((4, 300), 2000.0)
    for shape, low, high in ((15.0, 8.0, 30.0), (1e6, 250.0, 1e6)):
        rate = 0.05 * rng.gamma(shape, 1 / shape, 300)
        found = learn_parameters(rng.poisson(offered * rate).astype(float), offered, start_state(0.05, 4))
        assert low <= found.day_shape <= high


def test_weekday_factors_are_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(3)
    truth = np.array([1.2, 1.1, 1.0, 1.0, 1.0, 0.9, 0.8])
    offered = np.full(140, 1e5)
    found = cycle_factors(rng.poisson(0.05 * offered * np.tile(truth, 20)).astype(float), offered, 7)
    np.testing.assert_allclose(found, truth, atol=0.02)
    noise = cycle_factors(rng.poisson(0.05 * np.full(140, 1e3)).astype(float), offered, 7)
    assert abs(noise - 1).max() < 0.05
    assert cycle_factors(np.ones(20), np.ones(20), 7).tolist() == [1.0] * 7


def test_days_and_cells_without_exposure_get_nothing() -> None:
    rng = np.random.default_rng(4)
    offered = np.full((2, 40), 500.0)
    offered[1] = 0.0
    offered[:, -1] = 0.0
    count = rng.poisson(0.05 * offered).astype(float)
    drawn = draw_final(count, offered, np.full((50, 2, 4), 0.5), 7, 36, rng)
    assert np.isfinite(drawn).all()
    assert drawn[:, 1].max() == 0
    assert drawn[:, :, -1].max() == 0
    assert drawn[:, 0, :3].min(axis=0).max() > 0
