"""Days, weeks and months of a frame: their names, their last days, and a row for each of them."""

from __future__ import annotations

from typing import Any

from gbanalysis.dataset.expressions import Period

PERIOD_NAMES: dict[Period, str] = {"D": "day", "W": "week", "M": "month"}
_STEPS: dict[Period, str] = {"D": "D", "W": "W-MON", "M": "MS"}


def period_end(start: Any, period: Period) -> Any:
    """Give the last day of each period from its first."""
    import pandas as pd

    if period == "M":
        return start + pd.offsets.MonthEnd(0)
    return start + pd.Timedelta(days=6 if period == "W" else 0)


def all_periods(starts: Any, period: Period) -> Any:
    """Give every period between the first and the last of `starts`, as an index named ``period``."""
    import pandas as pd

    return pd.date_range(starts.min(), starts.max(), freq=_STEPS[period], name="period")
