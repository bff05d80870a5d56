"""The same facts of quality on Spark as on DuckDB; needs the extra `gbanalysis[spark]` and Java."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.quality import facts

pyspark = pytest.importorskip("pyspark", reason="the extra gbanalysis[spark] is not installed")
pytestmark = [pytest.mark.spark, pytest.mark.slow]

TABLES = ("order_lines", "products", "sites", "refunds", "stage_flows", "weather", "policies")
LAST = dt.date(2024, 3, 30)
WEEK = dt.timedelta(days=6)


@pytest.fixture(scope="module")
def on_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gb.Dataset]:
    """The sample's tables in a local Spark session, behind an Ibis connection."""
    import ibis
    from pyspark.sql import SparkSession

    start, folder = Path.cwd(), tmp_path_factory.mktemp("spark")
    os.chdir(folder)  # Spark writes spark-warehouse/ where it starts
    settings = {"spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC"}
    session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    for name, frame in sample().items():
        frame.to_parquet(folder / f"{name}.parquet", coerce_timestamps="us")
        session.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    os.chdir(start)
    yield gb.read_dataset(ibis.pyspark.connect(session))
    session.stop()


def sample() -> dict[str, pd.DataFrame]:
    """The sample's tables without the one column that Spark has no type for, a time of day."""
    data = gb.load_sample()
    return {name: data.to_frame(name).drop(columns="opens_at", errors="ignore") for name in TABLES}


@pytest.mark.parametrize(
    ("unit", "by"), [("line", ()), ("line", ("region", "category")), ("value", ("region",)), ("user", ())]
)
def test_refund_rates_are_the_same_on_spark(on_spark: gb.Dataset, unit: str, by: tuple[str, ...]) -> None:
    here = gb.read_dataset(sample())
    ours, spark = (gb.quality.refund_rate(data, unit=unit, by=by, period="W").to_frame() for data in (here, on_spark))
    pd.testing.assert_frame_equal(spark, ours, check_dtype=False, rtol=1e-9)


def test_cells_of_an_attribution_are_the_same_on_spark(on_spark: gb.Dataset) -> None:
    current = (LAST - WEEK, LAST)
    base = (current[0] - dt.timedelta(days=7), current[0] - dt.timedelta(days=1))
    here = gb.read_dataset(sample())
    cells = [facts.shift_cells(data, base=base, current=current, as_of=LAST).frame for data in (here, on_spark)]
    names = sorted(cells[0], key=lambda name: cells[0][name].dtype != object)
    # Spark gives hours to seven digits; rounded, the rows stand in one order.
    ours, spark = (frame.round(4).sort_values(names, ignore_index=True) for frame in cells)
    pd.testing.assert_frame_equal(spark, ours, check_dtype=False, rtol=1e-6, atol=2e-4)


def test_scores_of_users_are_the_same_on_spark(on_spark: gb.Dataset) -> None:
    window = (LAST - WEEK, LAST)
    here = gb.read_dataset(sample())
    ours, spark = (gb.quality.score_refund_abuse(data, window=window) for data in (here, on_spark))
    pd.testing.assert_frame_equal(spark.threshold_table(), ours.threshold_table(), check_dtype=False, rtol=1e-6)
    pd.testing.assert_frame_equal(spark.users, ours.users, check_dtype=False, rtol=1e-6, atol=1e-9)
