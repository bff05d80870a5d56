"""From rows to small frames of sums: the one module of quality that opens tables.

Each function builds one Ibis expression, so that the lines are read once, where the data are (DuckDB, Postgres, Spark),
and gives back a pandas frame of counts and sums. The expressions stand in modules of their own, such as `lines`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gbanalysis.dataset.expressions import described
from gbanalysis.quality.lines import fulfilled_lines, with_refunds

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset


def _picked_up(
    dataset: Dataset,
    by: Sequence[str],
    *,
    first: dt.date | None,
    last: dt.date,
    as_of: dt.date,
    approved_only: bool = False,
) -> Any:
    """Lines picked up from `first` to `last` with the columns of `by`, and what was asked back of them by `as_of`."""
    lines = described(dataset, fulfilled_lines(dataset.table("order_lines"), first, last), by)
    return with_refunds(lines, dataset.table("refunds"), as_of=as_of, approved_only=approved_only)
