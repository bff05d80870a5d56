"""Intervals of many shares whose lines are clustered: each row's own design effect, steadied by that of all rows.

A row with few clusters cannot tell how strongly its lines hang together. All rows of one table share the causes (a
lorry, a batch), so the design effect is pooled over them, corrected for the row's own sizes of clusters, and the row's
own figure counts by its degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.stats.intervals import ClusterSums, Interval, effective_clusters, wilson

FloatArray = NDArray[np.float64]

NO_SCATTER = 1e-9  # rows of one line each, partly refunded, cannot show how parts scatter: they count as whole refunds
PRIOR_FREEDOM = 20.0  # degrees of freedom that the pooled design effect counts for


def clustered_shares(unit: ClusterSums, ways: Sequence[ClusterSums], *, confidence: float = 0.9) -> Interval:
    """Interval of each share y/x: Wilson's, with the number of independent trials that the lines are worth.

    Parameters
    ----------
    unit
        Sums in which each line (order, user, SKU) is a cluster of its own.
    ways
        Sums over clusters, cut in one way, or in two ways and by both: ``(first,)`` or ``(first, second, overlap)``.
    confidence
        Two-sided confidence level.

    Notes
    -----
    A row that is one single cluster of a way, such as one supplier's one day, is estimated for that cluster: the
    interval is conditional on it, and the way is left out.

    References
    ----------
    E. L. Korn and B. I. Graubard (1998), Survey Methodology 24, 193-201; A. C. Cameron, J. B. Gelbach and D. L. Miller
    (2011), Journal of Business & Economic Statistics 29, 238-249; G. K. Smyth (2004), Statistical Applications in
    Genetics and Molecular Biology 3, article 3 (variances steadied by the pooled one).
    """
    effect, freedom = design_effects(unit, ways)
    tail = 0.5 + confidence / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = unit.y / unit.x
        trials = unit.x**2 / unit.xx / effect * (special.ndtri(tail) / special.stdtrit(freedom, tail)) ** 2
    return wilson(share * trials, trials, confidence=confidence)


def independent_trials(unit: ClusterSums, ways: Sequence[ClusterSums]) -> FloatArray:
    """How many independent trials each share is worth; 0 where there is nothing to count."""
    effect, _ = design_effects(unit, ways)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(unit.xx > 0, unit.x**2 / unit.xx / effect, 0.0))


def design_effects(unit: ClusterSums, ways: Sequence[ClusterSums]) -> tuple[FloatArray, FloatArray]:
    """Variance of each share over that of as many independent trials, and its degrees of freedom.

    Trials count by L. Kish's effective number, the square of the sum of x over the sum of squares.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = unit.y / unit.x
        binomial = share * (1 - share)
        own_part = residual_squares(unit, share)
        pooled_part = _ratio(own_part.sum(where=np.isfinite(own_part)), np.nansum(binomial * unit.xx))
        pooled_part = pooled_part if pooled_part > NO_SCATTER else 1.0
        used = [way.n > 1 for way in ways]
        if len(ways) > 1:
            used[2] = used[0] & used[1]
        total, pooled = own_part.copy(), np.full_like(share, pooled_part)
        freedom = np.full_like(share, np.inf)
        for place, (way, use) in enumerate(zip(ways, used, strict=True)):
            sign = -1.0 if place == 2 else 1.0
            excess = np.where(use, residual_squares(way, share) * way.n / (way.n - 1) - own_part, 0.0)
            pairs = np.where(use, way.xx - unit.xx, 0.0)
            strength = max(_ratio(np.nansum(excess), np.nansum(binomial * pairs)), 0.0)
            total += sign * excess
            pooled += sign * strength * pairs / unit.xx
            if place < 2:
                freedom = np.where(use, np.fmin(freedom, effective_clusters(way) - 1), freedom)
        own = total / (binomial * unit.xx)
    pooled = np.maximum(pooled, pooled_part)
    weight = np.where(np.isfinite(own) & np.isfinite(freedom), np.maximum(freedom, 0.0), 0.0)
    mixed = (weight * np.where(weight > 0, own, 0.0) + PRIOR_FREEDOM * pooled) / (weight + PRIOR_FREEDOM)
    return np.maximum(mixed, pooled_part), weight + PRIOR_FREEDOM


def residual_squares(sums: ClusterSums, share: FloatArray) -> FloatArray:
    """Sum over clusters of the squared residual y - share x."""
    return np.asarray(np.maximum(sums.yy - 2 * share * sums.xy + share**2 * sums.xx, 0.0))


def _ratio(top: float, bottom: float) -> float:
    """The ratio of two pooled sums, 1 where there is nothing to pool."""
    return float(top / bottom) if bottom > 0 else 1.0
