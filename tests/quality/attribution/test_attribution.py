"""The attribution keeps its sums, its symmetries and agrees with Kitagawa where both apply."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.attribution.attributing import STANDS_OUT, ShiftAttribution, attribute_cells
from tests.quality.attribution.small_chain import small_cells


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return small_cells(1, worse=1.0, slower=5.0, warmer=4.0, shift=0.6)


@pytest.fixture(scope="module")
def found(cells: pd.DataFrame) -> ShiftAttribution:
    return attribute_cells(cells)


def values(result: ShiftAttribution) -> pd.DataFrame:
    table = result.table.fillna({"dimension": "", "level": ""})
    return table.set_index(["view", "mechanism", "dimension", "level"])[["contribution", "se"]].sort_index()


def test_everything_sums_to_the_observed_change(cells: pd.DataFrame, found: ShiftAttribution) -> None:
    sums = cells.groupby("period")[["n", "refunded"]].sum()
    rate = sums["refunded"] / sums["n"]
    assert found.change == pytest.approx(rate["current"] - rate["base"], abs=1e-15)
    who = found.to_frame()
    totals = who[who["level"].isna()]
    assert totals["contribution"].sum() == pytest.approx(found.change, abs=1e-12)
    for view in ("who", "where"):
        frame = found.to_frame(view)
        levels = frame[frame["level"].notna()]
        keys = ["mechanism"] if view == "who" else ["mechanism", "dimension"]
        for key, part in levels.groupby(keys):
            total = totals.set_index("mechanism").loc[key[0], "contribution"]
            assert part["contribution"].sum() == pytest.approx(total, abs=1e-12)


def test_a_table_that_does_not_add_up_is_refused(found: ShiftAttribution) -> None:
    broken = found.table.copy()
    broken.loc[broken.index[-1], "contribution"] += 1e-9
    with pytest.raises(GBAnalysisError, match="add up to"):
        replace(found, table=broken)


def test_the_supplier_and_the_grid_that_changed_are_named(found: ShiftAttribution) -> None:
    largest = found.largest(4)
    quality = largest[largest["mechanism"] == "quality"]
    transit = largest[largest["mechanism"] == "transit"]
    assert quality.iloc[0]["level"] == "s0"
    assert transit.iloc[0]["level"] == "g1"
    assert "s0" in found.text()


def test_two_equal_periods_differ_by_nothing(cells: pd.DataFrame) -> None:
    base = cells[cells["period"] == "base"]
    same = attribute_cells(pd.concat([base, base.assign(period="current", day=base["day"] + 100)]))
    assert np.abs(same.table["contribution"]).max() < 1e-10


def test_swapping_the_periods_turns_every_sign(cells: pd.DataFrame, found: ShiftAttribution) -> None:
    swapped = cells.assign(period=cells["period"].map({"base": "current", "current": "base"}))
    turned = values(attribute_cells(swapped))
    np.testing.assert_allclose(turned["contribution"], -values(found)["contribution"], atol=1e-8)
    np.testing.assert_allclose(turned["se"], values(found)["se"], rtol=1e-3, atol=1e-9)


def test_names_and_order_of_rows_do_not_matter(cells: pd.DataFrame, found: ShiftAttribution) -> None:
    renamed = {"s0": "t9", "s1": "t3", "s2": "t7", "s3": "t1"}
    shuffled = cells.sample(frac=1, random_state=3).assign(supplier_id=lambda frame: frame["supplier_id"].map(renamed))
    other = attribute_cells(shuffled).table.assign(
        level=lambda frame: frame["level"].replace({v: k for k, v in renamed.items()})
    )
    np.testing.assert_allclose(
        values(replace(found, table=other))["contribution"], values(found)["contribution"], atol=1e-9
    )


def test_cells_cut_finer_give_the_same(cells: pd.DataFrame, found: ShiftAttribution) -> None:
    half = cells.assign(n=cells["n"] / 2, refunded=cells["refunded"] / 2)
    np.testing.assert_allclose(values(attribute_cells(pd.concat([half, half]))), values(found), atol=1e-9)


def test_mix_and_one_quality_factor_agree_with_kitagawa() -> None:
    cells = small_cells(4, n_days=3, lines=6000.0, worse=0.8, shift=0.8).assign(temperature_c=np.nan)
    sums = cells.pivot_table(
        index=["category", "supplier_id", "grid_id"], columns="period", values=["n", "refunded"], aggfunc="sum"
    )
    share = sums["n"] / sums["n"].sum()
    rate = sums["refunded"] / sums["n"]
    composition = (rate.mean(axis=1) * (share["current"] - share["base"])).sum()
    by_rate = (share.mean(axis=1) * (rate["current"] - rate["base"])).sum()
    still = cells.drop(columns=["policy", "grid_warehouse_temperature"])
    result = attribute_cells(still.assign(central_warehouse_hours=10.0, grid_warehouse_hours=6.0)).to_frame("player")
    ours = result.set_index("mechanism")["contribution"]
    quality = ours[[name for name in ours.index if name.startswith("quality")]].sum()
    assert quality == pytest.approx(by_rate, abs=1e-4)
    assert ours["mix"] + ours["allocation"] == pytest.approx(composition, abs=1e-4)
    assert by_rate > 20 * 1e-4
    assert composition > 20 * 1e-4


def test_without_hours_or_weather_their_effect_is_quality(cells: pd.DataFrame) -> None:
    result = attribute_cells(cells.assign(temperature_c=np.nan), stages=())
    assert "transit" not in set(result.table["mechanism"])
    weather = result.table[result.table["mechanism"] == "weather"]
    assert np.abs(weather["contribution"]).max() < 1e-12
    assert any("temperature" in note for note in result.notes)


def test_uncertain_delay_widens_the_intervals(cells: pd.DataFrame, found: ShiftAttribution) -> None:
    late = np.where(cells["period"] == "current", 0.5 * cells["refunded"], 0.0)
    wider = attribute_cells(cells.assign(refunded_variance=late))
    np.testing.assert_allclose(wider.table["contribution"], found.table["contribution"], atol=1e-12)
    assert (wider.table["se"] >= found.table["se"] - 1e-15).all()
    assert wider.to_frame("player").loc[0, "se"] > 0
    total = wider.table.query("view == 'mechanism' and mechanism == 'quality'")["se"].item()
    assert total > 1.05 * found.table.query("view == 'mechanism' and mechanism == 'quality'")["se"].item()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda c: c.drop(columns="grid_id"), ContractError, "lack grid_id"),
        (lambda c: c[c["period"] == "base"], NotEnoughDataError, "the current period has no lines"),
        (lambda c: c.assign(refunded=0), NotEnoughDataError, "no line was refunded in the base"),
        (
            lambda c: c.assign(refunded=c["refunded"].where(c["period"] == "base", 0)),
            NotEnoughDataError,
            "in the current",
        ),
        (lambda c: c.assign(refunded=c["n"]), NotEnoughDataError, "no fewer refunded lines than lines"),
        (lambda c: c.assign(period="before"), ContractError, "must be base or current"),
        (lambda c: c.assign(grid_id="one"), ContractError, "more than one central_id"),
        (lambda c: c.assign(parent_category=c["grid_id"]), ContractError, "more than one parent_category"),
        (
            lambda c: c.assign(supplier_id=c["supplier_id"].where(c["supplier_id"] != "s1")),
            ContractError,
            "is empty in",
        ),
        (
            lambda c: c.assign(grid_warehouse_hours=c["grid_warehouse_hours"].where(c["grid_id"] != "g1")),
            ContractError,
            "known in some cells",
        ),
        (lambda c: c.assign(n=-1), ContractError, "must be finite and not negative"),
    ],
)
def test_bad_cells_are_refused(cells: pd.DataFrame, change, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        attribute_cells(change(cells))


@pytest.mark.parametrize(
    "kept",
    [
        lambda c: (c["period"] == "base") | (c["supplier_id"] != "s3"),
        lambda c: (c["period"] == "base") | (c["category"] != "c1") | (c["central_id"] != "z0"),
        lambda c: (c["period"] == "base") | (c["grid_id"] != "g2"),
        lambda c: (c["period"] == "current") | (c["category"] != "c2"),
        lambda c: c["supplier_id"] == "s0",
        lambda c: (c["grid_id"] == "g0") & (c["category"] == "c0"),
        lambda c: c["day"] % 100 == 0,
    ],
)
def test_levels_that_come_and_go_leave_finite_figures(cells: pd.DataFrame, kept) -> None:
    found = attribute_cells(cells[kept(cells)])
    assert np.isfinite(found.table[["contribution", "ci_lower", "ci_upper"]].to_numpy()).all()


def test_the_notes_of_levels_say_which_stand_out(found: ShiftAttribution) -> None:
    levels = found.to_frame().dropna(subset=["level"])
    named = set(levels.loc[levels["note"] == STANDS_OUT, "level"])
    assert named == set(found.largest(len(levels))["level"])
    assert 0 < len(named) < len(levels) / 2


def test_a_supplier_that_left_has_no_change_of_its_own_quality(cells: pd.DataFrame) -> None:
    left = attribute_cells(cells[(cells["period"] == "base") | (cells["supplier_id"] != "s3")]).to_frame()
    row = left[(left["mechanism"] == "quality") & (left["level"] == "s3")].iloc[0]
    assert row["n_current"] == 0
    assert row["note"] != ""
    assert abs(row["contribution"]) < 1e-4
    assert row["ci_lower"] < 0 < row["ci_upper"]


def test_one_supplier_in_one_region_is_noted(cells: pd.DataFrame) -> None:
    alone = cells[(cells["supplier_id"] != "s2") | (cells["region"] == "r0")]
    assert any("s2 served one region only" in note for note in attribute_cells(alone).notes)


def test_words_and_pictures(found: ShiftAttribution) -> None:
    assert f"{100 * found.change:+.2f} points" in found.text()
    assert f"{100 * found.residual_change:+.3f}" in found.text()
    assert len(found.summary().splitlines()) <= 20
    assert "Waterfall" in found.alt_text()
    labels = [label.get_text() for label in found.plot().get_xticklabels()]
    assert labels[0].startswith("base")
    with pytest.raises(GBAnalysisError, match="view must be"):
        found.to_frame("whom")  # type: ignore[arg-type]


def test_a_warm_node_and_an_easier_rule_are_players_of_their_own() -> None:
    found = attribute_cells(small_cells(8, n_days=24, uncooled=8.0, easier=1.0))
    players = found.to_frame("player").set_index("mechanism")
    assert players.loc["temperature_grid_warehouse", "ci_lower"] > 0
    assert players.loc["policy", "ci_lower"] > 0
    who = found.to_frame()
    warm = who[(who["mechanism"] == "temperature") & who["level"].notna()]
    assert warm.loc[warm["contribution"].idxmax(), "level"] == "g1"
    rule = who[(who["mechanism"] == "policy") & who["level"].notna()].set_index("level")["contribution"]
    assert rule["r1"] == pytest.approx(players.loc["policy", "contribution"], abs=1e-12)
    assert abs(rule["r0"]) < 1e-12


def test_a_rule_that_changed_everywhere_at_once_is_not_identified(cells: pd.DataFrame) -> None:
    everywhere = attribute_cells(cells.assign(policy=(cells["period"] == "current").astype(float)))
    assert "policy" not in set(everywhere.table["mechanism"])
    assert any("not identified" in note for note in everywhere.notes)
    with pytest.raises(ContractError, match="policy must lie between"):
        attribute_cells(cells.assign(policy=2.0))


def test_sites_are_nodes_where_the_cells_have_them() -> None:
    cells = small_cells(9, n_days=6)
    rng = np.random.default_rng(1)
    site = cells["grid_id"] + rng.integers(0, 2, len(cells)).astype(str)
    late = 4.0 + 6.0 * (cells["period"] == "current") * (site == "g01") + rng.normal(size=len(cells))
    found = attribute_cells(cells.assign(site_id=site, community_site_hours=late)).to_frame()
    sites = found[(found["mechanism"] == "transit") & (found["dimension"] == "community_site")]
    assert set(sites["level"]) == set(site)
    assert sites.loc[sites["contribution"].abs().idxmax(), "level"] == "g01"
    by_grid = attribute_cells(cells.assign(community_site_hours=late)).to_frame()
    assert set(by_grid[by_grid["dimension"] == "community_site"]["level"]) == set(cells["grid_id"])


def test_an_error_that_all_rows_share_weighs_more_than_as_many_of_their_own(cells: pd.DataFrame) -> None:
    late = np.where(cells["period"] == "current", 0.2 * cells["refunded"], 0.0)
    own = attribute_cells(cells.assign(refunded_variance=late**2))
    shared = attribute_cells(cells, shared_error=late[:, None])
    np.testing.assert_allclose(shared.table["contribution"], own.table["contribution"], atol=1e-12)
    totals = [result.to_frame("player")["se"].max() for result in (own, shared)]
    assert totals[1] > 1.5 * totals[0]
    half = np.stack([late, late], axis=1) / np.sqrt(2)
    np.testing.assert_allclose(attribute_cells(cells, shared_error=half).table["se"], shared.table["se"], rtol=1e-9)
    with pytest.raises(ContractError, match="one finite row"):
        attribute_cells(cells, shared_error=late)
