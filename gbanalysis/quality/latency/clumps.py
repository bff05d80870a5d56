"""In what clumps events come: one order may bring back five lines, one office may send in a week's cases at once.

Counts of such events scatter more than counts of single ones, by the size of a clump however many there are. So a
triangle is projected in units of one clump, as money is in units of one refund.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.quality.latency.delays import DelayModel, levels_of
from gbanalysis.quality.latency.triangle import Triangle
from gbanalysis.stats.crossed_effects import add_up, by_level

FloatArray = NDArray[np.float64]

FEW = 20.0  # expected events up to which scatter tells of clumps; above, of shares that move
LARGEST = 10.0


def clump_size(model: DelayModel) -> float:
    """Give how many events come together: how much more the reports of a day scatter than single events would.

    Pearson's squares of the reports of each reference day and delay, of all cells together, over what a binomial law
    has; at least 1.

    References
    ----------
    P. McCullagh and J. A. Nelder (1989), Generalized Linear Models, section 4.5 (overdispersion by clusters).
    """
    triangle = model.triangle
    so_far = triangle.counts.cumsum(axis=2)
    day_grid, delay_grid = np.indices(triangle.counts.shape[1:])
    cell, day, delay = np.nonzero((so_far > 0) & (day_grid + delay_grid <= model.last) & (delay_grid > 0))
    levels = levels_of(triangle, model.fit.terms, cell, day, delay)
    hazard = special.expit(model.base[delay - 1] + add_up(levels, by_level(model.fit.terms, model.fit.mean)))
    expected = so_far[cell, day, delay] * hazard
    place = day * triangle.counts.shape[2] + delay
    seen, mean, variance = (
        np.bincount(place, values) for values in (triangle.counts[cell, day, delay], expected, expected * (1 - hazard))
    )
    few = (variance > 0) & (mean < FEW)
    seen, mean, variance = seen[few], mean[few], variance[few]
    if variance.sum() == 0:
        return 1.0
    return float(np.clip(np.sum((seen - mean) ** 2) / variance.sum(), 1.0, LARGEST))


def in_clumps(triangle: Triangle, size: float) -> Triangle:
    """Give the triangle in units of `size` events, exposures too, so that rates stay what they are.

    Examples
    --------
    >>> in_clumps(Triangle(np.full((1, 1, 2), 6.0), start="2026-03-02"), 3.0).counts
    array([[[2., 2.]]])
    """
    exposure = None if triangle.exposure is None else triangle.exposure / size
    return replace(triangle, counts=triangle.counts / size, exposure=exposure)
