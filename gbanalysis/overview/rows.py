"""Expressions on rows that `facts` adds up: shipments and shortages.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import ibis

from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import flow_key, left_on


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
