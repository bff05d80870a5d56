"""Expressions on rows that `facts` adds up: selling days, dimensions, refunds, shipments and shortages.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import ibis

from gbanalysis.dataset.contract import STAGES
from gbanalysis.errors import ContractError

NO_VALUE = "(none)"
_PERSONS = ("user_id", "leader_id")


def with_dimensions(rows: Any, by: Sequence[str], *, sites: Any, products: Any) -> Any:
    """Join the columns of `by` from sites and products to rows that have ``site_id`` and ``sku_id``.

    Raises
    ------
    ContractError
        Where neither the rows nor sites nor products have such a column, or where it names persons.
    """
    for table, key in ((sites, "site_id"), (products, "sku_id")):
        wanted = [name for name in by if name not in rows.columns and name in table.columns]
        if wanted:
            rows = rows.left_join(table.select(key, *wanted), key).drop(f"{key}_right")
    for name in by:
        if name in _PERSONS or name not in rows.columns:
            raise ContractError(
                f"by={name!r} is no column of sites or products, and no other that rows may be grouped by"
            )
    return rows.mutate(**{name: rows[name].cast("string").fill_null(NO_VALUE) for name in by})


def selling_lines(lines: Any, *, cutoff: dt.time | None, as_of: dt.date) -> Any:
    """Keep the lines ordered by `as_of`, and add ``selling_on``: the next day for orders after the pre-sale cutoff.

    An order in the very second of the cutoff still belongs to its own day.
    """
    lines = lines.filter(lines.ordered_at.date() <= as_of)
    day = lines.ordered_at.date()
    if cutoff is not None:
        seconds = lines.ordered_at.hour() * 3600 + lines.ordered_at.minute() * 60 + lines.ordered_at.second()
        is_after = seconds > cutoff.hour * 3600 + cutoff.minute * 60 + cutoff.second
        day = ibis.ifelse(is_after, day + ibis.interval(days=1), day)
    return lines.mutate(selling_on=day.cast("date"))


def refunds_by_line(refunds: Any, *, as_of: dt.date) -> Any:
    """Give ``line_id``, the number of refunds asked for by `as_of`, and their money."""
    refunds = refunds.filter(refunds.requested_on <= as_of)
    return refunds.group_by("line_id").aggregate(n_refunds=refunds.count(), refunded=refunds.amount.sum())


def flow_key(flows: Any) -> list[str]:
    """Give the columns that name what a stage flow carries: the shipment, and the SKU where flows are split by SKU."""
    return [name for name in ("shipment_id", "sku_id") if name in flows.columns]


def left_on(flows: Any) -> Any:
    """Give the day on which goods left a stage; a missing departure counts as its arrival."""
    if "departed_at" not in flows.columns:
        return flows.arrived_at.date()
    return ibis.coalesce(flows.departed_at, flows.arrived_at).date()


def shipments(flows: Any, lines: Any, *, as_of: dt.date) -> Any:
    """Give one row a shipment (and SKU): units into the first stage seen, out of the last, and whether it came through.

    Parameters
    ----------
    flows
        The stage flows; those that arrived after `as_of` are not seen, and a stage not left by then has lost nothing;
        a missing departure counts as its arrival.
    lines
        Selling lines with ``shipment_id``. Selling day, site, supplier and (where flows are not split) the SKU come
        from the lines that a shipment carries; one without lines has the day of its first arrival and the site
        it reached.

    Returns
    -------
    ibis.Table
        ``shipment_id``, ``sku_id``, ``supplier_id``, ``site_id``, ``first_on``, ``selling_on``, ``units_in``,
        ``units_out``, ``units_ordered`` (null without lines) and ``reached``.
    """
    key, last = flow_key(flows), len(STAGES) - 1
    flows = flows.filter(flows.arrived_at.date() <= as_of)
    flows = flows.mutate(place=ibis.cases(*((flows.stage == stage, place) for place, stage in enumerate(STAGES))))
    is_done = (left_on(flows) <= as_of) | (flows.place == last)
    flows = flows.mutate(quantity_out=ibis.ifelse(is_done, flows.quantity_out, flows.quantity_in))
    seen = flows.group_by(key).aggregate(
        first_on=flows.arrived_at.date().min(),
        units_in=flows.quantity_in.argmin(flows.place).cast("float64"),
        units_out=flows.quantity_out.argmax(flows.place).cast("float64"),
        reached=flows.place.max() == last,
        first_node_id=flows.node_id.argmin(flows.place),
        last_node_id=flows.node_id.argmax(flows.place),
    )
    seen = seen.left_join(_carried(lines, key), key)
    seen = seen.mutate(
        site_id=ibis.coalesce(seen.line_site_id, ibis.ifelse(seen.reached, seen.last_node_id, ibis.null("string"))),
        supplier_id=ibis.coalesce(seen.line_supplier_id, seen.first_node_id),
        selling_on=ibis.coalesce(seen.line_selling_on, seen.first_on),
    )
    if "sku_id" not in key:
        seen = seen.mutate(sku_id=seen.line_sku_id)
    names = ("shipment_id", "sku_id", "supplier_id", "site_id", "first_on", "selling_on")
    return seen.select(*names, "units_in", "units_out", "units_ordered", "reached")


def _carried(lines: Any, key: Sequence[str]) -> Any:
    """Give what the lines say of each shipment: units, selling day, site, supplier, and the SKU where it is one."""
    for name in ("shipment_id", "supplier_id"):
        if name not in lines.columns:
            lines = lines.mutate(**{name: ibis.null("string")})
    lines = lines.filter(lines.shipment_id.notnull())
    one_sku = ibis.ifelse(lines.sku_id.nunique() == 1, lines.sku_id.min(), ibis.null("string"))
    return lines.group_by(list(key)).aggregate(
        line_site_id=lines.site_id.min(),
        line_supplier_id=lines.supplier_id.min(),
        line_selling_on=lines.selling_on.min(),
        line_sku_id=one_sku,
        units_ordered=lines.quantity.sum().cast("float64"),
    )


def with_shortage(lines: Any, flows: Any | None, *, as_of: dt.date) -> Any:
    """Add ``is_short``: fewer units left the community site than were ordered, and this line is among the last ones.

    Who goes short is not recorded. Lines that were picked up (``is_claimed``) are served first, and otherwise in the
    order in which they were placed, so the units that are missing fall on lines that nobody picked up, the latest
    first; a line served in part is short. Flows count that reached the site by the day on which the line's time to be
    claimed ended (``claim_until``). Without stage flows (None) no line is known to be short.
    """
    if flows is None:
        return lines.mutate(is_short=ibis.literal(False))
    key = flow_key(flows)
    flows = flows.filter((flows.stage == STAGES[-1]) & (flows.arrived_at.date() <= as_of))
    handed = flows.group_by(key).aggregate(
        handed_out=flows.quantity_out.sum(), handed_from=flows.arrived_at.date().min()
    )
    order = [ibis.desc("is_claimed"), "ordered_at", "line_id"]
    queue = ibis.window(group_by=key, order_by=order, preceding=None, following=0)
    lines = lines.mutate(queued=lines.quantity.sum().over(queue))
    lines = lines.left_join(handed, key).drop(*(f"{name}_right" for name in key))
    is_short = (lines.queued > lines.handed_out) & (lines.handed_from <= lines.claim_until)
    return lines.mutate(is_short=is_short.fill_null(False))
