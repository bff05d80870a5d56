"""Small frames to draw."""

import numpy as np
import pandas as pd


def series(n: int = 12, n_open: int = 2, **columns: object) -> pd.DataFrame:
    """A rate by week whose last `n_open` values are not final."""
    value = 0.03 + 0.004 * np.sin(np.arange(n))
    return pd.DataFrame(
        {
            "period": pd.date_range("2024-01-01", periods=n, freq="W-MON"),
            "value": value,
            "ci_lower": value - 0.005,
            "ci_upper": value + 0.006,
            "is_final": np.arange(n) < n - n_open,
        }
    ).assign(**columns)
