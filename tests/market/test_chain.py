"""The chain: units reconcile, clocks run forward, planted faults show where they were planted."""

import datetime as dt
import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gbanalysis.market.config import Config
from gbanalysis.market.losses import CAUSES, lose_units, short_chance
from gbanalysis.market.routes import STAGES, routes_of
from gbanalysis.market.shocks import CoolingFault, CorruptShift, SlowNode
from gbanalysis.market.world import build_world

from .chain_runs import Run, run, run_world

START = dt.date(2024, 5, 1)
PLAIN = Config(seed=11, n_lines=12_000, n_days=40, start=START, shocks="none")
FIRST, LAST = START + dt.timedelta(days=20), START + dt.timedelta(days=34)


@pytest.fixture(scope="module")
def plain() -> Run:
    return run(PLAIN)


def with_shock(shock) -> Run:
    return run(replace(PLAIN, shocks=(shock,)))


def struck_days(r: Run) -> np.ndarray:
    """Lines whose promised pickup lies within the shock."""
    promised = r.lines["day"] + 1
    return ((promised >= (FIRST - START).days) & (promised <= (LAST - START).days)).to_numpy()


def test_what_leaves_a_stage_comes_to_the_next(plain):
    wide = plain.flows.pivot(index=["shipment_id", "sku_id"], columns="stage", values=["quantity_in", "quantity_out"])
    pairs = 0
    for here, after in itertools.pairwise(STAGES):
        both = wide["quantity_in"][after].notna()
        assert (wide["quantity_out"][here][both] == wide["quantity_in"][after][both]).all()
        pairs += both.sum()
    assert pairs > 30_000


def test_units_loaded_cover_the_orders_and_the_site_has_what_was_received(plain):
    lines = plain.lines
    known = lines[lines["day"] < plain.world.n_days - 3]
    last_day = f"S{plain.world.n_days - 3:05d}"
    flows = plain.flows[plain.flows["shipment_id"] < last_day]
    loaded = flows.loc[flows["stage"] == "supplier", "quantity_in"].sum()
    out = flows.loc[flows["stage"] == "community_site", "quantity_out"].sum()
    lost = plain.losses["units"][plain.losses["date"] <= plain.world.date(plain.world.n_days - 3).astype(object)].sum()
    assert loaded >= known["quantity"].sum()
    assert loaded - out == lost
    assert known["received"].sum() <= out


def test_a_line_that_came_short_lost_more_than_its_spare(plain):
    short = plain.lines["received"] < plain.lines["quantity"]
    assert 0.005 < short.mean() < 0.03
    assert plain.lines.loc[plain.lines["received"] == 0, "fulfilled_on"].isna().all()


def test_the_clock_runs_forward_and_hours_follow_the_definition(plain):
    flows = plain.flows.assign(order=plain.flows["stage"].map({name: k for k, name in enumerate(STAGES)}))
    flows = flows.sort_values(["shipment_id", "sku_id", "order"])
    assert (flows["departed_at"] >= flows["arrived_at"]).all()
    same = (flows["shipment_id"] == flows["shipment_id"].shift()) & (flows["sku_id"] == flows["sku_id"].shift())
    assert (flows["arrived_at"][same] >= flows["departed_at"].shift()[same]).all()
    measured = (flows["departed_at"] - flows["departed_at"].shift()).dt.total_seconds()[same] / 3600
    grid = measured[flows["stage"] == "grid_warehouse"]
    assert grid.mean() == pytest.approx(plain.hours[:, 3].mean(), rel=0.02)


def test_pickup_is_the_day_after_the_order_or_one_later_when_late(plain):
    lines = plain.lines[plain.lines["fulfilled_on"].notna()]
    wait = (lines["fulfilled_on"] - pd.Timestamp(START)).dt.days - lines["day"]
    assert (wait == 1 + lines["late"]).all()
    assert 0 < plain.lines["late"].mean() < 0.08


def test_no_stage_is_written_before_it_has_happened(plain):
    end = pd.Timestamp(START) + pd.Timedelta(days=PLAIN.n_days)
    assert (plain.flows["departed_at"] < end).all()
    assert plain.lines["fulfilled_on"].max() == end - pd.Timedelta(days=1)


def test_keys_of_flows_are_unique(plain):
    assert not plain.flows.duplicated(["shipment_id", "stage", "sku_id"]).any()


def test_losses_are_a_few_percent_and_fresh_goods_lose_more(plain):
    flows = plain.flows
    loaded = flows[flows["stage"] == "supplier"].groupby("sku_id")["quantity_in"].sum()
    lost = (flows["quantity_in"] - flows["quantity_out"]).groupby(flows["sku_id"]).sum()
    shelf = pd.Series(plain.world.sku_shelf_days, index=list(plain.world.sku_id))
    fresh = shelf[loaded.index] <= 7
    assert 0.02 < lost.loc[fresh[fresh].index].sum() / loaded[fresh].sum() < 0.06
    assert 0.004 < lost.loc[fresh[~fresh].index].sum() / loaded[~fresh].sum() < 0.02


def test_lines_of_one_node_and_day_share_their_delay(plain):
    lines = plain.lines
    residual = np.log(plain.hours[:, 2]) - np.log(plain.hours[:, 2]).mean()
    frame = pd.DataFrame({"r": residual, "day": lines["day"], "node": plain.nodes[:, 2], "from": plain.nodes[:, 1]})
    frame["r"] -= frame.groupby(["node", "from"])["r"].transform("mean")
    between = frame.groupby(["day", "node"])["r"].mean().var()
    count = frame.groupby(["day", "node"])["r"].size()
    independent = frame["r"].var() / count.mean()
    assert between > 5 * independent


def test_a_slow_node_shows_in_its_hours_and_nowhere_else(plain):
    node = str(plain.world.grid_id[int(np.bincount(plain.nodes[:, 3]).argmax())])
    slow = with_shock(SlowNode(starts_on=FIRST, ends_on=LAST, size=3.0, node_id=node))
    there = plain.nodes[:, 3] == plain.world.grid_id.index(node)
    change = slow.hours[:, 3] - plain.hours[:, 3]
    assert np.allclose(change[there & struck_days(plain)], 3.0)
    assert (change[~(there & struck_days(plain))] == 0).all()
    assert (slow.hours[:, :3] == plain.hours[:, :3]).all()


def test_a_cooling_fault_warms_chilled_goods_only(plain):
    node = plain.world.central_id[0]
    warm = with_shock(CoolingFault(starts_on=FIRST, ends_on=LAST, size=8.0, node_id=node))
    chilled = routes_of(plain.world).chilled[plain.lines["sku"]]
    struck = (plain.nodes[:, 2] == 0) & struck_days(plain) & chilled
    change = warm.degrees[:, 2] - plain.degrees[:, 2]
    assert struck.sum() > 500
    assert np.allclose(change[struck], 8.0)
    assert (change[~struck] == 0).all()
    assert warm.lines["complaint"][struck].mean() > plain.lines["complaint"][struck].mean() * 1.1


def test_a_corrupt_shift_is_theft_in_the_truth_and_never_in_the_books(plain):
    node = str(plain.world.grid_id[int(np.bincount(plain.nodes[:, 3]).argmax())])
    corrupt = with_shock(CorruptShift(starts_on=FIRST, ends_on=LAST, size=0.2, node_id=node, shift="B"))
    stolen = corrupt.losses[corrupt.losses["cause"] == "theft"]
    assert set(stolen["node_id"]) == {node} and set(stolen["shift"]) == {"B"}
    there = (plain.nodes[:, 3] == plain.world.grid_id.index(node)) & struck_days(plain) & (plain.crew[:, 3] == 1)
    units = plain.lines["quantity"][there].sum() * 1.2
    assert stolen["units"].sum() == pytest.approx(0.2 * units, rel=0.25)
    assert not (plain.losses["cause"] == "theft").any()
    assert set(corrupt.flows["loss_reason"].dropna()) <= {"spoilage", "damage", "miscount"}
    here = corrupt.flows[(corrupt.flows["node_id"] == node) & (corrupt.flows["stage"] == "grid_warehouse")]
    here = here[here["arrived_at"].between(pd.Timestamp(FIRST), pd.Timestamp(LAST))]
    rate = here.groupby("shift").apply(
        lambda g: 1 - g["quantity_out"].sum() / g["quantity_in"].sum(), include_groups=False
    )
    assert rate["B"] > 0.12 and max(rate["A"], rate["C"]) < 0.05


def test_units_are_lost_with_the_planted_chances():
    chances = np.zeros((5, len(CAUSES), 2))
    chances[1, 0], chances[3, 2] = 0.1, np.array([0.2, 0.0])
    n = 200_000
    lost = lose_units(np.random.default_rng(0), np.array([n, n]), chances)
    spoiled = np.bincount(lost.line[(lost.stage == 1) & (lost.cause == 0)], minlength=2) / n
    stolen = np.bincount(lost.line[(lost.stage == 3) & (lost.cause == 2)], minlength=2) / n
    assert spoiled == pytest.approx([0.1, 0.1], abs=0.003)
    assert stolen == pytest.approx([0.9 * 0.2, 0.0], abs=0.004)
    assert len(lost.line) == pytest.approx(n * (0.1 + 0.18 + 0.1), rel=0.02)


def test_no_loss_is_no_loss():
    lost = lose_units(np.random.default_rng(0), np.array([3, 1]), np.zeros((5, len(CAUSES), 2)))
    assert len(lost.line) == 0


def test_short_chance_against_simulation():
    rng, n = np.random.default_rng(4), 400_000
    for quantity, spare, survival in ((1, 0, 0.9), (1, 1, 0.9), (3, 0, 0.95), (3, 1, 0.8)):
        received = np.minimum(rng.binomial(quantity + spare, survival, n), quantity)
        got = received[received > 0]
        exact = short_chance(np.array([quantity]), np.array([spare]), np.array([survival]))[0]
        assert (got < quantity).mean() == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / len(got)) + 1e-12)


def test_a_day_does_not_depend_on_what_was_simulated_before(plain):
    alone = run_world(build_world(PLAIN), range(7, 9))
    there = plain.lines["day"].isin([7, 8])
    pd.testing.assert_frame_equal(alone.lines, plain.lines[there].reset_index(drop=True))
    keep = plain.flows["shipment_id"].str[1:6].isin(["00007", "00008"])
    pd.testing.assert_frame_equal(alone.flows, plain.flows[keep].reset_index(drop=True))


def test_another_seed_is_another_chain(plain):
    other = run_world(build_world(replace(PLAIN, seed=12)), range(2))
    assert other.hours[:50].tolist() != plain.hours[:50].tolist()
