"""`attribute_shift` on the sample: sums, counts, money, what is missing, and what the checks are made of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.quality import facts
from gbanalysis.quality.attribution.cells import ShiftCells
from gbanalysis.quality.attribution.hidden_cause import e_value, feigned_ratio
from gbanalysis.quality.attribution.node_heat import excess_heat
from gbanalysis.quality.attribution.refits import coarse_cells, kitagawa, other_days, shuffled_days
from gbanalysis.quality.attribution.result import DatasetShift
from gbanalysis.results import money

BASE, CURRENT = ("2024-02-03", "2024-03-01"), ("2024-03-03", "2024-03-30")
SPANS = {
    "base": (dt.date(2024, 2, 3), dt.date(2024, 3, 1)),
    "current": (dt.date(2024, 3, 3), dt.date(2024, 3, 30)),
}
AS_OF = dt.date(2024, 3, 30)
TABLES = ("order_lines", "products", "sites", "refunds", "settings", "stage_flows", "weather", "policies", "nodes")


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


@pytest.fixture(scope="module")
def shift(sample: Dataset) -> DatasetShift:
    found = gb.quality.attribute_shift(sample, base=BASE, current=CURRENT, rng=1)
    assert isinstance(found, DatasetShift)
    return found


@pytest.fixture(scope="module")
def cells(sample: Dataset) -> ShiftCells:
    return facts.shift_cells(sample, **SPANS, as_of=AS_OF)


def lines_of(sample: Dataset) -> pd.DataFrame:
    """The lines of both periods, counted in pandas."""
    lines = sample.to_frame("order_lines")
    asked = sample.to_frame("refunds")["line_id"].unique()
    day = pd.to_datetime(lines["fulfilled_on"])
    lines["period"] = np.select([day.between(*BASE), day.between(*CURRENT)], ["base", "current"], "")
    lines["refunded"] = lines["line_id"].isin(asked)
    return lines[lines["period"] != ""]


def frames_of(sample: Dataset) -> dict[str, pd.DataFrame]:
    return {name: sample.to_frame(name) for name in TABLES}


def test_the_cells_hold_every_line_once(sample: Dataset, cells: ShiftCells) -> None:
    lines = lines_of(sample)
    counted = cells.frame.groupby(["period", "supplier_id"])[["n", "refunded", "amount"]].sum()
    expected = lines.groupby(["period", "supplier_id"]).agg(
        n=("line_id", "size"), refunded=("refunded", "sum"), amount=("amount", "sum")
    )
    pd.testing.assert_frame_equal(counted, expected, check_dtype=False, check_exact=False)


def test_the_parts_of_both_accountings_add_up(shift: DatasetShift) -> None:
    for view in ("who", "where"):
        frame = shift.to_frame(view=view)  # type: ignore[arg-type]
        totals = frame[frame["level"].isna()].set_index("mechanism")["contribution"]
        assert totals.sum() == pytest.approx(shift.change, abs=1e-12)
        levels = frame[frame["level"].notna()]
        keys = ["mechanism"] if view == "who" else ["mechanism", "dimension"]
        for name, part in levels.groupby(keys):
            assert part["contribution"].sum() == pytest.approx(totals[name[0]], abs=1e-12)


def test_where_it_shows_is_told_by_category_and_by_subcategory(sample: Dataset, shift: DatasetShift) -> None:
    kinds = sample.to_frame("products").drop_duplicates("subcategory").set_index("subcategory")["category"]
    where = shift.to_frame(view="where")
    fine, coarse = where[where["dimension"] == "subcategory"], where[where["dimension"] == "category"]
    sums = fine.groupby(["mechanism", fine["level"].map(kinds)])[["contribution", "n_base", "n_current"]].sum()
    found = coarse.set_index(["mechanism", "level"])[["contribution", "n_base", "n_current"]]
    assert len(found) == kinds.nunique() * where["mechanism"].nunique()
    pd.testing.assert_frame_equal(sums.sort_index(), found.sort_index(), check_names=False, atol=1e-12, rtol=1e-9)
    is_wide = coarse.set_index(["mechanism", "level"]).eval("ci_lower <= contribution <= ci_upper")
    assert is_wide.all()


def test_kinds_of_goods_of_one_name_are_told_apart_by_category(sample: Dataset) -> None:
    frames = frames_of(sample)
    names = frames["products"]["subcategory"]
    frames["products"]["subcategory"] = names.where(~names.isin(["eggs", "citrus"]), "other")
    goods = facts.shift_cells(gb.read_dataset(frames), **SPANS, as_of=AS_OF).frame
    named = goods.loc[goods["category"].str.endswith("other")].groupby("category")["parent_category"].unique()
    assert {kind: list(own) for kind, own in named.items()} == {f"{own[0]} other": [own[0]] for own in named}
    assert len(named) == 2


def test_the_frame_has_the_columns_that_users_were_promised(shift: DatasetShift) -> None:
    columns = ["mechanism", "dimension", "level", "contribution", "ci_lower", "ci_upper", "n_base", "n_current", "note"]
    assert list(shift.to_frame()) == columns
    assert list(shift.to_frame(view="where")) == columns


def test_the_change_is_that_of_the_matured_counts(sample: Dataset, shift: DatasetShift) -> None:
    lines = lines_of(sample)
    seen = lines.groupby("period")["refunded"].mean()
    assert not shift.is_final
    assert shift.base_rate == pytest.approx(seen["base"], abs=1e-12), "the base period is closed"
    assert shift.current_rate > seen["current"], "refunds are still to come"


def test_a_period_that_is_closed_is_not_corrected(sample: Dataset) -> None:
    found = gb.quality.attribute_shift(sample, base=("2024-01-20", "2024-02-08"), current=("2024-02-10", "2024-02-29"))
    assert isinstance(found, DatasetShift) and found.is_final
    assert "was asked back" in found.text()


def test_the_same_seed_gives_the_same_answer(sample: Dataset, shift: DatasetShift) -> None:
    again = gb.quality.attribute_shift(sample, base=BASE, current=CURRENT, rng=np.random.default_rng(1))
    pd.testing.assert_frame_equal(again.to_frame(), shift.to_frame())


def test_impact_counts_refunds_and_money_of_the_current_period(sample: Dataset, shift: DatasetShift) -> None:
    impact = shift.impact()
    totals = impact[impact["level"].isna()]
    n_current = int((lines_of(sample)["period"] == "current").sum())
    assert totals["n_refunds"].sum() == pytest.approx(shift.change * n_current, rel=1e-9)
    now = shift.cells.frame[shift.cells.frame["period"] == "current"]
    each = now["refunded_amount"].sum() / now["refunded"].sum()
    assert totals["amount"].sum() == pytest.approx(totals["n_refunds"].sum() * each, rel=1e-9)
    assert sample.settings.currency in shift.text()


def test_the_paragraph_says_it_in_refunds_and_money_within_six_sentences(shift: DatasetShift) -> None:
    said = shift.text()
    assert said.count(". ") <= 5
    impact = shift.impact()
    parts = impact[impact["level"].isna()].set_index("mechanism")["amount"]
    for row in shift.to_frame().query("level.isna()").itertuples():
        cost = f"or {money(abs(parts[row.mechanism]), currency='CNY')} {'more' if row.contribution > 0 else 'less'}"
        assert (cost in said) == (row.ci_lower > 0 or row.ci_upper < 0)
    for level in shift.largest(3)["level"]:
        assert level in said


def test_one_order_has_the_same_sum_and_other_parts(shift: DatasetShift) -> None:
    order = shift.in_order()
    assert order["in_order"].sum() == pytest.approx(shift.change, abs=1e-12)
    assert order["shapley"].sum() == pytest.approx(shift.change, abs=1e-12)
    assert (order["in_order"] - order["shapley"]).abs().max() > 1e-7


@pytest.mark.parametrize(
    "unit, sold, back", [("quantity", "quantity", "refunded_quantity"), ("value", "amount", "refunded_amount")]
)
def test_other_units_are_ratios_of_sums(sample: Dataset, cells: ShiftCells, unit: str, sold: str, back: str) -> None:
    found = gb.quality.attribute_shift(sample, base=BASE, current=CURRENT, unit=unit, rng=1)
    sums = cells.frame.groupby("period")[[sold, back]].sum()
    assert found.base_rate == pytest.approx(sums.loc["base", back] / sums.loc["base", sold], rel=1e-9)
    totals = found.to_frame().query("level.isna()")
    assert totals["contribution"].sum() == pytest.approx(found.change, abs=1e-12)
    assert totals["n_base"].iloc[0] == pytest.approx(sums.loc["base", sold], rel=1e-9)


def without(sample: Dataset, *names: str) -> Any:
    frames = frames_of(sample)
    for name in names:
        table, _, column = name.partition(".")
        frames[table] = frames[table].drop(columns=column) if column else frames[table]
        if not column:
            del frames[table]
    return gb.read_dataset(frames)


@pytest.mark.parametrize(
    "names, gone, said",
    [
        (("stage_flows",), {"transit", "temperature"}, "no stage flows"),
        (("weather", "nodes"), {"temperature"}, "no weather is known"),
        (("policies",), {"policy"}, ""),
        (("products.subcategory",), set(), "no subcategory"),
        (("order_lines.supplier_id", "stage_flows"), set(), "supplier_id is not known"),
    ],
)
def test_what_is_missing_folds_with_a_note(sample: Dataset, names: tuple[str, ...], gone: set[str], said: str) -> None:
    found = gb.quality.attribute_shift(without(sample, *names), base=BASE, current=CURRENT, rng=1)
    frame = found.to_frame()
    assert frame.loc[frame["level"].isna(), "contribution"].sum() == pytest.approx(found.change, abs=1e-12)
    assert not gone & set(frame.loc[frame["contribution"] != 0, "mechanism"])
    assert said in " ".join(found.notes)
    assert not any(f"{name} +" in found.text() or f"{name} -" in found.text() for name in gone)


def test_excess_heat_keeps_a_fault_and_drops_the_weather() -> None:
    rng = np.random.default_rng(3)
    outside, goods = rng.normal(15, 5, 400), rng.integers(0, 2, 400)
    fault = np.where(np.arange(400) >= 200, 4.0, 0.0)
    seen = np.where(goods == 0, 4 + 0.1 * outside, outside) + fault
    left = excess_heat(seen, outside, np.ones(400), goods, goods)
    assert left[200:].mean() - left[:200].mean() == pytest.approx(4.0, abs=0.2)
    assert abs(np.corrcoef(left, outside)[0, 1]) < 0.1


def test_kitagawas_parts_add_up(cells: ShiftCells) -> None:
    rate = cells.frame.groupby("period")[["n", "refunded"]].sum()
    change = (rate["refunded"] / rate["n"]).diff().iloc[-1]
    assert sum(kitagawa(cells.frame, ["category", "supplier_id"])) == pytest.approx(change, abs=1e-12)


def test_refits_keep_all_lines(cells: ShiftCells) -> None:
    coarse = coarse_cells(cells)
    assert coarse["n"].sum() == cells.frame["n"].sum()
    assert coarse["refunded"].sum() == cells.frame["refunded"].sum()
    shuffled = shuffled_days(coarse, np.random.default_rng(1))
    assert shuffled.groupby("day")["period"].nunique().max() == 1
    days = coarse.groupby("period")["day"].nunique()
    assert shuffled.groupby("period")["day"].nunique().equals(days)
    assert set(other_days(coarse, "base")["day"]) == set(coarse.loc[coarse["period"] == "base", "day"])


def test_a_cause_of_the_e_value_can_just_explain_the_ratio() -> None:
    for ratio in (1.2, 2.0, 3.9):
        strength = e_value(ratio)
        # of all causes with this risk ratio whose share grows this many times, none feigns more, and one as much
        shares = np.linspace(1e-4, 1 / strength, 20_001)
        feigned = [feigned_ratio(strength, share, strength * share) for share in shares]
        assert max(feigned) == pytest.approx(ratio, rel=1e-3)
    assert e_value(0.5) == pytest.approx(e_value(2.0))


@pytest.mark.slow
def test_checks_say_what_they_mean(shift: DatasetShift, tmp_path: Path) -> None:
    checks = shift.checks()
    frame = checks.to_frame()
    assert set(map(type, frame["passed"])) <= {bool, type(None)}
    assert (frame["sentence"].str.len() > 20).all()
    names = " ".join(frame["check"])
    for word in ("placebo", "permuted", "leave one", "hidden cause", "Kitagawa", "dowhy", "lagged", "residual"):
        assert word in names
    again = shift.checks()
    pd.testing.assert_frame_equal(again.to_frame(), frame)
    checks.plot().figure.savefig(tmp_path / "checks.png")
    assert "shuffled" in checks.alt_text()


def test_charts_draw(shift: DatasetShift, tmp_path: Path) -> None:
    shift.plot().figure.savefig(tmp_path / "waterfall.png")
    ax = shift.plot_levels(n=7)
    levels = shift.table.query("view == 'who'")
    levels = levels.loc[levels["contribution"].abs().sort_values(ascending=False).index].head(7)
    marks = [line for line in ax.lines if line.get_marker() in ("o", "s")]
    assert [mark.get_markerfacecolor() == mark.get_color() for mark in marks] == list(levels["stands_out"])
    assert len(ax.get_yticks()) == 7
    assert shift.levels_alt_text(n=7).count(";") == 6
