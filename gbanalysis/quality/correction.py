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
from gbanalysis.quality.coalitions import end_rates
from gbanalysis.quality.factors import RouteModel, model_routes
from gbanalysis.quality.influence import effect_slopes
from gbanalysis.quality.refund_model import RefundModel
from gbanalysis.quality.tables import Tables

FloatArray = NDArray[np.float64]

MAX_STEPS, TOLERANCE = 50, 1e-13


@dataclass(frozen=True)
class Correction:
    """Effects after the update, the model with them on the routes, and each period's residual before the update.

    ``slope`` are the derivatives of the two periods' rates by the effects, shape (2, effects).
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
    2(1), sections 2-3 (the fluctuation along the efficient direction).
    """
    effects = model.effects.copy()
    routes = model_routes(effects, model.design, tables)
    residual = np.zeros(2)
    for step in range(MAX_STEPS):
        value, slope = _end_slopes(routes)
        gap = observed - value
        if step == 0:
            residual = gap
        if np.abs(gap).max() < TOLERANCE:
            return Correction(effects, routes, slope, residual)
        direction = model.covariance @ slope.T
        effects = effects + direction @ np.linalg.solve(slope @ direction, gap)
        routes = routes.with_effects(effects)
    raise GBAnalysisError("the model cannot reproduce the observed rates of the two periods")


def _end_slopes(routes: RouteModel) -> tuple[FloatArray, FloatArray]:
    """The modelled rates of the two periods, and their derivatives by the effects, shape (2, effects)."""
    value, slope = end_rates(routes)
    nobody = np.zeros(routes.tables.n_routes, dtype=np.int64)
    by_effects = [effect_slopes(routes.design, routes.tables.codes, period, nobody, 1)[0] for period in slope]
    return value.sum(axis=1), np.stack(by_effects)
