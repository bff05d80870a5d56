"""Every check of an attribution can pass and can fail; shares that react are found; users can be left out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.attribution import peer_checks
from gbanalysis.quality.attribution.checks import (
    check_days,
    check_earlier,
    check_left_out,
    check_permuted,
    check_shuffles,
    earlier_refits,
)
from gbanalysis.quality.attribution.gcm_peer import GcmAnswer, _lines
from gbanalysis.quality.attribution.permutations import permute_days
from gbanalysis.quality.attribution.reactions import find_reaction
from gbanalysis.quality.attribution.refits import earlier_spans, refit
from gbanalysis.quality.attribution.result import DatasetShift, Question

SEED = 20_331
N_DAYS, LINES, RATE = 28, 12, 0.04


def draw(
    rng: np.random.Generator, *, worse: float = 1.0, even_days: float = 1.0, hot: float = 0.0, reacts: float = 0.0
) -> pd.DataFrame:
    """Cells of eight suppliers, two categories and three grids in two periods.

    `worse` multiplies the rate of supplier s1 in the current period, `even_days` that of all suppliers on even days;
    `hot` is the log-odds a degree of supplier s0, who sells most, in a current period that is warmer by five degrees;
    `reacts` moves the log shares of a week by that much per excess rate of the week before.
    """
    rows, week_rate, pull = [], {}, np.zeros((2, 8))
    for place in range(2 * N_DAYS):
        period = "base" if place < N_DAYS else "current"
        if place % 7 == 0 and place % N_DAYS:
            for category in range(2):
                seen = np.array([week_rate[category, s] for s in range(8)])
                pull[category] -= reacts * (seen[:, 1] / seen[:, 0] - seen[:, 1].sum() / seen[:, 0].sum())
        if place % N_DAYS == 0:
            pull[:] = 0.0
        if place % 7 == 0:
            week_rate = {(c, s): np.zeros(2) for c in range(2) for s in range(8)}
        heat = 15 + 5 * (period == "current") + 3 * np.sin(place)
        for category in range(2):
            for supplier in range(8):
                for grid in range(3):
                    share = LINES * np.exp(pull[category, supplier]) * (4 if hot and supplier == 0 else 1)
                    n = rng.poisson(share)
                    odds = RATE * (worse if period == "current" and supplier == 1 else 1)
                    odds *= even_days if place % 2 == 0 else 1
                    odds *= np.exp(hot * (heat - 15)) if supplier == 0 else 1
                    asked = rng.binomial(n, min(odds, 0.9))
                    week_rate[category, supplier] += (n, asked)
                    rows.append((period, place, category, supplier, grid, heat, n, asked))
    frame = pd.DataFrame(
        rows, columns=["period", "day", "category", "supplier", "grid", "temperature_c", "n", "refunded"]
    )
    frame = frame[frame["n"] > 0]
    return pd.DataFrame(
        {
            "period": frame["period"],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D"),
            "category": "c" + frame["category"].astype(str),
            "supplier_id": "s" + frame["supplier"].astype(str),
            "origin_id": "o1",
            "central_id": "w1",
            "grid_id": "g" + frame["grid"].astype(str),
            "region": "north",
            "temperature_c": frame["temperature_c"],
            "n": frame["n"],
            "refunded": frame["refunded"],
        }
    )


@pytest.fixture(scope="module")
def calm() -> pd.DataFrame:
    return draw(np.random.default_rng(SEED))


@pytest.fixture(scope="module")
def shocked() -> pd.DataFrame:
    return draw(np.random.default_rng(SEED + 1), worse=3.0)


def test_every_second_day(calm: pd.DataFrame) -> None:
    assert check_days(calm, "current")["passed"]
    rough = draw(np.random.default_rng(SEED + 2), even_days=3.0)
    found = check_days(rough, "current")
    assert found["passed"] is False and "too narrow" in found["sentence"]
    one_day = calm[(calm["period"] == "base") | (calm["day"] == calm["day"].max())]
    assert check_days(one_day, "current")["passed"] is None


def test_shuffled_days(calm: pd.DataFrame, shocked: pd.DataFrame) -> None:
    assert check_shuffles([refit(calm)])["passed"]
    found = check_shuffles([refit(shocked)] * 4)
    assert found["passed"] is False, "a shift that is there in every shuffle is more than chance"


def test_permuted_labels(calm: pd.DataFrame, shocked: pd.DataFrame) -> None:
    rng = np.random.default_rng(SEED + 3)
    real = refit(shocked).largest(5)
    assert real.iloc[0]["level"] == "s1"
    found = check_permuted(real, permute_days(shocked, (), rng), 0.9)
    assert found["passed"] and found["figure"] == pytest.approx(1 / 1000)
    luck = check_permuted(real, permute_days(calm, (), rng), 0.9)
    assert luck["passed"] is False and "chance alone may" in luck["sentence"]
    assert check_permuted(real.iloc[:0], permute_days(calm, (), rng), 0.9)["passed"] is None


def test_p_values_of_worlds_without_a_change_are_even() -> None:
    rng = np.random.default_rng(SEED + 4)
    found = []
    for _ in range(30):
        permuted = permute_days(draw(rng), (), rng, n_drawn=99)
        scores = [
            abs(score) for key in ("supplier_id", "category", "grid_id") for score in permuted.scores[key].values()
        ]
        found.append((1 + (permuted.largest >= max(scores)).sum()) / 100)
    assert 0.3 < np.mean(found) < 0.7
    assert np.mean(np.array(found) <= 0.1) <= 0.27, "more than 8 of 30 has a chance of one in two hundred"


def test_earlier_pairs(shocked: pd.DataFrame, calm: pd.DataFrame) -> None:
    real, quiet = refit(shocked), refit(calm)
    found = check_earlier(real, [quiet] * 4)
    assert found["passed"] and found["figure"] == 0
    usual = check_earlier(real, [quiet, real, quiet, quiet])
    assert usual["passed"] is False and "usual" in usual["sentence"]
    assert check_earlier(real, [quiet] * 2)["passed"] is None


def test_earlier_spans_keep_length_distance_and_weekdays() -> None:
    asked = Question(
        (dt.date(2024, 5, 16), dt.date(2024, 6, 12)),
        (dt.date(2024, 9, 24), dt.date(2024, 10, 21)),
        dt.date(2024, 10, 21),
    )
    last = asked.base[0]
    for question in earlier_spans(asked, 4):
        assert question.current[1] < last
        back = {
            (was - now).days
            for was, now in zip(asked.base + asked.current, question.base + question.current, strict=True)
        }
        assert len(back) == 1 and back.pop() % 7 == 0
        last = question.current[0] + dt.timedelta(days=1)


def test_one_supplier_left_out(calm: pd.DataFrame) -> None:
    assert check_left_out(calm, refit(calm))["passed"]
    tender = draw(np.random.default_rng(SEED + 5), hot=0.25)
    found = check_left_out(tender, refit(tender))
    assert found["passed"] is False and "hangs on one supplier" in found["sentence"]


def named(level: str, contribution: float, lower: float) -> pd.DataFrame:
    """What stands out: one supplier's quality."""
    row = {"mechanism": "quality", "dimension": "supplier_id", "level": level, "contribution": contribution}
    return pd.DataFrame([{**row, "ci_lower": lower, "ci_upper": 2 * contribution - lower}])


def stub(frame: pd.DataFrame, largest: pd.DataFrame, **more: Any) -> Any:
    return SimpleNamespace(cells=SimpleNamespace(frame=frame), largest=lambda n: largest, **more)


def test_hidden_cause(shocked: pd.DataFrame) -> None:
    real = refit(shocked)
    found = peer_checks.check_hidden_cause(stub(shocked, real.largest(5)))
    assert found["passed"] and found["figure"] > 2
    tilted = shocked.copy()
    at = (tilted["supplier_id"] == "s1") & (tilted["grid_id"] == "g0")
    tilted.loc[at, "refunded"] = (0.3 * tilted.loc[at, "n"]).round()
    tilted.loc[at & (tilted["period"] == "current"), ["n", "refunded"]] *= 10
    weak = peer_checks.check_hidden_cause(stub(tilted, named("s1", 0.0005, 0.0001)))
    assert weak["passed"] is False
    assert peer_checks.check_hidden_cause(stub(tilted, named("s1", 0.1, 0.1).iloc[:0]))["passed"] is None


def test_kitagawa(calm: pd.DataFrame) -> None:
    real = refit(calm)
    assert peer_checks.check_kitagawa(stub(calm, real.largest(), table=real.table))["passed"]
    other = real.table.assign(contribution=real.table["contribution"] + 0.05)
    assert peer_checks.check_kitagawa(stub(calm, real.largest(), table=other))["passed"] is False


@pytest.mark.parametrize("mix, passed", [(0.0, True), (0.2, False)])
def test_dowhy(monkeypatch: pytest.MonkeyPatch, calm: pd.DataFrame, mix: float, passed: bool) -> None:
    said = GcmAnswer({"mix": mix, "allocation": 0.0, "weather": 0.0, "refund": 0.0}, 40, True, 0.001)
    monkeypatch.setattr(peer_checks, "gcm_contributions", lambda cells, rng: said)
    parts = pd.DataFrame({"mechanism": ["mix", "allocation", "weather"], "contribution": 0.0, "ci_lower": -1e-3})
    frame = parts.assign(ci_upper=1e-3, level=None)
    found = peer_checks.check_dowhy(stub(calm, frame, to_frame=lambda: frame), np.random.default_rng(1))
    assert found["passed"] is passed


def test_dowhy_sees_every_line(calm: pd.DataFrame) -> None:
    base = calm[calm["period"] == "base"].assign(parent_category=calm["category"])
    lines = _lines(base, np.random.default_rng(1))
    assert len(lines) == base["n"].sum()
    assert (lines["refund"] == "1").sum() == base["refunded"].sum()
    sums = lines.groupby("supplier")["refund"].agg(lambda each: (each == "1").sum())
    assert sums["ss1"] == base.loc[base["supplier_id"] == "s1", "refunded"].sum()
    half = base.assign(refunded=base["refunded"] * 0.5)
    drawn = np.mean([(_lines(half, np.random.default_rng(k))["refund"] == "1").sum() for k in range(40)])
    assert drawn == pytest.approx(half["refunded"].sum(), rel=0.03)


def test_shares_that_react_are_found() -> None:
    rng = np.random.default_rng(SEED + 6)
    rows = [
        peer_checks.check_reactions(draw(rng, reacts=8.0), "allocation", "supplier_id", ["category"]) for _ in range(5)
    ]
    assert sum(row["passed"] is False for row in rows) >= 4
    assert all(row["figure"] < 0 for row in rows)
    assert "began as quality" in next(row["sentence"] for row in rows if not row["passed"])


def test_shares_that_do_not_react_are_left_alone() -> None:
    rng = np.random.default_rng(SEED + 7)
    rows = [peer_checks.check_reactions(draw(rng), "allocation", "supplier_id", ["category"]) for _ in range(20)]
    assert sum(not row["passed"] for row in rows) <= 2, "three of twenty has a chance of one in a thousand"


def test_what_the_reaction_brought_has_its_sign_and_size() -> None:
    """A supplier gets worse and loses its share week by week: allocation is credited with what quality began."""
    rng = np.random.default_rng(SEED + 8)
    moved, induced = [], []
    for _ in range(6):
        cells = draw(rng, worse=4.0, reacts=8.0)
        found = find_reaction(cells, "supplier_id", ["category"])
        assert found is not None and found.slope < 0
        induced.append(found.induced)
        sums = cells.groupby(["period", "supplier_id"])["n"].sum()
        share = sums / sums.groupby("period").transform("sum")
        moved.append((share["current"] - share["base"])["s1"] * 3 * RATE)
    assert np.mean(induced) == pytest.approx(np.mean(moved), rel=0.5)
    assert np.mean(induced) < 0


def test_too_few_weeks_for_a_reaction(calm: pd.DataFrame) -> None:
    few = calm[calm["day"].dt.day <= 6]
    assert peer_checks.check_reactions(few, "mix", "category", [])["passed"] is None


@pytest.fixture(scope="module")
def shift() -> DatasetShift:
    found = gb.quality.attribute_shift(
        gb.load_sample(), base=("2024-02-17", "2024-03-01"), current=("2024-03-03", "2024-03-16"), rng=1
    )
    assert isinstance(found, DatasetShift)
    return found


def test_users_can_be_left_out(shift: DatasetShift) -> None:
    data = shift.question.dataset
    assert isinstance(data, Dataset)
    lines = data.to_frame("order_lines")
    asked = lines[lines["line_id"].isin(data.to_frame("refunds")["line_id"])]
    gone = asked["user_id"].value_counts().index[:40].tolist()
    both = shift.without_users(gone)
    rest = lines[~lines["user_id"].isin(gone)]
    day = pd.to_datetime(rest["fulfilled_on"])
    assert (
        both.without_users.cells.frame["n"].sum()
        == (day.between("2024-02-17", "2024-03-01") | day.between("2024-03-03", "2024-03-16")).sum()
    )
    assert both.without_users.current_rate < shift.current_rate
    frame = both.to_frame()
    totals = frame[frame["level"].isna()]
    assert totals["contribution"].sum() == pytest.approx(shift.change, abs=1e-12)
    assert totals["contribution_without"].sum() == pytest.approx(both.without_users.change, abs=1e-12)
    assert "40 users" in both.text()
    assert not any(user in both.text() + both.alt_text() for user in gone)
    assert len(both.plot().get_yticks()) == 2 * len(totals)


def test_without_its_data_set_no_earlier_periods_are_made(shift: DatasetShift) -> None:
    alone = replace(shift, question=replace(shift.question, dataset=None))
    assert earlier_refits(alone) == []
    with pytest.raises(GBAnalysisError, match="does not know its data set"):
        alone.without_users(["U000001"] * 12)


def test_a_level_is_permuted_beside_all_others() -> None:
    """A supplier that sells nearly everything and got worse is not hidden by its own part of the whole."""
    rng, rows = np.random.default_rng(SEED + 9), []
    for day in range(40):
        for supplier, n in (("large", 2000), ("small", 240)):
            rate = 0.05 * (1.6 if day >= 20 and supplier == "large" else 1.0)
            rows.append((day, supplier, n, rng.binomial(n, rate)))
    cells = pd.DataFrame(rows, columns=["day", "supplier_id", "n", "refunded"])
    cells["period"] = np.where(cells["day"] >= 20, "current", "base")
    rest = {
        "category": "c",
        "origin_id": "o",
        "central_id": "m",
        "grid_id": "g",
        "region": "r",
        "temperature_c": np.nan,
    }
    found = permute_days(cells.assign(**rest), (), rng)
    large, small = (found.scores["supplier_id"][name] for name in ("large", "small"))
    assert large == pytest.approx(-small), "of two each stands beside the other"
    assert found.p_value("supplier_id", "large") < 0.1


def test_fewer_than_ten_users_are_not_told_apart(shift: DatasetShift) -> None:
    with pytest.raises(NotEnoughDataError, match="single people"):
        shift.without_users(["U000001"] * 12)
    with pytest.raises(GBAnalysisError, match="threshold"):
        shift.without_users(threshold=1.5)
