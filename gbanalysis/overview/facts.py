"""From rows to small frames of sums: the one module of the overview that touches big tables.

Every function builds Ibis expressions, so that it runs where the data are (DuckDB, Postgres, Spark), and gives back a
pandas frame with a row for each period and group. Sums come with their squares and products over clusters, which is all
that `gbanalysis.stats.intervals` needs: site x day, and for shares also supplier x day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import ibis

from gbanalysis.dataset.expressions import (
    NODE_DAY,
    SITE_DAY,
    Period,
    cluster_sums,
    count_unfulfilled,
    cut,
    described,
    flow_key,
    left_on,
    refunds_by_line,
    run,
    selling_lines,
    truncate,
    ways_of,
)
from gbanalysis.overview.money import Rates, line_money, money_columns, parts_of, shipment_money
from gbanalysis.overview.rows import shipments, with_shortage

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset


def sales_facts(dataset: Dataset, *, by: Sequence[str], period: Period, as_of: dt.date) -> pd.DataFrame:
    """Count and add up order lines by selling period.

    Returns
    -------
    pandas.DataFrame
        ``period``, `by`, distinct ``n_lines``, ``n_orders``, ``n_users``, ``n_sites``; the first
        selling day ``first_on``; and over site x day clusters ``n``, ``x`` (orders), ``xx`` and for lines and gmv
        ``y_*``, ``xy_*``, ``yy_*``.
    """
    lines = _selling(dataset, by, as_of)
    lines = lines.mutate(period=truncate(lines.selling_on, period), day=lines.selling_on)
    keys = ["period", *by]
    counts = lines.group_by(keys).aggregate(
        n_lines=lines.count(),
        n_orders=lines.order_id.nunique(),
        n_users=lines.user_id.nunique(),
        n_sites=lines.site_id.nunique(),
        first_on=lines.selling_on.min(),
    )
    cells = lines.group_by(cut(keys, SITE_DAY)).aggregate(
        orders=lines.order_id.nunique(), lines=lines.count(), gmv=lines.amount.sum()
    )
    sums = cluster_sums(cells, keys, x="orders", ys=("lines", "gmv"), ways=(SITE_DAY,))
    return run(counts, keys).merge(run(sums, keys), on=keys, validate="one_to_one")


def refund_facts(dataset: Dataset, *, by: Sequence[str], period: Period, as_of: dt.date) -> pd.DataFrame:
    """Count picked-up lines and those of them refunded by `as_of`, by period of pickup.

    Returns
    -------
    pandas.DataFrame
        ``period``, `by`, ``way`` (how the clusters are cut), ``n``, ``x`` (lines), ``y_refunded`` and their squares and
        products.
    """
    lines = described(dataset, dataset.table("order_lines"), by)
    lines = lines.filter(lines.fulfilled_on <= as_of)
    lines = lines.mutate(period=truncate(lines.fulfilled_on, period), day=lines.fulfilled_on)
    refunded = refunds_by_line(dataset.table("refunds"), as_of=as_of)
    lines = lines.left_join(refunded, "line_id").drop("line_id_right")
    keys, ways = ["period", *by], ways_of(lines)
    cells = lines.group_by(cut(keys, ways[-1])).aggregate(
        lines=lines.count(), refunded=lines.n_refunds.notnull().cast("int64").sum()
    )
    return run(cluster_sums(cells, keys, x="lines", ys=("refunded",), ways=ways), keys)


def unfulfilled_refunds(dataset: Dataset, *, as_of: dt.date) -> int:
    """Count lines refunded by `as_of` that were never picked up; the fulfilled basis leaves them out."""
    return count_unfulfilled(dataset.table("order_lines"), dataset.table("refunds"), as_of=as_of)


def loss_facts(dataset: Dataset, *, by: Sequence[str], period: Period, as_of: dt.date) -> pd.DataFrame:
    """Add up the units that entered the chain and those lost on the way, over shipments that reached their site.

    Returns
    -------
    pandas.DataFrame
        ``period`` (of the selling day), `by`, ``way``, ``n``, ``x`` (units in), ``y_lost`` and their squares
        and products.
    """
    shipped = _shipments(dataset, as_of)
    shipped = described(dataset, shipped.filter(shipped.reached), by)
    shipped = shipped.mutate(period=truncate(shipped.selling_on, period), day=shipped.selling_on)
    keys, ways = ["period", *by], ways_of(shipped)
    cells = shipped.group_by(cut(keys, ways[-1])).aggregate(
        units=shipped.units_in.sum(), lost=(shipped.units_in - shipped.units_out).sum()
    )
    return run(cluster_sums(cells, keys, x="units", ys=("lost",), ways=ways), keys)


def stage_facts(dataset: Dataset, *, by: Sequence[str], as_of: dt.date) -> pd.DataFrame:
    """Add up units in and lost at each stage of the chain that was left by `as_of`, clustered by node and day."""
    flows = dataset.table("stage_flows")
    flows = flows.filter(left_on(flows) <= as_of)
    carried = [name for name in ("site_id", "supplier_id", "sku_id") if name not in flows.columns]
    key = flow_key(flows)
    flows = flows.left_join(_shipments(dataset, as_of).select(*key, *carried), key).drop(*(f"{k}_right" for k in key))
    flows = described(dataset, flows.mutate(day=flows.arrived_at.date()), by)
    keys = ["stage", *by]
    cells = flows.group_by(cut(keys, NODE_DAY)).aggregate(
        units=flows.quantity_in.sum(), lost=(flows.quantity_in - flows.quantity_out).sum()
    )
    return run(cluster_sums(cells, keys, x="units", ys=("lost",), ways=(NODE_DAY,)), keys)


def service_facts(
    dataset: Dataset, *, by: Sequence[str], period: Period, as_of: dt.date, claim_days: int
) -> pd.DataFrame:
    """Count lines by what became of them, by selling period; only lines whose time to be claimed is over.

    Returns
    -------
    pandas.DataFrame
        ``period``, `by`, ``way``, ``n``, ``x`` (lines), ``y_on_time``, ``y_late``, ``y_short``, ``y_unclaimed`` and
        their squares and products; ``n_users``, ``first_on`` (the first selling day).
    """
    flows = dataset.table("stage_flows") if has_flows(dataset) else None
    lines = _selling(dataset, by, as_of)
    lines = lines.mutate(
        due_on=(lines.selling_on + ibis.interval(days=1)).cast("date"),
        claim_until=(lines.selling_on + ibis.interval(days=1 + claim_days)).cast("date"),
    )
    # Both ends are known days: a pickup after the last one changes nothing, so that a final figure stays as it is.
    last_on = ibis.least(lines.claim_until, ibis.literal(as_of))
    lines = lines.mutate(is_claimed=(lines.fulfilled_on <= last_on).fill_null(False))
    lines = with_shortage(lines, flows, as_of=as_of)
    lines = lines.filter(lines.claim_until <= as_of)
    lines = lines.mutate(period=truncate(lines.selling_on, period), day=lines.selling_on)
    # A line is short before it is late or unclaimed, so that each line counts once.
    is_late = (~lines.is_short & lines.is_claimed & (lines.fulfilled_on > lines.due_on)).fill_null(False)
    is_unclaimed = ~lines.is_short & ~lines.is_claimed
    lines = lines.mutate(is_late=is_late, is_unclaimed=is_unclaimed)
    keys, ways = ["period", *by], ways_of(lines)
    cells = lines.group_by(cut(keys, ways[-1])).aggregate(
        lines=lines.count(),
        late=lines.is_late.cast("int64").sum(),
        short=lines.is_short.cast("int64").sum(),
        unclaimed=lines.is_unclaimed.cast("int64").sum(),
    )
    cells = cells.mutate(on_time=cells.lines - cells.late - cells.short - cells.unclaimed)
    people = lines.group_by(keys).aggregate(n_users=lines.user_id.nunique(), first_on=lines.selling_on.min())
    sums = cluster_sums(cells, keys, x="lines", ys=("on_time", "late", "short", "unclaimed"), ways=ways)
    return run(sums, keys).merge(run(people, keys), on=keys, validate="many_to_one")


def margin_facts(dataset: Dataset, *, by: Sequence[str], period: Period, as_of: dt.date, rates: Rates) -> pd.DataFrame:
    """Add up what comes in and what goes out, in money, by selling period.

    Where the data have stage flows, the units ordered that came through the chain are the ``cost_of_goods``, those lost
    on the way the ``loss``, and units that came through for nobody are ``leftover`` (stock, taken from nothing).
    Goods of lines without flows of their shipment and SKU are paid for as they are ordered, and no loss is known.

    Returns
    -------
    pandas.DataFrame
        ``period``, `by`, ``n_users``, ``n_lines``, ``first_on``; ``n_no_cost`` and ``n_no_commission`` (rows whose cost
        is not known); ``y_*`` and over site x day clusters ``yy_*`` of gmv, each part, the margin and the
        leftover.
    """
    keys, parts = ["period", *by], parts_of(rates)
    cells = _money_cells(dataset, by, as_of, rates)
    cells = cells.mutate(period=truncate(cells.day, period))
    gaps = cells.group_by(keys).aggregate(n_no_cost=cells.no_cost.sum(), n_no_commission=cells.no_commission.sum())
    cells = cells.group_by(cut(keys, SITE_DAY)).aggregate(
        **{part: cells[part].sum() for part in ("gmv", *parts, "leftover")}
    )
    cells = cells.mutate(margin=cells.gmv - reduce(add, [cells[part] for part in parts]), one=ibis.literal(1.0))
    sums = cluster_sums(cells, keys, x="one", ys=("gmv", *parts, "margin", "leftover"), ways=(SITE_DAY,))
    lines = _selling(dataset, by, as_of)
    lines = lines.mutate(period=truncate(lines.selling_on, period))
    people = lines.group_by(keys).aggregate(
        n_users=lines.user_id.nunique(), n_lines=lines.count(), first_on=lines.selling_on.min()
    )
    frame = run(sums, keys).merge(run(gaps, keys), on=keys, validate="one_to_one")
    return frame.merge(run(people, keys), on=keys, how="left", validate="one_to_one")


def lines_off_flow(dataset: Dataset, *, as_of: dt.date) -> int:
    """Count lines whose shipment has stage flows by `as_of`, but none of the line's SKU."""
    flows, lines = _seen_flows(dataset, as_of), _selling(dataset, (), as_of)
    of_shipment = lines.semi_join(flows, "shipment_id")
    return int(of_shipment.anti_join(flows, flow_key(flows)).count().to_pandas())


def has_flows(dataset: Dataset) -> bool:
    """Say whether the way of the goods through the chain is known and tied to the order lines."""
    return dataset.has("stage_flows") and dataset.has("order_lines", "shipment_id")


def _selling(dataset: Dataset, by: Sequence[str], as_of: dt.date) -> Any:
    lines = selling_lines(dataset.table("order_lines"), cutoff=dataset.settings.presale_cutoff, as_of=as_of)
    return described(dataset, lines, by)


def _shipments(dataset: Dataset, as_of: dt.date) -> Any:
    return shipments(dataset.table("stage_flows"), _selling(dataset, (), as_of), as_of=as_of)


def _seen_flows(dataset: Dataset, as_of: dt.date) -> Any:
    flows = dataset.table("stage_flows")
    return flows.filter(flows.arrived_at.date() <= as_of)


def _money_cells(dataset: Dataset, by: Sequence[str], as_of: dt.date, rates: Rates) -> Any:
    """Stack the money of lines and, where flows are known, of shipments."""
    columns = money_columns(by, rates)
    lines = _with_unit_cost(dataset, _with_commission_rate(dataset, _selling(dataset, by, as_of)))
    lines = lines.mutate(refunded=ibis.literal(0.0), on_flow=ibis.literal(False))
    if dataset.has("refunds"):
        refunded = refunds_by_line(dataset.table("refunds"), as_of=as_of)
        lines = lines.drop("refunded").left_join(refunded, "line_id").drop("line_id_right")
    if not has_flows(dataset):
        return line_money(lines, rates=rates).select(*columns)
    key, flows = flow_key(dataset.table("stage_flows")), _seen_flows(dataset, as_of)
    moved = flows.select(*key).distinct().mutate(moved=ibis.literal(True))
    lines = lines.left_join(moved, key).drop(*(f"{name}_right" for name in key))
    lines = lines.mutate(on_flow=lines.moved.fill_null(False))
    shipped = _with_unit_cost(dataset, described(dataset, _shipments(dataset, as_of), by))
    return line_money(lines, rates=rates).select(*columns).union(shipment_money(shipped, rates=rates).select(*columns))


def _with_commission_rate(dataset: Dataset, lines: Any) -> Any:
    """Add the rate of the leader of the line's site; null where it is not known."""
    if not (dataset.has("leaders", "commission_rate") and dataset.has("sites", "leader_id")):
        return lines.mutate(commission_rate=ibis.null("float64"))
    led = dataset.table("sites").select("site_id", "leader_id")
    led = led.left_join(dataset.table("leaders").select("leader_id", "commission_rate"), "leader_id")
    return lines.left_join(led.select("site_id", "commission_rate"), "site_id").drop("site_id_right")


def _with_unit_cost(dataset: Dataset, rows: Any) -> Any:
    """Add the purchase cost of a unit; null where it is not known."""
    if not dataset.has("products", "unit_cost"):
        return rows.mutate(unit_cost=ibis.null("float64"))
    costs = dataset.table("products").select("sku_id", "unit_cost")
    return rows.left_join(costs, "sku_id").drop("sku_id_right")
