"""econml's doubly robust learner on the lines of a world, told which supplier and grid changed."""

import numpy as np
import pandas as pd
from econml.dr import LinearDRLearner
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

FloatArray = NDArray[np.float64]


def econml_change(cells: pd.DataFrame, supplier: int, grid: int, *, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Contribution of a supplier's quality and of a grid's transit by LinearDRLearner: (estimate, standard error).

    The treatment is the period; the feature is the suspect. What the effect on the suspect's lines exceeds that on the
    others', times the suspect's mean share of the lines, is its contribution. The confounders are category, temperature
    and, for quality, hours and grid; for transit supplier instead, and hours are left out for they carry the effect.
    Nuisances are logistic regressions with the penalty tuned on other worlds (C = 1).
    """
    n = cells["n"].to_numpy()
    lines = cells.loc[cells.index.repeat(n)]
    refunded = (lines.groupby(level=0).cumcount() < lines["refunded"]).to_numpy(dtype=float)
    current = (lines["period"] == "current").to_numpy(dtype=int)
    category, one_supplier, one_grid = (
        pd.get_dummies(lines[key], dtype=float).to_numpy()[:, 1:] for key in ("category", "supplier_id", "grid_id")
    )
    heat = (lines[["temperature_c"]].to_numpy() - 15) / 10
    hours = (lines[["central_warehouse_hours", "grid_warehouse_hours"]].to_numpy() - 10) / 10
    confounders = {
        "supplier": np.hstack([category, one_supplier, heat, hours]),
        "transit": np.hstack([category, one_supplier, one_grid, heat]),
    }
    suspect = {"supplier": lines["supplier_id"] == supplier, "transit": lines["grid_id"] == grid}
    found = {}
    for part, controls in confounders.items():
        mine = suspect[part].to_numpy(dtype=float)[:, None]
        learner = LinearDRLearner(
            model_propensity=LogisticRegression(C=1.0, max_iter=500),
            model_regression=LogisticRegression(C=1.0, max_iter=500),
            discrete_outcome=True,
            cv=2,
            random_state=seed,
        )
        learner.fit(refunded, current, X=mine, W=controls)
        share = np.mean([mine[current == period].mean() for period in (0, 1)])
        effect = learner.coef__inference(T=1)
        found[part] = (float(share * effect.point_estimate.item()), float(share * effect.stderr.item()))
    return found
