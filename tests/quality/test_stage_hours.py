"""Hours of stages against a way counted by hand."""

import ibis
import pandas as pd

from gbanalysis.quality.stage_hours import with_stage_hours

FLOWS = pd.DataFrame(
    [
        # shipment A: all five stages; the grid warehouse has no departure
        ("A", "supplier", "s1", "2024-01-01 00:00", "2024-01-01 03:00", 5.0),
        ("A", "shared_warehouse", "o1", "2024-01-01 04:00", "2024-01-01 06:30", 6.0),
        ("A", "central_warehouse", "c1", "2024-01-01 20:00", "2024-01-01 22:30", 7.0),
        ("A", "grid_warehouse", "g1", "2024-01-02 01:00", None, None),
        ("A", "community_site", "x1", "2024-01-02 04:00", "2024-01-02 10:00", 9.0),
        # shipment B: straight from the supplier to the central warehouse, whose clock runs wrong
        ("B", "supplier", "s2", "2024-01-01 00:00", "2024-01-01 02:00", 5.0),
        ("B", "central_warehouse", "c1", "2024-01-01 01:00", "2024-01-01 01:30", 7.0),
    ],
    columns=["shipment_id", "stage", "node_id", "arrived_at", "departed_at", "temperature_c"],
)
HOURS = [
    f"{s}_hours" for s in ("supplier", "shared_warehouse", "central_warehouse", "grid_warehouse", "community_site")
]


def lines_with_hours(flows: pd.DataFrame) -> pd.DataFrame:
    lines = pd.DataFrame({"line_id": ["1", "2", "3", "4"], "shipment_id": ["A", "B", None, "Z"]})
    flows = flows.assign(arrived_at=pd.to_datetime(flows["arrived_at"]))
    if "departed_at" in flows:
        flows = flows.assign(departed_at=pd.to_datetime(flows["departed_at"]))
    found = with_stage_hours(ibis.memtable(lines), ibis.memtable(flows)).to_pandas()
    return found.sort_values("line_id").set_index("line_id")


def test_hours_run_from_the_departure_before_to_the_own_one() -> None:
    found = lines_with_hours(FLOWS)
    assert found.loc["1", HOURS].astype(float).tolist() == [3.0, 3.5, 16.0, 2.5, 9.0]
    assert found.loc["1", "grid_warehouse_node"] == "g1"
    assert pd.isna(found.loc["1", "grid_warehouse_temperature"])


def test_a_stage_that_was_not_passed_is_skipped_and_a_wrong_clock_is_unknown() -> None:
    found = lines_with_hours(FLOWS)
    assert found.loc["2", "supplier_hours"] == 2.0
    assert found.loc["2", HOURS[1:]].isna().all()


def test_lines_without_a_known_shipment_are_kept_with_unknown_hours() -> None:
    found = lines_with_hours(FLOWS)
    assert len(found) == 4
    assert found.loc[["3", "4"], HOURS].isna().all(axis=None)


def test_without_departures_arrivals_count() -> None:
    found = lines_with_hours(FLOWS.drop(columns=["departed_at", "temperature_c"]))
    assert found.loc["1", HOURS].astype(float).tolist() == [0.0, 4.0, 16.0, 5.0, 3.0]
