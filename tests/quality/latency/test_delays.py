"""The delay law against exact derivatives, the chain ladder and a known world."""

import numpy as np
import pytest
from scipy import special

from benchmarks.worlds.latency import make_world
from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality.latency.chain_ladder import mack_chain_ladder
from gbanalysis.quality.latency.delays import (
    delay_shares,
    first_immature,
    fit_delays,
    pooled_logits,
    shock_mix,
    stretch,
)
from gbanalysis.quality.latency.triangle import Triangle

SHARES = np.array([0.45, 0.25, 0.15, 0.1, 0.05])


def reverse_logits(shares: np.ndarray) -> np.ndarray:
    return special.logit(shares[1:] / np.cumsum(shares)[1:])


def test_shares_and_reverse_hazards_are_inverse() -> None:
    np.testing.assert_allclose(delay_shares(reverse_logits(SHARES)), SHARES)


def test_shock_moves_the_logits_as_the_exact_law_does() -> None:
    n_days, size = 3, 1e-6
    mix = shock_mix(n_days, reverse_logits(SHARES)).reshape(n_days, 4, -1)
    for shocked in range(n_days + 4):
        for day in range(n_days):
            weight = np.ones(5)
            if 0 <= shocked - day <= 4:
                weight[shocked - day] = np.exp(size)
            moved = (reverse_logits(SHARES * weight) - reverse_logits(SHARES)) / size
            np.testing.assert_allclose(mix[day, :, shocked], moved, atol=1e-5)


def test_stretch_moves_the_logits_as_a_longer_weibull_does() -> None:
    def logits(scale: float) -> np.ndarray:
        survival = np.exp(-((np.arange(1, 41) / scale) ** 0.9))
        return reverse_logits(-np.diff(np.concatenate([[1.0], survival])))

    moved = (logits(3.0 * np.exp(1e-6)) - logits(3.0)) / 1e-6
    # the last delay's neighbours are cut by the window, and the largest is bounded
    np.testing.assert_allclose(stretch(logits(3.0))[:7], (moved / moved[0])[:7], rtol=1e-3)
    assert stretch(logits(3.0)).max() == 5.0


def test_unseen_delays_borrow_from_the_delay_before() -> None:
    hazard = special.expit(pooled_logits(np.array([50.0, 0.0]), np.array([200.0, 0.0])))
    assert hazard[1] == hazard[0] == pytest.approx((50 + 0.5) / 201)


def test_without_anything_to_pool_it_is_the_chain_ladder() -> None:
    counts = np.tile(1e5 * SHARES, (1, 30, 1))
    known = Triangle(counts, start="2026-03-02", cycle=1).as_of("2026-03-31")
    model = fit_delays(known)
    shares = model.draw_shares(400, np.random.default_rng(1))
    factors = mack_chain_ladder(known, as_of="2026-03-31").factors
    expected = 1 / np.cumprod(factors[::-1])
    np.testing.assert_allclose(shares.mean(axis=0)[0], expected, rtol=2e-3)
    assert model.effect_sizes()["overdispersion"] == 0.0


def test_shares_of_a_known_world_lie_within_their_spread() -> None:
    world = make_world("plain", 7)
    triangle = world.triangle
    known = triangle.as_of(triangle.reference[-1])
    first = first_immature(known, known.n_days - 1)
    draws = fit_delays(known).draw_shares(500, np.random.default_rng(2))
    truth = (world.delay_law * known.known(triangle.reference[-1])).sum(axis=2)[:, first:]
    newest = slice(-5, None)  # older days are reported to within 1 %
    gap = (draws.mean(axis=0) - truth)[:, newest]
    score = gap / draws.std(axis=0)[:, newest]
    assert np.sqrt(np.mean(score**2)) < 1.6
    pooled = truth.mean(axis=0)[newest]
    assert abs(gap).mean() < 0.35 * abs(truth[:, newest] - pooled).mean()


def test_no_delay_seen_is_said() -> None:
    triangle = Triangle(np.zeros((2, 5, 3)), start="2026-03-02")
    with pytest.raises(NotEnoughDataError, match="no delay is known"):
        fit_delays(triangle)
