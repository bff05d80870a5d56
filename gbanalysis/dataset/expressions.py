"""Expressions on the contract's tables that every domain's `facts` share: dimensions, selling days, refunds, clusters.

They are Ibis expressions, which run where the data are (DuckDB, Postgres, Spark); only `run` and `count_unfulfilled`
run one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import ibis

from gbanalysis.errors import ContractError, GBAnalysisError

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

NO_VALUE = "(none)"
_PERSONS = ("user_id", "leader_id")
Period = Literal["D", "W", "M"]
PERIODS: tuple[Period, ...] = ("D", "W", "M")
SITE_DAY, SUPPLIER_DAY, BOTH, NODE_DAY = "site_day", "supplier_day", "both", "node_day"
SITE, SKU, SKU_SUPPLIER_DAY = "site", "sku", "sku_supplier_day"
_WAYS = {
    SITE_DAY: ("day", "site_id"),
    SUPPLIER_DAY: ("day", "supplier_id"),
    BOTH: ("day", "site_id", "supplier_id"),
    NODE_DAY: ("day", "node_id"),
    SITE: ("site_id",),
    SKU: ("sku_id",),
    SKU_SUPPLIER_DAY: ("day", "sku_id", "supplier_id"),
}


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
    return rows.mutate(**{name: written(rows, name) for name in by})


def written(rows: Any, name: str) -> Any:
    """Give a column to group by as text, with a word for the rows that have no value."""
    return rows[name].cast("string").fill_null(NO_VALUE).name(name)


def described(dataset: Dataset, rows: Any, by: Sequence[str]) -> Any:
    """Join the columns of `by` from the data set's sites and products to rows; see `with_dimensions`."""
    return with_dimensions(rows, by, sites=dataset.table("sites"), products=dataset.table("products"))


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


def refunds_by_line(refunds: Any, *, as_of: dt.date, approved_only: bool = False) -> Any:
    """Add up the refunds of each line that were asked for by `as_of`.

    With `approved_only`, only those that were granted by `as_of`; where ``decided_on`` is not known, an approval counts
    from the request.

    Returns
    -------
    ibis.Table
        ``line_id``; ``n_refunds``; ``refunded``, their money; ``refunded_units``, the units of those that tell them;
        ``n_no_units`` and ``refunded_no_units``, the number and money of those that do not; ``first_requested_on``.
    """
    refunds = refunds.filter(refunds.requested_on <= as_of)
    if approved_only:
        refunds = refunds.filter(refunds.approved.fill_null(False))
        if "decided_on" in refunds.columns:
            refunds = refunds.filter((refunds.decided_on <= as_of).fill_null(True))
    units = refunds.quantity if "quantity" in refunds.columns else ibis.null("float64")
    refunds = refunds.mutate(units=units.cast("float64"), no_units=units.isnull())
    return refunds.group_by("line_id").aggregate(
        n_refunds=refunds.count(),
        refunded=refunds.amount.sum(),
        refunded_units=refunds.units.fill_null(0.0).sum(),
        n_no_units=refunds.no_units.cast("int64").sum(),
        refunded_no_units=ibis.ifelse(refunds.no_units, refunds.amount.cast("float64"), 0.0).sum(),
        first_requested_on=refunds.requested_on.min(),
    )


def count_unfulfilled(lines: Any, refunds: Any, *, as_of: dt.date, approved: bool = False) -> int:
    """Run the count of lines refunded by `as_of` that were not picked up by then."""
    waiting = lines.filter(lines.fulfilled_on.isnull() | (lines.fulfilled_on > as_of))
    refunded = refunds_by_line(refunds, as_of=as_of, approved_only=approved)
    return int(waiting.semi_join(refunded, "line_id").count().to_pandas())


def flow_key(flows: Any) -> list[str]:
    """Give the columns that name what a stage flow carries: the shipment, and the SKU where flows are split by SKU."""
    return [name for name in ("shipment_id", "sku_id") if name in flows.columns]


def left_on(flows: Any) -> Any:
    """Give the day on which goods left a stage; a missing departure counts as its arrival."""
    if "departed_at" not in flows.columns:
        return flows.arrived_at.date()
    return ibis.coalesce(flows.departed_at, flows.arrived_at).date()


def truncate(day: Any, period: Period) -> Any:
    """Give the first day of the period that a day falls in; weeks start on Monday."""
    if period not in PERIODS:
        raise GBAnalysisError(f"period must be one of {', '.join(PERIODS)}, not {period!r}")
    return day.cast("date").truncate(period).cast("date")


def cluster_sums(cells: Any, keys: Sequence[str], *, x: str, ys: Sequence[str], ways: Sequence[str]) -> Any:
    """Sum cells up to clusters, and clusters to the sums that intervals need, for each way of cutting clusters.

    Gives `keys`, ``way``, ``n`` (clusters), ``x``, ``xx`` and for every y ``y_*``, ``xy_*``, ``yy_*``.
    """
    tables = []
    for way in ways:
        clusters = cells.group_by(cut(keys, way)).aggregate(
            **{name: cells[name].sum().cast("float64") for name in (x, *ys)}
        )
        sums = {"n": clusters.count(), "x": clusters[x].sum(), "xx": (clusters[x] * clusters[x]).sum()}
        for y in ys:
            sums[f"y_{y}"] = clusters[y].sum()
            sums[f"xy_{y}"] = (clusters[x] * clusters[y]).sum()
            sums[f"yy_{y}"] = (clusters[y] * clusters[y]).sum()
        tables.append(clusters.group_by(list(keys)).aggregate(**sums).mutate(way=ibis.literal(way)))
    return ibis.union(*tables) if len(tables) > 1 else tables[0]


def cut(keys: Sequence[str], way: str) -> list[str]:
    """Give the columns that name a cluster within a group, each once."""
    return list(dict.fromkeys([*keys, *_WAYS[way]]))


def ways_of(rows: Any) -> tuple[str, ...]:
    """Cut clusters by site x day, and by supplier x day too where suppliers are known; the finest cut comes last."""
    return (SITE_DAY, SUPPLIER_DAY, BOTH) if "supplier_id" in rows.columns else (SITE_DAY,)


def run(table: Any, keys: Sequence[str]) -> pd.DataFrame:
    """Run the query; periods come back as pandas timestamps, in order."""
    import pandas as pd

    frame: pd.DataFrame = table.to_pandas()
    if "period" in frame:
        frame["period"] = pd.to_datetime(frame["period"]).astype("datetime64[ns]")
    return frame.sort_values(list(keys), ignore_index=True)
