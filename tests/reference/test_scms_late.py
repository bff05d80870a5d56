"""Real deliveries: why more of them came late in 2013 than in 2012, told apart into vendor, factory and mode.

The SCMS delivery history has no refunds, weather or hours; a delivery is "refunded" here when it came after its
scheduled day. Vendor is the supplier, factory the first node after it, mode the central warehouse, and country by mode
the grid. So the result speaks of late deliveries of medicines, not of refunds.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gbanalysis.quality.attribution.cells import ShiftCells
from gbanalysis.quality.attribution.result import DatasetShift, Question
from gbanalysis.quality.attribution.shift import explain

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_data,
    pytest.mark.skipif(not os.environ.get("GBANALYSIS_REAL_DATA"), reason="GBANALYSIS_REAL_DATA names no folder"),
]
YEARS = {2012: "base", 2013: "current"}


def late_cells(deliveries: pd.DataFrame) -> ShiftCells:
    """Sum the deliveries of both years to the cells of an attribution."""
    scheduled, came = (
        pd.to_datetime(deliveries[name], format="%d-%b-%y")
        for name in ("Scheduled Delivery Date", "Delivered to Client Date")
    )
    mode = deliveries["Shipment Mode"].fillna("unknown")
    rows = pd.DataFrame(
        {
            "period": scheduled.dt.year.map(YEARS),
            "day": scheduled,
            "category": deliveries["Sub Classification"],
            "parent_category": deliveries["Product Group"],
            "supplier_id": deliveries["Vendor"],
            "origin_id": deliveries["Manufacturing Site"],
            "central_id": mode,
            "grid_id": deliveries["Country"] + " by " + mode,
            "region": deliveries["Country"],
        }
    )
    late = (came > scheduled).astype(int)
    amounts = {"n": 1, "refunded": late, "refunded_amount": late * deliveries["Line Item Value"]}
    cells = rows.assign(**amounts).groupby(list(rows), as_index=False)[list(amounts)].sum()
    return ShiftCells(cells.assign(temperature_c=np.nan), (), ())


@pytest.fixture(scope="module")
def deliveries() -> pd.DataFrame:
    return pd.read_parquet(Path(os.environ["GBANALYSIS_REAL_DATA"]) / "scms_deliveries" / "scms.parquet")


@pytest.fixture(scope="module")
def shift(deliveries: pd.DataFrame) -> DatasetShift:
    day = dt.date
    question = Question((day(2012, 1, 1), day(2012, 12, 31)), (day(2013, 1, 1), day(2013, 12, 31)), day(2015, 9, 30))
    return explain(late_cells(deliveries), question, confidence=0.9)


def test_the_rates_are_those_of_the_deliveries(deliveries: pd.DataFrame, shift: DatasetShift) -> None:
    scheduled = pd.to_datetime(deliveries["Scheduled Delivery Date"], format="%d-%b-%y")
    late = pd.to_datetime(deliveries["Delivered to Client Date"], format="%d-%b-%y") > scheduled
    rate = late.groupby(scheduled.dt.year).mean()
    assert shift.base_rate == pytest.approx(rate[2012], abs=1e-12)
    assert shift.current_rate == pytest.approx(rate[2013], abs=1e-12)
    totals = shift.to_frame().query("level.isna()")
    assert totals["contribution"].sum() == pytest.approx(rate[2013] - rate[2012], abs=1e-12)


def test_one_vendor_explains_it_and_no_factory_or_mode_does(shift: DatasetShift) -> None:
    """Counting shows the same: deliveries of that vendor were late three times as often, all others hardly more."""
    levels = shift.to_frame().query("mechanism == 'quality' and level.notna()")
    vendors = levels[levels["dimension"] == "supplier_id"].set_index("level")
    assert vendors["contribution"].idxmax() == "SCMS from RDC"
    assert vendors.loc["SCMS from RDC", "ci_lower"] > 0.5 * shift.change
    others = levels[levels["dimension"].isin(["shared_warehouse", "central_warehouse"])]
    assert others["contribution"].abs().max() < 0.05 * shift.change


def test_the_checks_run_and_warn_of_days_that_come_in_batches(shift: DatasetShift) -> None:
    checks = shift.checks().to_frame().set_index("check")
    assert checks.loc["fit: batches", "passed"] is False, "deliveries of one day are late together"
    assert checks["sentence"].str.len().min() > 20
