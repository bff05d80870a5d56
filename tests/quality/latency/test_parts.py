"""Splitting a cell's events among its parts: sums hold, room is kept, shares follow rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbanalysis.quality.latency.parts import LARGEST_SHAPE, Parts, excess_shape, split_cells

N_OPEN = 2
SHARE = np.array([1.0] * 28 + [0.8, 0.4])


def make_parts(seed: int, rates: list[float], n: float = 200.0) -> Parts:
    rng = np.random.default_rng(seed)
    offered = rng.poisson(n, (len(rates), len(SHARE))).astype(float)
    reported = rng.binomial(offered.astype(int), np.array(rates)[:, None] * SHARE).astype(float)
    zeros = np.zeros(len(rates), dtype=np.int64)
    return Parts(zeros, np.arange(len(rates)), offered, reported, np.tile(SHARE, (len(rates), 1)))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), n=st.sampled_from([0.5, 3.0, 50.0]), fraction=st.sampled_from([0.0, 0.25]))
def test_parts_add_up_and_keep_to_their_room(seed: int, n: float, fraction: float) -> None:
    parts = make_parts(seed, [0.02, 0.1, 0.3, 0.9], n)
    room = (parts.offered - parts.reported)[:, -N_OPEN:]
    rng = np.random.default_rng(seed)
    total = np.floor(rng.random((50, 1, N_OPEN)) * room.sum(axis=0)) + fraction
    total = np.minimum(total, room.sum(axis=0))
    ((own, found),) = split_cells(parts, total, rng)
    assert own.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.sum(axis=1), total[:, 0], atol=1e-6)
    assert (found >= 0).all() and (found <= room + 1e-9).all()


def test_shares_follow_what_was_sold_and_the_own_rate() -> None:
    parts = make_parts(1, [0.02, 0.02, 0.10])
    ((_, found),) = split_cells(parts, np.full((2000, 1, N_OPEN), 20.0), np.random.default_rng(1))
    mean = found.mean(axis=(0, 2))
    assert mean[2] / mean[:2].mean() == pytest.approx(5, rel=0.3)


def test_a_part_alone_gets_all_of_its_cell() -> None:
    parts = make_parts(1, [0.02])
    total = np.random.default_rng(1).poisson(5.0, (10, 1, N_OPEN)).astype(float)
    ((_, found),) = split_cells(parts, total, np.random.default_rng(1))
    np.testing.assert_array_equal(found, total)


def test_draws_of_a_part_cover_what_comes() -> None:
    """What comes of the third part, in 200 worlds: 180 in the 90 % interval expected, five standard errors allowed."""
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(9_000 + seed)
        rates = rng.gamma(8.0, 0.05 / 8, 5)
        parts = make_parts(9_500 + seed, list(rates))
        to_come = rng.binomial(parts.offered[:, -1].astype(int), rates * 0.6)
        total = np.tile([0.0, float(to_come.sum())], (400, 1))[:, None]
        ((_, found),) = split_cells(parts, total, rng)
        drawn = found[:, 2, 1] + rng.random(400) - 0.5
        low, high = np.quantile(drawn, (0.05, 0.95))
        hits += int(low - 0.5 <= to_come[2] <= high + 0.5)
    assert 159 <= hits <= 200


def test_scatter_like_poissons_has_the_largest_shape() -> None:
    rng = np.random.default_rng(2)
    mean = np.full(5000, 6.0)
    assert excess_shape(rng.poisson(mean).astype(float), mean) > 50
    assert excess_shape(mean, mean) == LARGEST_SHAPE
    batches = rng.poisson(mean * rng.gamma(4.0, 0.25, 5000)).astype(float)
    assert excess_shape(batches, mean) == pytest.approx(4, rel=0.2)
