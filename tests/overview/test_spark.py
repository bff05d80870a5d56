"""The same facts on Spark as on DuckDB; needs the extra `gbanalysis[spark]` and Java."""

import os
from pathlib import Path

import pandas as pd
import pytest

import gbanalysis as gb

pyspark = pytest.importorskip("pyspark", reason="the extra gbanalysis[spark] is not installed")
pytestmark = [pytest.mark.spark, pytest.mark.slow]

TABLES = ("order_lines", "products", "sites", "refunds")


@pytest.fixture(scope="module")
def on_spark(tmp_path_factory: pytest.TempPathFactory) -> gb.Dataset:
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


@pytest.mark.parametrize("by", [(), ("region", "category")])
def test_key_figures_are_the_same_on_spark(on_spark: gb.Dataset, by: tuple[str, ...]) -> None:
    here = gb.read_dataset(sample())
    ours, spark = (gb.overview.key_figures(data, by=by, period="W").to_frame() for data in (here, on_spark))
    pd.testing.assert_frame_equal(spark, ours, check_dtype=False, rtol=1e-9)
