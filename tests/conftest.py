"""What tests of more than one domain share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import gbanalysis as gb

SPARK_TABLES = ("order_lines", "products", "sites", "refunds", "stage_flows", "weather", "policies")


@pytest.fixture(scope="session")
def sample_frames() -> dict[str, pd.DataFrame]:
    """The sample's tables without the one column that Spark has no type for, a time of day."""
    data = gb.load_sample()
    return {name: data.to_frame(name).drop(columns="opens_at", errors="ignore") for name in SPARK_TABLES}


@pytest.fixture(scope="session")
def on_spark(tmp_path_factory: pytest.TempPathFactory, sample_frames: dict[str, pd.DataFrame]) -> Iterator[gb.Dataset]:
    """Those tables in a local Spark session, behind an Ibis connection."""
    pytest.importorskip("pyspark", reason="the extra gbanalysis[spark] is not installed")
    import ibis
    from pyspark.sql import SparkSession

    start, folder = Path.cwd(), tmp_path_factory.mktemp("spark")
    os.chdir(folder)  # Spark writes spark-warehouse/ where it starts
    settings = {"spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC"}
    session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    for name, frame in sample_frames.items():
        frame.to_parquet(folder / f"{name}.parquet", coerce_timestamps="us")
        session.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    os.chdir(start)
    yield gb.read_dataset(ibis.pyspark.connect(session))
    session.stop()
