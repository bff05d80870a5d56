"""Refunds: who asks, when, for how much, and what is decided.

Reasons: a line that came short is refunded for the missing units by itself on the promised day; one that was picked
up may be complained of for its quality (`tolerance`), or by an abuser (`abuse`). The stated reason of a complaint
is drawn in proportion to what hurt the goods.

    approved       with chance 0.90 for complaints, 0.80 for abuse, 1 for short units; leniency adds to it
    decided_on     0 to 2 days after the request; null when that lies after the last day

Requests after the last day are not written, so the newest pickups are immature; `Refunds.refunded_ever` has the
uncut outcome.

Which naive estimator it fools: refunds over lines by the date of request, which divides this week's requests by
this week's lines though they belong to other weeks. The weekly error follows the week's growth (correlation -0.63)
and goes from 12 % too low in the busiest week to more than 30 % too high when orders fall. (Measured by
tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gbanalysis.market.chain import Shipped
from gbanalysis.market.delays import draw_delays
from gbanalysis.market.ids import line_ids, named, numbered
from gbanalysis.market.orders import Lines
from gbanalysis.market.streams import stream
from gbanalysis.market.tolerance import leniency
from gbanalysis.market.world import World

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

REASONS = ("short", "spoiled", "damaged", "poor_quality", "not_as_described")
SHORT, SPOILED, DAMAGED, POOR, OTHER = range(len(REASONS))
APPROVED_COMPLAINT, APPROVED_ABUSE, APPROVED_PER_LENIENCY = 0.90, 0.80, 0.4
REFUND_ONLY_SHARE = 0.95
WHOLE_LINE_SHARE = 0.6
OTHER_SHARE = 1 / 12
DECISION_DAYS = np.array([0.5, 0.35, 0.15])


@dataclass(frozen=True, eq=False)
class Refunds:
    """A selling day's refunds.

    Attributes
    ----------
    table
        The `refunds` rows requested by the last day.
    refunded_ever
        [n] whether each line is ever refunded, also after the last day.
    chance
        [n] the chance of it before the draw, given that the line is picked up.
    complained, abused
        [n] whether the quality was complained of; whether an abuser asked (the true cause, in no table).
    """

    table: pa.Table
    refunded_ever: NDArray[np.bool_]
    chance: Array
    complained: NDArray[np.bool_]
    abused: NDArray[np.bool_]


def _stated_reasons(shipped: Shipped, line: Ints, abused: NDArray[np.bool_], u: Array) -> Ints:
    """Give the stated reason of each request: spoiled, damaged or poor in proportion to what hurt the goods.

    Abusers say spoiled; one in twelve says something else.
    """
    quality = shipped.journey.freshness
    steps = np.cumsum([quality.ageing[line], quality.bruise[line], quality.start[line]], axis=0)
    reason = np.array([SPOILED, DAMAGED, POOR])[np.minimum((u[0] * steps[2] >= steps).sum(axis=0), 2)]
    reason = np.where(abused, SPOILED, reason)
    return np.where(u[1] < OTHER_SHARE, OTHER, reason)


def refund_day(world: World, lines: Lines, shipped: Shipped, day: int) -> Refunds:
    """Draw the refunds of one selling day's lines.

    Parameters
    ----------
    world, lines, day
        As in `chain.ship_day`.
    shipped
        What became of the lines.

    Returns
    -------
    Refunds
        The rows, and what the truth needs.
    """
    rng = stream(world.seed, "refunds", day)
    n = len(lines)
    journey = shipped.journey
    u = rng.random((6, n))
    complained = shipped.picked_up & (u[0] < journey.complaint)
    abused = shipped.picked_up & (u[1] < journey.abuse)
    asked = np.flatnonzero(complained | abused)
    came_short = shipped.units_received < lines.quantity
    short = np.flatnonzero(came_short & (shipped.picked_up | (shipped.units_received == 0)))

    pickup_day = shipped.promised_day + journey.transit.late.astype(np.int64)
    age = draw_delays(world, pickup_day[asked], world.sku_category[lines.sku[asked]], u[2][asked])
    units = shipped.units_received[asked]
    part = (u[3][asked] >= WHOLE_LINE_SHARE) & (units > 1)
    quantity = np.where(part, (units + 1) // 2, units)
    line = np.concatenate([short, asked])
    is_short = np.arange(len(line)) < len(short)
    quantity = np.concatenate([(lines.quantity - shipped.units_received)[short], quantity])
    requested = np.concatenate([np.full(len(short), shipped.promised_day), pickup_day[asked] + age])
    requested[: len(short)] = np.where(shipped.picked_up[short], pickup_day[short], requested[: len(short)])
    reason = np.concatenate(
        [np.full(len(short), SHORT), _stated_reasons(shipped, asked, ~complained[asked], u[4:, asked])]
    )
    refunded = np.zeros(n, dtype=bool)
    refunded[line] = True

    drawn = rng.random((3, len(line)))
    base = np.where(complained[line], APPROVED_COMPLAINT, APPROVED_ABUSE)
    rule = base + APPROVED_PER_LENIENCY * leniency(shipped.view)[line]
    approved = is_short | (drawn[0] < rule)
    wait = np.searchsorted(np.cumsum(DECISION_DAYS)[:-1], drawn[1], side="right")
    decided = requested + np.where(is_short, 0, wait)
    amount = np.round(lines.amount[line] * quantity / lines.quantity[line], 2)
    known = requested < world.n_days
    kept = np.flatnonzero(known)
    kept = kept[np.argsort(line[kept], kind="stable")]
    first = world.dates[0].astype("datetime64[D]").astype(np.int64)
    open_still = decided[kept] >= world.n_days

    def as_dates(index: Ints, mask: NDArray[np.bool_] | None = None) -> pa.Array:
        return pa.array((first + index).astype(np.int32), type=pa.int32(), mask=mask).cast(pa.date32())

    table = pa.table(
        {
            "refund_id": numbered("R", (day, 5), (np.arange(len(kept)), 7), length=len(kept)),
            "line_id": line_ids(day, line[kept]),
            "requested_on": as_dates(requested[kept]),
            "quantity": pa.array(quantity[kept], type=pa.int64()),
            "amount": pa.array(amount[kept]),
            "reason": named(REASONS, reason[kept]),
            "refund_only": pa.array((is_short | (drawn[2] < REFUND_ONLY_SHARE))[kept]),
            "approved": pa.array(approved[kept], mask=open_still),
            "decided_on": as_dates(decided[kept], open_still),
        }
    )
    return Refunds(table, refunded, journey.refund_chance, complained, abused)
