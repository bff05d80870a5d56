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
from gbanalysis.quality.coalitions import end_slopes, end_values
from gbanalysis.quality.factors import RouteModel, model_routes
from gbanalysis.quality.influence import effect_slopes
from gbanalysis.quality.refund_model import RefundModel
from gbanalysis.quality.tables import Tables

FloatArray = NDArray[np.float64]

MAX_STEPS, TOLERANCE = 50, 1e-13


@dataclass(frozen=True)
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
    2(1), sections 2-3 (the fluctuation along the efficient direction); C. G. Broyden (1965), Mathematics of Computation
    19, 577-593 (solving for the step).
    """
    effects = model.effects.copy()
    routes = model_routes(effects, model.design, tables)
    nobody = np.zeros(tables.n_routes, dtype=np.int64)
    slope = np.concatenate([effect_slopes(model.design, tables.codes, end, nobody, 1) for end in end_slopes(routes)])
    direction = model.covariance @ slope.T
    inverse = np.linalg.inv(slope @ direction)
    residual = gap = observed - end_values(routes).sum(axis=1)
    for _ in range(MAX_STEPS):
        if np.abs(gap).max() < TOLERANCE:
            return Correction(effects, routes, slope, residual)
        step = inverse @ gap
        effects = effects + direction @ step
        routes = routes.with_effects(effects)
        left = observed - end_values(routes).sum(axis=1)
        inverse = inverse + _secant(inverse, step, gap - left)
        gap = left
    raise GBAnalysisError("the model cannot reproduce the observed rates of the two periods")


def _secant(inverse: FloatArray, step: FloatArray, moved: FloatArray) -> FloatArray:
    """What to add to the inverse slope so that it gives the step that moved the rates (Broyden 1965)."""
    scale = float(step @ inverse @ moved)
    if scale == 0.0:
        return np.zeros_like(inverse)
    return np.asarray(np.outer(step - inverse @ moved, step @ inverse) / scale)
