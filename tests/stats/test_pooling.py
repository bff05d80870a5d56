"""Partial pooling against dense linear algebra, its limits, and its coverage over many worlds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gbanalysis.stats.intervals import wilson
from gbanalysis.stats.pooling import _Tree, beta_interval, pool_shares

IntArray = NDArray[np.int64]


def test_the_tree_gives_what_the_whole_covariance_matrix_gives() -> None:
    rng = np.random.default_rng(1)
    parents: list[IntArray] = [np.array([0, 0, 1, 1, 1, 2]), np.array([0, 0, 1])]
    share, trials = rng.uniform(0.02, 0.3, 6), rng.integers(5, 200, 6).astype(float)
    centres = [np.full(size, 0.1) for size in (6, 3, 2)]
    spread = np.array([0.3, 0.6])
    means, variances = _Tree.of(share, trials, parents).posterior(centres, spread)

    scale = (0.1 * 0.9) ** 2
    prior = 1e-12 * np.eye(11)  # leaves, nodes, roots: covariance given half a success in one trial at each root
    to_node, to_root = np.eye(3)[parents[0]], np.eye(2)[parents[1]]
    root, node, leaf = 0.09 * np.eye(2), spread[1] * scale * np.eye(3), spread[0] * scale * np.eye(6)
    down = np.vstack([to_node @ to_root, to_root, np.eye(2)])
    middle = np.vstack([to_node, np.eye(3), np.zeros((2, 3))])
    prior = down @ root @ down.T + middle @ node @ middle.T
    prior[:6, :6] += leaf
    seen = np.eye(11)[:6]
    gain = prior @ seen.T @ np.linalg.inv(seen @ prior @ seen.T + np.diag(0.09 / trials))
    mean = 0.5 + gain @ (share - 0.5)
    covariance = prior - gain @ seen @ prior
    np.testing.assert_allclose(np.concatenate(means), mean, rtol=1e-9)
    np.testing.assert_allclose(np.concatenate(variances), np.diag(covariance), rtol=1e-9)


def test_limits() -> None:
    parents: list[IntArray] = [np.zeros(4, dtype=int)]
    share = np.array([0.02, 0.08, np.nan, 0.5])
    found = pool_shares(share, np.array([1e6, 1e6, 0.0, 2.0]), parents)
    assert found.share[:2] == pytest.approx(share[:2], rel=0.01)  # much data: as counted
    assert 0.02 < found.share[2] < 0.2  # no data: the parent
    assert found.share[3] < 0.25  # two trials
    assert (found.interval.lower <= found.share).all() and (found.share <= found.interval.upper).all()


def test_nothing_counted_anywhere_is_not_certainty() -> None:
    found = pool_shares(np.zeros(5), np.full(5, 20.0), [np.zeros(5, dtype=int)])
    assert (found.share > 0).all() and (found.interval.upper > 0.005).all() and (found.interval.upper < 0.2).all()


def test_equal_shares_are_drawn_together_and_different_ones_are_not() -> None:
    rng = np.random.default_rng(2)
    parents: list[IntArray] = [np.zeros(200, dtype=int)]
    n = np.full(200, 100.0)
    same = rng.binomial(100, 0.05, 200) / n
    different = rng.binomial(100, rng.choice([0.01, 0.4], 200)) / n
    assert pool_shares(same, n, parents).share.std() < 0.4 * same.std()
    assert pool_shares(different, n, parents).share.std() > 0.9 * different.std()


def test_the_beta_interval_has_its_level() -> None:
    draws = np.random.default_rng(3).beta(3, 40, 200_000)
    lower, upper = beta_interval(np.array([3 / 43]), np.array([draws.var()]), confidence=0.8)
    assert np.mean((lower < draws) & (draws < upper)) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("family", ["odds differ", "few bad ones"])
def test_intervals_cover_and_errors_shrink_over_many_worlds(family: str) -> None:
    rng = np.random.default_rng(4)
    hits, errors = [], []
    parents: list[IntArray] = [np.arange(90) // 15, np.zeros(6, dtype=int)]
    for _ in range(400):
        odds = rng.normal(-3.2, 0.4, 6)[parents[0]]
        odds += rng.normal(0, 0.5, 90) if family == "odds differ" else np.log(4) * (rng.random(90) < 0.06)
        truth = 1 / (1 + np.exp(-odds))
        n = 1 + rng.negative_binomial(1, 1 / 60, 90)
        share = rng.binomial(n, truth) / n
        found = pool_shares(share, n.astype(float), parents)
        hits.append(((found.interval.lower <= truth) & (truth <= found.interval.upper)).mean())
        errors.append([((guess - truth) ** 2).mean() for guess in (found.share, share)])
        assert np.mean(found.interval.upper - found.interval.lower) < np.mean(np.subtract(*wilson(share * n, n)[::-1]))
    half = 2.576 * np.std(hits) / 400**0.5
    assert 0.88 - half < np.mean(hits) < 0.96 + half
    ours, raw = np.sqrt(np.mean(errors, axis=0))
    assert ours < 0.5 * raw
