"""What dowhy.gcm says of the same change; a peer to agree with, not a part of ours.

It works on lines, so the cells are unfolded: all of them where there are few enough, else as many drawn ones.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_LINES, DRAWN = 20_000, 20_000  # a period


@dataclass(frozen=True)
class GcmAnswer:
    """Contributions by part, the lines that dowhy saw, whether these are all, and the sampling error of its figures."""

    parts: dict[str, float]
    n_lines: int
    is_all: bool
    noise: float


def gcm_contributions(cells: pd.DataFrame, rng: np.random.Generator) -> GcmAnswer | None:
    """Run dowhy's change of distribution with explicit mechanisms and exact Shapley values; None without dowhy.

    The graph: goods and region as one root, the mix; supplier and weather given it; refund by logistic regression on
    goods, supplier and weather. So hours and refund rules count as the refund's own mechanism.

    References
    ----------
    K. Budhathoki, D. Janzing, P. Bloebaum and H. Ng (2021), Why did the distribution change?, AISTATS.
    """
    try:
        import networkx as nx  # type: ignore[import-untyped]
        from dowhy import gcm
    except ImportError:
        return None
    logging.getLogger("dowhy").setLevel(logging.ERROR)
    gcm.util.general.set_random_seed(int(rng.integers(2**31)))
    gcm.config.disable_progress_bars()
    gcm.config.set_default_n_jobs(1)
    base, current = (_lines(cells[cells["period"] == period], rng) for period in ("base", "current"))
    parents = {"supplier": ["mix"], "heat": ["mix"], "refund": ["mix", "supplier", "heat"]}
    graph = nx.DiGraph([(parent, node) for node, before in parents.items() for parent in before])
    model = gcm.ProbabilisticCausalModel(graph)
    model.set_causal_mechanism("mix", gcm.EmpiricalDistribution())
    model.set_causal_mechanism("heat", gcm.AdditiveNoiseModel(gcm.ml.create_linear_regressor()))
    for node in ("supplier", "refund"):
        learner = gcm.ml.create_logistic_regression_classifier(C=10.0, max_iter=100)
        model.set_causal_mechanism(node, gcm.ClassifierFCM(learner))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # logistic fits that stop early, and tests whose answer is not used
        found = gcm.distribution_change(
            model, base, current, "refund", num_samples=DRAWN,
        difference_estimation_func=lambda old, new: float((new == "1").mean() - (old == "1").mean()),
        independence_test=_changed, conditional_independence_test=_changed,
        shapley_config=gcm.shapley.ShapleyConfig(approximation_method=gcm.shapley.ShapleyApproximationMethods.EXACT),
    )  # fmt: skip
    parts = {
        "mix": found["mix"],
        "allocation": found["supplier"],
        "weather": found["heat"],
        "refund": found["refund"],
    }
    rate = float((base["refund"] == "1").mean())
    return GcmAnswer(
        {part: float(value) for part, value in parts.items()},
        len(base) + len(current),
        bool(np.isclose(len(base) + len(current), cells["n"].sum())),
        float(np.sqrt(rate * (1 - rate) * (1 / len(base) + 1 / len(current) + 2 / DRAWN))),
    )


def _changed(*data: object) -> float:
    """P-value of a test for change: every mechanism may change, so nothing need be tested (the tests take longest)."""
    return 0.0


def _lines(cells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Unfold one period's cells to lines, all of them if they are whole and not too many, else drawn ones."""
    import pandas as pd

    n, refunded = (cells[name].to_numpy(dtype=float) for name in ("n", "refunded"))
    if n.sum() <= MOST_LINES and np.array_equal(n, np.rint(n)):
        place = np.repeat(np.arange(len(cells)), n.astype(int))
        within = np.arange(len(place)) - np.repeat(np.cumsum(n) - n, n.astype(int))
        is_refunded = within + rng.random(len(cells))[place] < refunded[place]
    else:
        place = rng.choice(len(cells), MOST_LINES, p=n / n.sum())
        is_refunded = rng.random(MOST_LINES) < refunded[place] / n[place]
    drawn = cells.iloc[place]
    return pd.DataFrame(
        {
            "mix": (drawn["parent_category"].astype(str) + " " + drawn["region"].astype(str)).to_numpy(),
            "supplier": "s" + drawn["supplier_id"].astype(str).to_numpy(),
            "heat": drawn["temperature_c"].fillna(0.0).to_numpy(dtype=float) / 10,
            "refund": np.where(is_refunded, "1", "0"),
        }
    )
