"""Mack's published figures, and one column by hand."""

import numpy as np
import pytest

from gbanalysis.quality.latency.chain_ladder import mack_chain_ladder
from gbanalysis.quality.latency.triangle import Triangle

# Taylor and Ashe (1983), cumulative payments as printed in T. Mack (1993), ASTIN Bulletin 23, table 1.
TAYLOR_ASHE = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]
# Mack (1993): reserves in thousands (table 2) and standard errors in percent of the reserve (table 3).
RESERVES = [0, 95, 470, 710, 985, 1419, 2178, 3920, 4279, 4626]
ERROR_PERCENT = [80, 26, 19, 27, 29, 26, 22, 23, 29]


@pytest.fixture
def taylor_ashe() -> Triangle:
    counts = np.zeros((1, 10, 10))
    for year, row in enumerate(TAYLOR_ASHE):
        counts[0, year, : len(row)] = np.diff(row, prepend=0)
    return Triangle(counts, start="2026-01-01", cycle=1)


def test_taylor_ashe_total(taylor_ashe: Triangle) -> None:
    """To the unit as the R package ChainLadder gives them; Mack prints 18,681 thousand and 13 percent."""
    found = mack_chain_ladder(taylor_ashe, as_of="2026-01-10")
    reserve = found.ultimate - taylor_ashe.observed("2026-01-10").sum(axis=0)
    assert reserve.sum() == pytest.approx(18_680_856, abs=1)
    assert found.total_error == pytest.approx(2_447_095, abs=1)


def test_taylor_ashe_by_year(taylor_ashe: Triangle) -> None:
    found = mack_chain_ladder(taylor_ashe, as_of="2026-01-10")
    reserve = found.ultimate - taylor_ashe.observed("2026-01-10").sum(axis=0)
    assert np.round(reserve / 1000).tolist() == RESERVES
    assert np.round(100 * found.standard_error[1:] / reserve[1:]).tolist() == ERROR_PERCENT


def test_window_uses_the_newest_days_only() -> None:
    counts = np.array([[[100.0, 300.0], [100.0, 100.0], [100.0, 0.0]]])
    triangle = Triangle(counts, start="2026-01-01")
    assert mack_chain_ladder(triangle, as_of="2026-01-03").factors.tolist() == [3.0]
    assert mack_chain_ladder(triangle, as_of="2026-01-03", window=1).factors.tolist() == [2.0]


def test_empty_columns_stay_finite() -> None:
    found = mack_chain_ladder(Triangle(np.zeros((1, 4, 3)), start="2026-01-01"), as_of="2026-01-04")
    assert found.ultimate.tolist() == [0.0] * 4
    assert np.isfinite(found.standard_error).all()
