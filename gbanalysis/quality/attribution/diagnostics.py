"""Does the refund model fit? Signs that a world lies outside of what the attribution assumes.

Each check looks at one way in which the model may be wrong, and is made to cry wolf in at most one attribution of fifty
where nothing is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.quality.attribution.influence import indicator
from gbanalysis.quality.attribution.mechanisms import CodedCells
from gbanalysis.quality.attribution.refund_model import RefundModel, inverse

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEVEL = 0.02  # chance of crying wolf, for each check
FREE = 1e-6  # penalty of an effect that is not held to anything


def fit_diagnostics(cells: CodedCells, model: RefundModel) -> pd.DataFrame:
    """Check the fitted model against the cells that it was fitted on.

    Returns
    -------
    frame
        check, statistic (a standard normal score, or a chi-square for several effects at once), p_value, passed,
        sentence.

    References
    ----------
    D. Pregibon (1980), Goodness of link tests for generalized linear models, Applied Statistics 29, 15-24; P. J. Smith
    and D. F. Heitjan (1993), Testing and adjusting for departures from nominal dispersion in generalized linear
    models, Applied Statistics 42, 31-41; J. A. Hausman (1978), Econometrica
    46, 1251-1271 (two estimates that must agree).
    """
    import pandas as pd

    rows = [
        ("link", *_link(cells, model), "the odds multiply as the model says",
         "the log-odds do not add up: very high or low risks are misjudged"),
        ("batches", *_dispersion(cells, model, "supplier_id"), "a supplier's days differ by chance only",
         "a supplier's days differ by more than chance: batches, or a cause that changes by day"),
        ("hidden cause at a node", *_dispersion(cells, model, "grid_id"), "a grid's days differ by chance only",
         "a grid's days differ by more than chance: something unseen acts there"),
    ]  # fmt: skip
    if len(cells.stages) > 1:
        rows.append(
            ("hours act alike", *_like_levels(cells, model, "hours by stage"), "an hour counts the same at every stage",
             "an hour counts more at one stage than at another: it spoils more there, or something unseen makes the "
             "goods both late and bad there")
        )  # fmt: skip
    if np.any(cells.temperature):
        rows.append(
            ("heat acts alike", *_like_levels(cells, model, "heat by supplier"), "all suppliers' goods bear heat alike",
             "suppliers' goods bear heat differently: what a warm spell adds falls on some more than on others")
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=["check", "statistic", "p_value", "sound", "unsound"])
    frame["passed"] = frame["p_value"] >= LEVEL
    frame["sentence"] = np.where(frame["passed"], frame["sound"], frame["unsound"])
    return frame[["check", "statistic", "p_value", "passed", "sentence"]]


def _link(cells: CodedCells, model: RefundModel) -> tuple[float, float]:
    """Score test of the squared log-odds, with supplier x day and grid x day as clusters."""
    eta = model.matrix @ model.effects
    p = special.expit(eta)
    weight = cells.n * p * (1 - p)
    extra = (eta - np.average(eta, weights=weight)) ** 2
    explained = model.matrix @ (model.covariance @ (model.matrix.project(weight * extra / model.dispersion)))
    parts = (extra - explained) * (cells.refunded - cells.n * p)
    spread = max(float((np.bincount(cells.cluster(key), parts) ** 2).sum()) for key in ("supplier_id", "grid_id"))
    return _two_sided(float(parts.sum()) / np.sqrt(spread))


def _dispersion(cells: CodedCells, model: RefundModel, key: str) -> tuple[float, float]:
    """Squared residuals of a level's days against what chance gives them; one-sided.

    Counts divided by the share of them that is known scatter more than counts, and share the error of that share.
    """
    p = model.probability(model.effects)
    code = cells.cluster(key)
    groups = indicator(code, int(code.max()) + 1)
    weight = cells.n * p * (1 - p)
    late = (groups @ cells.shared_error).power(2).sum(axis=1)
    thinned = cells.n * p * (1 / cells.share_reported - p)
    chance = groups @ (thinned + cells.extra_variance) + np.asarray(late).ravel()
    levers = (lever for lever, _ in model.matrix.sums(code, weight))
    fitted = np.concatenate([np.asarray(lever.multiply(lever @ model.covariance).sum(axis=1)) for lever in levers])
    fitted = fitted.ravel() / model.dispersion
    excess = (groups @ (cells.refunded - cells.n * p)) ** 2 - (chance - fitted)
    spread = 2 * chance**2 + groups @ (weight * (1 - 6 * p * (1 - p)) / cells.share_reported**3)
    score = float(excess.sum() / np.sqrt(spread.sum()))
    return score, float(special.ndtr(-score))


def _like_levels(cells: CodedCells, model: RefundModel, group: str) -> tuple[float, float]:
    """Wald test that the effects of one group, freed of their prior, are all the same."""
    design = model.design
    places = [place for place, term in enumerate(design.terms) if term.group == group]
    columns = np.concatenate([np.arange(design.n_columns)[design.columns(place)] for place in places])
    p = model.probability(model.effects)
    target = model.matrix.project(cells.refunded - cells.n * p) / model.dispersion + model.information @ model.effects
    penalty = model.penalty.copy()
    penalty[columns] = FREE
    covariance = inverse(model.information + np.diag(penalty))
    differences = np.eye(len(columns))[1:] - np.eye(len(columns))[0]
    found = differences @ (covariance @ target)[columns]
    spread = differences @ covariance[np.ix_(columns, columns)] @ differences.T
    statistic = float(found @ np.linalg.solve(spread, found))
    return statistic, float(special.chdtrc(len(found), statistic))


def _two_sided(score: float) -> tuple[float, float]:
    return score, float(2 * special.ndtr(-abs(score)))
