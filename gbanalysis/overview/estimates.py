"""From sums over clusters to estimates: tidy rows of value, interval and counts, and whether they are final."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gbanalysis.dataset.expressions import BOTH, SUPPLIER_DAY, Period
from gbanalysis.dataset.periods import all_periods, period_end
from gbanalysis.stats import intervals
from gbanalysis.stats.intervals import ClusterSums

NO_LINES = "no lines in this period"
ESTIMATE = ("value", "ci_lower", "ci_upper", "n", "n_clusters")


def total_estimates(facts: pd.DataFrame, *, total: str, squares: str, clusters: str, confidence: float) -> pd.DataFrame:
    """Estimate totals that are never negative; `squares` names the sum of the clusters' squares.

    Where the total is zero there is nothing to redraw, and both ends are zero.
    """
    value = _array(facts, total)
    ends = intervals.total_interval(value, _array(facts, squares), confidence=confidence)
    lower, upper = (np.where(value == 0, 0.0, end) for end in ends)
    return _rows(value, lower, upper, n=_array(facts, "n_lines"), clusters=_array(facts, clusters))


def count_estimates(facts: pd.DataFrame, *, count: str, confidence: float) -> pd.DataFrame:
    """Estimate a count of independent things, each its own cluster, such as distinct users."""
    return total_estimates(facts, total=count, squares=count, clusters=count, confidence=confidence)


def ratio_estimates(facts: pd.DataFrame, *, y: str, confidence: float) -> pd.DataFrame:
    """Estimate a ratio of sums that is not a share, from one way of cutting clusters."""
    sums = sums_of(facts, y)
    lower, upper = intervals.ratio_interval(sums, confidence=confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _rows(sums.y / sums.x, lower, upper, n=sums.x, clusters=sums.n)


def share_estimates(facts: pd.DataFrame, *, keys: Sequence[str], y: str, confidence: float) -> pd.DataFrame:
    """Estimate shares from one or from two crossed ways of cutting clusters; `keys` stand first in the rows.

    Where lines are bound together in two ways, the variance is the two-way one, and the fewer of the two numbers of
    effective clusters counts.
    """
    ways = {str(way): part.set_index(list(keys)).sort_index() for way, part in facts.groupby("way")}
    crossed = {BOTH, SUPPLIER_DAY} <= set(ways)
    first = ways.pop(next(way for way in ways if way not in (BOTH, SUPPLIER_DAY)))
    sums = sums_of(first, y)
    variance, clusters = intervals.ratio_variance(sums), intervals.effective_clusters(sums)
    if crossed:
        second, overlap = sums_of(ways[SUPPLIER_DAY], y), sums_of(ways[BOTH], y)
        variance = intervals.crossed_ratio_variance(sums, second, overlap)
        clusters = np.fmin(clusters, intervals.effective_clusters(second))
    lower, upper = intervals.share_interval(sums.y, sums.x, variance, clusters, confidence=confidence)
    rows = _rows(sums.y / sums.x, lower, upper, n=sums.x, clusters=sums.n)
    return pd.concat([first.index.to_frame(index=False), rows], axis=1)


def sums_of(facts: pd.DataFrame, y: str) -> ClusterSums:
    """Take the cluster sums of one numerator out of a frame of facts."""
    names = ("n", "x", f"y_{y}", "xx", f"xy_{y}", f"yy_{y}")
    return ClusterSums(*(_array(facts, name) for name in names))


def finality(
    periods: pd.Series[Any], *, period: Period, first_on: dt.date, as_of: dt.date, wait_days: int, waiting_for: str = ""
) -> pd.DataFrame:
    """Say for each period whether its figures are final, and if not why: ``is_final`` and ``reason``.

    A period is final when all its days lie within the data and, for figures that come late, `wait_days` more have
    passed.
    """
    start = pd.to_datetime(periods)
    end = period_end(start, period)
    lacks_days = (start < pd.Timestamp(first_on)) | (end > pd.Timestamp(as_of))
    is_open = end + pd.Timedelta(days=wait_days) > pd.Timestamp(as_of)
    reason = np.select([lacks_days, is_open], ["the data hold a part of this period only", waiting_for], "")
    return pd.DataFrame({"is_final": ~(lacks_days | is_open), "reason": reason}, index=periods.index)


def every_period(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Give a row to each period between the first and the last: without lines its counts and sums are zero.

    Values and intervals are left NaN there; totals are made from the sums, and a rate of nothing is not known.
    """
    span = all_periods(rows["period"], period)
    if len(span) == len(rows):
        return rows
    filled = rows.set_index("period").reindex(span).reset_index()
    sums = [name for name in filled.select_dtypes("number") if name not in ESTIMATE[:3]]
    return filled.fillna(dict.fromkeys(sums, 0))


def with_reasons(rows: pd.DataFrame) -> pd.DataFrame:
    """Say in ``reason`` why a value or an interval is not known, where nothing says so yet."""
    no_value, no_interval = rows["value"].isna(), rows["value"].notna() & rows["ci_lower"].isna()
    why = np.select(
        [no_value & (rows["reason"] == ""), no_interval & (rows["n_clusters"] == 1), no_interval],
        [NO_LINES, "only one cluster, no interval", "one cluster holds most of it, no interval"],
        "",
    )
    joined = rows["reason"] + np.where((rows["reason"] != "") & (why != ""), "; ", "") + why
    return rows.assign(reason=joined)


def _array(frame: pd.DataFrame, name: str) -> Any:
    return frame[name].to_numpy(dtype=float)


def _rows(value: Any, lower: Any, upper: Any, *, n: Any, clusters: Any) -> pd.DataFrame:
    return pd.DataFrame(dict(zip(ESTIMATE, (value, lower, upper, n, clusters), strict=True)))
