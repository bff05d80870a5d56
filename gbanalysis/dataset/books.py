"""What no rule of the contract forbids and a reader should know: each a sentence with a count, and with keys.

The counts are made in the engine, over tables that keep the contract.
"""

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, Any

from gbanalysis.dataset.contract import CONTRACT, STAGES
from gbanalysis.dataset.dataset import EPOCH

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

HAPPENED: dict[str, tuple[str, ...]] = {
    "order_lines": ("ordered_at", "fulfilled_on"),
    "refunds": ("requested_on", "decided_on"),
    "users": ("registered_on",),
    "stage_flows": ("arrived_at", "departed_at"),
    "inventory": ("date",),
    "purchase_orders": ("received_on",),
    "inspections": ("inspected_on",),
    "stockouts": ("date",),
    "events": ("occurred_at",),
    "impressions": ("shown_at",),
    "coupons": ("redeemed_on",),
    "assignments": ("assigned_at",),
    "groups": ("opened_at", "filled_at"),
    "group_members": ("joined_at",),
    "invites": ("invited_at",),
    "reviews": ("reviewed_on",),
}
"""The dates of what has happened; the others (promotions, prices, forecasts, ...) may be plans."""
N_EXAMPLES = 5
_ROUNDING = 1e-6
_HALF_CENT = 0.005


def book_notes(dataset: "Dataset", sound: Collection[str]) -> list[str]:
    """Everything to be noted of the tables that are sound."""
    as_of = dataset.settings.as_of if "settings" in sound else None
    notes = []
    for name in sound:
        notes += _row_notes(dataset, name, as_of)
    if {"order_lines", "refunds"} <= set(sound):
        notes += _refunds_above_lines(dataset)
    if "stage_flows" in sound:
        notes += _stages_that_gain(dataset)
    return notes


def _row_notes(dataset: "Dataset", name: str, as_of: date | None) -> list[str]:
    """Epoch numbers, which were read in a zone, and rows after the last day whose data are known."""
    import ibis

    rows = dataset.lenient(name)
    counts = {
        column: rows.count(where=rows[column + EPOCH]) for column in rows.columns if column + EPOCH in rows.columns
    }
    happened = [rows[column] for column in HAPPENED.get(name, ()) if column in rows.columns]
    if as_of is not None and happened:
        counts[""] = rows.count(where=ibis.or_(*(moment.cast("date") > as_of for moment in happened)))
    if not counts:
        return []
    counted = rows.aggregate(**{f"n_{column}": count for column, count in counts.items()}).execute().iloc[0]
    notes = []
    for column in counts:
        n = int(counted[f"n_{column}"])
        if n and column:
            noun = "epoch number is" if n == 1 else "epoch numbers are"
            notes.append(f"{name}.{column}: {n:,} {noun} told in the local time of {dataset.zone}.")
        elif n:
            noun = "row is" if n == 1 else "rows are"
            notes.append(f"{name}: {n:,} {noun} dated after settings.as_of ({as_of}), where every figure ends.")
    return notes


def _refunds_above_lines(dataset: "Dataset") -> list[str]:
    """Lines whose refunds add up to more than the line: a request may be repeated, so it is no fault for sure.

    Each refund may have been rounded up by half a cent: two halves of 17.51 are 17.52.
    """
    lines, refunds = dataset.lenient("order_lines"), dataset.lenient("refunds")
    notes = []
    for column, what in (("amount", "money than was paid"), ("quantity", "units than were ordered")):
        if column in refunds.columns:
            back = refunds.group_by("line_id").aggregate(back=refunds[column].sum(), n=refunds.count())
            both = back.inner_join(lines.select("line_id", line=lines[column]), "line_id")
            above = both.filter(both.back > both.line + _HALF_CENT * both.n + _ROUNDING)
            noted = _noted(above, ["line_id"])
            if noted:
                n, shown = noted
                whose = "line has" if n == 1 else "lines have"
                said = f"{n:,} {whose} refunds of more {what} ({shown})"
                notes.append(f"refunds.{column}: {said}; figures cap them at the line.")
    return notes


def _stages_that_gain(dataset: "Dataset") -> list[str]:
    """Stages that more units came to than the stage before sent out.

    That is a fault of the books, and still no reason to refuse the data: which of the two counts is wrong cannot be
    told, the rows are a true record of what was booked, and to find such stages is what an analysis of losses is for.
    """
    import ibis

    flows = dataset.lenient("stage_flows")
    key = [column for column in CONTRACT["stage_flows"].key if column in flows.columns]
    shipment = [column for column in key if column != "stage"]
    flows = flows.mutate(place=ibis.cases(*((flows["stage"] == stage, place) for place, stage in enumerate(STAGES))))
    sent = flows.quantity_out.lag().over(group_by=shipment, order_by=flows.place)
    flows = flows.mutate(sent=sent)
    noted = _noted(flows.filter(flows.quantity_in > flows.sent + _ROUNDING), key)
    if not noted:
        return []
    n, shown = noted
    whose = "stage takes" if n == 1 else "stages take"
    said = f"{n:,} {whose} in more units than the stage before sent out ({shown})"
    return [f"stage_flows: {said}; one of the counts is wrong."]


def _noted(rows: Any, key: list[str]) -> tuple[int, str] | None:
    """How many rows there are, and the keys of the first; None where there are none."""
    n = int(rows.count().execute())
    if not n:
        return None
    frame = rows.order_by(key).select(*key).limit(N_EXAMPLES).execute()
    keys = ", ".join("/".join(map(str, row)) for row in frame.itertuples(index=False, name=None))
    return n, f"{'/'.join(key)} {keys}"
