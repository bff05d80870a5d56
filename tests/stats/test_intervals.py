"""Intervals against other packages, against resampling, and against the truth over many worlds."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gbanalysis.stats import intervals as iv

# A coverage claim: at least 400 worlds, and the 99 % binomial interval of the coverage touches nominal +- 0.02.
WORLDS, SLACK = 1000, 0.02
World = Callable[[np.random.Generator], tuple[iv.Interval, float]]


def coverage_bounds(world: World, seed: int, worlds: int = WORLDS) -> tuple[float, float]:
    """The 99 % Clopper-Pearson interval of how often the interval holds the truth."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(worlds):
        interval, truth = world(rng)
        hits += bool(interval.lower <= truth <= interval.upper)
    found = stats.binomtest(hits, worlds).proportion_ci(0.99)
    return found.low, found.high


def assert_covers(world: World, *, seed: int, nominal: float = 0.9) -> None:
    low, high = coverage_bounds(world, seed)
    assert low <= nominal + SLACK and high >= nominal - SLACK, f"coverage {low:.3f} to {high:.3f}"


@pytest.mark.parametrize(("successes", "n"), [(0, 20), (3, 100), (56, 70), (20, 20), (450, 14000)])
@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.99])
def test_wilson_equals_statsmodels(successes: int, n: int, confidence: float) -> None:
    from statsmodels.stats.proportion import proportion_confint

    expected = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    np.testing.assert_allclose(iv.wilson(successes, n, confidence=confidence), expected, atol=1e-12)


def test_wilson_equals_newcombe_1998() -> None:
    """R. G. Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3: 81/263 gives 0.2553 to 0.3662."""
    low, high = iv.wilson(81, 263, confidence=0.95)
    assert (round(float(low), 4), round(float(high), 4)) == (0.2553, 0.3662)


def test_difference_equals_newcombe_1998() -> None:
    """R. G. Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10.

    There 56/70 - 48/80 gives .0524 to .3339.
    """
    now, before = (iv.wilson(x, n, confidence=0.95) for x, n in ((56, 70), (48, 80)))
    low, high = iv.difference_interval(56 / 70, now, 48 / 80, before)
    assert (round(float(low), 4), round(float(high), 4)) == (0.0524, 0.3339)


def test_difference_equals_statsmodels() -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    expected = confint_proportions_2indep(12, 300, 30, 410, method="newcomb", compare="diff", alpha=0.1)
    now, before = iv.wilson(12, 300), iv.wilson(30, 410)
    np.testing.assert_allclose(iv.difference_interval(12 / 300, now, 30 / 410, before), expected, atol=1e-12)


@pytest.mark.parametrize("count", [1, 4, 10, 250])
def test_total_of_independent_things_is_jeffreys_interval(count: int) -> None:
    expected = stats.gamma.ppf([0.05, 0.95], count + 0.5)
    np.testing.assert_allclose(iv.total_interval(count, count), expected, rtol=1e-10)


def cluster_data(seed: int = 3, clusters: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = rng.integers(3, 40, clusters)
    share = rng.beta(2, 40, clusters)
    cluster = np.repeat(np.arange(clusters), size)
    return rng.binomial(1, share[cluster]).astype(float), np.ones(len(cluster)), cluster


def test_ratio_variance_equals_clustered_least_squares() -> None:
    """The sandwich of a regression of y on x alone, the mean where x is one; statsmodels with its own factor."""
    import statsmodels.api as sm

    y, x, cluster = cluster_data()
    fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False})
    n = len(np.unique(cluster))
    expected = fit.bse[0] ** 2 * n / (n - 1)
    np.testing.assert_allclose(iv.ratio_variance(iv.cluster_sums(y, x, cluster)), expected, rtol=1e-10)


def test_crossed_variance_equals_two_way_clustered_least_squares() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(8)
    one, two = rng.integers(0, 30, 3000), rng.integers(0, 40, 3000)
    y = rng.normal(size=3000) + rng.normal(size=30)[one] + rng.normal(size=40)[two]
    x = np.ones(3000)
    parts = []
    for groups in (one, two, one * 40 + two):
        fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
        n = len(np.unique(groups))
        parts.append(fit.bse[0] ** 2 * n / (n - 1))
    sums = [iv.cluster_sums(y, x, groups) for groups in (one, two, one * 40 + two)]
    np.testing.assert_allclose(iv.crossed_ratio_variance(*sums), parts[0] + parts[1] - parts[2], rtol=1e-9)


def test_total_variance_is_the_limit_of_the_poisson_bootstrap() -> None:
    rng = np.random.default_rng(5)
    clusters = rng.lognormal(3, 1, 200)
    draws = rng.poisson(1, (20_000, 200)) @ clusters
    assert draws.var() == pytest.approx((clusters**2).sum(), rel=0.05)
    lower, upper = iv.total_interval(clusters.sum(), (clusters**2).sum())
    np.testing.assert_allclose([lower, upper], np.quantile(draws, [0.05, 0.95]), rtol=0.03)


def test_shares_of_clustered_lines_are_covered() -> None:
    """80 site-days of uneven size whose rates differ; and the interval that takes lines as independent fails."""
    naive_hits = 0

    def world(rng: np.random.Generator) -> tuple[iv.Interval, float]:
        nonlocal naive_hits
        size = rng.poisson(25, 80) + 1
        marked = rng.binomial(size, rng.beta(0.6, 14.4, 80)).astype(float)
        sums = iv.cluster_sums(marked, size, np.arange(80))
        found = iv.share_interval(sums.y, sums.x, iv.ratio_variance(sums), iv.effective_clusters(sums))
        naive = iv.wilson(sums.y, sums.x)
        naive_hits += bool(naive.lower <= 0.04 <= naive.upper)
        return found, 0.04

    assert_covers(world, seed=11)
    assert naive_hits / WORLDS < 0.8


def test_rare_shares_of_few_lines_are_covered() -> None:
    def world(rng: np.random.Generator) -> tuple[iv.Interval, float]:
        size = rng.poisson(6, 40) + 1
        sums = iv.cluster_sums(rng.binomial(size, 0.02).astype(float), size, np.arange(40))
        return iv.share_interval(sums.y, sums.x, iv.ratio_variance(sums), iv.effective_clusters(sums)), 0.02

    assert_covers(world, seed=12)


def test_shares_bound_in_two_ways_are_covered() -> None:
    """Twenty sites and twelve suppliers a day for a week; each site-day and each supplier-day has its own rate."""

    def world(rng: np.random.Generator) -> tuple[iv.Interval, float]:
        n = 2500
        site, supplier = rng.integers(0, 140, n), rng.integers(0, 84, n)
        rate = 0.05 * rng.gamma(8, 1 / 8, 140)[site] * rng.gamma(4, 1 / 4, 84)[supplier]
        y = (rng.random(n) < rate).astype(float)
        first, second, overlap = (iv.cluster_sums(y, np.ones(n), c) for c in (site, supplier, site * 84 + supplier))
        variance = iv.crossed_ratio_variance(first, second, overlap)
        clusters = np.fmin(iv.effective_clusters(first), iv.effective_clusters(second))
        return iv.share_interval(first.y, first.x, variance, clusters), 0.05

    assert_covers(world, seed=13)


def test_totals_are_covered_when_the_number_of_clusters_is_chance() -> None:
    def world(rng: np.random.Generator) -> tuple[iv.Interval, float]:
        clusters = rng.lognormal(2, 0.6, rng.poisson(60))
        return iv.total_interval(clusters.sum(), (clusters**2).sum()), 60 * float(np.exp(2 + 0.18))

    assert_covers(world, seed=14)


def test_ratios_of_sums_are_covered() -> None:
    def world(rng: np.random.Generator) -> tuple[iv.Interval, float]:
        orders = rng.poisson(8, 60) + 1
        spent = orders * rng.gamma(6, 40 / 6, 60)
        return iv.ratio_interval(iv.cluster_sums(spent, orders, np.arange(60))), 40.0

    assert_covers(world, seed=15)


def test_differences_are_covered() -> None:
    def world(rng: np.random.Generator) -> tuple[iv.Interval, float]:
        both = []
        for truth in (0.05, 0.03):
            size = rng.poisson(20, 50) + 1
            sums = iv.cluster_sums(rng.binomial(size, rng.beta(20 * truth, 20 * (1 - truth), 50)), size, np.arange(50))
            found = iv.share_interval(sums.y, sums.x, iv.ratio_variance(sums), iv.effective_clusters(sums))
            both += [sums.y / sums.x, found]
        return iv.difference_interval(*both), 0.02

    assert_covers(world, seed=16)


counts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=40)


@given(counts, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_sums_do_not_depend_on_order_and_add_up(cells: list[tuple[int, int]], seed: int) -> None:
    y = np.array([min(cell) for cell in cells], dtype=float)
    x = np.array([max(cell) + 1 for cell in cells], dtype=float)
    cluster = np.arange(len(cells)) // 2
    order = np.random.default_rng(seed).permutation(len(cells))
    whole, shuffled = iv.cluster_sums(y, x, cluster), iv.cluster_sums(y[order], x[order], cluster[order])
    np.testing.assert_allclose(whole, shuffled)
    first, second = cluster < 1, cluster >= 1
    split = [iv.cluster_sums(y[part], x[part], cluster[part]) for part in (first, second)]
    np.testing.assert_allclose(np.add(*(np.array(part) for part in split)), np.array(whole))


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.5, 0.98))
@settings(max_examples=100, deadline=None)
def test_wilson_holds_the_share_and_grows_with_confidence(successes: int, more: int, confidence: float) -> None:
    n = successes + more
    low, high = iv.wilson(successes, n, confidence=confidence)
    wide = iv.wilson(successes, n, confidence=confidence + 0.01)
    assert 0 <= wide.lower <= low <= successes / n <= high <= wide.upper <= 1


@given(st.floats(1, 1e9), st.floats(1, 1e3))
@settings(max_examples=60, deadline=None)
def test_totals_scale_with_their_unit(total: float, unit: float) -> None:
    one = np.array(iv.total_interval(total, total))
    np.testing.assert_allclose(np.array(iv.total_interval(total * unit, total * unit**2)), one * unit, rtol=1e-9)


def test_too_few_clusters_give_no_interval() -> None:
    alone = iv.cluster_sums([1.0, 0.0], [1.0, 1.0], [7, 7])
    share = iv.share_interval(alone.y, alone.x, iv.ratio_variance(alone), iv.effective_clusters(alone))
    assert np.isnan(share).all() and np.isnan(iv.ratio_interval(alone)).all()
    assert np.isnan(iv.wilson(0, 0)).all()
    assert np.isnan(iv.total_interval(0, 0)).all()


def test_a_total_that_may_be_negative() -> None:
    low, high = iv.signed_total_interval(-10.0, 25.0)
    np.testing.assert_allclose([low, high], -10 + 5 * stats.norm.ppf([0.05, 0.95]))
