"""Expressions on order lines that show what is known of a delivery before its refunds are in: the leading signs.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis

from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import NO_VALUE
from gbanalysis.quality.stage_hours import stage_columns, with_stage_hours

COMPLAINTS = (
    "坏|烂|臭|霉|馊|异味|变质|不新鲜|发黄|枯|蔫|破|碎|压|碰|漏|缺|少发|少了|太差|很差|不如|退|"
    "spoil|rotten|mou?ld|smell|stale|wilt|bruis|crush|broken|leak|damag|missing|worse|bad|refund"
)
HIGHEST_BAD_RATING = 2


def known_flows(flows: Any, *, as_of: dt.date) -> Any:
    """Keep what was recorded of stage flows by the end of `as_of`: later arrivals are absent, later departures null."""
    flows = flows.filter(flows.arrived_at.date() <= as_of)
    if "departed_at" not in flows.columns:
        return flows
    left = ibis.ifelse(flows.departed_at.date() <= as_of, flows.departed_at, ibis.null(flows.departed_at.type()))
    return flows.mutate(departed_at=left)


def with_transit(lines: Any, flows: Any) -> Any:
    """Add ``hours``, those of all stages together, and ``heat``, the mean temperature over stages; null if unknown."""
    lines = with_stage_hours(lines, flows)
    columns = [stage_columns(stage) for stage in STAGES]
    hours, heats = ([lines[column[place]] for column in columns] for place in (0, 1))
    measured = sum((heat.notnull().cast("int64") for heat in heats), ibis.literal(0))
    passed = ibis.coalesce(*hours).notnull()
    lines = lines.mutate(
        hours=ibis.ifelse(
            passed, sum((hour.fill_null(0.0) for hour in hours), ibis.literal(0.0)), ibis.null("float64")
        ),
        heat=sum((heat.fill_null(0.0) for heat in heats), ibis.literal(0.0)) / measured.nullif(0),
    )
    return lines.drop(*(name for column in columns for name in column))


def reviews_by_line(reviews: Any, *, as_of: dt.date) -> Any:
    """Give ``line_id``, the day of its first review known by `as_of`, and whether one of them complains (0 or 1).

    A review complains if its rating is 1 or 2 of 5, or its text has a word of complaint.
    """
    reviews = reviews.filter(reviews.reviewed_on <= as_of)
    complains = ibis.literal(False)
    if "rating" in reviews.columns:
        complains |= (reviews.rating <= HIGHEST_BAD_RATING).fill_null(False)
    if "text" in reviews.columns:
        complains |= reviews.text.lower().re_search(COMPLAINTS).fill_null(False)
    reviews = reviews.mutate(complains=complains.cast("int64"))
    return reviews.group_by("line_id").aggregate(
        reviewed_on=reviews.reviewed_on.min(), complains=reviews.complains.max()
    )


def sign_cells(lines: Any, asked: Any, *, reviews: Any | None, max_delay: int) -> Any:
    """Sum lines with what is known of them to category, region, supplier and reference day.

    Parameters
    ----------
    lines
        With ``day``, ``category``, ``region``, and ``supplier_id``, ``hours``, ``heat`` where they are known.
    asked
        ``line_id`` and ``requested_on``, the first request.
    reviews
        From `reviews_by_line`, or None.
    max_delay
        The last delay that counts.

    Returns
    -------
    ibis.Table
        ``category``, ``region``, ``supplier_id``, ``day``, ``n``, ``hours``, ``n_hours``, ``heat``, ``n_heat`` (sums,
        and the lines that they are known of), and for each delay d up to the last ``refunded_d``, ``reviewed_d``,
        ``complained_d``: lines of which it is so exactly d days after the reference day.
    """
    lines = lines.left_join(asked.select("line_id", "requested_on"), "line_id").drop("line_id_right")
    late = {"refunded": ibis.greatest(lines.requested_on.delta(lines.day, unit="day"), 0)}
    if reviews is not None:
        lines = lines.left_join(reviews, "line_id").drop("line_id_right")
        after = ibis.greatest(lines.reviewed_on.delta(lines.day, unit="day"), 0)
        late["reviewed"] = ibis.cases((lines.reviewed_on.notnull(), after))
        late["complained"] = ibis.cases((lines.reviewed_on.notnull() & (lines.complains == 1), after))
    late["refunded"] = ibis.cases((lines.requested_on.notnull(), late["refunded"]))
    lines = lines.mutate(**{f"{name}_after": days.cast("int64") for name, days in late.items()})
    absent = {"supplier_id": ibis.literal(NO_VALUE), "hours": ibis.null("float64"), "heat": ibis.null("float64")}
    lines = lines.mutate(**{name: value for name, value in absent.items() if name not in lines.columns})
    sums = {"n": lines.count()}
    for name in ("hours", "heat"):
        sums |= {name: lines[name].sum().fill_null(0.0), f"n_{name}": lines[name].count()}
    for name in late:
        for delay in range(max_delay + 1):
            sums[f"{name}_{delay}"] = (lines[f"{name}_after"] == delay).fill_null(False).cast("int64").sum()
    return lines.group_by(["category", "region", "supplier_id", "day"]).aggregate(**sums)
