"""Variance of all figures, from one influence function.

The error of a contribution is the sum of four parts that are uncorrelated, each the derivative times the error of what
it is taken by:

- outcomes: residuals of the refund model, summed over supplier x day and grid x day (two-way clusters);
- shrinkage: the prior's own uncertainty, which stands for the bias of shrunken effects (D. Nychka 1988, Journal of the
  American Statistical Association 83, 1134-1143), and what is not known of a change's size; for a level's change of
  quality that of all others' priors, for its interval does without its own;
- mix and allocation: lines drawn from their tables; the days' volumes are taken as they were;
- hours and node temperatures: each segment's mean and the slope on the weather, with segment x day as clusters.

The weather and the dates of refund rules are given: they are not redrawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.quality.attribution.correction import Correction
from gbanalysis.quality.attribution.exposures import mean_variances
from gbanalysis.quality.attribution.influence import Derivatives, indicator
from gbanalysis.quality.attribution.mechanisms import CodedCells
from gbanalysis.quality.attribution.refund_model import LEAST_KNOWN, RefundModel
from gbanalysis.quality.attribution.tables import Tables

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Directions:
    """How each figure moves with the model's score (figures, effects) and with the two observed rates (figures, 2).

    A level's change of quality has its ``own`` column (else -1). Its row is that of an estimate that the level's own
    prior does not draw to nothing; that estimate lies ``shift`` from the figure, and a unit of the level's log-odds
    moves it by ``by_own``.
    """

    score: FloatArray
    rates: FloatArray
    own: IntArray
    shift: FloatArray
    by_own: FloatArray


def variances(
    cells: CodedCells, model: RefundModel, corrected: Correction, tables: Tables, figures: Derivatives, ways: Directions
) -> FloatArray:
    """Variance of each figure, allowing for the correction to the observed rates."""
    doubt = (ways.score**2) @ model.doubt
    level = np.flatnonzero(ways.own >= 0)
    doubt[level] -= ways.score[level, ways.own[level]] ** 2 * model.doubt[ways.own[level]]
    return np.asarray(
        outcome_variance(cells, model, corrected.effects, ways.score, ways.rates)
        + doubt
        + table_variance(cells, tables, figures)
        + exposure_variance(cells, model, tables, figures)
    )


def find_directions(model: RefundModel, slope: FloatArray, by_effects: FloatArray, own: IntArray) -> Directions:
    """Directions of figures with the derivatives `by_effects`; `slope` is that of the two periods' rates."""
    metric = model.covariance @ slope.T
    rates = by_effects @ metric @ np.linalg.inv(slope @ metric)
    left = by_effects - rates @ slope
    level = own >= 0
    column = model.covariance[own] * level[:, None]
    variance = np.where(level, np.diag(model.covariance)[own], 1.0)
    known = np.maximum(1 - model.penalty[own] * variance, LEAST_KNOWN)
    freed = np.where(level, model.penalty[own] / known, 0.0)  # what the covariance gains, times column and transpose
    along = np.einsum("fe,fe->f", left, column)
    score = left @ model.covariance + (freed * along)[:, None] * column
    by_own = along / variance
    return Directions(score, rates, own, along * model.effects[own] * freed, by_own)


def outcome_variance(
    cells: CodedCells, model: RefundModel, effects: FloatArray, direction: FloatArray, pull: FloatArray
) -> FloatArray:
    """Residuals summed over supplier x day and grid x day, and the errors of a delay correction.

    References
    ----------
    A. C. Cameron, J. B. Gelbach and D. L. Miller (2011), Journal of Business & Economic Statistics 29, 238-249.
    """
    towards = np.hstack([direction / model.dispersion, pull / cells.totals]).T
    left = cells.refunded - cells.n * model.probability(effects)
    days = int(cells.day.max()) + 1
    supplier = cells.codes["supplier_id"] * days + cells.day
    grid = cells.codes["grid_id"] * days + cells.day
    first, second = _clustered(cells, model, left, towards, supplier), _clustered(cells, model, left, towards, grid)
    both = _clustered(cells, model, left, towards, supplier * cells.size("grid_id") + cells.codes["grid_id"])
    known = np.maximum(first + second - both, both / 2)
    known *= days_each(cells) / max(days_each(cells) - 1, 1)
    if cells.extra_variance.any():
        own = np.arange(len(cells.n))
        known = known + _clustered(cells, model, np.sqrt(cells.extra_variance), towards, own)
    return np.asarray(known + ((_shared_scores(cells, model) @ towards) ** 2).sum(axis=0))


def _shared_scores(cells: CodedCells, model: RefundModel) -> FloatArray:
    """What each error that rows share adds to the model's score and to the two periods' counts."""
    late = np.flatnonzero(np.diff(cells.shared_error.indptr))
    error = cells.shared_error[late].T
    by_effect, by_period = error @ model.matrix.written_out(late), error @ indicator(cells.period[late], 2).T
    return np.asarray(sparse.hstack([by_effect, by_period]).toarray())


def days_each(cells: CodedCells) -> int:
    """Days in the shorter period: a level's change rests on so many clusters a period."""
    return min(len(np.unique(cells.day[cells.period == period])) for period in (0, 1))


def _clustered(
    cells: CodedCells, model: RefundModel, left: FloatArray, towards: FloatArray, cluster: IntArray
) -> FloatArray:
    """Sum over clusters of the square of what its rows' residuals `left` move each figure by.

    The products of the clusters' scores are summed before the figures are looked at, of which there may be thousands.
    """
    products = np.zeros((len(towards), len(towards)))
    periods = indicator(cells.period, 2).T.tocsr()
    for sums, adding in model.matrix.sums(cluster, left):
        scores = sparse.hstack([sums, adding @ periods]).tocsr()
        products += (scores.T @ scores).toarray()
    return np.asarray(np.einsum("ef,ef->f", towards, products @ towards))


def table_variance(cells: CodedCells, tables: Tables, figures: Derivatives) -> FloatArray:
    """Lines drawn independently from the tables of mix and allocation."""
    total = np.zeros(len(figures.value))
    parents = indicator(tables.parent, tables.parent_lines.shape[1])
    for period in (0, 1):
        share, slope = tables.mix[period], figures.mix[period]
        total += (slope.power(2) @ share - (slope @ share) ** 2) / cells.totals[period]
        share, slope = tables.allocation[period], figures.allocation[period]
        spread = parents @ (share[:, None] * slope.T**2) - (parents @ (share[:, None] * slope.T)) ** 2
        total += (1 / np.maximum(tables.parent_lines[period], 1)) @ spread
    return total


def exposure_variance(cells: CodedCells, model: RefundModel, tables: Tables, figures: Derivatives) -> FloatArray:
    """Mean hours and temperatures of each segment and their slope on the weather, with segment x day as clusters.

    A late lorry counts for more than its hours, for the odds rise exponentially: its residual is bent accordingly.
    """
    total = np.zeros(len(figures.value))
    days = int(cells.day.max()) + 1
    response = [model.slope_of("hours")] * len(tables.hours) + [model.slope_of("node heat")] * len(tables.node_heat)
    for bend, exposure, by_mean, by_slope in zip(
        response, tables.exposures, figures.means, figures.slopes.T, strict=True
    ):
        size = exposure.size
        group = cells.period * size + exposure.row_segment
        lines = np.bincount(group, weights=cells.n, minlength=2 * size)
        squared = np.bincount(group, weights=cells.n * exposure.residual**2, minlength=2 * size) / np.maximum(lines, 1)
        bent = exposure.residual + bend / 2 * (exposure.residual**2 - squared[group])
        noise = mean_variances(cells, group, bent, 2 * size).reshape(2, size)
        noise[~np.isfinite(noise)] = 0.0
        by_raw = np.einsum("tls,tus->uls", by_mean, exposure.blend)
        total += np.einsum("uls,us->l", by_raw**2, noise)
        total += np.einsum("ls,s->l", (by_raw - by_mean)[1] ** 2, exposure.doubt)
        tilts = np.bincount(
            np.unique(group * days + cells.day, return_inverse=True)[1],
            weights=cells.n * exposure.residual * exposure.slope_lever,
        )
        total += by_slope**2 * (tilts @ tilts)
    return total
