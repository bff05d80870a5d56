"""What no rule forbids is said with its count: epoch numbers, rows after as_of, books that do not add up."""

from datetime import date
from pathlib import Path

import pandas as pd

import gbanalysis as gb
from tests.broken import Frames, good_frames, write_csv


def notes(frames: Frames) -> tuple[str, ...]:
    report = gb.validate(gb.read_dataset(frames))
    assert report.ok, report.text()
    return report.notes


def test_sound_books_have_no_note() -> None:
    assert notes(good_frames()) == ()
    assert gb.validate(gb.load_sample()).notes == ()


def test_epoch_numbers_are_local_time_and_the_report_names_the_zone(tmp_path: Path) -> None:
    frames = {name: good_frames()[name] for name in ("settings", "order_lines", "products", "sites")}
    moment, midnight = 1704123000000, 1706630400  # 2024-01-01 23:30 and the midnight that begins 2024-01-31 in Shanghai
    frames["order_lines"] = frames["order_lines"].assign(ordered_at=moment, fulfilled_on=midnight)
    write_csv(frames, tmp_path)
    data = gb.read_dataset(tmp_path)
    lines = data.to_frame("order_lines")
    assert set(lines["ordered_at"]) == {pd.Timestamp("2024-01-01 23:30")}
    assert {day.date() for day in lines["fulfilled_on"]} == {date(2024, 1, 31)}
    said = "6 epoch numbers are told in the local time of Asia/Shanghai."
    assert gb.validate(data).notes == (f"order_lines.ordered_at: {said}", f"order_lines.fulfilled_on: {said}")

    write_csv({"settings": frames["settings"].assign(timezone="America/New_York")}, tmp_path)
    data = gb.read_dataset(tmp_path)
    assert set(data.to_frame("order_lines")["ordered_at"]) == {pd.Timestamp("2024-01-01 10:30")}
    assert gb.validate(data).notes[0].endswith("told in the local time of America/New_York.")


def test_epoch_numbers_without_a_known_zone_are_refused_with_the_reason() -> None:
    frames = {name: good_frames()[name] for name in ("settings", "order_lines", "products", "sites")}
    frames["settings"] = frames["settings"].assign(timezone="Mars/X")
    frames["order_lines"] = frames["order_lines"].assign(ordered_at=1704123000000)
    messages = [finding.message for finding in gb.validate(gb.read_dataset(frames)).findings]
    assert messages[0] == "settings.timezone: 'Mars/X' is no time zone such as Asia/Shanghai"
    assert "order_lines.ordered_at: 6 values are not a time stamp" in messages[1]
    assert "an epoch number needs a time zone" in messages[1]


def test_the_settings_own_dates_may_be_epoch_numbers_too() -> None:
    frames = good_frames()
    frames["settings"] = frames["settings"].assign(as_of=1707494400)  # midnight that begins 2024-02-10 in Shanghai
    assert gb.read_dataset(frames).settings.as_of == date(2024, 2, 10)


def test_rows_after_as_of_are_counted_by_table() -> None:
    frames = good_frames()
    frames["settings"] = frames["settings"].assign(as_of=date(2024, 2, 2))
    assert notes(frames) == (
        "order_lines: 2 rows are dated after settings.as_of (2024-02-02), where every figure ends.",
        "refunds: 1 row is dated after settings.as_of (2024-02-02), where every figure ends.",
    )
    del frames["settings"]  # then the last row seen is as_of
    assert notes(frames) == ()


def test_refunds_above_their_line_are_counted_by_line() -> None:
    frames = good_frames()
    frames["refunds"] = frames["refunds"].assign(amount=[12.5, 5.0, 7.6], quantity=[2.0, 0.5, 0.5])
    assert notes(frames) == (
        "refunds.amount: 1 line has refunds of more money than was paid (line_id L3); figures cap them at the line.",
        "refunds.quantity: 1 line has refunds of more units than were ordered (line_id L1); "
        "figures cap them at the line.",
    )


def test_halves_that_were_rounded_up_are_not_above_their_line() -> None:
    frames = good_frames()
    frames["refunds"] = frames["refunds"].assign(amount=[12.5, 6.25, 6.26])
    assert notes(frames) == ()


def _gaining(frames: Frames) -> Frames:
    """A second shipment where the grid takes in more than the central warehouse sent, after a stage that is skipped."""
    more = pd.DataFrame(
        {
            "shipment_id": ["S2", "S2", "S2"],
            "stage": ["community_site", "central_warehouse", "grid_warehouse"],
            "sku_id": ["K1"] * 3,
            "node_id": ["007", "W1", "G1"],
            "arrived_at": pd.to_datetime(["2024-01-31 09:00", "2024-01-30 20:00", "2024-01-31 03:00"]),
            "quantity_in": [60.0, 50.0, 61.0],
            "quantity_out": [60.0, 50.0, 60.0],
        }
    )
    return {**frames, "stage_flows": pd.concat([frames["stage_flows"], more], ignore_index=True)}


def test_a_stage_that_takes_in_more_than_was_sent_is_a_note() -> None:
    assert notes(_gaining(good_frames())) == (
        "stage_flows: 1 stage takes in more units than the stage before sent out "
        "(shipment_id/stage/sku_id S2/grid_warehouse/K1); one of the counts is wrong.",
    )


def test_stages_are_followed_within_a_shipment_and_without_skus_too() -> None:
    frames = _gaining(good_frames())
    frames["stage_flows"] = frames["stage_flows"].drop(columns="sku_id")
    assert notes(frames) == (
        "stage_flows: 1 stage takes in more units than the stage before sent out "
        "(shipment_id/stage S2/grid_warehouse); one of the counts is wrong.",
    )


def test_books_of_faulty_tables_are_not_judged() -> None:
    frames = _gaining(good_frames())
    frames["stage_flows"].loc[0, "node_id"] = None
    report = gb.validate(gb.read_dataset(frames))
    assert [finding.table for finding in report.findings] == ["stage_flows"]
    assert report.notes == ()
