"""Acceptance sampling by attributes: how many units to look at, and how many bad ones to let pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from gbanalysis.errors import GBAnalysisError

FloatArray = NDArray[np.float64]

MOST_SAMPLED = 20_000


@dataclass(frozen=True)
class SamplingPlan:
    """Look at `n` units of a lot, and accept the lot where at most `c` are bad.

    Examples
    --------
    >>> print(f"{SamplingPlan(n=89, c=2).accepts(0.01):.4f}")
    0.9397
    """

    n: int
    c: int

    def accepts(self, defect_rate: ArrayLike) -> FloatArray:
        """Chance that a lot with this share of bad units is accepted: the plan's operating characteristic."""
        return np.asarray(special.bdtr(self.c, self.n, np.asarray(defect_rate, dtype=float)))[()]


def design_plan(*, aql: float, ltpd: float, producer_risk: float = 0.05, consumer_risk: float = 0.10) -> SamplingPlan:
    """Find the plan with the fewest units that keeps both risks.

    Parameters
    ----------
    aql
        Share of bad units that is still good: such a lot is refused with a chance of at most `producer_risk`.
    ltpd
        Share of bad units that is not to be tolerated: such a lot is accepted with a chance of at most `consumer_risk`.
    producer_risk, consumer_risk
        The two risks.

    Raises
    ------
    GBAnalysisError
        The shares or risks make no sense, or the plan would need more than 20,000 units.

    References
    ----------
    A. Kiermeier (2008), Journal of Statistical Software 26(6) (the smallest plan for two risks); D. C. Montgomery
    (2009), Introduction to Statistical Quality Control, 6th ed., section 15.2.

    Examples
    --------
    >>> design_plan(aql=0.05, ltpd=0.15, producer_risk=0.05, consumer_risk=0.075)
    SamplingPlan(n=80, c=7)
    """
    if not 0 < aql < ltpd < 1:
        raise GBAnalysisError(f"aql and ltpd must be shares with aql below ltpd, not {aql!r} and {ltpd!r}")
    if not (0 < producer_risk < 1 and 0 < consumer_risk < 1 - producer_risk):
        raise GBAnalysisError("the two risks must lie above 0 and add up to less than 1")
    n = np.arange(1, MOST_SAMPLED + 1)
    for c in range(MOST_SAMPLED):
        kept = n > c
        safe = special.bdtr(c, n[kept], ltpd) <= consumer_risk
        if not safe.any():
            break
        least = int(n[kept][np.argmax(safe)])
        if special.bdtr(c, least, aql) >= 1 - producer_risk:
            return SamplingPlan(least, c)
    raise GBAnalysisError(f"no plan of at most {MOST_SAMPLED:,} units keeps both risks: aql and ltpd are too close")


def acceptance_numbers(n: ArrayLike, *, aql: float, producer_risk: float = 0.05) -> NDArray[np.int64]:
    """Give for samples of given sizes the most bad units at which a lot of quality `aql` is still accepted safely.

    Examples
    --------
    >>> acceptance_numbers([5, 20, 80], aql=0.05).tolist()
    [1, 3, 7]
    """
    sizes = np.asarray(n, dtype=np.int64)
    bad = np.arange(int(sizes.max(initial=0)) + 1)
    table = special.bdtr(bad[None, :], sizes[:, None], aql) >= 1 - producer_risk
    return np.asarray(np.argmax(table | (bad[None, :] >= sizes[:, None]), axis=1), dtype=np.int64)
