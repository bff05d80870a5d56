"""The committed figures of real data are those that the data give, and agree with what is known of the data."""

import os
from pathlib import Path

import pandas as pd
import pytest

from tools.reference_moments import OUT, complete_journey_moments, online_retail_moments

# What the description of Online Retail counts: median delay of a cancellation 9 days, P75 24, P90 66.
DESCRIBED_DELAYS = {"refund_delay_p50": 9, "refund_delay_p75": 24, "refund_delay_p90": 66}


def _committed(name):
    return pd.read_csv(OUT / f"{name}_moments.csv").set_index("moment")["value"]


def test_delays_of_online_retail_are_the_described_ones():
    assert _committed("online_retail")[list(DESCRIBED_DELAYS)].to_dict() == DESCRIBED_DELAYS


def test_no_moment_of_categories_is_claimed_for_online_retail():
    assert not _committed("online_retail").index.str.contains("categor").any()


def test_both_tables_hold_moments_that_the_market_has():
    market = set(_committed("complete_journey").index)
    assert {name for name in _committed("online_retail").index if "delay" not in name} <= market


@pytest.mark.slow
def test_the_table_of_complete_journey_is_what_the_data_give():
    again = complete_journey_moments().set_index("moment")["value"]
    pd.testing.assert_series_equal(again, _committed("complete_journey"), rtol=1e-6)


@pytest.mark.real_data
@pytest.mark.skipif(not os.environ.get("GBANALYSIS_REAL_DATA"), reason="GBANALYSIS_REAL_DATA names no folder")
def test_the_table_of_online_retail_is_what_the_data_give():
    source = Path(os.environ["GBANALYSIS_REAL_DATA"]) / "online_retail" / "online_retail.parquet"
    again = online_retail_moments(pd.read_parquet(source)).set_index("moment")["value"]
    pd.testing.assert_series_equal(again, _committed("online_retail"), rtol=1e-6)
