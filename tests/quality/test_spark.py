"""The same facts of quality on Spark as on DuckDB; needs the extra `gbanalysis[spark]` and Java."""

import datetime as dt

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.quality import facts

pytestmark = [pytest.mark.spark, pytest.mark.slow]

LAST = dt.date(2024, 3, 30)
WEEK = dt.timedelta(days=6)


@pytest.mark.parametrize(
    ("unit", "by"), [("line", ()), ("line", ("region", "category")), ("value", ("region",)), ("user", ())]
)
def test_refund_rates_are_the_same_on_spark(
    on_spark: gb.Dataset, sample_frames: dict[str, pd.DataFrame], unit: str, by: tuple[str, ...]
) -> None:
    here = gb.read_dataset(sample_frames)
    ours, spark = (gb.quality.refund_rate(data, unit=unit, by=by, period="W").to_frame() for data in (here, on_spark))
    pd.testing.assert_frame_equal(spark, ours, check_dtype=False, rtol=1e-9)


def test_cells_of_an_attribution_are_the_same_on_spark(
    on_spark: gb.Dataset, sample_frames: dict[str, pd.DataFrame]
) -> None:
    current = (LAST - WEEK, LAST)
    base = (current[0] - dt.timedelta(days=7), current[0] - dt.timedelta(days=1))
    here = gb.read_dataset(sample_frames)
    cells = [facts.shift_cells(data, base=base, current=current, as_of=LAST).frame for data in (here, on_spark)]
    names = sorted(cells[0], key=lambda name: cells[0][name].dtype != object)
    # Spark gives hours to seven digits; rounded, the rows stand in one order.
    ours, spark = (frame.round(4).sort_values(names, ignore_index=True) for frame in cells)
    pd.testing.assert_frame_equal(spark, ours, check_dtype=False, rtol=1e-6, atol=2e-4)


def test_scores_of_users_are_the_same_on_spark(on_spark: gb.Dataset, sample_frames: dict[str, pd.DataFrame]) -> None:
    window = (LAST - WEEK, LAST)
    here = gb.read_dataset(sample_frames)
    ours, spark = (gb.quality.score_refund_abuse(data, window=window) for data in (here, on_spark))
    pd.testing.assert_frame_equal(spark.threshold_table(), ours.threshold_table(), check_dtype=False, rtol=1e-6)
    pd.testing.assert_frame_equal(spark.users, ours.users, check_dtype=False, rtol=1e-6, atol=1e-9)
