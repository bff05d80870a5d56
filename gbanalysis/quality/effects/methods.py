"""The ways to an effect from cells: one slope, a curve, a causal forest, above against below a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gbanalysis.quality.effects.adjustment import LevelRegression
from gbanalysis.quality.effects.cross_fitting import Problem, plain_residuals, residuals
from gbanalysis.quality.effects.final_stage import Slopes, merge_strata, slopes_by_group, t_quantile

FloatArray = NDArray[np.float64]
Ints = NDArray[np.int64]

KNOTS, FEW_KNOTS, MANY_REFUNDS = (0.1, 0.5, 0.9, 0.98), (0.5, 0.9), 5000.0
CURVE_FROM, CURVE_TO, CURVE_POINTS = 0.01, 0.99, 25
THRESHOLD_SHARE = 0.75
LEAST_REFUNDS = 10.0
LEAST_OVERLAP = 0.05  # of the treatment's variance: below, hardly anything is left to compare
TREES, TREE_SHARE, LEAF_CELLS = 48, 0.08, 60
CLIP, INSIDE = 0.02, 0.1


@dataclass(frozen=True, eq=False)
class Question:
    """Cells, their arrays, the groups wanted, and the terms whose effects add up (empty: the treatment alone)."""

    cells: pd.DataFrame
    problem: Problem
    by: tuple[str, ...]
    terms: tuple[str, ...]
    confidence: float

    @cached_property
    def groups(self) -> pd.DataFrame:
        """The groups: the columns of `by`, ``n_lines``, ``n_refunded``; the index numbers them."""
        frame = self.cells.assign(group=self.group).groupby("group")
        found = frame[list(self.by)].first() if self.by else pd.DataFrame(index=[0])
        return found.assign(n_lines=frame["n"].sum(), n_refunded=frame["refunded"].sum())

    @cached_property
    def group(self) -> Ints:
        """Number of each cell's group."""
        if not self.by:
            return np.zeros(len(self.cells), dtype=np.int64)
        return np.asarray(self.cells.groupby(list(self.by), observed=True).ngroup())

    @cached_property
    def goods(self) -> Ints:
        """Number of each cell's stratum: its goods within its group; categories where groups are not goods'."""
        own = "goods" if not set(self.by) - {"category", "goods"} else "category"
        return np.asarray(self.cells.assign(group=self.group).groupby(["group", own], observed=True).ngroup())

    def slopes(self, terms: FloatArray) -> tuple[Slopes, FloatArray]:
        """Effects of the terms by group, and the terms' residuals."""
        y, t = residuals(self.problem, terms)
        size = np.sqrt((t**2).mean(axis=1)) if t.shape[1] > 1 else t[:, 0]
        stratum = merge_strata(self.goods, self.group, self.problem.n, size)
        found = slopes_by_group(y, t, self.problem.n, stratum=stratum, group=self.group, cluster=self.problem.day)
        return found, t


def overlap(question: Question, left: FloatArray) -> FloatArray:
    """Share of each group's spread of the treatment (standard deviation) that is left once all else is held fixed."""
    n, group = question.problem.n, question.group
    treatment = question.problem.treatment

    def spread(values: FloatArray) -> FloatArray:
        lines = np.bincount(group, n)
        mean = np.bincount(group, n * values) / lines
        return np.asarray(np.bincount(group, n * (values - mean[group]) ** 2) / lines)

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(spread(left) / spread(treatment)))


def finished(question: Question, frame: pd.DataFrame, se: FloatArray, n_clusters: int) -> pd.DataFrame:
    """Add interval and reason; an effect that cannot be told from the data is NaN."""
    half = t_quantile(question.confidence, n_clusters) * se
    frame = frame.assign(ci_lower=frame["effect"] - half, ci_upper=frame["effect"] + half, n_clusters=n_clusters)
    reason = np.where(frame["n_refunded"] < LEAST_REFUNDS, f"fewer than {LEAST_REFUNDS:.0f} refunds", "")
    if "overlap" in frame:
        still = (frame["overlap"] < LEAST_OVERLAP) | frame["overlap"].isna()
        reason = np.where(still & (reason == ""), "the treatment hardly varies once all else is held fixed", reason)
    told = {name: frame[name].where(reason == "") for name in ("effect", "ci_lower", "ci_upper")}
    return frame.assign(reason=reason, **told).reset_index(drop=True)


def linear_rows(question: Question, *, rng: np.random.Generator) -> pd.DataFrame:
    """Effect of one unit, by group; of one unit of every term at once where there are several."""
    terms = question.cells[list(question.terms)].to_numpy(dtype=float) if question.terms else None
    found, left = question.slopes(question.problem.treatment[:, None] if terms is None else terms)
    k = found.value.shape[1]
    total = np.kron(np.eye(len(found.value)), np.ones(k))
    se = np.sqrt(np.einsum("ga,ab,gb->g", total, found.covariance, total))
    frame = question.groups.assign(effect=found.value.sum(axis=1), overlap=overlap(question, left.mean(axis=1)))
    return finished(question, frame, se, found.n_clusters)


def basis(values: FloatArray, knots: Sequence[float]) -> FloatArray:
    """Give a number and what it exceeds each knot by, [n, 1 + n_knots]."""
    return np.column_stack([values, *(np.maximum(values - knot, 0.0) for knot in knots)])


def curve_rows(question: Question, *, rng: np.random.Generator) -> pd.DataFrame:
    """Effect of hours or degrees beyond the usual: column ``at``, more (or less) than what is usual for such a line.

    The usual is what the regression on all that is held fixed predicts. Levels of the treatment itself would compare
    places with long ways and places with short ones; a delay of so many hours means the same at both.
    """
    extra = plain_residuals(question.problem, question.problem.treatment[:, None])[:, 0]
    places = KNOTS if question.groups["n_refunded"].min() >= MANY_REFUNDS else FEW_KNOTS
    low, high, *knots = weighted_quantiles(extra, question.problem.n, (CURVE_FROM, CURVE_TO, *places))
    found, left = question.slopes(basis(extra, knots))
    at = np.unique(np.append(np.linspace(low, high, CURVE_POINTS), 0.0))
    turned = basis(at, knots) - basis(np.zeros(1), knots)
    k = turned.shape[1]
    rows, errors = [], []
    for place, (_, row) in enumerate(question.groups.iterrows()):
        block = found.covariance[place * k : place * k + k, place * k : place * k + k]
        errors.append(np.sqrt(np.einsum("pi,ij,pj->p", turned, block, turned)))
        rows.append(pd.DataFrame({**row.to_dict(), "at": at, "effect": turned @ found.value[place]}))
    share = np.repeat(overlap(question, left[:, 0]), len(at))
    frame = pd.concat(rows, ignore_index=True).assign(overlap=share)
    return finished(question, frame, np.concatenate(errors), found.n_clusters)


def weighted_quantiles(values: FloatArray, weight: FloatArray, shares: Sequence[float]) -> FloatArray:
    """Quantiles of values that stand for `weight` lines each."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order])
    return np.asarray(values[order][np.searchsorted(total, np.asarray(shares) * total[-1])])


def forest_rows(question: Question, *, rng: np.random.Generator) -> pd.DataFrame:
    """Effect of one unit by a causal forest over category, weather and region, averaged over groups.

    The forest's mean over a group is corrected by what its predictions leave unexplained there, so that smoothing
    over the border of a group does not bias it; the error comes from the same residuals, by clusters.
    """
    from econml.dml import CausalForestDML

    problem, cells = question.problem, question.cells
    hot = [pd.get_dummies(cells[name]).to_numpy(dtype=float) for name in ("category", "region")]
    features = np.column_stack([*hot, cells["outside"].fillna(0.0).to_numpy(dtype=float)])
    regression = problem.regression(features.shape[1])
    forest = CausalForestDML(
        model_y=regression, model_t=regression, cv=problem.splits(), n_estimators=TREES, max_samples=TREE_SHARE,
        min_samples_leaf=LEAF_CELLS, n_jobs=1, inference=False, subforest_size=1,
        random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    fixed: Any = problem.adjustment.matrix if problem.adjustment.matrix.shape[1] else None
    forest.fit(
        problem.rate, problem.treatment, X=features, W=fixed, sample_weight=problem.n, cache_values=True, inference=None
    )
    y, t, kept, _ = forest.residuals_
    if not np.array_equal(kept, features):
        raise RuntimeError("econml gave the residuals back in another order")
    y, t = np.asarray(y).reshape(-1), np.asarray(t).reshape(-1, 1)
    predicted = np.asarray(forest.effect(features)).reshape(-1)
    stratum = merge_strata(question.goods, question.group, problem.n, t[:, 0])
    rest = slopes_by_group(
        y - predicted * t[:, 0], t, problem.n, stratum=stratum, group=question.group, cluster=problem.day
    )
    mean = np.bincount(question.group, problem.n * predicted) / np.bincount(question.group, problem.n)
    frame = question.groups.assign(
        effect=mean + rest.value[:, 0], forest_effect=mean, overlap=overlap(question, t[:, 0])
    )
    return finished(question, frame, np.sqrt(np.diag(rest.covariance)), rest.n_clusters)


def threshold_rows(question: Question, *, rng: np.random.Generator) -> pd.DataFrame:
    """Effect of more than the treatment's upper quartile against less, doubly robust; column ``threshold``.

    Only cells whose chance to lie above is neither near 0 nor near 1 can be compared (``overlap``: their share of the
    lines). econml's LinearDRLearner gives the effects; the errors come from its scores, summed by cluster.
    """
    from econml.dr import LinearDRLearner

    problem = question.problem
    threshold = float(weighted_quantiles(problem.treatment, problem.n, (THRESHOLD_SHARE,))[0])
    above = (problem.treatment > threshold).astype(int)
    chance = np.empty(len(above))
    for learn, rest in problem.splits():
        model = LevelChances(problem.regression()).fit(problem.adjustment.matrix[learn], above[learn], problem.n[learn])
        chance[rest] = model.predict_proba(problem.adjustment.matrix[rest])[:, 1]
    inside = (chance > INSIDE) & (chance < 1 - INSIDE)
    groups = question.groups.assign(threshold=threshold)
    groups["overlap"] = np.bincount(question.group, problem.n * inside) / np.bincount(question.group, problem.n)
    here, group, kept = problem.only(inside), question.group[inside], above[inside]
    hot = np.eye(len(groups))[group]
    learner = LinearDRLearner(
        model_propensity=LevelChances(here.regression(hot.shape[1])), model_regression=here.regression(hot.shape[1]),
        cv=here.splits(), min_propensity=CLIP, fit_cate_intercept=False, random_state=0,
    )  # fmt: skip
    learner.fit(here.rate, kept, X=hot, W=here.adjustment.matrix, sample_weight=here.n, inference=None)
    effect = np.asarray(learner.effect(np.eye(len(groups)))).reshape(-1)
    score = scores(here, kept, hot, learner.models_regression[0], learner.models_propensity[0])
    lines = np.bincount(group, here.n, len(groups))
    n_clusters = int(here.day.max()) + 1
    flat = group * n_clusters + here.day
    sums = np.bincount(flat, here.n * (score - effect[group]), len(groups) * n_clusters).reshape(-1, n_clusters)
    se = np.sqrt((sums**2).sum(axis=1)) / np.maximum(lines, 1e-9)
    return finished(question, groups.assign(effect=effect), se, n_clusters)


def scores(problem: Problem, above: Ints, hot: FloatArray, outcomes: Any, chances: Any) -> FloatArray:
    """Doubly robust score of each cell: what the regressions say of the effect, mended by their weighted residual."""
    score = np.empty(len(above))
    for fold, (_, rest) in enumerate(problem.splits()):
        x = np.column_stack([hot[rest], problem.adjustment.matrix[rest]])
        on, off = (
            np.asarray(outcomes[fold].predict(np.column_stack([x, np.full(len(x), side)]))).reshape(-1)
            for side in (1.0, 0.0)
        )
        chance = np.clip(chances[fold].predict_proba(x)[:, 1], CLIP, 1 - CLIP)
        seen = np.where(above[rest] == 1, chance, chance - 1)
        score[rest] = on - off + (problem.rate[rest] - np.where(above[rest] == 1, on, off)) / seen
    return score


class LevelChances:
    """Chance of a treatment by a regression on levels, kept within 0 and 1; a scikit-learn classifier."""

    def __init__(self, regression: LevelRegression) -> None:
        self.regression = regression

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters, as scikit-learn asks for them."""
        return {"regression": self.regression}

    def set_params(self, **params: Any) -> LevelChances:
        """Set parameters."""
        self.regression = params.get("regression", self.regression)
        return self

    def fit(self, x: FloatArray, y: Any, sample_weight: FloatArray | None = None) -> LevelChances:
        """Fit; `y` is 0 or 1."""
        self.classes_ = np.array([0, 1])
        self.regression.fit(x, np.asarray(y, dtype=float), sample_weight)
        return self

    def predict_proba(self, x: FloatArray) -> FloatArray:
        """Give the chances of 0 and 1."""
        chance = np.clip(self.regression.predict(x), CLIP, 1 - CLIP)
        return np.column_stack([1 - chance, chance])
