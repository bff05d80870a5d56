"""Expressions on order lines and their refunds that show how late refunds are asked for.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis

NO_DELAY = -1


def refund_events(lines: Any, refunds: Any, *, unit: str, as_of: dt.date) -> Any:
    """Give one row a line and day on which more of it was asked back, known by `as_of`.

    Parameters
    ----------
    lines
        With ``line_id``, ``quantity``, ``amount``.
    refunds
        The refunds; a refund that does not tell its units counts as the share of the line's amount that it is.
    unit
        ``"line"``: the first request, 1 each. ``"value"``, ``"quantity"``: what each day adds, capped at the line.

    Returns
    -------
    ibis.Table
        ``line_id``, ``requested_on``, ``reported`` and ``place``, 0 on the first row of a line.
    """
    refunds = refunds.filter(refunds.requested_on <= as_of)
    if unit == "line":
        first = refunds.group_by("line_id").aggregate(requested_on=refunds.requested_on.min())
        return first.mutate(reported=ibis.literal(1.0), place=ibis.literal(0).cast("int64"))
    units = refunds.quantity if "quantity" in refunds.columns else ibis.null("float64")
    refunds = refunds.mutate(units=units.cast("float64"), money=refunds.amount.cast("float64"))
    days = refunds.group_by(["line_id", "requested_on"]).aggregate(
        money=refunds.money.sum(),
        units=refunds.units.fill_null(0.0).sum(),
        no_units=ibis.ifelse(refunds.units.isnull(), refunds.money, 0.0).sum(),
        n_no_units=refunds.units.isnull().cast("int64").sum(),
    )
    days = days.inner_join(lines.select("line_id", "quantity", "amount"), "line_id")
    so_far = ibis.window(group_by="line_id", order_by="requested_on", preceding=None, following=0)
    amount, quantity = days.amount.cast("float64"), days.quantity.cast("float64")
    if unit == "value":
        total = ibis.least(days.money.sum().over(so_far), amount)
    else:
        share = ibis.least((days.no_units.sum().over(so_far) / amount.nullif(0.0)).fill_null(1.0), 1.0)
        untold = ibis.ifelse(days.n_no_units.sum().over(so_far) > 0, share * quantity, 0.0)
        total = ibis.least(days.units.sum().over(so_far) + untold, quantity)
    days = days.mutate(total=total)
    in_order = ibis.window(group_by="line_id", order_by="requested_on")
    return days.select(
        "line_id",
        "requested_on",
        reported=days.total - days.total.lag().over(in_order).fill_null(0.0),
        place=ibis.row_number().over(in_order).cast("int64"),
    )


def delay_cells(lines: Any, events: Any, *, keys: list[str], unit: str, max_delay: int, recent_from: dt.date) -> Any:
    """Sum lines and their refunds to `keys`, reference day and delay.

    Parameters
    ----------
    lines
        With ``day``, the reference day, and the columns of `keys`.
    events
        From `refund_events`.
    keys
        Columns that name a cell.
    max_delay
        Later delays are put together as ``max_delay + 1``; an earlier request than the reference day has delay 0.
    recent_from
        Before this day delays are not told apart.

    Returns
    -------
    ibis.Table
        `keys`, ``day``, ``delay`` (`NO_DELAY` where nothing was asked back or delays are not told apart), ``n`` (what
        could be asked back; on the rows of the delay at which a line first shows), ``reported`` and ``squares``, the
        sum of the squares of what was asked back.
    """
    lines = lines.left_join(events, "line_id").drop("line_id_right")
    own = {"line": ibis.literal(1.0), "value": lines.amount, "quantity": lines.quantity}[unit]
    late = ibis.greatest(lines.requested_on.delta(lines.day, unit="day"), 0)
    told = lines.requested_on.notnull() & (lines.day >= recent_from)
    lines = lines.mutate(
        delay=ibis.ifelse(told, ibis.least(late, max_delay + 1), NO_DELAY).cast("int64"),
        n=ibis.ifelse(lines.place.fill_null(0) == 0, own.cast("float64"), 0.0),
        reported=lines.reported.fill_null(0.0),
    )
    return lines.group_by([*keys, "day", "delay"]).aggregate(
        n=lines.n.sum(), reported=lines.reported.sum(), squares=(lines.reported * lines.reported).sum()
    )


def pickup_lags(lines: Any, *, as_of: dt.date) -> Any:
    """Count lines picked up by `as_of` by ``lag``, the days from ``day`` to the pickup, at least 0."""
    lines = lines.filter(lines.fulfilled_on <= as_of)
    lines = lines.mutate(lag=ibis.greatest(lines.fulfilled_on.delta(lines.day, unit="day"), 0))
    return lines.group_by("lag").aggregate(n=lines.count())
