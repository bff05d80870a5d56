"""One selling day of the market, and the tables that it adds rows to.

`DAY_TABLES` is the registry: a new mechanism is one more function (Day) -> {table: rows}, and nothing that stands
changes. Names that begin with ``truth/`` are written beside the data set, not into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import pyarrow as pa

from gbanalysis.market.chain import Shipped, ship_day
from gbanalysis.market.demand import expected_units
from gbanalysis.market.ids import line_ids, named, order_ids, user_ids
from gbanalysis.market.inspections import inspect_day
from gbanalysis.market.orders import NEVER, DayOrders, Lines, day_orders
from gbanalysis.market.refunds import Refunds, refund_day
from gbanalysis.market.reviews import review_day
from gbanalysis.market.world import World


class Day:
    """A selling day's events, each worked out once when first asked for."""

    def __init__(self, world: World, day: int) -> None:
        self.world = world
        self.day = day

    @cached_property
    def orders(self) -> DayOrders:
        """What was wanted and sold."""
        return day_orders(self.world, self.day)

    @property
    def lines(self) -> Lines:
        """What was sold."""
        return self.orders.lines

    @cached_property
    def shipped(self) -> Shipped:
        """What became of the lines on their way."""
        return ship_day(self.world, self.lines, self.day)

    @cached_property
    def refunded(self) -> Refunds:
        """Which lines are refunded, now or after the last day."""
        return refund_day(self.world, self.lines, self.shipped, self.day)


def order_lines(day: Day) -> Mapping[str, pa.Table]:
    """Write the day's order lines."""
    world, lines, shipped = day.world, day.lines, day.shipped
    midnight = (world.dates[0] + lines.calendar_day.astype("timedelta64[D]")).astype("datetime64[us]")
    table = pa.table(
        {
            "line_id": line_ids(day.day, np.arange(len(lines))),
            "order_id": order_ids(day.day, lines.order),
            "user_id": user_ids(lines.user),
            "site_id": named(world.site_id, lines.site),
            "sku_id": named(world.sku_id, lines.sku),
            "supplier_id": named(world.supplier_id, lines.supplier),
            "shipment_id": shipped.shipment_id,
            "ordered_at": pa.array(midnight + lines.ordered_second.astype("timedelta64[s]"), pa.timestamp("us")),
            "fulfilled_on": pa.array(shipped.fulfilled_on, pa.date32()),
            "quantity": pa.array(lines.quantity, pa.int64()),
            "amount": pa.array(lines.amount, pa.float64()),
        }
    )
    return {"order_lines": table}


def stockouts(day: Day) -> Mapping[str, pa.Table]:
    """Write which pre-sales closed early, and when."""
    world, closed = day.world, day.orders.sold_out_second
    region, sku = np.nonzero(closed > NEVER)
    midnight = world.date(day.day)
    second = closed[region, sku].astype("timedelta64[s]")
    table = pa.table(
        {
            "sku_id": named(world.sku_id, sku),
            "region": named(world.regions, region),
            "date": pa.array(np.full(len(sku), midnight), pa.date32()),
            "sold_out_at": pa.array(midnight.astype("datetime64[us]") + second, pa.timestamp("us")),
        }
    )
    return {"stockouts": table}


def stage_flows(day: Day) -> Mapping[str, pa.Table]:
    """Write the stages of the day's shipments, and the true causes of what was lost."""
    return {"stage_flows": day.shipped.flows, "truth/losses": day.shipped.true_losses}


def refunds(day: Day) -> Mapping[str, pa.Table]:
    """Write the requests made by the last day; in the truth, what becomes of every line, and its chance of a refund."""
    refunded, promised = day.refunded, day.world.date(day.shipped.promised_day)
    ever = pa.table(
        {
            "line_id": line_ids(day.day, np.arange(len(day.lines))),
            "promised_on": pa.array(np.full(len(day.lines), promised), pa.date32()),
            "picked_up": day.shipped.picked_up,
            "refunded_ever": refunded.refunded_ever,
            "p_refund": np.round(refunded.chance, 5).astype(np.float32),
        }
    )
    return {"refunds": refunded.table, "truth/lines": ever}


def inspections(day: Day) -> Mapping[str, pa.Table]:
    """Write the samples that were inspected."""
    return {"inspections": inspect_day(day.world, day.lines, day.shipped, day.day)}


def reviews(day: Day) -> Mapping[str, pa.Table]:
    """Write what the buyers said."""
    return {"reviews": review_day(day.world, day.lines, day.shipped, day.refunded, day.day)}


def uncensored_demand(day: Day) -> Mapping[str, pa.Table]:
    """Write the units expected, wanted and sold of every SKU × province."""
    world, orders = day.world, day.orders
    region, sku = np.divmod(np.arange(orders.demanded.size), world.n_skus)
    table = pa.table(
        {
            "date": pa.array(np.full(len(sku), world.date(day.day)), pa.date32()),
            "region": named(world.regions, region),
            "sku_id": named(world.sku_id, sku),
            "expected": np.round(expected_units(world, day.day)[region, sku], 3),
            "demanded": orders.demanded[region, sku],
            "sold": orders.sold[region, sku],
        }
    )
    return {"truth/demand": table}


DAY_TABLES: tuple[Callable[[Day], Mapping[str, pa.Table]], ...] = (
    order_lines,
    stockouts,
    stage_flows,
    refunds,
    inspections,
    reviews,
    uncensored_demand,
)
