"""Hours or node temperature of a stage in the two periods: points that stand for their distribution by segment.

They vary by lorry, and a month has thirty of them; so two periods' means differ by chance. As with quality, most
segments are taken as unchanged unless the data say otherwise: the difference of the means is shrunk under a law with
long tails.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.mechanisms import CodedCells, Stage, without_gaps
from gbanalysis.stats.quadrature import gauss_rule
from gbanalysis.stats.shrinkage import sparse_variances

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

POINTS = 2  # that stand for a segment's hours
SCALE = 0.03  # scale of a segment's change before the data, in model units (ten hours, ten degrees)
STEPS = 30


@dataclass(frozen=True, eq=False)
class Exposure:
    """Hours, or temperature, of a stage by segment (node before, node) at mean weather, and their slope on the weather.

    Attributes
    ----------
    segment, row_segment
        The segment of each route, and of each row of the cells.
    points, shares
        Points and their weights, shape (2, segments, points).
    mean_heat
        Mean weather of the lines, shape (2, segments).
    slope, slope_lever
        Change per degree, the same in both periods; the weight of each row's residual in it.
    residual
        Each row less its segment's and period's mean and the slope.
    blend
        What a period's mean moves with the raw mean of a period: shape (2 of the mean, 2 of the raw mean, segments).
    doubt
        Prior variance of each segment's change.
    """

    segment: IntArray
    row_segment: IntArray
    points: FloatArray
    shares: FloatArray
    mean_heat: FloatArray
    slope: float
    slope_lever: FloatArray
    residual: FloatArray
    blend: FloatArray
    doubt: FloatArray

    @property
    def size(self) -> int:
        """Number of segments."""
        return int(self.points.shape[1])


def fit_exposure(cells: CodedCells, stage: Stage, values: FloatArray, route: dict[str, IntArray]) -> Exposure:
    """Slope on the weather within segments, then points of what is left, their change shrunk.

    Parameters
    ----------
    values
        Hours or temperature of each row at the stage.
    route
        Codes of the routes by key.
    """
    n_nodes = cells.size(stage.node)
    row_key = cells.codes[stage.before] * n_nodes + cells.codes[stage.node]
    keys, row_segment = without_gaps(row_key)
    size = len(keys)
    segment = np.searchsorted(keys, route[stage.before] * n_nodes + route[stage.node])
    group = cells.period * size + row_segment
    lines = np.bincount(group, weights=cells.n, minlength=2 * size)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(group, weights=cells.n * values, minlength=2 * size) / np.maximum(lines, 1e-300))

    mean_heat = mean(cells.temperature)
    heat, moved = cells.temperature - mean_heat[group], values - mean(values)[group]
    spread = cells.n @ heat**2
    lever = heat / spread if spread > 0 else np.zeros_like(heat)
    slope = float((cells.n * moved) @ lever)
    level, residual = values - slope * cells.temperature, moved - slope * heat
    points, shares = gauss_rules(level, cells.n, cells.period, row_segment, size, POINTS)
    noise = mean_variances(cells, group, residual, 2 * size).reshape(2, size)
    noise[(lines == 0).reshape(2, size)] = np.inf
    shift, blend, doubt = _shrunk_change(mean(level).reshape(2, size), noise)
    return Exposure(
        segment,
        row_segment,
        points + shift[:, :, None],
        shares,
        mean_heat.reshape(2, size),
        slope,
        lever,
        residual,
        blend,
        doubt,
    )


def mean_variances(cells: CodedCells, group: IntArray, residual: FloatArray, size: int) -> FloatArray:
    """Variance of each group's mean over lines, its days as clusters; infinite with a single day."""
    days = int(cells.day.max()) + 1
    keys, code = without_gaps(group * days + cells.day)
    sums = np.bincount(code, weights=cells.n * residual)
    lines = np.bincount(group, weights=cells.n, minlength=size)
    lines = np.where(lines > 0, lines, 1.0)
    squares = np.bincount(keys // days, weights=sums**2, minlength=size)
    count = np.bincount(keys // days, minlength=size)
    return np.asarray(np.where(count > 1, squares / lines**2 * count / np.maximum(count - 1, 1), np.inf))


def _shrunk_change(means: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shrink the change of each segment's mean: how far to move both means, the blend of them, the prior variances.

    A segment with too few days to know its noise is left as it is.
    """
    known = np.isfinite(noise).all(axis=0) & (noise.sum(axis=0) > 0)
    size = means.shape[1]
    shift, blend, doubt = np.zeros((2, size)), np.repeat(np.eye(2)[:, :, None], size, axis=2), np.zeros(size)
    if not known.any():
        return shift, blend, doubt
    change, variance = (means[1] - means[0])[known], noise[:, known].sum(axis=0)
    prior = np.full(len(change), SCALE**2)
    for _ in range(STEPS):
        kept = prior / (prior + variance)
        prior = sparse_variances((kept * change) ** 2 + kept * variance, SCALE)
    lost = 1 - prior / (prior + variance)
    towards = lost * noise[:, known] / variance * np.array([[1.0], [-1.0]])
    shift[:, known] = towards * change
    blend[:, 0, known] -= towards
    blend[:, 1, known] += towards
    doubt[known] = prior
    return shift, blend, doubt


def gauss_rules(
    values: FloatArray, n: FloatArray, period: IntArray, group: IntArray, size: int, nodes: int
) -> tuple[FloatArray, FloatArray]:
    """Gauss points of `values` by period and group; an empty group takes the other period's."""
    points, shares = np.zeros((2, size, nodes)), np.zeros((2, size, nodes))
    key = period * size + group
    order = np.argsort(key, kind="stable")
    cuts = np.searchsorted(key[order], np.arange(2 * size + 1))
    for place in range(2 * size):
        rows = order[cuts[place] : cuts[place + 1]]
        if len(rows):
            points[divmod(place, size)], shares[divmod(place, size)] = gauss_rule(values[rows], n[rows], nodes)
    empty = shares.sum(axis=2) == 0
    points[empty], shares[empty] = points[::-1][empty], shares[::-1][empty]
    return points, shares
