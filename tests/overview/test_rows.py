"""The expressions on rows can be said in the SQL of every engine that the design names."""

import datetime as dt
from typing import Any

import ibis
import pytest

from gbanalysis.dataset.expressions import (
    BOTH,
    SITE_DAY,
    SUPPLIER_DAY,
    cluster_sums,
    refunds_by_line,
    selling_lines,
    truncate,
    with_dimensions,
)
from gbanalysis.overview.money import line_money, shipment_money
from gbanalysis.overview.rows import shipments, with_shortage

AS_OF = dt.date(2024, 1, 31)
LINES = {
    "line_id": "string", "order_id": "string", "user_id": "string", "site_id": "string", "sku_id": "string",
    "supplier_id": "string", "shipment_id": "string", "ordered_at": "timestamp", "fulfilled_on": "date",
    "quantity": "float64", "amount": "float64",
}  # fmt: skip
FLOWS = {
    "shipment_id": "string", "stage": "string", "sku_id": "string", "node_id": "string", "arrived_at": "timestamp",
    "departed_at": "timestamp", "quantity_in": "float64", "quantity_out": "float64",
}  # fmt: skip
REFUNDS = {"line_id": "string", "requested_on": "date", "amount": "float64"}


def expressions() -> dict[str, Any]:
    lines, flows = ibis.table(LINES, name="order_lines"), ibis.table(FLOWS, name="stage_flows")
    sites = ibis.table({"site_id": "string", "region": "string"}, name="sites")
    products = ibis.table({"sku_id": "string", "category": "string"}, name="products")
    sold = selling_lines(lines, cutoff=dt.time(23, 0), as_of=AS_OF)
    sold = with_dimensions(sold, ["region", "category"], sites=sites, products=products)
    shipped = shipments(flows, sold, as_of=AS_OF)
    due = {"is_claimed": sold.fulfilled_on.notnull(), "claim_until": ibis.literal(AS_OF)}
    short = with_shortage(sold.mutate(**due), flows, as_of=AS_OF)
    rates = {"logistics": {"line": 0.5}}
    nulls = {name: ibis.null("float64") for name in ("refunded", "commission_rate", "unit_cost")}
    cells = short.mutate(period=truncate(short.selling_on, "W"), day=short.selling_on, one=ibis.literal(1.0))
    ways = (SITE_DAY, SUPPLIER_DAY, BOTH)
    return {
        "refunds_by_line": refunds_by_line(ibis.table(REFUNDS, name="refunds"), as_of=AS_OF),
        "shipments": shipped,
        "with_shortage": short,
        "line_money": line_money(sold.mutate(on_flow=ibis.literal(False), **nulls), rates=rates),
        "shipment_money": shipment_money(shipped.mutate(unit_cost=ibis.literal(1.0)), rates=rates),
        "cluster_sums": cluster_sums(cells, ["period", "region"], x="one", ys=("amount",), ways=ways),
    }


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize("name", list(expressions()))
def test_the_expression_compiles(name: str, dialect: str) -> None:
    assert "SELECT" in str(ibis.to_sql(expressions()[name], dialect=dialect))
