"""The sums behind a projection, counted by hand on six lines."""

import datetime as dt

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.quality import facts
from gbanalysis.quality.latency.delay_rows import NO_DELAY

# line, ordered, picked up, quantity, amount
LINES = [
    ("a", "2024-03-01 10:00", "2024-03-02", 2, 10.0),
    ("b", "2024-03-01 11:00", "2024-03-02", 4, 40.0),
    ("c", "2024-03-01 23:30", "2024-03-03", 1, 5.0),  # after the cutoff: its selling day is the 2nd
    ("d", "2024-03-02 09:00", "2024-03-03", 3, 9.0),
    ("e", "2024-03-02 09:30", None, 1, 7.0),  # never picked up
    ("f", "2024-03-03 09:30", "2024-03-09", 1, 8.0),  # picked up after as_of
]
# line, asked for, quantity, amount
REFUNDS = [
    ("a", "2024-03-01", 1, 5.0),  # before pickup: delay 0
    ("a", "2024-03-04", 5, 50.0),  # more than is left of the line
    ("b", "2024-03-05", None, 10.0),  # a quarter of the money: one of four units
    ("b", "2024-03-07", 1, 10.0),  # five days after pickup
    ("d", "2024-03-09", 3, 9.0),  # not known yet
    ("e", "2024-03-03", 1, 7.0),
]
AS_OF = dt.date(2024, 3, 7)


@pytest.fixture(scope="module")
def tiny() -> Dataset:
    lines = pd.DataFrame(LINES, columns=["line_id", "ordered_at", "fulfilled_on", "quantity", "amount"])
    lines = lines.assign(order_id="o" + lines["line_id"], user_id="u", site_id="s", sku_id="k")
    refunds = pd.DataFrame(REFUNDS, columns=["line_id", "requested_on", "quantity", "amount"])
    return gb.read_dataset(
        {
            "order_lines": lines.assign(
                ordered_at=pd.to_datetime(lines["ordered_at"]), fulfilled_on=pd.to_datetime(lines["fulfilled_on"])
            ),
            "refunds": refunds.assign(
                refund_id=[f"r{k}" for k in range(len(refunds))], requested_on=pd.to_datetime(refunds["requested_on"])
            ),
            "products": pd.DataFrame({"sku_id": ["k"], "category": ["fruit"]}),
            "sites": pd.DataFrame({"site_id": ["s"], "region": ["north"]}),
            "settings": pd.DataFrame({"as_of": ["2024-03-10"], "presale_cutoff": ["23:00:00"]}),
        }
    )


def counted(data: Dataset, unit: str, date: str, *, recent_from: str = "2024-03-01") -> dict[tuple[int, int], float]:
    """What was asked back by day of March and delay; 4 is later than the 3 days that count."""
    frame = facts.delay_facts(
        data, by=("category",), unit=unit, date=date, max_delay=3, recent_from=dt.date.fromisoformat(recent_from),
        as_of=AS_OF,
    )  # fmt: skip
    keys = zip(pd.to_datetime(frame["day"]).dt.day, frame["delay"], strict=True)
    return {(day, int(delay)): value for (day, delay), value in zip(keys, frame["reported"], strict=True) if value}


@pytest.mark.parametrize(
    ("unit", "date", "expected"),
    [
        ("line", "fulfilled", {(2, 0): 1, (2, 3): 1}),
        ("value", "fulfilled", {(2, 0): 5, (2, 2): 5, (2, 3): 10, (2, 4): 10}),
        ("quantity", "fulfilled", {(2, 0): 1, (2, 2): 1, (2, 3): 1, (2, 4): 1}),
        ("line", "ordered", {(1, 0): 1, (1, 4): 1, (2, 1): 1}),
        ("value", "ordered", {(1, 0): 5, (1, 3): 5, (1, 4): 20, (2, 1): 7}),
        ("quantity", "ordered", {(1, 0): 1, (1, 3): 1, (1, 4): 2, (2, 1): 1}),
    ],
)  # fmt: skip
def test_refunds_by_day_and_delay(tiny: Dataset, unit: str, date: str, expected: dict[tuple[int, int], float]) -> None:
    assert counted(tiny, unit, date) == pytest.approx(expected)


@pytest.mark.parametrize(("unit", "sold"), [("line", (2, 2)), ("value", (50, 14)), ("quantity", (6, 4))])
def test_each_line_is_offered_once_however_often_it_is_refunded(
    tiny: Dataset, unit: str, sold: tuple[float, float]
) -> None:
    frame = facts.delay_facts(
        tiny, by=("category",), unit=unit, date="fulfilled", max_delay=3, recent_from=dt.date(2024, 3, 1), as_of=AS_OF
    )
    assert frame.groupby("day")["n"].sum().tolist() == list(sold)


def test_before_the_recent_days_delays_are_not_told_apart(tiny: Dataset) -> None:
    assert counted(tiny, "line", "fulfilled", recent_from="2024-03-03") == {(2, NO_DELAY): 2}


def test_waits_for_the_pickup_are_counted(tiny: Dataset) -> None:
    frame = facts.lag_facts(tiny, as_of=AS_OF)
    assert dict(zip(frame["lag"], frame["n"], strict=True)) == {1: 4}
