"""Move the fitted model the least possible distance so that it reproduces both periods' observed rates.

A shrunken model misses the observed rates a little. The rest is not poured into one mechanism: the effects move along
the direction in which the fit is least certain about the two rates (the least favourable submodel of the targeted
update), and every contribution moves with them. The residual before this is returned and reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.attribution.coalitions import end_slopes, end_values
from gbanalysis.quality.attribution.factors import RouteModel, model_routes
from gbanalysis.quality.attribution.influence import effect_slopes
from gbanalysis.quality.attribution.refund_model import RefundModel
from gbanalysis.quality.attribution.tables import Tables

FloatArray = NDArray[np.float64]

MAX_STEPS, MAX_HALVINGS, TOLERANCE = 50, 20, 1e-13
SLOW = 0.1  # a step that leaves more of the gap than this asks for the slope where it led


@dataclass(frozen=True, eq=False)
class Correction:
    """Effects after the update, the model with them on the routes, and each period's residual before the update.

    ``slope`` are the derivatives of the two periods' rates by the effects before the update, shape (2, effects).
    """

    effects: FloatArray
    routes: RouteModel
    slope: FloatArray
    residual: FloatArray


def correct_to_observed(model: RefundModel, tables: Tables, observed: FloatArray) -> Correction:
    """Solve for the effects nearest to the fit (in the metric of its covariance) that give the observed rates.

    Parameters
    ----------
    observed
        Refund rate of the base and the current period.

    References
    ----------
    M. J. van der Laan and D. Rubin (2006), Targeted maximum likelihood learning, International Journal of Biostatistics
    2(1) (the fluctuation along the efficient direction).
    """
    effects = model.effects.copy()
    routes = model_routes(effects, model.design, tables)
    first = slope = _slope(model, tables, routes)
    residual = gap = observed - end_values(routes).sum(axis=1)
    for _ in range(MAX_STEPS):
        if np.abs(gap).max() < TOLERANCE:
            return Correction(effects, routes, first, residual)
        direction = model.covariance @ slope.T
        step = direction @ np.linalg.solve(slope @ direction, gap)
        effects, routes, left = _shortened(effects, step, routes, observed, gap)
        if np.abs(left).max() > SLOW * np.abs(gap).max():
            slope = _slope(model, tables, routes)
        gap = left
    raise GBAnalysisError("the model cannot reproduce the observed rates of the two periods")


def _slope(model: RefundModel, tables: Tables, routes: RouteModel) -> FloatArray:
    """Derivatives of the two periods' rates by the effects, shape (2, effects)."""
    nobody = np.zeros(tables.n_routes, dtype=np.int64)
    return np.concatenate([effect_slopes(model.design, tables.codes, end, nobody, 1) for end in end_slopes(routes)])


def _shortened(
    effects: FloatArray, step: FloatArray, routes: RouteModel, observed: FloatArray, gap: FloatArray
) -> tuple[FloatArray, RouteModel, FloatArray]:
    """Take the step, halved until it brings the rates nearer; the rates bend, and a whole step may lead past them."""
    for halvings in range(MAX_HALVINGS):
        moved = effects + step / 2**halvings
        there = routes.with_effects(moved)
        left = observed - end_values(there).sum(axis=1)
        if np.abs(left).max() < np.abs(gap).max():
            break
    return moved, there, left
