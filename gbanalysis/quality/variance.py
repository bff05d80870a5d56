"""The four parts of a contribution's variance; see `influence` for what they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.quality.coalitions import RouteRates
from gbanalysis.quality.influence import Derivatives, indicator, route_worth
from gbanalysis.quality.mechanisms import CodedCells
from gbanalysis.quality.refund_model import RefundModel
from gbanalysis.quality.tables import Tables
from gbanalysis.quality.transit import mean_variances

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def variances(
    cells: CodedCells, model: RefundModel, effects: FloatArray, tables: Tables, rates: RouteRates, figures: Derivatives
) -> FloatArray:
    """Variance of each figure, allowing for the correction to the observed rates."""
    direction, pull = corrected_directions(model, tables, rates, figures)
    shrinkage = (direction**2) @ model.penalty
    return np.asarray(
        outcome_variance(cells, model, effects, direction, pull)
        + shrinkage
        + table_variance(cells, tables, figures)
        + hours_variance(cells, model, tables, figures)
    )


def corrected_directions(
    model: RefundModel, tables: Tables, rates: RouteRates, figures: Derivatives
) -> tuple[FloatArray, FloatArray]:
    """How each figure moves with the model's score (figures, effects) and with the two observed rates (figures, 2)."""
    ends = []
    for coalition in (0, 4 * len(rates.inner) - 1):
        only = np.zeros(4 * len(rates.inner))
        only[coalition] = 1.0
        ends.append(route_worth(model, tables, rates, only).effects.sum(axis=0))
    slope = np.stack(ends)
    metric = model.covariance @ slope.T
    pull = figures.effects @ metric @ np.linalg.inv(slope @ metric)
    return np.asarray((figures.effects - pull @ slope) @ model.covariance), np.asarray(pull)


def outcome_variance(
    cells: CodedCells, model: RefundModel, effects: FloatArray, direction: FloatArray, pull: FloatArray
) -> FloatArray:
    """Residuals summed over supplier x day and grid x day.

    References
    ----------
    A. C. Cameron, J. B. Gelbach and D. L. Miller (2011), Journal of Business & Economic Statistics 29, 238-249.
    """
    shape = (len(cells.n), 2)
    share = sparse.csr_matrix((1 / cells.totals[cells.period], (np.arange(shape[0]), cells.period)), shape=shape)
    lever = sparse.hstack([model.matrix, share]).tocsr()
    towards = np.hstack([direction, pull]).T
    moved = sparse.diags(cells.refunded - cells.n * model.probability(effects)) @ lever
    days = int(cells.day.max()) + 1
    supplier = cells.codes["supplier_id"] * days + cells.day
    grid = cells.codes["grid_id"] * days + cells.day
    first, second = _clustered(moved, towards, supplier), _clustered(moved, towards, grid)
    both = _clustered(moved, towards, supplier * cells.size("grid_id") + cells.codes["grid_id"])
    known = np.maximum(np.maximum(first, second), first + second - both)
    known *= days_each(cells) / max(days_each(cells) - 1, 1)
    if not cells.extra_variance.any():
        return known
    return np.asarray(known + _clustered(sparse.diags(np.sqrt(cells.extra_variance)) @ lever, towards, None))


def days_each(cells: CodedCells) -> int:
    """Days in the shorter period: a level's change rests on so many clusters a period."""
    return min(len(np.unique(cells.day[cells.period == period])) for period in (0, 1))


def _clustered(scores: sparse.csr_matrix, towards: FloatArray, cluster: IntArray | None) -> FloatArray:
    """Sum of squared cluster sums of scores @ towards; without clusters, each row is its own."""
    if cluster is None:
        return np.asarray(((scores @ towards) ** 2).sum(axis=0))
    _, code = np.unique(cluster, return_inverse=True)
    sums = (indicator(code, int(code.max()) + 1) @ scores) @ towards
    return np.asarray((sums**2).sum(axis=0))


def table_variance(cells: CodedCells, tables: Tables, figures: Derivatives) -> FloatArray:
    """Lines drawn independently from the tables of mix and allocation."""
    total = np.zeros(len(figures.value))
    parents = indicator(tables.parent, tables.parent_lines.shape[1])
    for period in (0, 1):
        share, slope = tables.mix[period], figures.mix[period]
        total += ((slope**2) @ share - (slope @ share) ** 2) / cells.totals[period]
        share, slope = tables.allocation[period], figures.allocation[period]
        spread = parents @ (share[:, None] * slope.T**2) - (parents @ (share[:, None] * slope.T)) ** 2
        total += (1 / np.maximum(tables.parent_lines[period], 1)) @ spread
    return total


def hours_variance(cells: CodedCells, model: RefundModel, tables: Tables, figures: Derivatives) -> FloatArray:
    """Mean hours of each segment and their slope on temperature, with segment x day as clusters.

    A late lorry counts for more than its hours, for the odds rise exponentially: its residual is bent accordingly.
    """
    total = np.zeros(len(figures.value))
    days = int(cells.day.max()) + 1
    for transit, by_mean, by_slope in zip(tables.transit, figures.hours, figures.slope.T, strict=True):
        size = transit.points.shape[1]
        group = cells.period * size + transit.row_segment
        lines = np.bincount(group, weights=cells.n, minlength=2 * size)
        squared = np.bincount(group, weights=cells.n * transit.residual**2, minlength=2 * size) / np.maximum(lines, 1)
        bent = transit.residual + model.hours_slope / 2 * (transit.residual**2 - squared[group])
        noise = mean_variances(cells, group, bent, 2 * size).reshape(2, size)
        noise[~np.isfinite(noise)] = 0.0
        by_raw = np.einsum("tls,tus->uls", by_mean, transit.blend)
        total += np.einsum("uls,us->l", by_raw**2, noise)
        total += np.einsum("ls,s->l", (by_raw - by_mean)[1] ** 2, transit.doubt)
        tilts = np.bincount(
            np.unique(group * days + cells.day, return_inverse=True)[1],
            weights=cells.n * transit.residual * transit.slope_lever,
        )
        total += by_slope**2 * (tilts @ tilts)
    return total
