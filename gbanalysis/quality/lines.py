"""Expressions on order lines that the facts of quality share: what was picked up, and what was refunded of it.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis

from gbanalysis.dataset.expressions import refunds_by_line


def fulfilled_lines(lines: Any, first: dt.date | None, last: dt.date) -> Any:
    """Keep the lines picked up from `first` (None: from the beginning) to `last`, both included; add ``day``."""
    lines = lines.filter(lines.fulfilled_on <= last)
    if first is not None:
        lines = lines.filter(lines.fulfilled_on >= first)
    return lines.mutate(day=lines.fulfilled_on)


def with_refunds(lines: Any, refunds: Any, *, as_of: dt.date, approved_only: bool = False) -> Any:
    """Add to each line what was asked back of it by `as_of`, capped at the line.

    Several refunds of a line add up. A refund that does not tell its units counts as the share of the line's amount
    that it is (the whole line where that amount is zero).

    Returns
    -------
    ibis.Table
        The lines with ``refunded`` (0 or 1), ``refunded_quantity``, ``refunded_amount`` (both at most the line's own)
        and ``first_requested_on`` (null where nothing was asked back).
    """
    asked = refunds_by_line(refunds, as_of=as_of, approved_only=approved_only)
    asked = asked.rename(asked_amount="refunded")
    lines = lines.left_join(asked, "line_id").drop("line_id_right")
    amount, quantity = lines.amount.cast("float64"), lines.quantity.cast("float64")
    share = ibis.ifelse(amount > 0, ibis.least(lines.refunded_no_units / amount.nullif(0.0), 1.0), 1.0)
    units = lines.refunded_units + ibis.ifelse(lines.n_no_units > 0, share * quantity, 0.0)
    lines = lines.mutate(
        refunded=lines.n_refunds.notnull().cast("int64"),
        # Without a refund both are null, and engines' LEAST passes over nulls: fill them first.
        refunded_quantity=ibis.least(units.fill_null(0.0), quantity),
        refunded_amount=ibis.least(lines.asked_amount.cast("float64").fill_null(0.0), amount),
    )
    return lines.drop("asked_amount", "n_refunds", "refunded_units", "n_no_units", "refunded_no_units")
