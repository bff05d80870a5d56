"""The committed figures of Online Retail are those that its data give, and agree with what is known of the data."""

import os
from pathlib import Path

import pandas as pd
import pytest

from tools.online_retail_moments import OUT, online_retail_moments

# What the data's own description counts: 7,599 cancellations match an earlier purchase; median 9 days, P75 24, P90 66.
PUBLISHED_DELAYS = {"refund_delay_p50": 9, "refund_delay_p75": 24, "refund_delay_p90": 66}


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(OUT).set_index("moment")["value"]


def test_delays_are_the_described_ones(committed):
    assert committed[list(PUBLISHED_DELAYS)].to_dict() == PUBLISHED_DELAYS


def test_no_moment_of_categories_is_claimed(committed):
    assert not committed.index.str.contains("categor").any()


@pytest.mark.real_data
@pytest.mark.skipif(not os.environ.get("GBANALYSIS_REAL_DATA"), reason="GBANALYSIS_REAL_DATA names no folder")
def test_the_committed_table_is_what_the_data_give(committed):
    source = Path(os.environ["GBANALYSIS_REAL_DATA"]) / "online_retail" / "online_retail.parquet"
    again = online_retail_moments(pd.read_parquet(source)).set_index("moment")["value"]
    pd.testing.assert_series_equal(again, committed, rtol=1e-6)
