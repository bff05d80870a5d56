"""The same facts on Spark as on DuckDB; needs the extra `gbanalysis[spark]` and Java."""

import pandas as pd
import pytest

import gbanalysis as gb

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.mark.parametrize("by", [(), ("region", "category")])
def test_key_figures_are_the_same_on_spark(
    on_spark: gb.Dataset, sample_frames: dict[str, pd.DataFrame], by: tuple[str, ...]
) -> None:
    here = gb.read_dataset(sample_frames)
    ours, spark = (gb.overview.key_figures(data, by=by, period="W").to_frame() for data in (here, on_spark))
    pd.testing.assert_frame_equal(spark, ours, check_dtype=False, rtol=1e-9)
