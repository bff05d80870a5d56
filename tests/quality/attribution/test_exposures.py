"""Hours of segments: slopes and changes that were planted come back, and chance is shrunk."""

import numpy as np
import pandas as pd
import pytest

from gbanalysis.quality.attribution.exposures import Exposure
from gbanalysis.quality.attribution.mechanisms import DEGREES, HOURS, Stage, encode_cells
from gbanalysis.quality.attribution.tables import build_tables
from tests.quality.attribution.small_chain import small_cells

GRID = Stage("grid_warehouse", "grid_warehouse_hours", "grid_id", "central_id")


def fitted(cells: pd.DataFrame) -> Exposure:
    return build_tables(encode_cells(cells, (GRID,))).hours[0]


def test_a_slope_on_temperature_is_found_and_taken_out() -> None:
    cells = small_cells(3, n_days=20, warmer=5.0)
    hours = 4.0 + 0.2 * cells["temperature_c"]
    found = fitted(cells.assign(grid_warehouse_hours=hours))
    assert found.slope * HOURS / DEGREES == pytest.approx(0.2, abs=1e-10)
    np.testing.assert_allclose(found.residual, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.points[0], found.points[1], atol=1e-10)


def test_a_planted_change_stays_and_chance_is_shrunk() -> None:
    cells = small_cells(5, n_days=30, slower=8.0)
    found = fitted(cells)
    means = (found.points * found.shares).sum(axis=2)
    change = HOURS * (means[1] - means[0])
    raw = (
        cells.assign(weighted=cells["grid_warehouse_hours"] * cells["n"])
        .groupby(["grid_id", "period"])[["weighted", "n"]]
        .sum()
    )
    raw_change = (raw["weighted"] / raw["n"]).unstack().pipe(lambda frame: frame["current"] - frame["base"])
    assert change[1] == pytest.approx(raw_change["g1"], abs=0.15)
    still = [0, 2, 3]
    assert (np.abs(change[still]) < 0.7 * np.abs(raw_change.to_numpy()[still])).all()


def test_blend_and_means_keep_constants() -> None:
    found = fitted(small_cells(6, n_days=10))
    np.testing.assert_allclose(found.blend.sum(axis=1), 1.0, atol=1e-12)


def test_one_day_a_period_leaves_the_hours_as_they_are() -> None:
    cells = small_cells(7, n_days=1)
    found = fitted(cells)
    np.testing.assert_array_equal(found.blend[0, 0], 1.0)
    np.testing.assert_array_equal(found.doubt, 0.0)
