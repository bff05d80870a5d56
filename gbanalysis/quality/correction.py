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
from gbanalysis.quality.coalitions import gradients, route_rates, route_weights
from gbanalysis.quality.refund_model import RefundModel
from gbanalysis.quality.tables import Tables

FloatArray = NDArray[np.float64]

MAX_STEPS, TOLERANCE = 50, 1e-14


@dataclass(frozen=True)
class Correction:
    """Effects after the update, and each period's observed less modelled rate before it."""

    effects: FloatArray
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
    weights = route_weights(tables)[[0, 3]]
    ends = np.array([0, 2 ** (len(tables.transit) + 5) - 1])
    effects = model.effects.copy()
    residual = np.zeros(2)
    for step in range(MAX_STEPS):
        rates = route_rates(effects, model.design, tables, ends)
        gap = observed - (rates.rate * weights).sum(axis=1)
        if step == 0:
            residual = gap
        if np.abs(gap).max() < TOLERANCE:
            return Correction(effects, residual)
        ends_apart = (weights * row[:, None] for row in np.eye(2))
        slope = np.stack([gradients(model.design, tables, rates, share).sum(axis=0) for share in ends_apart])
        direction = model.covariance @ slope.T
        effects = effects + direction @ np.linalg.solve(slope @ direction, gap)
    raise GBAnalysisError("the model cannot reproduce the observed rates of the two periods")
