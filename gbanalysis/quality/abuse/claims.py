"""Expressions for refund abuse: cells of like lines, users' sums, one row a refunded line, and flagged users by day.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ibis

from gbanalysis.dataset.expressions import NO_VALUE, truncate

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("sku_id", "category", "origin", "supplier_id", "region", "grid_id")
"""The columns by which lines are alike; those that the data do not have are left out."""

MARKS = ("reason", "refund_only", "approved")
OF_SKU = ("category", "origin")


def with_week(lines: Any) -> Any:
    """Add ``week``, the Monday before the pickup, as text."""
    return lines.mutate(week=truncate(lines.day, "W").cast("string"))


def like_lines(lines: Any, keys: Sequence[str]) -> Any:
    """Count lines and refunded ones by `keys` and week."""
    lines = with_week(lines)
    return lines.group_by([*keys, "week"]).aggregate(n_lines=lines.count(), n_refunded=lines.refunded.sum())


def with_cells(lines: Any, cells: pd.DataFrame, keys: Sequence[str]) -> Any:
    """Join to each line the number of its cell, its ``rate``, ``hazard`` and class of ``risk``; see `like_lines`."""
    on = [key for key in (*keys, "week") if key not in OF_SKU]  # a SKU has one category and one origin
    known = ibis.memtable(cells[[*on, "cell", "rate", "hazard", "risk"]])
    return with_week(lines).inner_join(known, on)


def user_sums(lines: Any, n_risks: int) -> Any:
    """Sum each user's lines by site: counts, ``expected`` refunds, hazard of unrefunded lines by class of risk."""
    quiet = {
        f"hazard_{k}": ((lines.refunded == 0) & (lines.risk == k)).ifelse(lines.hazard, 0.0) for k in range(n_risks)
    }
    return lines.group_by(["user_id", "site_id"]).aggregate(
        n_lines=lines.count(),
        n_refunded=lines.refunded.sum(),
        expected=lines.rate.sum(),
        **{name: column.sum() for name, column in quiet.items()},
    )


def refunded_rows(lines: Any, refunds: Any) -> Any:
    """Give one row a refunded line: its user, site, cell, money asked back, days waited, first refund's marks.

    Of several refunds of a line the one with the lowest id speaks.
    """
    marks = [name for name in MARKS if name in refunds.columns]
    refunds = refunds.mutate(**{name: refunds[name].cast("string").fill_null(NO_VALUE) for name in marks})
    first = refunds.group_by("line_id").aggregate(**{name: refunds[name].argmin(refunds.refund_id) for name in marks})
    rows = lines.filter(lines.refunded == 1)
    if marks:
        rows = rows.left_join(first, "line_id").drop("line_id_right")
    waited = rows.first_requested_on.delta(rows.day, unit="day")
    rows = rows.mutate(waited=ibis.greatest(waited, 0), amount=rows.refunded_amount)
    return rows.select("line_id", "user_id", "site_id", "cell", "amount", "waited", *marks)


def flagged_days(lines: Any, bands: pd.DataFrame) -> Any:
    """Sum lines by the ``band`` of their user, day, site and supplier; users who are in no band are in band 0.

    Parameters
    ----------
    lines
        Lines with what was refunded of them.
    bands
        ``user_id`` and ``band``, the number of thresholds that the user reaches.
    """
    lines = lines.left_join(ibis.memtable(bands), "user_id").drop("user_id_right")
    lines = lines.mutate(band=lines.band.fill_null(0))
    if "supplier_id" not in lines.columns:
        lines = lines.mutate(supplier_id=ibis.literal(NO_VALUE))
    lines = lines.mutate(supplier_id=lines.supplier_id.fill_null(NO_VALUE))
    return lines.group_by(["band", "day", "site_id", "supplier_id"]).aggregate(
        lines=lines.count(), refunded=lines.refunded.sum()
    )
