"""What flagging costs and brings: honest users hit, refunds affected, the rate with and without flagged users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.stats.intervals import (
    cluster_sums,
    crossed_ratio_variance,
    effective_clusters,
    share_interval,
    total_interval,
)

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.quality.abuse.model import Mixture

FloatArray = NDArray[np.float64]

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
RATES = (
    "n_lines_flagged",
    "rate_with",
    "rate_without",
    "rate_without_ci_lower",
    "rate_without_ci_upper",
    "drop_rate",
    "drop_ci_lower",
    "drop_ci_upper",
)


def reached(probability: FloatArray) -> NDArray[np.int64]:
    """Count the thresholds that each user reaches."""
    return np.searchsorted(np.array(THRESHOLDS), probability, side="right").astype(np.int64)


def share_of_claims(excess: FloatArray, variance: FloatArray, n: FloatArray, *, confidence: float) -> FloatArray:
    """Interval [..., 2] of each user's refunds without a cause, between none and all of them.

    It is that of the Beta law with this mean and variance.

    Examples
    --------
    >>> share_of_claims(np.array([0.0, 2.0]), np.array([0.0, 0.5]), np.array([3.0, 4.0]), confidence=0.9).round(2)
    array([[0.  , 0.  ],
           [0.84, 3.16]])
    """
    mean = np.clip(excess / np.maximum(n, 1), 0, 1)
    most = mean * (1 - mean)
    spread = np.clip(variance / np.maximum(n, 1) ** 2, 0, 0.999 * most)
    sides = []
    with np.errstate(divide="ignore", invalid="ignore"):
        size = most / spread - 1
        for side in (-1, 1):
            end = special.betaincinv(mean * size, (1 - mean) * size, 0.5 + side * confidence / 2)
            sides.append(np.where(np.isfinite(end), end, mean) * n)
    return np.stack(sides, axis=-1)


def flagging_table(mixture: Mixture, users: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Estimate for each threshold who is flagged, how many of them are honest, and what they asked back.

    The number of honest users among the flagged is the sum of their chances of being honest. Its variance has two
    parts: chance, for each user is honest or not, and the doubt about the fitted laws. Its ends are whole users.
    """
    import pandas as pd

    honest_total = float((1 - mixture.probability).sum())
    abusers_total = float(mixture.probability.sum())
    rows = []
    for threshold in THRESHOLDS:
        flag = mixture.probability >= threshold
        chance = mixture.probability[flag]
        slope = mixture.slopes[flag].sum(axis=0)
        honest = float((1 - chance).sum())
        variance = float((chance * (1 - chance)).sum()) + float(slope @ mixture.covariance @ slope)
        ends = total_interval(honest, variance, confidence=confidence)
        low, high = (float(end) if flag.any() else np.nan for end in (np.floor(ends[0]), np.ceil(ends[1])))
        high = min(high, float(flag.sum()))
        rows.append(
            {
                "threshold": threshold,
                "n_flagged": int(flag.sum()),
                "n_honest": honest if flag.any() else np.nan,
                "n_honest_ci_lower": low,
                "n_honest_ci_upper": high,
                "honest_hit_rate": honest / honest_total if flag.any() else np.nan,
                "ci_lower": low / honest_total,
                "ci_upper": high / honest_total,
                "caught_rate": float(chance.sum()) / abusers_total,
                "n_refunded": int(users.loc[flag, "n_refunded"].sum()),
                "amount": float(users.loc[flag, "amount"].sum()),
                "excess": float(mixture.excess[flag].sum()),
            }
        )
    return pd.DataFrame(rows)


def rates_without(days: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Give the refund rate of a window without the users who reach each threshold.

    Parameters
    ----------
    days
        ``band``, ``day``, ``site_id``, ``supplier_id``, ``lines``, ``refunded``, from `claims.flagged_days`.
    confidence
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a threshold: ``n_lines_flagged``, ``rate_with``, ``rate_without`` and its interval, ``drop_rate`` (with
        less without) and its interval. Lines of one site and day, and of one supplier and day, are not independent.
    """
    import pandas as pd

    band, lines, refunded = (days[name].to_numpy(dtype=float) for name in ("band", "lines", "refunded"))
    site = pd.factorize(days["site_id"].astype(str) + days["day"].astype(str))[0]
    supplier = pd.factorize(days["supplier_id"].astype(str) + days["day"].astype(str))[0]
    ways: Sequence[NDArray[Any]] = (site, supplier, site * (supplier.max(initial=0) + 1) + supplier)
    z = special.ndtri(0.5 + confidence / 2)
    rows = []
    for place in range(1, len(THRESHOLDS) + 1):
        kept = band < place
        if not lines[kept].sum():
            rows.append(dict.fromkeys(RATES, np.nan))
            continue
        sums = [cluster_sums(refunded * kept, lines * kept, way) for way in ways]
        variance = crossed_ratio_variance(sums[0], sums[1], sums[2])
        clusters = np.fmin(effective_clusters(sums[0]), effective_clusters(sums[1]))
        low, high = share_interval(sums[0].y, sums[0].x, variance, clusters, confidence=confidence)
        whole, left = refunded.sum() / lines.sum(), refunded[kept].sum() / lines[kept].sum()
        pull = (refunded - whole * lines) / lines.sum() - kept * (refunded - left * lines) / lines[kept].sum()
        half = z * np.sqrt((np.bincount(site, pull) ** 2).sum())
        values = (lines[~kept].sum(), whole, left, low, high, whole - left, whole - left - half, whole - left + half)
        rows.append(dict(zip(RATES, map(float, values), strict=True)))
    return pd.DataFrame(rows)
