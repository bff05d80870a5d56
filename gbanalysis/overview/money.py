"""Expressions on rows for the margin: what each order line and each shipment brings in and costs.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

Rates = Mapping[str, Mapping[str, float]]
"""For each part its rates: money a ``line``, money a ``unit``, and a share of the ``gmv``."""

KNOWN_PARTS = ("cost_of_goods", "commission", "loss", "refunds")
GAPS = ("no_cost", "no_commission")


def parts_of(rates: Rates) -> tuple[str, ...]:
    """Give every part that is taken from the GMV, in the order of the waterfall."""
    return (*KNOWN_PARTS, *(part for part in rates if part not in KNOWN_PARTS))


def line_money(lines: Any, *, rates: Rates) -> Any:
    """Add to each line its money, part by part, and the marks of costs that are not known.

    `lines` has ``selling_on``, ``amount``, ``quantity``, ``refunded``, ``commission_rate`` and ``unit_cost`` (null
    where not known), and ``on_flow``: its goods are paid for with a shipment. Refunds count up to the line's amount;
    the leader earns a share of the amount, whether it is refunded later or not. A part with rates is
    reckoned from them, whatever the data say.
    """
    amount, quantity = lines.amount.cast("float64"), lines.quantity.cast("float64")
    refunds = ibis.least(lines.refunded.cast("float64").fill_null(0.0), amount)
    money = {
        "gmv": amount,
        "cost_of_goods": ibis.ifelse(lines.on_flow, 0.0, quantity * lines.unit_cost),
        "commission": lines.commission_rate * amount,
        "loss": ibis.literal(0.0),
        "refunds": refunds,
        "leftover": ibis.literal(0.0),
    }
    for part, rate in rates.items():
        money[part] = quantity * rate.get("unit", 0.0) + amount * rate.get("gmv", 0.0) + rate.get("line", 0.0)
    gaps = {
        "no_cost": (~lines.on_flow & lines.unit_cost.isnull()).cast("int64"),
        "no_commission": lines.commission_rate.isnull().cast("int64"),
    }
    return lines.mutate(day=lines.selling_on, **{part: value.fill_null(0.0) for part, value in money.items()}, **gaps)


def shipment_money(shipped: Any, *, rates: Rates) -> Any:
    """Add to each shipment what its goods cost: ``cost_of_goods`` of units handed out, ``loss`` of units that got lost.

    Units that came through and were not ordered are ``leftover``: stock, not yet a cost.
    """
    sold = ibis.least(shipped.units_out, shipped.units_ordered.fill_null(0.0))
    zero = {part: ibis.literal(0.0) for part in ("gmv", *parts_of(rates)) if part not in ("cost_of_goods", "loss")}
    return shipped.mutate(
        day=shipped.selling_on,
        cost_of_goods=(sold * shipped.unit_cost).fill_null(0.0),
        loss=((shipped.units_in - shipped.units_out) * shipped.unit_cost).fill_null(0.0),
        leftover=((shipped.units_out - sold) * shipped.unit_cost).fill_null(0.0),
        no_cost=shipped.unit_cost.isnull().cast("int64"),
        no_commission=ibis.literal(0, "int64"),
        **zero,
    )


def money_columns(by: Sequence[str], rates: Rates) -> list[str]:
    """Give the columns that lines and shipments share, so that they can be stacked."""
    return list(dict.fromkeys(["day", "site_id", *by, "gmv", *parts_of(rates), "leftover", *GAPS]))
