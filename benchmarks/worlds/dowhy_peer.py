"""dowhy's change of distribution on the lines of a world: the peer that knows the graph."""

import json
import sys
import time

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm
from numpy.typing import NDArray

from benchmarks.worlds.refund_world import draw_cells, draw_world, true_contributions


def dowhy_change(
    cells: pd.DataFrame, *, n_samples: int = 20_000, seed: int = 0, tests: bool = False
) -> dict[str, float]:
    """Shapley contributions by dowhy.gcm.distribution_change, with explicit mechanisms and exact Shapley values.

    The rows are lines: category, grid given it, supplier given both, temperature given the grid, hours given grid and
    temperature, refund by logistic regression. It is told to let every node change, which spares it the errors of tests
    that would miss small changes. With `tests` it makes them all the same, as it does by default: they take long and
    change nothing. A hundred steps of the logistic fits give on 200 thousand lines what three hundred give, in two
    thirds of the time. Hours and temperature enter as numbers, the rest as dowhy encodes categories.
    """
    gcm.util.general.set_random_seed(seed)
    gcm.config.disable_progress_bars()
    gcm.config.set_default_n_jobs(1)
    lines = cells.loc[cells.index.repeat(cells["n"])].copy()
    refunded = lines.groupby(level=0).cumcount() < lines["refunded"]
    frame = pd.DataFrame(
        {
            "category": "c" + lines["category"].astype(str),
            "grid": "g" + lines["grid_id"].astype(str),
            "supplier": "s" + lines["supplier_id"].astype(str),
            "heat": (lines["temperature_c"] - 15) / 10,
            "hours": (lines["central_warehouse_hours"] + lines["grid_warehouse_hours"] - 20) / 10,
            "refund": refunded.map({True: "1", False: "0"}),
        }
    ).reset_index(drop=True)
    parents = {
        "grid": ["category"],
        "supplier": ["category", "grid"],
        "heat": ["grid"],
        "hours": ["grid", "heat"],
        "refund": ["category", "supplier", "heat", "hours"],
    }
    model = gcm.ProbabilisticCausalModel(nx.DiGraph([(a, node) for node, before in parents.items() for a in before]))
    model.set_causal_mechanism("category", gcm.EmpiricalDistribution())
    for node in ("heat", "hours"):
        model.set_causal_mechanism(node, gcm.AdditiveNoiseModel(gcm.ml.create_linear_regressor()))
    for node in ("grid", "supplier", "refund"):
        learner = gcm.ml.create_logistic_regression_classifier(C=10.0, max_iter=100)
        model.set_causal_mechanism(node, gcm.ClassifierFCM(learner))
    old = (lines["period"] == "base").to_numpy()

    def gap(before: NDArray[np.object_], after: NDArray[np.object_]) -> float:
        return float((after == "1").mean() - (before == "1").mean())

    found = gcm.distribution_change(
        model, frame[old], frame[~old], "refund", num_samples=n_samples, difference_estimation_func=gap,
        mechanism_change_test_significance_level=1.1,
        **({} if tests else {"independence_test": _changed, "conditional_independence_test": _changed}),
        shapley_config=gcm.shapley.ShapleyConfig(approximation_method=gcm.shapley.ShapleyApproximationMethods.EXACT),
    )  # fmt: skip
    mix = found["category"] + found["grid"]
    return {"mix": mix, "weather": found["heat"], "transit": found["hours"], "supplier": found["refund"]}


def _changed(*data: object) -> float:
    """P-value of a test for change that is not made, for every mechanism may change."""
    return 0.0


def main(n_lines: str, seed: str, tests: str = "") -> None:
    """Print the CPU seconds of one run, and what it found and should have, in points."""
    rng = np.random.default_rng((int(seed), 0, 0))
    world = draw_world(rng)
    truth = true_contributions(world)
    cells = draw_cells(rng, world, int(n_lines))
    started = time.process_time()
    found = dowhy_change(cells, tests=bool(tests))
    seconds = time.process_time() - started
    points = {f"found {part}": 100 * float(value) for part, value in found.items()}
    print(json.dumps({"seconds": seconds, **points, **{f"true {part}": 100 * float(truth[part]) for part in found}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
