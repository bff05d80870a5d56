"""`attribute_shift` against the known truth of simulated markets: what was planted is found, and intervals hold.

The shock on the supplier is small: it adds less than 0.1 points in two of the three markets. Its contribution is drawn
towards nought then, so that it need not come first in every market, but its interval holds the truth.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.market import parameters
from gbanalysis.market.market import Market
from gbanalysis.market.shocks import SlowNode, SupplierQuality

SEEDS = (7101, 7102, 7103)  # of these tests alone
N_LINES, N_DAYS = 120_000, 90
BASE, CURRENT = ("2024-01-10", "2024-02-08"), ("2024-02-20", "2024-03-20")
START, END = dt.date(2024, 2, 14), dt.date(2024, 3, 30)
SHOCKS = (
    SupplierQuality(supplier_id="SUP002", size=2.5, starts_on=START, ends_on=END),
    SlowNode(node_id="GW003", size=8.0, starts_on=START, ends_on=END),
)
TOGETHER = {
    "transit": parameters.TRANSIT,
    "temperature": parameters.TEMPERATURE,
    "quality_node": parameters.QUALITY_NODE[1:],
}

pytestmark = pytest.mark.slow


def truth_of(market: Market) -> tuple[pd.Series, pd.Series]:
    """The true contribution of each of our mechanisms, and of each supplier's quality."""
    found = market.truth.attribution(BASE, CURRENT, n_draws=40_000, together=TOGETHER)
    whole = found[found["dimension"] == "all"].set_index("mechanism")["contribution"]
    is_quality = whole.index.str.startswith("quality") | (whole.index == "abuse")
    parts = pd.concat([whole[~is_quality], pd.Series({"quality": whole[is_quality].sum()})])
    levels = found.query("mechanism == 'quality_supplier' and dimension == 'supplier'")
    return parts, levels.set_index("level")["contribution"]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[pd.DataFrame, pd.Series, pd.Series, float]]:
    found = []
    for seed in SEEDS:
        folder: Path = tmp_path_factory.mktemp("market") / str(seed)
        market = gb.simulate(seed=seed, n_lines=N_LINES, n_days=N_DAYS, shocks=SHOCKS, out=folder)
        shift = gb.quality.attribute_shift(market.dataset, base=BASE, current=CURRENT, rng=seed)
        found.append((shift.to_frame(), *truth_of(market), shift.change))
    return found


def test_the_planted_supplier_comes_first(answers: list[tuple[pd.DataFrame, pd.Series, pd.Series, float]]) -> None:
    first = 0  # a change as small as chance need not come first in every market
    for frame, _, suppliers, _ in answers:
        levels = frame.query("mechanism == 'quality' and dimension == 'supplier_id'").set_index("level")
        assert suppliers.idxmax() == "SUP002", "the shock must matter, or the test says nothing"
        first += levels["contribution"].idxmax() == "SUP002"
    assert first >= 2


def test_the_intervals_of_suppliers_hold_their_truth(
    answers: list[tuple[pd.DataFrame, pd.Series, pd.Series, float]],
) -> None:
    # 72 intervals of 90 %: fewer than 57 hold with a chance of 1 in 1000
    held = []
    for frame, _, suppliers, _ in answers:
        levels = frame.query("mechanism == 'quality' and dimension == 'supplier_id'").set_index("level")
        told = levels.join(suppliers.rename("truth"), how="inner")
        inside = told["truth"].between(told["ci_lower"], told["ci_upper"])
        assert inside["SUP002"]
        held += list(inside)
    assert len(held) == 72
    assert sum(held) >= 57


def test_the_planted_node_is_the_slowest(answers: list[tuple[pd.DataFrame, pd.Series, pd.Series, float]]) -> None:
    for frame, _, _, _ in answers:
        levels = frame.query("mechanism == 'transit' and dimension == 'grid_warehouse'").set_index("level")
        assert levels["contribution"].idxmax() == "GW003"


def test_the_intervals_hold_the_truth(answers: list[tuple[pd.DataFrame, pd.Series, pd.Series, float]]) -> None:
    # 3 markets, 6 mechanisms (nothing changes the refund rules): of 18 intervals of 90 %, fewer than 13 hold with a
    # chance of 1 in 500
    held, n_all = 0, 0
    for frame, parts, _, _ in answers:
        totals = frame[frame["level"].isna()].set_index("mechanism").join(parts.rename("truth"))
        told = totals.dropna(subset="truth")
        n_all += len(told)
        held += int(told["truth"].between(told["ci_lower"], told["ci_upper"]).sum())
    assert n_all == 18
    assert held >= 13


def test_the_parts_add_up(answers: list[tuple[pd.DataFrame, pd.Series, pd.Series, float]]) -> None:
    for frame, _, _, change in answers:
        totals = frame[frame["level"].isna()].set_index("mechanism")["contribution"]
        assert totals.sum() == pytest.approx(change, abs=1e-12)
        for name, part in frame[frame["level"].notna()].groupby("mechanism"):
            assert part["contribution"].sum() == pytest.approx(totals[name], abs=1e-12)
