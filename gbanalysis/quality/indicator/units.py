"""What a refund rate counts: the weight of each line in the denominator and the numerator of a caliber.

An order, a user or a SKU is one unit within its period and group, refunded when any of its lines is. Its weight is
spread evenly over its lines, so that every caliber is a ratio of sums over lines. These are Ibis expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import ibis

from gbanalysis.dataset.expressions import BOTH, SITE, SITE_DAY, SKU, SKU_SUPPLIER_DAY, SUPPLIER_DAY, cluster_sums, cut

Unit = Literal["line", "sku", "order", "user", "value", "quantity"]
DateBasis = Literal["ordered", "fulfilled"]
UNITS: tuple[Unit, ...] = ("line", "sku", "order", "user", "value", "quantity")
DATE_BASES: tuple[DateBasis, ...] = ("ordered", "fulfilled")
UNIT = "unit"
_ID: dict[str, str] = {"sku": "sku_id", "order": "order_id", "user": "user_id"}
_OWN_WAY: dict[str, str] = {"sku": SKU, "user": SITE}


def weighted(lines: Any, *, unit: Unit, keys: Sequence[str]) -> Any:
    """Add ``x`` and ``y``, what each line brings to the units and the refunded units of its period and group `keys`."""
    if unit == "value":
        return lines.mutate(x=lines.amount.cast("float64"), y=lines.refunded_amount)
    if unit == "quantity":
        return lines.mutate(x=lines.quantity.cast("float64"), y=lines.refunded_quantity)
    if unit == "line":
        return lines.mutate(x=ibis.literal(1.0), y=lines.refunded.cast("float64"))
    of_unit = ibis.window(group_by=[*keys, _ID[unit]])
    share = 1.0 / lines.count().over(of_unit)
    return lines.mutate(x=share, y=share * lines.refunded.max().over(of_unit))


def ways_of_unit(unit: Unit, *, has_suppliers: bool) -> tuple[str, ...]:
    """Say how the clusters are cut: the unit's own way, supplier x day where suppliers are known, and both.

    A user buys on several days at one site, and a SKU is sold on several days: their own clusters hold all of them.
    """
    own = _OWN_WAY.get(unit, SITE_DAY)
    return (own, SUPPLIER_DAY, SKU_SUPPLIER_DAY if own == SKU else BOTH) if has_suppliers else (own,)


def caliber_sums(lines: Any, *, unit: Unit, keys: Sequence[str]) -> Any:
    """Sum ``x`` and ``y`` up to clusters, and the clusters to the sums that intervals need; one row a way and group.

    The way ``unit`` takes each line as a cluster of its own, and an order, user or SKU as one.
    """
    ways = ways_of_unit(unit, has_suppliers="supplier_id" in lines.columns)
    cells = lines.group_by(cut(keys, ways[-1])).aggregate(
        x=lines.x.sum(),
        y=lines.y.sum(),
        n_lines=lines.count(),
        xx=(lines.x * lines.x).sum(),
        xy=(lines.x * lines.y).sum(),
        yy=(lines.y * lines.y).sum(),
    )
    sums = cluster_sums(cells, keys, x="x", ys=("y",), ways=ways)
    if unit in _ID:
        units = cells.group_by(list(keys)).aggregate(n=cells.x.sum(), y=cells.y.sum())
        units = units.mutate(x=units.n, xx=units.n, y_y=units.y, xy_y=units.y, yy_y=units.y)
    else:
        units = cells.group_by(list(keys)).aggregate(
            n=cells.n_lines.sum().cast("float64"),
            x=cells.x.sum(),
            xx=cells.xx.sum(),
            y_y=cells.y.sum(),
            xy_y=cells.xy.sum(),
            yy_y=cells.yy.sum(),
        )
    units = units.mutate(way=ibis.literal(UNIT)).select(*sums.columns)
    return ibis.union(sums.mutate(n=sums.n.cast("float64")), units)
