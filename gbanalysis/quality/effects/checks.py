"""Attempts to refute an effect, by dowhy on all cells: each says in plain words what was tried and what came of it."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gbanalysis.quality.effects.adjustment import Adjustment
from gbanalysis.quality.effects.cross_fitting import Problem, plain_residuals
from gbanalysis.quality.effects.final_stage import slopes_by_group, t_quantile
from gbanalysis.results import points, rate

FloatArray = NDArray[np.float64]

TREATMENT, OUTCOME = "treatment", "refund"
SIMULATIONS = 3
SUBSET = 0.8
CONFOUNDER = 0.2  # strength of the confounder that is put in: correlation with what is left of treatment and outcome
_WIDE = 0.5  # of the interval's half width: how far a check may move the estimate


@dataclass(frozen=True)
class _Estimate:
    value: float


class CellEstimator:
    """The estimator of one unit's effect, in the shape in which dowhy's refuters call it."""

    _effect_modifier_names: tuple[str, ...] = ()
    _target_units = "ate"

    def __init__(self, problem: Problem, treatment: str, fixed: tuple[str, ...]) -> None:
        self.problem, self.treatment, self.fixed = problem, treatment, fixed
        self.value = float("nan")

    def get_new_estimator_object(self, estimand: Any) -> CellEstimator:
        """Make an estimator for another treatment or other things held fixed."""
        added = tuple(name for name in estimand.get_adjustment_set() if name not in self.fixed)
        return CellEstimator(self.problem, estimand.treatment_variable[0], (*self.fixed, *added))

    def fit(self, data: pd.DataFrame, effect_modifier_names: Any = None) -> CellEstimator:
        """Estimate on cells, all of them or those that the refuter chose."""
        rows = data.index.to_numpy()
        own = self.problem.adjustment
        extra = [name for name in self.fixed if name not in _own_names(own)]
        matrix = np.column_stack([own.matrix[rows], data[extra].to_numpy(dtype=float)]) if extra else own.matrix[rows]
        problem = replace(
            self.problem,
            rate=data[OUTCOME].to_numpy(dtype=float),
            n=self.problem.n[rows],
            treatment=data[self.treatment].to_numpy(dtype=float),
            day=np.unique(self.problem.day[rows], return_inverse=True)[1],
            fold=self.problem.fold[rows],
            adjustment=Adjustment(matrix, own.n_codes, own.slopes),
        )
        self.value = pooled_effect(problem)[0]
        return self

    def estimate_effect(self, data: pd.DataFrame, **_: Any) -> _Estimate:
        """Give the estimate."""
        return _Estimate(self.value)


def _own_names(adjustment: Adjustment) -> tuple[str, ...]:
    return tuple(f"w{place}" for place in range(adjustment.matrix.shape[1]))


def pooled_effect(problem: Problem) -> tuple[float, float, float, float]:
    """Effect of one unit over all lines together, its standard error, and the spread left of outcome and treatment."""
    left = plain_residuals(problem, np.column_stack([problem.rate, problem.treatment]))
    nothing = np.zeros(len(problem.n), dtype=np.int64)
    found = slopes_by_group(left[:, 0], left[:, [1]], problem.n, stratum=nothing, group=nothing, cluster=problem.day)
    spread = np.sqrt(np.average(left**2, axis=0, weights=problem.n))
    return float(found.value[0, 0]), float(np.sqrt(found.covariance[0, 0])), float(spread[0]), float(spread[1])


def refutations(problem: Problem, *, confidence: float, seed: int) -> pd.DataFrame:
    """Try to refute an effect.

    Returns
    -------
    pandas.DataFrame
        ``check``; ``passed`` (None where the check only measures); ``figure`` in refund rate, or as a share;
        ``sentence``.

    References
    ----------
    A. Sharma and E. Kiciman (2020), DoWhy; C. Cinelli and C. Hazlett (2020), Journal of the Royal Statistical Society:
    Series B 82, 39-67 (robustness value).
    """
    import networkx as nx  # type: ignore[import-untyped]
    from dowhy.causal_estimator import CausalEstimate
    from dowhy.causal_identifier import EstimandType, identify_effect_auto
    from dowhy.causal_refuters import refute_data_subset, refute_placebo_treatment, refute_random_common_cause
    from dowhy.causal_refuters.add_unobserved_common_cause import sensitivity_simulation
    from dowhy.causal_refuters.placebo_treatment_refuter import PlaceboType

    logging.getLogger("dowhy").setLevel(logging.ERROR)
    value, error, left_y, left_t = pooled_effect(problem)
    half = t_quantile(confidence, int(problem.day.max()) + 1) * error
    fixed = _own_names(problem.adjustment)
    graph = nx.DiGraph([(name, end) for name in fixed for end in (TREATMENT, OUTCOME)] + [(TREATMENT, OUTCOME)])
    observed = [*fixed, TREATMENT, OUTCOME]
    estimand = identify_effect_auto(graph, [TREATMENT], [OUTCOME], observed, EstimandType.NONPARAMETRIC_ATE)
    estimand.set_identifier_method("backdoor")
    data = pd.DataFrame({TREATMENT: problem.treatment, OUTCOME: problem.rate})
    estimate = CausalEstimate(data, [TREATMENT], [OUTCOME], value, estimand, None, 0, 1)
    estimate.add_estimator(CellEstimator(problem, TREATMENT, fixed))
    draws = np.random.RandomState(seed)  # from a plain number dowhy would draw the same in each round
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        placebo, cause, subset = (
            float(refute(data, estimand, estimate, num_simulations=SIMULATIONS, random_state=draws, **more).new_effect)
            for refute, more in (
                (refute_placebo_treatment, {"treatment_names": [TREATMENT], "placebo_type": PlaceboType.PERMUTE}),
                (refute_random_common_cause, {}),
                (refute_data_subset, {"subset_fraction": SUBSET}),
            )
        )
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(seed)  # noqa: NPY002 (dowhy draws its confounder from numpy's global stream; it is put back)
        hidden = float(
            sensitivity_simulation(
                data.copy(), estimand, estimate, [TREATMENT], [OUTCOME],
                kappa_t=CONFOUNDER * left_t, kappa_y=CONFOUNDER * left_y,
                confounders_effect_on_treatment="linear", confounders_effect_on_outcome="linear", plotmethod=None,
            ).new_effect
        )  # fmt: skip
        np.random.set_state(state)  # noqa: NPY002
    left_out = rate(1 - SUBSET, digits=0)
    return pd.DataFrame(
        [
            _placebo_row(placebo, half),
            _unmoved_row("random common cause", cause - value, half, "A made-up cause that has nothing to do with it"),
            _unmoved_row("data subset", subset - value, half, f"Leaving out {left_out} of the cells at random"),
            _hidden_row(hidden - value),
            _strength_row(value, error, int(problem.day.max()) + 1),
        ],
        columns=["check", "passed", "figure", "sentence"],
    )


def _placebo_row(figure: float, half: float) -> tuple[str, bool, float, str]:
    passed = abs(figure) < _WIDE * half
    told = "as it must be" if passed else "which should be nothing: the method finds effects where there are none"
    said = f"With the treatment dealt out at random the effect is {points(figure, digits=4)}, {told}."
    return "placebo treatment", passed, figure, said


def _unmoved_row(check: str, figure: float, half: float, what: str) -> tuple[str, bool, float, str]:
    passed = abs(figure) < _WIDE * half
    told = "less than chance alone would" if passed else "more than chance alone would: the estimate is not steady"
    return check, passed, figure, f"{what} moves the estimate by {points(figure, digits=4)}, {told}."


def _hidden_row(figure: float) -> tuple[str, None, float, str]:
    said = (
        f"A hidden cause that goes along with what is left of treatment and outcome (correlation about {CONFOUNDER:g}"
        f" with each, in opposite directions) would move the estimate by {points(figure, digits=4)}."
    )
    return "hidden common cause", None, figure, said


def _strength_row(value: float, error: float, n_clusters: int) -> tuple[str, None, float, str]:
    """Robustness value of Cinelli and Hazlett, with the days as the number of independent pieces of evidence."""
    f = abs(value) / error / np.sqrt(max(n_clusters - 1, 1))
    needed = float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)
    said = (
        f"To explain the estimate away, a hidden cause would have to account for {rate(needed)} of what is left of "
        "both treatment and outcome from day to day."
    )
    return "strength of a hidden cause needed", None, needed, said
