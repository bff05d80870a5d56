"""Cases at the edge, each small enough to be worked out by hand: gaps, newcomers, missing flows and odd arguments."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.overview import key_figures, margin, service_level

MONDAY = pd.Timestamp("2024-01-01")


def trade_of(lines: list[dict[str, Any]], flows: list[dict[str, Any]] | None = None, **settings: Any) -> Dataset:
    """Lines of two SKUs (unit cost 5, categories a and b) at two sites; what a line does not say has a default."""
    usual = {"site_id": "S1", "sku_id": "K1", "shipment_id": "H1", "quantity": 1.0, "amount": 10.0}
    told = [
        {"line_id": f"L{i}", "order_id": f"O{i}", "user_id": f"U{i}", "fulfilled_on": None, **usual, **line}
        for i, line in enumerate(lines)
    ]
    frames = {
        "order_lines": pd.DataFrame(told).astype({"ordered_at": "datetime64[us]", "fulfilled_on": "datetime64[us]"}),
        "products": pd.DataFrame({"sku_id": ["K1", "K2"], "category": ["a", "b"], "unit_cost": [5.0, 5.0]}),
        "sites": pd.DataFrame({"site_id": ["S1", "S2"], "region": ["R1", "R2"], "leader_id": ["G1", "G1"]}),
        "leaders": pd.DataFrame({"leader_id": ["G1"], "commission_rate": [0.1]}),
        "settings": pd.DataFrame({"as_of": [dt.date(2024, 3, 1)], **{k: [v] for k, v in settings.items()}}),
    }
    if flows is not None:
        ends = {"arrived_at": "datetime64[us]", "departed_at": "datetime64[us]"}
        frames["stage_flows"] = pd.DataFrame([{"shipment_id": "H1", "sku_id": "K1"} | f for f in flows]).astype(ends)
    return gb.read_dataset(frames)


def flow(stage: str, arrived_at: str, units: tuple[float, float], departed_at: str | None = None) -> dict[str, Any]:
    ends = {"arrived_at": arrived_at, "departed_at": departed_at}
    return {"stage": stage, "node_id": "S1", **ends, "quantity_in": units[0], "quantity_out": units[1]}


def on(day: int, **line: Any) -> dict[str, Any]:
    return {"ordered_at": MONDAY + pd.Timedelta(days=day, hours=9), **line}


def values(result: Any, period: str) -> dict[str, float]:
    return dict(result.frame[result.frame["period"] == period].set_index("metric")["value"])


def test_an_order_in_the_second_of_the_cutoff_belongs_to_its_own_day() -> None:
    at = [{"ordered_at": pd.Timestamp(f"2024-01-01 {time}")} for time in ("22:59:59", "23:00:00", "23:00:01")]
    days = key_figures(trade_of(at, presale_cutoff=dt.time(23)), period="D").metric("orders")
    assert dict(zip(days["period"].dt.day, days["value"], strict=True)) == {1: 2, 2: 1}


def test_a_line_whose_sku_is_not_in_the_flows_of_its_shipment_costs_what_was_bought() -> None:
    """Two lines of two units in one shipment whose flows hold the first SKU only: 2 x 5 for each, none for nothing."""
    flows = [flow("community_site", "2024-01-02 07:00", (2, 2))]
    data = trade_of([on(0, quantity=2.0, amount=20.0), on(0, quantity=2.0, amount=20.0, sku_id="K2")], flows)
    result = margin(data, period="W")
    assert values(result, "2024-01-01")["cost_of_goods"] == -20
    assert result.n_off_flow == 1
    assert margin(trade_of([on(0)], flows)).n_off_flow == 0


def test_the_text_counts_the_lines_without_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GBANALYSIS_INTERNAL", "1")
    data = trade_of([on(0), on(0, sku_id="K2")], [flow("community_site", "2024-01-02 07:00", (2, 2))])
    assert "1 lines are in a shipment whose stage flows lack their SKU" in margin(data).text()


def test_a_missing_departure_counts_as_the_arrival() -> None:
    """Ten units, one lost at the supplier and two at the site: without any departure both stages are there."""
    flows = [flow("supplier", "2024-01-01 20:00", (10, 9)), flow("community_site", "2024-01-02 07:00", (9, 7))]
    data = trade_of([on(0)], flows)
    stages = service_level(data, period="W").stages.set_index("stage")
    assert dict(stages["n_lost"].round(9)) == {"supplier": 1, "community_site": 2}
    assert key_figures(data).metric("loss_rate")["value"].iloc[0] == pytest.approx(0.3)


@pytest.mark.parametrize(("picked_up", "fate"), [(4, "late"), (5, "unclaimed"), (None, "unclaimed"), (1, "on_time")])
def test_a_final_share_does_not_move_when_more_becomes_known(picked_up: int | None, fate: str) -> None:
    """The line is due on day 1 and can be claimed for three days; a pickup on day 5 comes too late to count."""
    pickup = None if picked_up is None else MONDAY + pd.Timedelta(days=picked_up)
    data = trade_of([on(0, fulfilled_on=pickup)])
    first, last = (service_level(data, period="D", as_of=day) for day in (dt.date(2024, 1, 5), dt.date(2024, 2, 20)))
    for found in (first, last):
        assert found.frame.dropna(subset=["value"])["is_final"].all()
        assert values(found, "2024-01-01")[fate] == 1


def test_goods_that_reach_the_site_after_the_time_to_claim_make_no_line_short() -> None:
    data = trade_of([on(0), on(0)], [flow("community_site", "2024-01-20 07:00", (1, 1))])
    for day in (dt.date(2024, 1, 10), dt.date(2024, 2, 20)):
        assert values(service_level(data, period="D", as_of=day), "2024-01-01")["unclaimed"] == 1


def test_lines_that_were_picked_up_are_served_first() -> None:
    """One unit came, the later order took it: the earlier one, never picked up, is the short one."""
    lines = [on(0), on(0, ordered_at=MONDAY + pd.Timedelta(hours=20), fulfilled_on=MONDAY + pd.Timedelta(days=1))]
    service = values(service_level(trade_of(lines, [flow("community_site", "2024-01-02 07:00", (2, 1))])), "2024-01-01")
    assert service == {"on_time": 0.5, "late": 0, "short": 0.5, "unclaimed": 0}


def test_a_closed_week_is_a_row_of_zeros_without_rates() -> None:
    data = trade_of([on(0, fulfilled_on="2024-01-02"), on(15, fulfilled_on="2024-01-17")])
    figures, closed = key_figures(data), "2024-01-08"
    assert {name: values(figures, closed)[name] for name in ("orders", "lines", "gmv", "users", "active_sites")} == {
        "orders": 0, "lines": 0, "gmv": 0, "users": 0, "active_sites": 0,
    }  # fmt: skip
    basket = figures.at("basket_value", closed).iloc[0]
    assert np.isnan(basket["value"]) and basket["reason"] == "no lines in this period"
    assert figures.at("gmv", closed)[["ci_lower", "ci_upper"]].iloc[0].tolist() == [0, 0]
    assert values(margin(data, period="W"), closed)["margin"] == 0
    service = service_level(data).at("on_time", closed).iloc[0]
    assert np.isnan(service["value"]) and service["n"] == 0


def test_groups_that_come_and_go_are_compared_with_zero() -> None:
    """Category a sells 20 in the first week, 10 in the second; b only in the first, 30."""
    data = trade_of([on(0), on(0), on(1, sku_id="K2", amount=30.0), on(7)])
    figures = key_figures(data, by="category")
    weeks = {"base": "2024-01-01", "current": "2024-01-08"}
    gmv = figures.compare("gmv", **weeks).set_index("category")
    assert gmv["change"].to_dict() == {"a": -10, "b": -30}
    assert (gmv.loc["b", "n"], gmv.loc["b", "n_users"], gmv.loc["b", "reason"]) == (0, 1, "")
    assert gmv.loc["b", "ci_lower"] < -30 < gmv.loc["b", "ci_upper"] < 0
    basket = figures.compare("basket_value", **weeks).set_index("category").loc["b"]
    assert np.isnan(basket["change"]) and basket["base"] == 30 and basket["reason"] == "no lines in this period"
    back = figures.compare("gmv", base=weeks["current"], current=weeks["base"]).set_index("category")
    assert back["change"].to_dict() == {"a": 10, "b": 30}
    whole = key_figures(data).compare("gmv", **weeks)["change"].iloc[0]
    assert gmv["change"].sum() == whole == -40


def test_one_cluster_gives_no_interval_and_says_so() -> None:
    data = trade_of([on(0, fulfilled_on="2024-01-02"), on(0, fulfilled_on="2024-01-03")])
    row = service_level(data).at("late", MONDAY).iloc[0]
    assert row["value"] == 0.5 and np.isnan(row["ci_lower"])
    assert row["reason"] == "only one cluster, no interval"


@pytest.mark.parametrize("confidence", [0, 1, 90, float("nan")])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    data = trade_of([on(0)])
    for ask in (key_figures, service_level, margin):
        with pytest.raises(GBAnalysisError, match="between 0 and 1"):
            ask(data, confidence=confidence)


def test_negative_days_are_refused_and_one_name_is_a_name() -> None:
    data = trade_of([on(0), on(1, site_id="S2")])
    with pytest.raises(GBAnalysisError, match="claim_days"):
        service_level(data, claim_days=-3)
    for ask in (key_figures, service_level, margin):
        result = ask(data, by="region")
        assert result.by == ("region",) and set(result.frame["region"]) == {"R1", "R2"}


def test_a_period_that_is_not_there_is_named() -> None:
    data = trade_of([on(0)])
    figures = key_figures(data)
    for ask in (lambda: figures.say("gmv", "2030-01-01"), lambda: margin(data).steps("2030-01-01")):
        with pytest.raises(GBAnalysisError, match="starts on 2030-01-01"):
            ask()
    with pytest.raises(GBAnalysisError, match="no week starts on 2030-01-07"):
        figures.compare("gmv", base="2024-01-01", current="2030-01-07")


def test_charts_leave_out_what_stands_on_few_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven buyers in the first week, none in the second, three in the third."""
    data = trade_of([on(0) for _ in range(11)] + [on(14) for _ in range(3)])
    figures = key_figures(data)
    assert figures.drawn("orders")["value"].tolist()[:2] == [11, 0] and figures.drawn("orders")["value"].isna().iloc[2]
    line = figures.plot(metric="orders").get_lines()[0]
    assert np.nanmin(line.get_ydata()) == 0 and 3 not in np.asarray(line.get_ydata())
    few = key_figures(trade_of([on(0)]))
    with pytest.raises(NotEnoughDataError, match="10 people"):
        few.panels()
    with pytest.raises(NotEnoughDataError, match="fewer than 10 people"):
        margin(trade_of([on(0)])).plot()
    monkeypatch.setenv("GBANALYSIS_INTERNAL", "1")
    assert figures.drawn("orders")["value"].tolist() == [11, 0, 3]


def test_the_leader_earns_a_share_of_the_amount_before_refunds(trade: Dataset) -> None:
    frames = {name: trade.to_frame(name) for name in trade.tables if name != "refunds"}
    kept = margin(gb.read_dataset(frames)).metric("commission")["value"]
    np.testing.assert_allclose(margin(trade).metric("commission")["value"], kept)
