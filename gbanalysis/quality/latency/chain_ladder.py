"""The chain ladder with Mack's standard errors: the plain way to project a triangle, and the peer of the delay model.

It has one development curve for all cells and weekdays, and takes each reference day for what is reported of it so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.latency.triangle import Day, Triangle

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChainLadder:
    """Final counts of the pooled triangle, with the standard errors of their predictions.

    Attributes
    ----------
    factors, sigma2
        [max_delay] the development factor and variance parameter from each delay to the next; a factor is 1 where no
        count is seen.
    ultimate, standard_error
        [n_days] the final count, and the root of its mean squared error of prediction.
    total_error
        The root of the mean squared error of the sum over days.
    """

    factors: FloatArray
    sigma2: FloatArray
    ultimate: FloatArray
    standard_error: FloatArray
    total_error: float


def mack_chain_ladder(triangle: Triangle, *, as_of: Day, window: int | None = None) -> ChainLadder:
    """Project the sum of a triangle's cells by the chain ladder.

    Parameters
    ----------
    triangle
        Counts by cell, reference day and delay; nothing reported after `as_of` is read.
    as_of
        The last day whose reports are known.
    window
        How many of the newest known reference days each factor is estimated from; all by default.

    References
    ----------
    T. Mack (1993), ASTIN Bulletin 23, 213-225, with the last variance parameter as there.

    Examples
    --------
    >>> triangle = Triangle(np.array([[[60.0, 40.0], [30.0, 20.0], [30.0, 0.0]]]), start="2026-03-01")
    >>> mack_chain_ladder(triangle, as_of="2026-03-03").ultimate
    array([100.,  50.,  50.])
    """
    known = triangle.as_of(as_of)
    n_days, n_delays = known.n_days, known.max_delay
    so_far = known.counts.sum(axis=0).cumsum(axis=1)
    age = np.minimum(triangle.index_of(as_of) - np.arange(n_days), n_delays)
    factors, sigma2, base = np.ones(n_delays), np.full(n_delays, np.nan), np.zeros(n_delays)
    for delay in range(n_delays):
        seen = np.flatnonzero(age > delay)
        seen = seen[-window:] if window else seen
        before, after = so_far[seen, delay], so_far[seen, delay + 1]
        base[delay] = before.sum()
        if base[delay] > 0:
            factors[delay] = after.sum() / base[delay]
        used = before > 0
        if used.sum() > 1:
            sigma2[delay] = np.sum(before[used] * (after[used] / before[used] - factors[delay]) ** 2) / (used.sum() - 1)
    sigma2 = _complete(sigma2)
    path = so_far.copy()
    for delay in range(n_delays):
        later = age <= delay
        path[later, delay + 1] = path[later, delay] * factors[delay]
    ahead = np.arange(n_delays) >= age[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(sigma2 > 0, sigma2 / factors**2, 0.0)
        process = np.where(ahead & (path[:, :-1] > 0), relative / path[:, :-1], 0.0).sum(axis=1)
        shared = np.where(ahead & (base > 0), relative / base, 0.0)
    ultimate = path[:, -1]
    mse = ultimate**2 * (process + shared.sum(axis=1))
    newer = ultimate[::-1].cumsum()[::-1] - ultimate
    total = mse.sum() + 2 * np.sum(ultimate * newer * shared.sum(axis=1))
    return ChainLadder(factors, sigma2, ultimate, np.sqrt(mse), float(np.sqrt(total)))


def _complete(sigma2: FloatArray) -> FloatArray:
    """Fill each variance that one day alone cannot give from the two before it, as Mack does for the last."""
    filled = sigma2.copy()
    for delay in np.flatnonzero(~np.isfinite(sigma2)):
        first, second = (filled[delay - 2], filled[delay - 1]) if delay > 1 else (0.0, 0.0)
        filled[delay] = min(second**2 / first, first, second) if first > 0 else 0.0
    return filled
