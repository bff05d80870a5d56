"""Real deliveries: why more of them came late in 2013 than in 2012, told apart into vendor, factory and mode.

The SCMS delivery history has no refunds, weather or hours; a delivery is "refunded" here when it came after its
scheduled day. Vendor is the supplier, factory the first node after it, mode the central warehouse, and country by mode
the grid. So the result speaks of late deliveries of medicines, not of refunds.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.scms import attribute_late, parts_of, rates_by_channel, read_deliveries
from gbanalysis.quality.attribution.result import DatasetShift

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_data,
    pytest.mark.skipif(not os.environ.get("GBANALYSIS_REAL_DATA"), reason="GBANALYSIS_REAL_DATA names no folder"),
]


@pytest.fixture(scope="module")
def deliveries() -> pd.DataFrame:
    return read_deliveries(Path(os.environ["GBANALYSIS_REAL_DATA"]))


@pytest.fixture(scope="module")
def shift(deliveries: pd.DataFrame) -> DatasetShift:
    return attribute_late(deliveries)


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
    levels = shift.table.query("view == 'who' and mechanism == 'quality' and level.notna()")
    vendors = levels[levels["dimension"] == "supplier_id"].set_index("level")
    assert vendors["contribution"].idxmax() == "SCMS from RDC"
    assert list(vendors.index[vendors["stands_out"]]) == ["SCMS from RDC"]
    assert vendors.loc["SCMS from RDC", "ci_lower"] > 0
    others = levels[levels["dimension"].isin(["shared_warehouse", "central_warehouse"])]
    assert others["contribution"].abs().max() < 0.05 * shift.change
    parts = parts_of(shift).set_index("part")
    assert parts.loc["vendors", "ci_lower"] > 0.5 * shift.change
    assert parts["contribution"].sum() == pytest.approx(shift.change, abs=1e-12)


def test_goods_of_the_same_factories_were_late_by_the_way_they_came(deliveries: pd.DataFrame) -> None:
    rates = rates_by_channel(deliveries, "SCMS from RDC").set_index(["by_vendor", "year"])["rate"]
    assert rates[True, 2013] - rates[True, 2012] > 4 * (rates[False, 2013] - rates[False, 2012])


def test_the_checks_run_and_warn_of_days_that_come_in_batches(shift: DatasetShift) -> None:
    checks = shift.checks().to_frame().set_index("check")
    assert checks.loc["fit: batches", "passed"] is False, "deliveries of one day are late together"
    assert checks["sentence"].str.len().min() > 20
