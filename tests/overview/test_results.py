"""Key figures, service level and margin: identities, what is final, what is missing, words and charts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.dataset.periods import period_end
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError
from gbanalysis.overview import key_figures, margin, service_level
from gbanalysis.overview.estimates import finality

from .small_trade import make_frames, write

Without = Callable[..., Dataset]
LOGISTICS = pd.DataFrame({"part": ["logistics"], "basis": ["line"], "rate": [0.5]})
TIDY = ["metric", "unit", "value", "ci_lower", "ci_upper", "n", "n_clusters", "n_users", "is_final", "reason"]


def test_every_known_figure_lies_in_its_interval(trade: Dataset) -> None:
    for result in (key_figures(trade), service_level(trade), margin(trade, costs=LOGISTICS)):
        frame = result.to_frame()
        assert list(frame.columns) == ["period", *TIDY]
        held = frame.dropna(subset=["value", "ci_lower"])
        assert len(held) > 0.9 * len(frame)
        assert ((held["ci_lower"] <= held["value"]) & (held["value"] <= held["ci_upper"])).all()


def test_groups_add_up_to_the_whole(trade: Dataset) -> None:
    whole = key_figures(trade, period="W").to_frame().set_index(["metric", "period"])["value"]
    for by in (["region"], ["region", "category"], ["supplier_id"], ["site_id"]):
        parts = key_figures(trade, by=by, period="W").to_frame().groupby(["metric", "period"])["value"].sum()
        for metric in ("lines", "gmv"):
            np.testing.assert_allclose(parts[metric], whole[metric], rtol=1e-12)
    sites = key_figures(trade, by=["region"], period="W").to_frame().groupby(["metric", "period"])["value"].sum()
    np.testing.assert_array_equal(sites["active_sites"], whole["active_sites"])


def test_rows_in_another_order_give_the_same_figures(tmp_path: object, trade: Dataset, frames: dict) -> None:  # type: ignore[type-arg]
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in frames.items()}
    other = gb.read_dataset(write(shuffled, tmp_path))  # type: ignore[arg-type]
    for ask in (key_figures, service_level):
        pd.testing.assert_frame_equal(ask(other).to_frame(), ask(trade).to_frame())


def test_wider_confidence_gives_wider_intervals(trade: Dataset) -> None:
    narrow, wide = (key_figures(trade, confidence=level).to_frame() for level in (0.8, 0.99))
    known = narrow["ci_lower"].notna()
    assert (wide["ci_lower"] <= narrow["ci_lower"])[known].all()
    assert (wide["ci_upper"] >= narrow["ci_upper"])[known].all()


def test_a_refund_rate_is_final_only_when_its_window_has_closed(trade: Dataset) -> None:
    """The window is 7 days and the last day 31 January: the week that ends on the 21st is final, the next is not."""
    rates = key_figures(trade, period="W").metric("refund_rate").set_index("period")
    assert rates.loc["2024-01-15", "is_final"] and rates.loc["2024-01-15", "reason"] == ""
    assert not rates.loc["2024-01-22", "is_final"]
    assert "window of 7 days" in rates.loc["2024-01-22", "reason"]
    assert rates.loc["2024-01-29", "reason"] == "the data hold a part of this period only"


def test_nothing_learnt_after_as_of_is_used(frames: dict, tmp_path: object, trade: Dataset) -> None:  # type: ignore[type-arg]
    """Cutting the tables at a day gives what `as_of` gives, and refunds seen later only add to a rate."""
    day = dt.date(2024, 1, 20)
    cut = {**frames}
    lines = frames["order_lines"]
    cut["order_lines"] = lines = lines[lines["ordered_at"] < "2024-01-21"]
    pickup = pd.to_datetime(lines["fulfilled_on"])
    cut["order_lines"] = lines.assign(fulfilled_on=lines["fulfilled_on"].where(pickup <= "2024-01-20", None))
    asked = frames["refunds"]
    asked = asked[(asked["requested_on"] <= day) & asked["line_id"].isin(lines["line_id"])]
    flows = frames["stage_flows"]
    cut |= {"refunds": asked, "stage_flows": flows[flows["arrived_at"] < "2024-01-21"]}
    early = gb.read_dataset(write(cut, tmp_path))  # type: ignore[arg-type]
    for ask in (key_figures, service_level, margin):
        pd.testing.assert_frame_equal(ask(early, as_of=day).to_frame(), ask(trade, as_of=day).to_frame())
    then, now = (
        key_figures(trade, as_of=when).metric("refund_rate").set_index("period")["value"]
        for when in (dt.date(2024, 1, 14), None)
    )
    both = pd.concat([then, now], axis=1, keys=["then", "now"]).loc[:"2024-01-08"]
    assert (both["now"] >= both["then"]).all() and both["now"].sum() > both["then"].sum()


def test_missing_tables_give_reasons_not_numbers(without: Without) -> None:
    bare = without("settings", "refunds", "stage_flows", "leaders", "products.unit_cost", "order_lines.shipment_id")
    figures = key_figures(bare)
    for metric, table in (("refund_rate", "refunds"), ("loss_rate", "stage_flows")):
        part = figures.metric(metric)
        assert part["value"].isna().all() and part["reason"].str.contains(table).all()
        assert table in figures.unknown(metric)
    assert "The refund rate is not known: the data have no table refunds." in figures.text()
    service = service_level(bare)
    assert service.metric("short")["value"].isna().all() and "stage_flows" in service.unknown("short")
    assert service.metric("unclaimed")["reason"].str.contains("short lines are counted here").any()
    assert service.stages.empty and "not known" in service.stage_text()
    left = margin(bare)
    assert left.metric("margin")["value"].isna().all()
    assert set(left.not_taken) == {"cost_of_goods", "commission", "logistics", "loss", "refunds"}
    assert left.text() == "The margin is not known: products have no unit_cost."
    assert "not known" in left.alt_text()


def test_nothing_picked_up_and_nothing_arrived_give_reasons(frames: dict, tmp_path: object) -> None:  # type: ignore[type-arg]
    """A trade whose chain has only begun: no pickup, and every shipment is still at its supplier."""
    lines = frames["order_lines"].assign(fulfilled_on=pd.Series(dtype="datetime64[ns]"))
    flows = frames["stage_flows"].query("stage == 'supplier'").assign(departed_at=pd.Timestamp("2024-03-01"))
    data = gb.read_dataset(write({**frames, "order_lines": lines, "stage_flows": flows}, tmp_path))  # type: ignore[arg-type]
    figures = key_figures(data)
    assert figures.unknown("refund_rate") == "no line has been picked up"
    assert figures.unknown("loss_rate") == "no shipment has reached its site"
    service = service_level(data)
    assert service.stages.empty
    assert (service.metric("unclaimed")["value"] == 1).all()
    assert (margin(data).metric("loss")["value"] == 0).all()


def test_suppliers_may_be_unknown(without: Without) -> None:
    data = without("order_lines.supplier_id")
    assert key_figures(data).metric("refund_rate")["ci_lower"].notna().any()


def test_the_margin_adds_up_and_stands_before_what_is_not_known(trade: Dataset, without: Without) -> None:
    with_cost, before = (
        margin(trade, costs=costs).to_frame().set_index(["metric", "period"]) for costs in (LOGISTICS, None)
    )
    n_lines = with_cost.loc["gmv", "n"]
    np.testing.assert_allclose(before.loc["margin", "value"] - with_cost.loc["margin", "value"], 0.5 * n_lines)
    assert (before.loc["margin", "reason"].str.startswith("before logistics")).all()
    assert "logistics" in margin(trade).not_taken
    steps = margin(trade, costs=LOGISTICS).steps()
    assert steps["value"].iloc[:-1].sum() == pytest.approx(steps["value"].iloc[-1])
    assert margin(without("refunds"), costs=LOGISTICS).not_taken == {"refunds": "no table refunds"}


def test_one_sku_without_cost_makes_its_margin_unknown_and_no_other(frames: dict, tmp_path: object) -> None:  # type: ignore[type-arg]
    products = frames["products"].copy()
    products.loc[products["sku_id"] == "K3", "unit_cost"] = np.nan
    data = gb.read_dataset(write({**frames, "products": products}, tmp_path))  # type: ignore[arg-type]
    by_category = margin(data, by=["category"]).metric("margin").set_index("category")["value"]
    assert by_category["meat"].isna().all() and by_category.drop("meat").notna().all()


def test_margins_of_groups_add_up(trade: Dataset) -> None:
    whole = margin(trade, costs=LOGISTICS).to_frame().set_index(["metric", "period"])["value"]
    parts = (
        margin(trade, costs=LOGISTICS, by=["region", "category"])
        .to_frame()
        .groupby(["metric", "period"])["value"]
        .sum()
    )
    np.testing.assert_allclose(parts, whole.reindex(parts.index), rtol=1e-9)


@pytest.mark.parametrize(
    ("part", "basis", "rate", "says"),
    [("fuel", "km", 1.0, "basis"), ("loss", "line", 1.0, "from the data"), ("fuel", "line", -1.0, "from 0 on")],
)
def test_costs_that_make_no_sense_are_refused(trade: Dataset, part: str, basis: str, rate: float, says: str) -> None:
    with pytest.raises(GBAnalysisError, match=says):
        margin(trade, costs=pd.DataFrame({"part": [part], "basis": [basis], "rate": [rate]}))
    with pytest.raises(GBAnalysisError, match="basis"):
        margin(trade, costs=pd.DataFrame({"part": [part], "rate": [rate]}))


def test_a_part_of_ones_own_is_taken_off(trade: Dataset) -> None:
    costs = pd.DataFrame({"part": ["logistics", "vouchers"], "basis": ["unit", "gmv"], "rate": [0.1, 0.03]})
    result = margin(trade, costs=costs)
    gmv, vouchers = result.metric("gmv")["value"], result.metric("vouchers")["value"]
    np.testing.assert_allclose(vouchers, -0.03 * gmv)
    assert "vouchers" in list(result.steps()["part"])


def test_changes_are_compared_over_the_last_final_periods(trade: Dataset) -> None:
    figures = key_figures(trade, period="W")
    change = figures.compare("refund_rate").iloc[0]
    rates = figures.metric("refund_rate").set_index("period")["value"]
    assert change["change"] == pytest.approx(rates["2024-01-15"] - rates["2024-01-08"])
    assert change["ci_lower"] < change["change"] < change["ci_upper"]
    back = figures.compare("refund_rate", base="2024-01-15", current="2024-01-08").iloc[0]
    np.testing.assert_allclose([back["ci_lower"], back["ci_upper"]], [-change["ci_upper"], -change["ci_lower"]])


def test_only_the_figures_asked_for_are_there(trade: Dataset) -> None:
    only = key_figures(trade, metrics=["refund_rate"])
    assert set(only.to_frame()["metric"]) == {"refund_rate"}
    whole = key_figures(trade).metric("refund_rate")
    pd.testing.assert_frame_equal(only.metric("refund_rate"), whole)
    for wrong in (["profit"], []):
        with pytest.raises(GBAnalysisError, match="orders"):
            key_figures(trade, metrics=wrong)
    with pytest.raises(GBAnalysisError, match="gmv"):
        only.metric("gmv")


def test_errors_name_what_is_wrong(trade: Dataset) -> None:
    with pytest.raises(ContractError, match="user_id"):
        key_figures(trade, by=["user_id"])
    with pytest.raises(NotEnoughDataError, match="2020-01-01"):
        key_figures(trade, as_of=dt.date(2020, 1, 1))
    with pytest.raises(NotEnoughDataError):
        service_level(trade, as_of=dt.date(2024, 1, 2))
    with pytest.raises(GBAnalysisError, match="region"):
        key_figures(trade, by=["region"]).say("gmv")


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [("D", "2024-02-10", "2024-02-10"), ("W", "2024-02-05", "2024-02-11"), ("M", "2024-02-01", "2024-02-29")],
)
def test_period_ends(period: str, start: str, end: str) -> None:
    starts = pd.Series(pd.to_datetime([start]))
    assert period_end(starts, period).iloc[0] == pd.Timestamp(end)  # type: ignore[arg-type]
    for wait, final in ((0, True), (1, False)):
        found = finality(
            starts, period=period, first_on=dt.date(2024, 1, 1), as_of=pd.Timestamp(end).date(), wait_days=wait
        )  # type: ignore[arg-type]
        assert found["is_final"].iloc[0] == final


def test_words_and_charts(trade: Dataset) -> None:
    figures = key_figures(trade, period="W")
    axes = figures.plot(metric="refund_rate")
    assert axes.get_ylabel() == "refund rate (lines) (%)"
    assert "not final" in figures.alt_text("refund_rate")
    rate = figures.metric("refund_rate")
    top = rate.loc[rate["value"].where(rate["is_final"]).idxmax()]  # what is not final is no extreme
    assert f"highest {100 * top['value']:.1f}\xa0%" in figures.alt_text("refund_rate")
    assert len(figures.panels().axes) >= len(figures.labels)
    assert len(figures.summary().splitlines()) <= 20
    text = margin(trade, costs=LOGISTICS, period="W").text()
    assert "the margin was CNY" in text and "of the GMV" in text
    by_site = key_figures(trade, by=["site_id"], period="W")
    assert len(by_site.plot(metric="gmv").get_lines()) >= 4
    heat = key_figures(trade, by=["region", "category"], period="W").plot(metric="gmv")
    assert (heat.get_xlabel(), heat.get_ylabel()) == ("category", "region")


def test_another_database_gives_the_same_figures(frames: dict, trade: Dataset, tmp_path: object) -> None:  # type: ignore[type-arg]
    """The same expressions through an Ibis connection to a DuckDB file."""
    import duckdb
    import ibis

    path = f"{tmp_path}/trade.duckdb"
    with duckdb.connect(path) as connection:
        for name, frame in make_frames().items():
            connection.register("frame", frame)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
            connection.unregister("frame")
    data = gb.read_dataset(ibis.duckdb.connect(path, read_only=True))
    for ask in (key_figures, service_level, margin):
        pd.testing.assert_frame_equal(ask(data).to_frame(), ask(trade).to_frame())


def test_texts_withhold_the_figures_of_fewer_than_ten_people(
    frames: dict,  # type: ignore[type-arg]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = frames["order_lines"]
    few = lines[lines["user_id"].isin(sorted(lines["user_id"].unique())[:9])]
    refunds = frames["refunds"]
    cut = {**frames, "order_lines": few, "refunds": refunds[refunds["line_id"].isin(few["line_id"])]}
    small = gb.read_dataset(write({name: cut[name] for name in cut if name != "stage_flows"}, tmp_path))
    results = (key_figures(small), service_level(small), margin(small))
    for result in results:
        assert re.search(r"fewer than 10 people bought; their figures are not shown\.$", result.text())
    assert not re.search(r"\d+ (orders|users|week)", results[0].alt_text("orders"))
    monkeypatch.setenv("GBANALYSIS_INTERNAL", "1")
    assert re.search(r"\d+ .* orders, GMV", results[0].text())
    assert re.search(r"lowest \d+", results[0].alt_text("orders"))


def test_stages_are_drawn_by_name_or_refused_where_nothing_is_known(trade: Dataset, without: Without) -> None:
    service = service_level(trade)
    ax = service.plot_stages()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["supplier", "community site"]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], service.stages["value"])
    with pytest.raises(NotEnoughDataError, match="stages of the chain"):
        service_level(without("stage_flows")).plot_stages()


def test_a_text_says_once_that_its_period_is_not_whole(frames: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    lines = frames["order_lines"]
    begun = lines[lines["ordered_at"] < "2024-01-04"].assign(fulfilled_on=None)
    kept = {name: frames[name] for name in ("products", "sites", "leaders")}
    text = key_figures(gb.read_dataset(write({**kept, "order_lines": begun}, tmp_path))).text()
    assert re.match(r"In the week from 2024-01-01 so far: \d+ \(\d+ to \d+\) orders, GMV ", text)
    assert text.count("so far") == 1
