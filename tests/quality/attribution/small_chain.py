"""Small drawn cells for the tests of the attribution."""

import numpy as np
import pandas as pd

CENTRAL = {0: 0, 1: 0, 2: 1, 3: 1}


def small_cells(
    seed: int = 0,
    *,
    n_days: int = 8,
    lines: float = 40.0,
    worse: float = 0.0,
    slower: float = 0.0,
    warmer: float = 0.0,
    shift: float = 0.0,
    n_suppliers: int = 4,
    uncooled: float = 0.0,
    easier: float = 0.0,
) -> pd.DataFrame:
    """Three categories, four grids under two central warehouses; what changes is said by the arguments.

    Grid g1 warms by `uncooled` degrees; an easier rule holds in region r1 from the middle of the current period on.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for period, name in enumerate(("base", "current")):
        for day in range(n_days):
            heat = {c: 15 + 3 * rng.normal() + warmer * period + 2 * c for c in (0, 1)}
            lorry = {c: 10 + rng.normal() + c for c in (0, 1)}
            van = {g: 6 + rng.normal() + slower * period * (g == 1) for g in CENTRAL}
            fridge = {
                g: 6 + 0.1 * heat[CENTRAL[g]] + 0.5 * rng.normal() + uncooled * period * (g == 1) for g in CENTRAL
            }
            rule = {c: int(c == 1 and period == 1 and day >= n_days / 2) for c in (0, 1)}
            for category in range(3):
                for grid, central in CENTRAL.items():
                    for supplier in range(n_suppliers):
                        volume = lines * (1 + shift * period * (category == 2)) * (1 + 0.3 * (supplier == grid))
                        n = rng.poisson(volume)
                        logit = (
                            -3 + 0.6 * (category == 2) + 0.3 * supplier / n_suppliers
                            + 0.05 * (lorry[central] + van[grid] - 16) + 0.03 * (heat[central] - 15)
                            + worse * period * (supplier == 0) + 0.08 * (fridge[grid] - 6) + easier * rule[central]
                        )  # fmt: skip
                        y = rng.binomial(n, 1 / (1 + np.exp(-logit)))
                        rows.append((
                            name, day + 100 * period, f"c{category}", f"s{supplier}", f"o{supplier % 2}", f"z{central}",
                            f"g{grid}", f"r{central}", heat[central], lorry[central], van[grid], fridge[grid],
                            rule[central], n, y,
                        ))  # fmt: skip
    columns = [
        "period", "day", "category", "supplier_id", "origin_id", "central_id", "grid_id", "region", "temperature_c",
        "central_warehouse_hours", "grid_warehouse_hours", "grid_warehouse_temperature", "policy", "n", "refunded",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
