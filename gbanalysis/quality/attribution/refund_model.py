"""A hierarchical logistic model of the refund rate, fitted on cells.

Effects of levels are drawn together by empirical Bayes: their variance is estimated from their own spread. Changes
between the periods are none with a chance that is learned from all of them, or of one of several sizes: most suppliers
did not change, and the one that did is hardly shrunk. A change is the mean over what its size may be. That most did not
is also what tells a common cause, such as the weather, from quality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.attribution.design import Design, lay_out
from gbanalysis.quality.attribution.mechanisms import CodedCells
from gbanalysis.quality.attribution.model_rows import ModelRows, model_rows
from gbanalysis.stats.shrinkage import PSEUDO_LEVELS, weigh_sizes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_STEPS, VARIANCE_STEPS, LAST_VARIANCES, TOLERANCE = 40, 20, 8, 1e-7
PLAIN_STEPS = 2  # before the residuals say something of the dispersion
LARGEST_STEP = 2.0
STALE = 0.01  # log-odds by which effects may have moved before the information, which costs most, is summed anew
LEAST_KNOWN = 1e-6  # share of an effect's information that comes from the data, at least


@dataclass(frozen=True, eq=False)
class RefundModel:
    """Fitted effects, the penalty (prior precision) of each, the information of the data, and the inverse of their sum.

    ``doubt`` is the penalty with what is not known of a change's size, ``is_none`` the chance that a change is nothing
    to speak of. ``dispersion`` is how much more the days of suppliers and grids vary than chance: scores and
    information are divided by it.
    """

    design: Design
    matrix: ModelRows
    effects: FloatArray
    penalty: FloatArray
    covariance: FloatArray
    information: FloatArray
    dispersion: float
    doubt: FloatArray
    is_none: FloatArray

    def slope_of(self, group: str) -> float:
        """Log-odds per unit of an effect that is one for all; 0 where the model has none of that name."""
        places = [place for place, term in enumerate(self.design.terms) if term.group == group]
        return sum(float(self.effects[self.design.offsets[place]]) for place in places)

    def probability(self, effects: FloatArray) -> FloatArray:
        """Refund probability of each cell under the effects given."""
        return np.asarray(special.expit(self.matrix @ effects))


def fit_refunds(cells: CodedCells) -> RefundModel:
    """Fit by penalised likelihood, the variances re-estimated after each Newton step until they stand still.

    Raises
    ------
    GBAnalysisError
        The steps do not settle.

    References
    ----------
    D. J. C. MacKay (1992), Neural Computation 4, 415-447 (variances from the effective number of effects); S. N. Wood
    and M. Fasiolo (2017), Biometrics 73, 1071-1081.
    """
    design = lay_out(cells)
    matrix = model_rows(design, cells)
    scale = np.concatenate([np.full(size, term.scale) for term, size in zip(design.terms, design.sizes, strict=True)])
    penalty = scale**-2.0
    effects = np.zeros(design.n_columns)
    effects[0] = special.logit(np.clip(cells.refunded.sum() / cells.n.sum(), 1e-6, 1 - 1e-6))
    clusters, dispersion = [cells.cluster(key) for key in ("supplier_id", "grid_id")], 1.0
    plain, drift = np.zeros((design.n_columns, design.n_columns)), np.inf
    for step in range(MAX_STEPS):
        p = special.expit(matrix @ effects)
        if PLAIN_STEPS <= step < LAST_VARIANCES:
            dispersion = _dispersion(cells, p, clusters)
        score = matrix.project(cells.refunded - cells.n * p) / dispersion
        if drift > STALE:
            plain, drift = matrix.gram(cells.n * p * (1 - p)), 0.0
        information = plain / dispersion
        target, before = score + information @ effects, effects
        for _ in range(VARIANCE_STEPS if step < LAST_VARIANCES else 1):
            covariance = inverse(information + np.diag(penalty))
            effects = covariance @ target
            if step >= LAST_VARIANCES:
                break
            updated = _penalties(design, effects, np.diag(covariance), penalty)
            change = np.abs(np.log(updated / penalty)).max()
            penalty = updated
            if change < 0.02:
                break
        moved = float(np.abs(effects - before).max())
        effects = before + (effects - before) * min(1.0, LARGEST_STEP / max(moved, LARGEST_STEP))
        drift += moved
        if moved < TOLERANCE:
            doubt, is_none = _doubts(design, effects, np.diag(covariance), penalty)
            return RefundModel(design, matrix, effects, penalty, covariance, information, dispersion, doubt, is_none)
    raise GBAnalysisError(f"the refund model did not settle in {MAX_STEPS} steps (last moved by {moved:.2g})")


def _dispersion(cells: CodedCells, p: FloatArray, clusters: list[IntArray]) -> float:
    """Squared residuals of the days of suppliers, or of grids, over what chance gives them; at least 1."""
    chance = (cells.n * p * (1 - p) + cells.extra_variance).sum()
    sums = [np.bincount(cluster, weights=cells.refunded - cells.n * p) for cluster in clusters]
    return max(1.0, *(float(sum_ @ sum_ / chance) for sum_ in sums))


def inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of a symmetric positive definite matrix."""
    return np.asarray(linalg.cho_solve(linalg.cho_factor(matrix, lower=True), np.eye(len(matrix))))


def _penalties(design: Design, effects: FloatArray, variance: FloatArray, penalty: FloatArray) -> FloatArray:
    """Prior precision of each effect, from its group's spread (normal) or what is believed of its size (sparse)."""
    updated = penalty.copy()
    for group in dict.fromkeys(term.group for term in design.terms if term.kind == "normal"):
        columns = design.in_group(group)
        free = np.clip(1 - penalty[columns] * variance[columns], 0, 1).sum()
        scale = next(term.scale for term in design.terms if term.group == group)
        updated[columns] = (free + PSEUDO_LEVELS) / ((effects[columns] ** 2).sum() + PSEUDO_LEVELS * scale**2)
    sparse_columns = design.sparse_columns
    alone, noise = without_prior(effects[sparse_columns], variance[sparse_columns], penalty[sparse_columns])
    kept = weigh_sizes(alone, noise).mean
    updated[sparse_columns] = (1 - kept) / (kept * noise)
    return updated


def without_prior(effects: FloatArray, variance: FloatArray, penalty: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Estimate and variance of each effect when its own prior, and no other, is taken away."""
    noise = variance / np.maximum(1 - variance * penalty, LEAST_KNOWN)
    return effects * noise / variance, noise


def _doubts(
    design: Design, effects: FloatArray, variance: FloatArray, penalty: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The penalty with what not knowing the size of a change adds, and the chance that a change is none."""
    at = design.sparse_columns
    alone, noise = without_prior(effects[at], variance[at], penalty[at])
    belief = weigh_sizes(alone, noise)
    doubt, is_none = penalty.copy(), np.zeros(len(effects))
    doubt[at] += belief.doubt * alone**2 / variance[at] ** 2
    is_none[at] = belief.share[:, 0]
    return doubt, is_none
