"""Take what is held fixed out of treatment and outcome, each day by regressions that have not seen its week: econml.

Nuisance regressions are `LevelRegression`; the folds are whole weeks, so that lines of one batch, lorry or day never
stand on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality.effects.adjustment import Adjustment, LevelRegression, Memory

FloatArray = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 3
LEAST_DAYS = 14


@dataclass(frozen=True, eq=False)
class Problem:
    """What an effect is estimated from: arrays over cells.

    Attributes
    ----------
    rate, n
        Share of lines refunded, and lines.
    treatment
        Hours or degrees.
    adjustment
        What is held fixed.
    day, fold
        Clusters (the day on which the lines were due), and the part in which each is predicted by the others.
    memory
        Shared by all regressions on these cells.
    """

    rate: FloatArray
    n: FloatArray
    treatment: FloatArray
    adjustment: Adjustment
    day: Ints
    fold: Ints
    memory: Memory

    def only(self, rows: NDArray[np.bool_]) -> Problem:
        """Keep some of the cells."""
        fixed = self.adjustment
        matrix, day = fixed.matrix[rows], np.unique(self.day[rows], return_inverse=True)[1]
        kept = Adjustment(matrix, fixed.n_codes, fixed.slopes)
        return Problem(self.rate[rows], self.n[rows], self.treatment[rows], kept, day, self.fold[rows], Memory())

    def regression(self, n_plain: int = 0) -> LevelRegression:
        """Make the regression for outcome and treatment."""
        fixed = self.adjustment
        return LevelRegression(n_plain, fixed.n_codes, fixed.slopes, self.memory)

    def splits(self) -> list[tuple[Ints, Ints]]:
        """Give rows to learn from and rows to predict, for each fold."""
        return [(np.flatnonzero(self.fold != f), np.flatnonzero(self.fold == f)) for f in range(FOLDS)]


def make_problem(cells: pd.DataFrame, adjustment: Adjustment) -> Problem:
    """Make the arrays of cells with ``treatment``, ``n``, ``refunded``, ``due_on``.

    Raises
    ------
    NotEnoughDataError
        Where there are fewer than two weeks, or no refund.
    """
    due = pd.to_datetime(cells["due_on"])
    day = (due - due.min()).dt.days.to_numpy()
    cluster = np.unique(day, return_inverse=True)[1]
    if cluster.max(initial=-1) + 1 < LEAST_DAYS:
        raise NotEnoughDataError(f"an effect needs lines of at least {LEAST_DAYS} days; there are {cluster.max() + 1}")
    if cells["refunded"].sum() == 0:
        raise NotEnoughDataError("no line of the period was refunded, so no effect on refunds can be seen")
    n = cells["n"].to_numpy(dtype=float)
    rate = cells["refunded"].to_numpy(dtype=float) / n
    week = np.unique(day // 7, return_inverse=True)[1]
    treatment = cells["treatment"].to_numpy(dtype=float) if "treatment" in cells else np.zeros(len(n))
    return Problem(rate, n, treatment, adjustment, cluster, week % FOLDS, Memory())


def residuals(problem: Problem, terms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give what is left of the outcome [n] and of the treatment's terms [n, k], by econml's LinearDML.

    References
    ----------
    V. Chernozhukov et al. (2018), The Econometrics Journal 21, C1-C68; K. Battocchi et al. (2019), EconML.
    """
    from econml.dml import LinearDML

    model = LinearDML(model_y=problem.regression(), model_t=problem.regression(), cv=problem.splits(), random_state=0)
    fixed: Any = problem.adjustment.matrix if problem.adjustment.matrix.shape[1] else None
    model.fit(problem.rate, terms, X=None, W=fixed, sample_weight=problem.n, cache_values=True, inference=None)
    y, t, _, kept = model.residuals_
    if fixed is not None and not np.array_equal(kept, fixed):
        raise RuntimeError("econml gave the residuals back in another order")
    return np.asarray(y).reshape(-1), np.asarray(t).reshape(len(problem.n), -1)


def plain_residuals(problem: Problem, values: FloatArray) -> FloatArray:
    """Give what is left of columns [n, k] by the same regressions and folds, without econml around them."""
    left = np.empty_like(values)
    for learn, rest in problem.splits():
        matrix = problem.adjustment.matrix
        model = problem.regression().fit(matrix[learn], values[learn], problem.n[learn])
        left[rest] = values[rest] - model.predict(matrix[rest])
    return left
