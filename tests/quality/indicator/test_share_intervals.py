"""Design effects against sums by brute force, and what clusters do to an interval."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gbanalysis.quality.indicator.share_intervals import (
    PRIOR_FREEDOM,
    clustered_shares,
    design_effects,
    independent_trials,
)
from gbanalysis.stats.intervals import ClusterSums, cluster_sums, wilson

Array = NDArray[np.float64]


def sums_of(y: Array, *ways: Array) -> list[ClusterSums]:
    """Sums of one row, first with each line as its own cluster, then for each way."""
    x = np.ones(len(y))
    found = [cluster_sums(y, x, cluster) for cluster in (np.arange(len(y)), *ways)]
    return [ClusterSums(*(np.atleast_1d(value) for value in sums)) for sums in found]


def stacked(rows: list[list[ClusterSums]]) -> list[ClusterSums]:
    """The same ways of many rows, one entry a row."""
    return [ClusterSums(*np.concatenate([np.array(way) for way in ways], axis=1)) for ways in zip(*rows, strict=True)]


def test_lines_that_stand_alone_have_wilsons_interval_almost() -> None:
    rng = np.random.default_rng(3)
    y = (rng.random(4000) < 0.1).astype(float)
    unit, alone = sums_of(y, np.arange(4000))
    found = clustered_shares(unit, [alone])
    plain = wilson(y.sum(), 4000)
    np.testing.assert_allclose([found.lower[0], found.upper[0]], [plain.lower, plain.upper], rtol=2e-3)


def test_copies_of_a_line_count_once() -> None:
    """Each line five times: the interval is that of a fifth of the lines."""
    rng = np.random.default_rng(4)
    y = (rng.random(3000) < 0.2).astype(float)
    unit, way = sums_of(np.repeat(y, 5), np.repeat(np.arange(3000), 5))
    assert design_effects(unit, [way])[0][0] == pytest.approx(5, rel=1e-3)
    assert independent_trials(unit, [way])[0] == pytest.approx(3000, rel=1e-3)


def test_a_row_of_few_clusters_borrows_the_design_effect_of_the_others() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for n_clusters in (400, 3):
        marked = (rng.random(n_clusters) < 0.3).astype(float)
        marked[:2] = (0, 1)
        rows.append(sums_of(np.repeat(marked, 10), np.repeat(np.arange(n_clusters), 10)))
    unit, way = stacked(rows)
    effect, freedom = design_effects(unit, [way])
    assert effect == pytest.approx([10, 10], rel=0.15)
    assert freedom[0] > 400 and PRIOR_FREEDOM < freedom[1] < PRIOR_FREEDOM + 3


def test_a_row_without_a_refund_has_an_upper_end_that_knows_of_clusters() -> None:
    marked = np.r_[np.zeros(90), np.ones(10)]
    rows = [sums_of(np.repeat(y, 10), np.repeat(np.arange(len(y)), 10)) for y in (marked, np.zeros(20))]
    unit, way = stacked(rows)
    found = clustered_shares(unit, [way])
    assert found.lower[1] == 0
    assert found.upper[1] > 2 * wilson(0, 200).upper


def test_one_single_cluster_is_estimated_for_itself() -> None:
    rng = np.random.default_rng(6)
    y = (rng.random(500) < 0.1).astype(float)
    site, supplier = np.arange(500), np.zeros(500)
    unit, first, second, both = sums_of(y, site, supplier, np.arange(500))
    with_one = clustered_shares(unit, [first, second, both])
    without = clustered_shares(unit, [first])
    assert with_one.upper[0] == pytest.approx(without.upper[0]) and np.isfinite(with_one.lower[0])


def test_two_ways_are_those_of_brute_force() -> None:
    """Cameron, Gelbach and Miller: residual products of all pairs that share a site or a supplier."""
    rng = np.random.default_rng(7)
    site, supplier = rng.integers(0, 40, 3000), rng.integers(0, 30, 3000)
    odds = rng.normal(0, 0.8, 40)[site] + rng.normal(0, 0.8, 30)[supplier] - 2
    y = (rng.random(3000) < 1 / (1 + np.exp(-odds))).astype(float)
    residual = y - y.mean()
    total = 0.0
    for way, sign in ((site, 1), (supplier, 1), (site * 100 + supplier, -1)):
        sums = np.bincount(np.unique(way, return_inverse=True)[1], residual)
        n = len(sums)
        total += sign * ((sums**2).sum() * n / (n - 1) - (residual**2).sum())
    expected = 1 + total / (residual**2).sum()
    unit, *ways = sums_of(y, site, supplier, site * 100 + supplier)
    assert design_effects(unit, ways)[0][0] == pytest.approx(expected, rel=1e-9)


def test_clustered_shares_cover_where_plain_ones_do_not() -> None:
    rng = np.random.default_rng(8)
    hits = {"clustered": 0, "plain": 0}
    n_worlds, n_clusters = 500, 60
    for _ in range(n_worlds):
        share = rng.beta(0.05 * 8, 0.95 * 8, n_clusters)
        size = rng.integers(4, 30, n_clusters)
        cluster = np.repeat(np.arange(n_clusters), size)
        y = (rng.random(len(cluster)) < share[cluster]).astype(float)
        unit, way = sums_of(y, cluster)
        found, plain = clustered_shares(unit, [way]), wilson(y.sum(), len(y))
        hits["clustered"] += bool(found.lower[0] <= 0.05 <= found.upper[0])
        hits["plain"] += bool(plain.lower <= 0.05 <= plain.upper)
    assert 0.86 < hits["clustered"] / n_worlds < 0.95
    assert hits["plain"] / n_worlds < 0.8


def test_one_line_refunded_in_part_has_an_interval_as_wide_as_one_trial_allows() -> None:
    unit, alone = sums_of(np.array([2 / 9]), np.array([0]))
    found = clustered_shares(unit, [alone])
    assert independent_trials(unit, [alone])[0] == pytest.approx(1.0)
    assert 0 <= found.lower[0] < 2 / 9 < 0.7 < found.upper[0] <= 1
