"""Intervals for shares, ratios, totals and differences, from sums over clusters.

Lines of one site and day share a lorry, a leader and the weather; lines of one supplier and day share a batch. They are
not independent, so every interval here is made from sums over *clusters*, which are taken as independent. The sums are
sufficient: a hundred million lines and ten thousand lines cost the same once they are summed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]


class Interval(NamedTuple):
    """Two-sided interval; NaN where there are too few clusters for one."""

    lower: FloatArray
    upper: FloatArray


class ClusterSums(NamedTuple):
    """Sums over clusters of a numerator y and a denominator x; each field has one entry for each figure wanted.

    `n` counts the clusters, `x` and `y` are the totals, `xx`, `xy` and `yy` the sums of the clusters' squares and
    products.
    """

    n: FloatArray
    x: FloatArray
    y: FloatArray
    xx: FloatArray
    xy: FloatArray
    yy: FloatArray


def cluster_sums(y: ArrayLike, x: ArrayLike, cluster: ArrayLike) -> ClusterSums:
    """Sum observations up to clusters, and the clusters up to the sums that an interval needs.

    Parameters
    ----------
    y, x
        Numerator and denominator of each observation, shape (n,).
    cluster
        The cluster that each observation belongs to, shape (n,).

    Examples
    --------
    >>> cluster_sums([1, 0, 1], [1, 1, 1], ["a", "a", "b"]).yy
    array(2.)
    """
    _, index = np.unique(np.asarray(cluster), return_inverse=True)
    size = int(index.max(initial=-1)) + 1
    cy = np.bincount(index, weights=np.asarray(y, dtype=float), minlength=size)
    cx = np.bincount(index, weights=np.asarray(x, dtype=float), minlength=size)
    sums = (size, cx.sum(), cy.sum(), cx @ cx, cx @ cy, cy @ cy)
    return ClusterSums(*(np.asarray(value, dtype=float) for value in sums))


def wilson(successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.9) -> Interval:
    """Interval of a share of independent trials.

    Parameters
    ----------
    successes, n
        Successes and trials, of one shape; `n` may be fractional (an effective number of trials).
    confidence
        Two-sided confidence level.

    References
    ----------
    E. B. Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> low, high = wilson(3, 100, confidence=0.95)
    >>> f"{low:.4f} {high:.4f}"
    '0.0103 0.0845'
    """
    n = np.asarray(n, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, np.asarray(successes, dtype=float) / n, np.nan)
        z2 = special.ndtri(0.5 + confidence / 2) ** 2
        centre = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    lower = np.where(share <= 0, 0.0, np.maximum(centre - half, 0.0))
    upper = np.where(share >= 1, 1.0, np.minimum(centre + half, 1.0))
    return Interval(np.where(np.isnan(share), np.nan, lower), np.where(np.isnan(share), np.nan, upper))


def ratio_variance(sums: ClusterSums) -> FloatArray:
    """Variance of a ratio of sums y/x when whole clusters are redrawn, with the small-cluster factor n/(n-1).

    The ratio is linearised: the variance is that of the sum of y - R x over clusters, divided by the square
    of the total of x.

    References
    ----------
    W. G. Cochran (1977), Sampling Techniques, 3rd ed., section 6.4; K.-Y. Liang and S. L. Zeger (1986), Biometrika 73,
    13-22.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = sums.y / sums.x
        spread = np.maximum(sums.yy - 2 * ratio * sums.xy + ratio**2 * sums.xx, 0.0)
        variance = np.where(sums.n > 1, sums.n / (sums.n - 1), np.nan) * spread / sums.x**2
    return np.asarray(variance, dtype=float)


def crossed_ratio_variance(first: ClusterSums, second: ClusterSums, overlap: ClusterSums) -> FloatArray:
    """Variance of a ratio when lines are bound together in two ways, such as site x day and supplier x day.

    `overlap` holds the sums over the cells that the two ways share. The two-way variance can fall below a one-way one
    in small samples; the largest of the three is kept.

    References
    ----------
    A. C. Cameron, J. B. Gelbach and D. L. Miller (2011), Journal of Business & Economic Statistics 29,
    238-249.
    """
    one, two = ratio_variance(first), ratio_variance(second)
    both = one + two - np.nan_to_num(ratio_variance(overlap))
    return np.asarray(np.fmax(np.fmax(one, two), both), dtype=float)


def effective_clusters(sums: ClusterSums) -> FloatArray:
    """How many clusters of equal size are worth the clusters there are (L. Kish 1965, Survey Sampling, ch. 11)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(sums.xx > 0, sums.x**2 / sums.xx, np.nan), dtype=float)


def share_interval(
    y: ArrayLike, x: ArrayLike, variance: ArrayLike, clusters: ArrayLike, *, confidence: float = 0.9
) -> Interval:
    """Interval of a share whose lines are clustered: Wilson's, with the number of trials that the variance is worth.

    Parameters
    ----------
    y, x
        Lines with the mark, and all lines.
    variance
        Variance of y/x, from `ratio_variance` or `crossed_ratio_variance`.
    clusters
        Effective clusters: the degrees of freedom of the variance are one less.
    confidence
        Two-sided confidence level.

    Notes
    -----
    The effective number of trials never exceeds the number of lines. With no marked line (or none unmarked) the data
    say nothing of the clustering, and the lines count as independent. Fewer than two effective clusters give NaN.

    References
    ----------
    E. L. Korn and B. I. Graubard (1998), Survey Methodology 24, 193-201; C. Franco, R. J. A. Little, T. A. Louis and
    E. V. Slud (2019), Journal of Survey Statistics and Methodology 7, 334-364.
    """
    y, x, variance = (np.asarray(value, dtype=float) for value in (y, x, variance))
    freedom = np.asarray(clusters, dtype=float) - 1
    tail = 0.5 + confidence / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = y / x
        shrink = (special.ndtri(tail) / special.stdtrit(freedom, tail)) ** 2
        trials = np.where(variance > 0, share * (1 - share) / variance, x)
        trials = np.minimum(trials * shrink, x)
        trials = np.where((freedom >= 1) & np.isfinite(variance), trials, np.nan)
    return wilson(share * trials, trials, confidence=confidence)


def ratio_interval(sums: ClusterSums, *, confidence: float = 0.9) -> Interval:
    """Interval of a ratio of sums that is not a share, such as the basket value: Student's t on effective clusters.

    Examples
    --------
    >>> spent, orders = [60.0, 48.0, 75.0, 90.0], [3, 2, 3, 4]
    >>> low, high = ratio_interval(cluster_sums(spent, orders, [1, 2, 3, 4]))
    >>> f"{low:.2f} {high:.2f}"
    '20.18 25.32'
    """
    freedom = effective_clusters(sums) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(freedom >= 1, special.stdtrit(freedom, 0.5 + confidence / 2), np.nan)
        ratio, half = sums.y / sums.x, t * np.sqrt(ratio_variance(sums))
    return Interval(np.asarray(ratio - half), np.asarray(ratio + half))


def total_interval(total: ArrayLike, squares: ArrayLike, *, confidence: float = 0.9) -> Interval:
    """Interval of a total of parts that are never negative, when the number of clusters is itself a matter of chance.

    Each cluster is redrawn a Poisson(1) number of times: the total then has the sum of the clusters' squares as its
    variance. The interval is Jeffreys' for a Poisson count, scaled to this mean and variance, so that it stays positive
    and leans to the right as a total does. For a plain count of independent things `squares` equals `total`.

    Parameters
    ----------
    total, squares
        The sum of the clusters' totals, and of their squares.
    confidence
        Two-sided confidence level.

    References
    ----------
    N. Chamandy, O. Muralidharan, A. Najmi and S. Naidu (2012), Estimating uncertainty for massive data streams (the
    Poisson bootstrap); M. P. Fay and E. J. Feuer (1997), Statistics in Medicine 16, 791-801 (weighted sums of counts);
    L. D. Brown, T. T. Cai and A. DasGupta (2003), Statistica Sinica 13, 19-49 (Jeffreys' interval of a count).

    Examples
    --------
    >>> low, high = total_interval(10, 10)
    >>> f"{low:.2f} {high:.2f}"
    '5.80 16.34'
    """
    total, squares = np.asarray(total, dtype=float), np.asarray(squares, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(total > 0, squares / total, np.nan)
        count = total / unit
        lower, upper = (special.gammaincinv(count + 0.5, 0.5 + side * confidence / 2) * unit for side in (-1, 1))
    return Interval(np.asarray(lower), np.asarray(upper))


def signed_total_interval(total: ArrayLike, squares: ArrayLike, *, confidence: float = 0.9) -> Interval:
    """Interval of a total whose parts may be negative (a margin): the normal limit of redrawing the clusters."""
    half = special.ndtri(0.5 + confidence / 2) * np.sqrt(np.asarray(squares, dtype=float))
    total = np.asarray(total, dtype=float)
    return Interval(total - half, total + half)


def difference_interval(current: ArrayLike, current_ci: Interval, base: ArrayLike, base_ci: Interval) -> Interval:
    """Interval of current - base from the intervals of two independent estimates; lopsided ones stay lopsided.

    References
    ----------
    R. G. Newcombe (1998), Statistics in Medicine 17, 873-890, method 10; G. Y. Zou and A. Donner (2008), Statistics in
    Medicine 27, 1693-1702.

    Examples
    --------
    >>> now, before = wilson(56, 70, confidence=0.95), wilson(48, 80, confidence=0.95)
    >>> low, high = difference_interval(56 / 70, now, 48 / 80, before)
    >>> f"{low:.4f} {high:.4f}"
    '0.0524 0.3339'
    """
    current, base = np.asarray(current, dtype=float), np.asarray(base, dtype=float)
    gap = current - base
    below = np.hypot(current - current_ci.lower, base_ci.upper - base)
    above = np.hypot(current_ci.upper - current, base - base_ci.lower)
    return Interval(np.asarray(gap - below), np.asarray(gap + above))
