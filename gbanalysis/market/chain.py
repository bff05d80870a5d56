"""The chain of one selling day: shipments, stage flows and pickups.

A shipment is what one supplier sends to one site for one selling day; its rows in `stage_flows` are (shipment,
stage, SKU). Units are whole and reconcile: what leaves a stage comes to the next, and what is lost is lost at a
stage with a cause. The clock runs backwards from the promise: goods leave their supplier so that on an ordinary day
they reach the site at 13:00 on the day after the order, and far suppliers therefore load on forecast before the
orders are known.

Which naive estimator it fools: the loss rate of a supplier over all stages, which blames it for the nodes that its
goods pass: 3.5 % of the units lost are lost at the supplier. (Measured by tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gbanalysis.market.ids import named, numbered
from gbanalysis.market.journey import Journey, travel
from gbanalysis.market.losses import CAUSES, SPARE_SHARE, UnitsLost, lose_units
from gbanalysis.market.orders import Lines
from gbanalysis.market.parameters import PLAYERS, Items, View, make_parameters
from gbanalysis.market.routes import CREWS, STAGES, Routes, routes_of
from gbanalysis.market.streams import stream
from gbanalysis.market.world import World

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SITE_ARRIVAL_HOUR = 13.0
UNCLAIMED_SHARE = 0.004
SENSOR_GAP_SHARE = 0.02
NO_REASON = -1


@dataclass(frozen=True, eq=False)
class Shipped:
    """What became of a selling day's lines.

    Attributes
    ----------
    view, journey
        The lines under their own day's parameters and their course.
    promised_day
        Day index of the promised pickup (the selling day + 1).
    shipment
        [n] number of each line's shipment within the day.
    shipment_id
        String array [n]; null where no stage of the shipment is known by the last day.
    fulfilled_on
        [n] datetime64[D] day of pickup, NaT where nothing came, nobody came, or the day lies after the last one.
    picked_up
        [n] whether the line is ever picked up, also after the last day.
    units_received
        [n] units handed over, at most the quantity ordered.
    flows
        The `stage_flows` rows known by the end of the last day.
    true_losses
        Units lost by date, stage, node, shift and true cause (for the truth).
    """

    view: View
    journey: Journey
    promised_day: int
    shipment: Ints
    shipment_id: pa.Array
    fulfilled_on: NDArray[np.datetime64]
    picked_up: NDArray[np.bool_]
    units_received: Ints
    flows: pa.Table
    true_losses: pa.Table

    @property
    def hours(self) -> Array:
        """Hours of each line at each stage, [n, 5]."""
        return self.journey.transit.hours.T

    @property
    def degrees(self) -> Array:
        """Temperature (°C) of each line at each stage, [n, 5]."""
        return self.journey.degrees.T


def _day_view(world: World, routes: Routes, lines: Lines, day: int) -> tuple[View, Ints]:
    """Group the lines into shipments and draw what belongs to shipments and lines."""
    key = lines.supplier.astype(np.int64) * world.n_sites + lines.site
    shipments, shipment = np.unique(key, return_inverse=True)
    rng = stream(world.seed, "chain.shipments", day)
    z_hours = rng.standard_normal((5, len(shipments)))
    crew = rng.integers(0, len(CREWS), (5, len(shipments)))
    items = Items(
        user=lines.user,
        site=lines.site,
        sku=lines.sku,
        supplier=lines.supplier,
        quantity=lines.quantity,
        spare=(stream(world.seed, "losses.spares", day).random(len(key)) < SPARE_SHARE).astype(np.int64),
        z_hours=z_hours[:, shipment],
        crew=crew[:, shipment],
    )
    parameters = make_parameters(world, routes, np.array([day + 1]))
    return View(world, routes, parameters, items, dict.fromkeys(PLAYERS, 0)), shipment


def ship_day(world: World, lines: Lines, day: int) -> Shipped:
    """Send one selling day's lines down the chain.

    Parameters
    ----------
    world
        The static market.
    lines
        The selling day's order lines.
    day
        Index of the selling day.

    Returns
    -------
    Shipped
        Flows, pickups and the lines' course; the same for the same World and day, whatever was simulated before.
    """
    routes = routes_of(world)
    view, shipment = _day_view(world, routes, lines, day)
    journey = travel(view)
    items = view.items
    units = items.quantity + items.spare
    lost = lose_units(stream(world.seed, "losses.units", day), units, journey.loss_chances)
    alive = units - np.bincount(lost.line, minlength=len(units))
    received = np.minimum(alive, items.quantity)
    claimed = stream(world.seed, "chain.unclaimed", day).random(len(units)) >= UNCLAIMED_SHARE
    picked_up = (received > 0) & claimed
    pickup = world.date(day + 1) + journey.transit.late.astype("timedelta64[D]")
    known = picked_up & (pickup <= world.dates[-1])
    n_shipments = int(shipment.max(initial=-1)) + 1
    names = numbered("S", (day, 5), (np.arange(n_shipments), 7), length=n_shipments)
    flows, shown = _flows(view, journey, shipment, names, units, lost, day)
    return Shipped(
        view=view,
        journey=journey,
        promised_day=day + 1,
        shipment=shipment,
        shipment_id=names.take(pa.array(shipment, mask=~shown[shipment])),
        fulfilled_on=np.where(known, pickup, np.datetime64("NaT", "D")),
        picked_up=picked_up,
        units_received=received,
        flows=flows,
        true_losses=_true_losses(view, lost, day),
    )


def _true_losses(view: View, lost: UnitsLost, day: int) -> pa.Table:
    """Count the day's lost units by stage, node, shift and true cause."""
    node = np.stack(view.nodes)[lost.stage, lost.line] if len(lost.line) else np.zeros(0, dtype=np.int64)
    crew = view.items.crew[lost.stage, lost.line]
    cells, count = np.unique(np.stack([lost.stage, node, crew, lost.cause]), axis=1, return_counts=True)
    stage, node, crew, cause = cells
    node_ids = view.routes.node_ids
    return pa.table(
        {
            "date": pa.array(np.full(len(count), view.world.date(day + 1)), type=pa.date32()),
            "stage": named(STAGES, stage),
            "node_id": pa.array([str(node_ids[k][i]) for k, i in zip(stage, node, strict=True)], type=pa.string()),
            "shift": named(CREWS, crew),
            "cause": named(CAUSES, cause),
            "units": pa.array(count, type=pa.int64()),
        }
    )


def _clock(view: View, journey: Journey, first: Ints, day: int) -> tuple[Array, Array]:
    """Give arrivals and departures at each stage in hours from the promised day's midnight, [5, n_flows]."""
    course = journey.transit
    planned = course.planned_hours[:4, first].sum(axis=0) + view.routes.site_leg_hours[view.items.site[first]]
    departed = SITE_ARRIVAL_HOUR - planned + np.cumsum(course.hours[:, first], axis=0)
    before = np.concatenate([(SITE_ARRIVAL_HOUR - planned)[None, :], departed[:-1]])
    return before + course.leg_hours[:, first], departed


def _booked_reasons(world: World, lost: UnitsLost, flow_of_line: Ints, n_flows: int, day: int) -> Ints:
    """Give the reason in the books for each stage and flow, [5, n_flows]; theft is booked as damage or as miscount."""
    coin = stream(world.seed, "losses.books", day).random(len(lost.line)) < 0.5
    theft, damage, miscount = (CAUSES.index(name) for name in ("theft", "damage", "miscount"))
    booked = np.where(lost.cause == theft, np.where(coin, damage, miscount), lost.cause)
    reason = np.full((5, n_flows), NO_REASON)
    reason[lost.stage, flow_of_line[lost.line]] = booked
    return reason


def _flows(
    view: View, journey: Journey, shipment: Ints, names: pa.Array, units: Ints, lost: UnitsLost, day: int
) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Sum the lines into stage flows; give also which shipments have a row."""
    world, items = view.world, view.items
    key = shipment * world.n_skus + items.sku
    _, first, flow_of_line = np.unique(key, return_index=True, return_inverse=True)
    n_flows = len(first)
    lost_here = np.zeros((5, n_flows), dtype=np.int64)
    np.add.at(lost_here, (lost.stage, flow_of_line[lost.line]), 1)
    loaded = np.bincount(flow_of_line, weights=units, minlength=n_flows).astype(np.int64)
    quantity_out = loaded - np.cumsum(lost_here, axis=0)
    quantity_in = quantity_out + lost_here
    arrived, departed = _clock(view, journey, first, day)
    end_hour = 24.0 * (world.n_days - (day + 1))
    kept = (quantity_in > 0) & (departed < end_hour)
    stage, flow = np.nonzero(kept)
    node = np.stack(view.nodes)[:, first][kept]
    edges = np.concatenate([[0], np.cumsum(view.routes.n_nodes)[:-1]])
    gaps = stream(world.seed, "cooling.sensor_gaps", day).random((5, n_flows))[kept] < SENSOR_GAP_SHARE
    reason = _booked_reasons(world, lost, flow_of_line, n_flows, day)[kept]
    midnight = world.date(day + 1).astype("datetime64[s]").astype(np.int64)
    shown = np.zeros(len(names), dtype=bool)
    shown[shipment[first[flow]]] = True

    def stamp(hours: Array) -> pa.Array:
        return pa.array((midnight + np.round(hours[kept] * 3600).astype(np.int64)) * 1_000_000).cast(pa.timestamp("us"))

    table = pa.table(
        {
            "shipment_id": names.take(pa.array(shipment[first[flow]])),
            "stage": named(STAGES, stage),
            "sku_id": named(world.sku_id, items.sku[first[flow]]),
            "node_id": named(np.concatenate(view.routes.node_ids).tolist(), node + edges[stage]),
            "supplier_id": named(world.supplier_id, items.supplier[first[flow]]),
            "arrived_at": stamp(arrived),
            "departed_at": stamp(departed),
            "quantity_in": pa.array(quantity_in[kept]),
            "quantity_out": pa.array(quantity_out[kept]),
            "temperature_c": pa.array(np.round(journey.degrees[:, first][kept], 1), mask=gaps),
            "loss_reason": named(CAUSES, reason),
            "shift": named(CREWS, items.crew[:, first][kept]),
        }
    )
    return table, shown
