"""Every fact against a count by hand in pandas."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import ContractError, GBAnalysisError
from gbanalysis.overview import facts

Frames = dict[str, pd.DataFrame]
AS_OF = dt.date(2024, 1, 31)
EARLY = dt.date(2024, 1, 19)


def selling(frames: Frames, as_of: dt.date = AS_OF) -> pd.DataFrame:
    """Order lines with region, category, and the selling day by the cutoff of 22:59:59."""
    lines = frames["order_lines"].merge(frames["sites"]).merge(frames["products"])
    lines = lines[lines["ordered_at"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    is_late = lines["ordered_at"].dt.hour == 23
    day = lines["ordered_at"].dt.normalize() + pd.to_timedelta(is_late.astype(int), "D")
    return lines.assign(day=day, period=day.dt.to_period("W").dt.start_time)


def squares(cells: pd.DataFrame, keys: list[str], cluster: list[str], y: str) -> pd.Series:
    """Sums of squared cluster totals."""
    totals = cells.groupby(list(dict.fromkeys(keys + cluster)))[y].sum()
    return (totals**2).groupby(level=keys).sum()


@pytest.mark.parametrize("by", [[], ["region"], ["region", "category"], ["site_id"]])
@pytest.mark.parametrize("as_of", [AS_OF, EARLY])
def test_sales(trade: Dataset, frames: Frames, by: list[str], as_of: dt.date) -> None:
    found = facts.sales_facts(trade, by=by, period="W", as_of=as_of).set_index(["period", *by])
    lines = selling(frames, as_of)
    groups = lines.groupby(["period", *by])
    expected = groups.agg(
        n_lines=("line_id", "count"),
        n_orders=("order_id", "nunique"),
        n_users=("user_id", "nunique"),
        n_sites=("site_id", "nunique"),
        y_gmv=("amount", "sum"),
    )
    assert len(found) == len(expected)
    for name in expected:
        np.testing.assert_allclose(found[name].reindex(expected.index), expected[name], rtol=1e-12, err_msg=name)
    gmv_squares = squares(lines, ["period", *by], ["day", "site_id"], "amount")
    np.testing.assert_allclose(found["yy_gmv"].reindex(gmv_squares.index), gmv_squares, rtol=1e-12)


@pytest.mark.parametrize("by", [[], ["category"]])
@pytest.mark.parametrize("as_of", [AS_OF, EARLY])
def test_refunds(trade: Dataset, frames: Frames, by: list[str], as_of: dt.date) -> None:
    found = facts.refund_facts(trade, by=by, period="D", as_of=as_of).set_index(["way", "period", *by])
    lines = frames["order_lines"].merge(frames["sites"]).merge(frames["products"])
    asked = frames["refunds"].loc[frames["refunds"]["requested_on"] <= as_of, "line_id"]
    lines = lines.assign(marked=lines["line_id"].isin(asked).astype(float), day=pd.to_datetime(lines["fulfilled_on"]))
    lines = lines[lines["day"] <= pd.Timestamp(as_of)].assign(period=lines["day"])
    keys = ["period", *by]
    ways = {"site_day": ["day", "site_id"], "supplier_day": ["day", "supplier_id"]}
    for way, cluster in {**ways, "both": ["day", "site_id", "supplier_id"]}.items():
        expected = lines.groupby(keys)["marked"].agg(["size", "sum"])
        mine = found.loc[way].reindex(expected.index)
        np.testing.assert_array_equal(mine["x"], expected["size"])
        np.testing.assert_array_equal(mine["y_refunded"], expected["sum"])
        np.testing.assert_array_equal(
            mine["yy_refunded"], squares(lines, keys, cluster, "marked").reindex(expected.index)
        )


def test_refunds_of_lines_never_picked_up_are_counted_apart(trade: Dataset, frames: Frames) -> None:
    lines = frames["order_lines"]
    open_lines = lines.loc[lines["fulfilled_on"].isna(), "line_id"]
    expected = frames["refunds"].loc[frames["refunds"]["line_id"].isin(open_lines), "line_id"].nunique()
    assert facts.unfulfilled_refunds(trade, as_of=dt.date(2024, 3, 1)) == expected > 10


def test_loss_of_the_chain(trade: Dataset, frames: Frames) -> None:
    found = facts.loss_facts(trade, by=["region"], period="M", as_of=dt.date(2024, 3, 1))
    flows = frames["stage_flows"].pivot(index=["shipment_id", "sku_id"], columns="stage")
    lost = flows["quantity_in"]["supplier"] - flows["quantity_out"]["community_site"]
    shipped = pd.DataFrame({"units": flows["quantity_in"]["supplier"], "lost": lost}).reset_index()
    place = selling(frames).drop_duplicates("shipment_id")[["shipment_id", "region", "day"]]
    shipped = shipped.merge(place, on="shipment_id")
    shipped["period"] = shipped["day"].dt.to_period("M").dt.start_time
    expected = shipped.groupby(["period", "region"])[["units", "lost"]].sum()
    mine = found[found["way"] == "site_day"].set_index(["period", "region"]).reindex(expected.index)
    np.testing.assert_array_equal(mine["x"], expected["units"])
    np.testing.assert_array_equal(mine["y_lost"], expected["lost"])


def test_loss_by_stage(trade: Dataset, frames: Frames) -> None:
    found = facts.stage_facts(trade, by=[], as_of=dt.date(2024, 3, 1)).set_index("stage")
    flows = frames["stage_flows"].assign(lost=lambda f: f["quantity_in"] - f["quantity_out"])
    expected = flows.groupby("stage")[["quantity_in", "lost"]].sum()
    np.testing.assert_array_equal(found["x"].reindex(expected.index), expected["quantity_in"])
    np.testing.assert_array_equal(found["y_lost"].reindex(expected.index), expected["lost"])


def test_service(trade: Dataset, frames: Frames) -> None:
    found = facts.service_facts(trade, by=["region"], period="W", as_of=AS_OF, claim_days=3)
    lines = selling(frames)
    pickup, due = pd.to_datetime(lines["fulfilled_on"]), lines["day"] + pd.Timedelta(days=1)
    lines["claimed"] = (pickup <= due + pd.Timedelta(days=3)) & (pickup <= pd.Timestamp(AS_OF))
    lines = lines.sort_values(["claimed", "ordered_at", "line_id"], ascending=[False, True, True])
    queued = lines.groupby(["shipment_id", "sku_id"])["quantity"].cumsum()
    handed = (
        frames["stage_flows"].query("stage == 'community_site'").set_index(["shipment_id", "sku_id"])["quantity_out"]
    )
    out = handed.reindex(pd.MultiIndex.from_frame(lines[["shipment_id", "sku_id"]])).to_numpy()
    pickup = pd.to_datetime(lines["fulfilled_on"])
    due = lines["day"] + pd.Timedelta(days=1)
    short = queued.to_numpy() > out
    status = np.select([short, ~lines["claimed"], pickup > due], ["short", "unclaimed", "late"], "on_time")
    lines = lines.assign(status=status)[due + pd.Timedelta(days=3) <= pd.Timestamp(AS_OF)]
    expected = lines.groupby(["period", "region", "status"]).size().unstack(fill_value=0)
    mine = found[found["way"] == "both"].set_index(["period", "region"]).reindex(expected.index)
    assert (expected.sum() > 20).all()
    for name in expected:
        np.testing.assert_array_equal(mine[f"y_{name}"], expected[name], err_msg=name)
    np.testing.assert_array_equal(mine["x"], expected.sum(axis=1))


def test_margin(trade: Dataset, frames: Frames) -> None:
    rates = {"logistics": {"line": 0.5, "unit": 0.1, "gmv": 0.02}}
    found = facts.margin_facts(trade, by=["category"], period="M", as_of=AS_OF, rates=rates)
    lines = selling(frames).merge(frames["leaders"])
    asked = frames["refunds"][frames["refunds"]["requested_on"] <= AS_OF].groupby("line_id")["amount"].sum()
    refunded = np.minimum(lines["line_id"].map(asked).fillna(0.0), lines["amount"])
    flows = frames["stage_flows"][frames["stage_flows"]["arrived_at"] < pd.Timestamp(AS_OF) + pd.Timedelta(days=1)]
    flows = flows.merge(frames["products"][["sku_id", "unit_cost", "category"]])
    key = ["shipment_id", "sku_id", "category", "unit_cost"]
    flows = (
        flows.sort_values("arrived_at")
        .groupby(key)
        .agg(entered=("quantity_in", "first"), left=("quantity_out", "last"))
    )
    ordered = lines.groupby(["shipment_id", "sku_id"])["quantity"].sum()
    flows = flows.reset_index().merge(ordered.rename("ordered").reset_index(), how="left")
    flows["month"] = pd.to_datetime("2024" + flows["shipment_id"].str[:4]).dt.to_period("M").dt.start_time
    sold = np.minimum(flows["left"], flows["ordered"].fillna(0))
    flows = flows.assign(
        cost_of_goods=sold * flows["unit_cost"], loss=(flows["entered"] - flows["left"]) * flows["unit_cost"]
    )
    lines = lines.assign(
        month=lines["day"].dt.to_period("M").dt.start_time,
        gmv=lines["amount"],
        refunds=refunded,
        commission=lines["commission_rate"] * lines["amount"],
        logistics=0.5 + 0.1 * lines["quantity"] + 0.02 * lines["amount"],
    )
    by_line = lines.groupby(["month", "category"])[["gmv", "refunds", "commission", "logistics"]].sum()
    by_flow = flows.groupby(["month", "category"])[["cost_of_goods", "loss"]].sum()
    mine = found.set_index(["period", "category"])
    january = mine.loc[[pd.Timestamp("2024-01-01")]]
    for part in by_line:
        np.testing.assert_allclose(january[f"y_{part}"], by_line.loc[january.index, part], rtol=1e-9, err_msg=part)
    for part in by_flow:
        np.testing.assert_allclose(january[f"y_{part}"], by_flow.loc[january.index, part], rtol=1e-9, err_msg=part)
    parts = mine[["y_cost_of_goods", "y_commission", "y_loss", "y_refunds", "y_logistics"]].sum(axis=1)
    np.testing.assert_allclose(mine["y_gmv"] - parts, mine["y_margin"], atol=1e-6)


def test_an_order_after_the_cutoff_belongs_to_the_next_day(trade: Dataset, frames: Frames) -> None:
    found = facts.sales_facts(trade, by=[], period="D", as_of=AS_OF)
    assert found["period"].max() == pd.Timestamp("2024-02-01")
    assert found["n_lines"].sum() == len(frames["order_lines"])


@pytest.mark.parametrize("name", ["user_id", "leader_id", "no_such_column"])
def test_persons_and_unknown_columns_are_refused(trade: Dataset, name: str) -> None:
    with pytest.raises(ContractError, match=name):
        facts.sales_facts(trade, by=[name], period="W", as_of=AS_OF)


def test_unknown_periods_are_refused(trade: Dataset) -> None:
    with pytest.raises(GBAnalysisError, match="D, W, M"):
        facts.sales_facts(trade, by=[], period="Q", as_of=AS_OF)  # type: ignore[arg-type]
