"""Small drawn cells for the tests of effects: hours depend on route and chance, refunds on goods, route and hours."""

import numpy as np
import pandas as pd


def drawn_cells(seed=0, *, n_days=60, lines=12, slope=0.004, hidden=0.0, n_suppliers=4):
    """Cells as facts.effect_cells gives them; an hour does `slope` to vegetables and a quarter of it to snacks."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(n_days):
        lorry = rng.normal(size=3)
        heat = 15 + 8 * np.sin(day / 20) + rng.normal()
        for category, share in (("vegetables", 1.0), ("snacks", 0.25)):
            for supplier in range(n_suppliers):
                for grid in range(3):
                    hours = 10 + 2 * grid + supplier + 1.5 * lorry[grid] + 0.5 * rng.normal()
                    other = rng.normal()
                    hours += hidden * other
                    rate = 0.05 + 0.02 * grid + 0.01 * supplier + share * slope * (hours - 12) + 0.02 * hidden * other
                    n = 1 + rng.poisson(lines)
                    y = rng.binomial(n, np.clip(rate, 0.001, 0.9))
                    rows.append((category, f"s{supplier}", f"g{grid}", day, hours, heat, n, y))
    frame = pd.DataFrame(
        rows, columns=["category", "supplier_id", "grid_id", "day", "treatment", "outside", "n", "refunded"]
    )
    return frame.assign(
        goods=frame["category"], region="r", central_id="c", at_supplier=frame["outside"],
        due_on=pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D"),
    )  # fmt: skip
