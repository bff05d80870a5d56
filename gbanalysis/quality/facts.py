"""From rows to small frames of sums: the one module of quality that opens tables.

Each function builds one Ibis expression, so that the lines are read once, where the data are (DuckDB, Postgres, Spark),
and gives back a pandas frame of counts and sums. The expressions stand in modules of their own, such as `lines`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gbanalysis.dataset.expressions import described, selling_lines
from gbanalysis.quality.delay_rows import delay_cells, pickup_lags, refund_events
from gbanalysis.quality.lines import fulfilled_lines, with_refunds
from gbanalysis.quality.shift_cells import ShiftCells, Span, complete_cells, observed_weather, sum_to_cells
from gbanalysis.quality.stage_hours import with_stage_hours

if TYPE_CHECKING:
    import pandas as pd

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


def _with_hours(dataset: Dataset, lines: Any) -> Any:
    """Add hours, temperature and node of every stage to the lines (`stage_hours`); unchanged where no flow is tied."""
    if not (dataset.has("stage_flows") and dataset.has("order_lines", "shipment_id")):
        return lines
    return with_stage_hours(lines, dataset.table("stage_flows"))


def shift_cells(dataset: Dataset, *, base: Span, current: Span, as_of: dt.date) -> ShiftCells:
    """Sum the lines picked up in two periods to cells, with what was refunded of them by `as_of`."""
    first, last = min(base[0], current[0]), max(base[1], current[1])
    known = [name for name in ("central_id", "grid_id") if dataset.has("sites", name)]
    lines = _picked_up(dataset, ("category", "region", *known), first=first, last=last, as_of=as_of)
    cells = sum_to_cells(_with_hours(dataset, lines), base=base, current=current).to_pandas()
    weather = dataset.table("weather") if dataset.has("weather") else None
    return complete_cells(
        cells,
        weather=None if weather is None else observed_weather(weather, first=first, last=last).to_pandas(),
        policies=dataset.to_frame("policies") if dataset.has("policies") else None,
    )


def _referred(dataset: Dataset, *, date: str, as_of: dt.date) -> Any:
    """Lines whose reference day, pickup or selling day, lies no later than `as_of`; that day as ``day``."""
    lines = dataset.table("order_lines")
    if date == "fulfilled":
        return fulfilled_lines(lines, None, as_of)
    lines = selling_lines(lines, cutoff=dataset.settings.presale_cutoff, as_of=as_of)
    return lines.filter(lines.selling_on <= as_of).mutate(day=lines.selling_on)


def lag_facts(dataset: Dataset, *, as_of: dt.date) -> pd.DataFrame:
    """Count the lines picked up by `as_of` by ``lag``, the days from the selling day to the pickup."""
    frame: pd.DataFrame = pickup_lags(_referred(dataset, date="ordered", as_of=as_of), as_of=as_of).to_pandas()
    return frame


def delay_facts(
    dataset: Dataset,
    *,
    by: Sequence[str],
    unit: str,
    date: str,
    max_delay: int,
    recent_from: dt.date,
    as_of: dt.date,
) -> pd.DataFrame:
    """Sum lines and what was asked back of them by `as_of` to `by`, reference day and delay; see `delay_cells`."""
    lines = described(dataset, _referred(dataset, date=date, as_of=as_of), by)
    events = refund_events(lines, dataset.table("refunds"), unit=unit, as_of=as_of)
    cells = delay_cells(lines, events, keys=list(by), unit=unit, max_delay=max_delay, recent_from=recent_from)
    frame: pd.DataFrame = cells.to_pandas()
    return frame.assign(day=frame["day"].to_numpy().astype("datetime64[D]"))
