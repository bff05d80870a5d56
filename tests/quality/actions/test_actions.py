"""Savings of actions: the budgeted choice by brute force, savings on worlds of known truth, costs and bad input."""

import datetime as dt
from itertools import product

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from benchmarks.actions import one_world
from benchmarks.worlds.action_world import draw_cells, draw_world
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality.actions.budgets import choose
from gbanalysis.quality.actions.costs import check_costs
from gbanalysis.quality.actions.savings import Action, make_profiles

DAYS = ("2024-03-03", "2024-03-30")
TEST_SEEDS = range(9_000, 9_006)


def cost(**changes):
    row = {"action": "replace_supplier", "target": None, "cost_fixed": 100.0, "cost_per_line": 0.1}
    return pd.DataFrame([{**row, **changes}])


@pytest.fixture(scope="module")
def sample():
    return gb.load_sample()


@pytest.fixture(scope="module")
def profiles():
    rng = np.random.default_rng(9_050)
    cells = draw_cells(rng, draw_world(rng, "own"))
    return make_profiles(cells, rng=np.random.default_rng(1), n_draws=100)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("budget", [None, 0.0, 9.0, 14.0])
def test_choice_is_the_best_of_all_sets(seed, budget):
    rng = np.random.default_rng(seed)
    n = 7
    saving, price = rng.uniform(0, 10, n), rng.uniform(1, 6, n)
    overlap = np.triu(rng.uniform(-1.5, 3, (n, n)) * (rng.random((n, n)) < 0.5), k=1)
    overlap = overlap + overlap.T

    def net(chosen):
        return chosen @ (saving - price) - chosen @ overlap @ chosen / 2

    allowed = [np.array(each, float) for each in product((0, 1), repeat=n)]
    allowed = [each for each in allowed if budget is None or each @ price <= budget + 1e-9]
    found = choose(saving, price, overlap, budget).astype(float)
    assert budget is None or found @ price <= budget + 1e-9
    assert net(found) == pytest.approx(max(net(each) for each in allowed))


@pytest.mark.slow
def test_true_savings_of_chosen_actions_are_covered_and_less_is_lost_than_by_raw_rates():
    # At 90 % and independent errors, fewer than 19 of 27 would come once in 1,000 times; ours are a few dozen.
    worlds = [one_world(seed, "own") for seed in TEST_SEEDS]
    chosen = pd.concat([frame[frame["chosen"]] for frame, _ in worlds])
    covered = (chosen["low"] <= chosen["true_saved"]) & (chosen["true_saved"] <= chosen["high"])
    assert len(chosen) >= 15
    assert covered.mean() >= 0.7
    ours, naive, oracle = (sum(whole[f"{name}_net"] for _, whole in worlds) for name in ("ours", "naive", "oracle"))
    assert naive < ours <= oracle * 1.02
    assert sum(whole["naive_true"] for _, whole in worlds) < sum(whole["naive_promised"] for _, whole in worlds)


def test_overlapping_actions_are_not_counted_twice(profiles):
    node = str(profiles.nodes["grid_warehouse"][0])
    one, two = Action("cool_node", node, 5.0), Action("speed_node", node, 5.0)
    alone = [profiles.saved([profiles.touched(each)])[0][0] for each in (one, two)]
    both = profiles.saved(profiles.together([one, two]))[0][0]
    assert 0 < max(alone) <= both < sum(alone)


def test_what_a_degree_does_is_not_learned_from_goods_that_travel_chilled():
    # Which SKUs travel cooler says what they are: the same SKU on warmer and cooler ways says what a degree does.
    rng = np.random.default_rng(9_060)
    cells = draw_cells(rng, draw_world(rng, "own"))
    chilled = pd.factorize(cells["sku_id"])[0] % 2 == 0
    names = [name for name in cells if str(name).endswith("_temperature")]
    cooler = cells.assign(**{name: cells[name] - 15.0 * chilled for name in names})
    one, two = (make_profiles(each, rng=np.random.default_rng(1), n_draws=50) for each in (cells, cooler))
    node, sku = str(one.nodes["grid_warehouse"][0]), str(one.coded.labels["sku_id"][0])
    for action in (Action("cool_node", node, 3.0), Action("delist_sku", sku)):
        saved = [each.saved([each.touched(action)])[0] for each in (one, two)]
        np.testing.assert_allclose(*saved, rtol=1e-6, atol=1e-6)


def test_suppliers_that_go_together_do_not_take_over_each_others_lines(profiles):
    code = profiles.coded.codes
    first = str(profiles.coded.labels["supplier_id"][code["supplier_id"][0]])
    everyone = [Action("replace_supplier", str(name)) for name in profiles.coded.labels["supplier_id"]]
    assert len(profiles.touched(Action("replace_supplier", first)).rows)
    assert not any(len(each.rows) for each in profiles.together(everyone))


def test_the_mean_saving_is_near_that_at_the_mean_effects(profiles):
    action = Action("replace_supplier", str(profiles.coded.labels["supplier_id"][0]))
    refunds, money = profiles.saved([profiles.touched(action)])
    spread = refunds[1:].std() / np.sqrt(len(refunds) - 1)
    assert abs(refunds[1:].mean() - refunds[0]) < 4 * spread + 0.02 * abs(refunds[0])
    assert (np.sign(money) == np.sign(refunds)).all()


def test_targets_that_the_data_do_not_have_are_named(sample):
    costs = pd.concat([cost(), cost(target="SUPX"), *(cost(target=f"SUPY{k}") for k in range(3))], ignore_index=True)
    ranked = gb.quality.rank_actions(sample, costs, current=DAYS, rng=1)
    assert (
        "replace_supplier: no line of these days has SUPX, SUPY0, SUPY1 and 1 more, so it is not ranked" in ranked.notes
    )
    assert not ranked.to_frame()["target"].str.startswith(("SUPX", "SUPY")).any()
    with pytest.raises(ContractError, match="SUPX"):
        gb.quality.rank_actions(sample, cost(target="SUPX"), current=DAYS, rng=1)


def test_ranking_keeps_its_books_and_its_budget(sample):
    costs = pd.concat([cost(), cost(action="cool_node", size=3.0)], ignore_index=True)
    ranked = gb.quality.rank_actions(sample, costs, current=DAYS, budget=260, horizon_days=14, rng=1)
    frame = ranked.to_frame()
    assert np.allclose(frame["net"], frame["money_saved"] - frame["cost"])
    assert ranked.cost <= 260
    assert np.allclose(frame["cost"], 100 + 0.1 * frame["n_lines"])
    assert frame["chosen"].is_monotonic_decreasing
    assert (frame["ci_lower"] <= frame["refunds_saved"]).all()
    assert ranked.text().startswith(f"Of {len(frame)} actions {int(frame['chosen'].sum())} are worth doing")
    assert ranked.plot().get_xlabel().startswith("net saving")
    assert "intervals" in ranked.alt_text()


def test_what_is_learned_later_does_not_matter(sample):
    days = ("2024-02-01", "2024-02-28")
    then = {"current": days, "as_of": "2024-02-28", "rng": 1}
    frames = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "refunds", "settings")}
    early = frames["refunds"][pd.to_datetime(frames["refunds"]["requested_on"]) <= "2024-02-28"]
    known = gb.read_dataset({**frames, "refunds": early})
    now, before = (
        gb.quality.rank_actions(each, cost(), **then).to_frame() for each in (gb.read_dataset(frames), known)
    )
    pd.testing.assert_frame_equal(now, before)


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        (cost().drop(columns="cost_fixed"), "lacks cost_fixed"),
        (cost(action="pray"), "names the action 'pray'"),
        (cost(cost_fixed=-1.0), "cost_fixed must be a number of at least zero"),
        (cost(cost_per_line="dear"), "cost_per_line must hold numbers"),
        (cost(action="cool_node"), "cool_node needs a size"),
        (pd.concat([cost(), cost()]), "any target twice"),
        (cost().iloc[:0], "has no row"),
    ],
)
def test_costs_that_make_no_sense_are_refused(costs, said):
    with pytest.raises(ContractError, match=said):
        check_costs(costs)


def test_bad_input_is_named(sample):
    def rank(data=sample, costs=None, **changes):
        return gb.quality.rank_actions(data, cost() if costs is None else costs, **{"current": DAYS, **changes})

    with pytest.raises(NotEnoughDataError, match="in the future"):
        rank(current=("2024-03-03", "2024-05-30"))
    with pytest.raises(NotEnoughDataError, match="in the future"):
        rank(as_of=dt.date(2030, 1, 1))
    with pytest.raises(NotEnoughDataError, match="no line was picked up"):
        rank(current=("2020-01-01", "2020-01-05"))
    with pytest.raises(GBAnalysisError, match="after its last day"):
        rank(current=DAYS[::-1])
    with pytest.raises(GBAnalysisError, match="budget"):
        rank(budget=-5)
    with pytest.raises(GBAnalysisError, match="confidence"):
        rank(confidence=1.5)
    frames = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "refunds", "settings")}
    with pytest.raises(ContractError, match="refunds"):
        rank(gb.read_dataset({name: frame for name, frame in frames.items() if name != "refunds"}))
    alone = {**frames, "order_lines": frames["order_lines"].assign(supplier_id="S1")}
    with pytest.raises(NotIdentifiedError, match="nothing to compare with for replace_supplier"):
        rank(gb.read_dataset(alone))
    with pytest.raises(NotIdentifiedError, match="nothing to compare with for speed_node"):
        rank(gb.read_dataset(frames), cost(action="speed_node"))
