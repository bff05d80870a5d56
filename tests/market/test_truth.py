"""The known truth: exact sums, brute force, agreement with what the simulation does."""

import datetime as dt
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gbanalysis.errors import GBAnalysisError
from gbanalysis.market.config import Config
from gbanalysis.market.demand import site_sku_sampler
from gbanalysis.market.draws import Buyers
from gbanalysis.market.effects import ledger_frame, make_draws, shapley
from gbanalysis.market.journey import refund_chance
from gbanalysis.market.parameters import PLAYERS, QUALITY_NODE, TEMPERATURE, TRANSIT
from gbanalysis.market.routes import routes_of
from gbanalysis.market.shocks import (
    CoolingFault,
    Leniency,
    Lockdown,
    SlowNode,
    SupplierQuality,
    from_records,
    to_records,
)
from gbanalysis.market.truth import Truth, _code_lines, config_record, read_config, write_truth
from gbanalysis.market.world import build_world

from .chain_runs import run

START = dt.date(2024, 1, 1)
CONFIG = Config(seed=41, n_lines=20_000, n_days=80, start=START)
BASE, CURRENT = ("2024-01-20", "2024-02-10"), ("2024-02-20", "2024-03-15")
COARSE = {
    "mix": ("mix",),
    "allocation": ("allocation",),
    "weather": ("weather",),
    "transit": TRANSIT,
    "temperature": TEMPERATURE,
    "rest": ("quality_supplier", "quality_category", *QUALITY_NODE[1:], "policy", "abuse"),
}


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(build_world(CONFIG))


@pytest.fixture(scope="module")
def frame(truth) -> pd.DataFrame:
    return truth.attribution(BASE, CURRENT, n_draws=40_000)


def test_mechanisms_sum_to_the_change_and_levels_to_their_mechanism(frame):
    totals = frame[frame["dimension"] == "all"].set_index("mechanism")["contribution"]
    assert set(totals.index) == set(PLAYERS)
    assert totals.sum() == pytest.approx(frame.attrs["current"] - frame.attrs["base"], abs=1e-13)
    levels = frame[frame["dimension"] != "all"].groupby(["mechanism", "dimension"])["contribution"].sum()
    assert len(levels) == len(PLAYERS) + 1
    for (mechanism, _), value in levels.items():
        assert value == pytest.approx(totals[mechanism], abs=1e-13)
    assert totals.abs().max() > 1e-4


def test_the_walk_agrees_with_brute_force_over_all_coalitions():
    # strong shocks in the current period, so that the order of switching matters
    held = {"starts_on": START + dt.timedelta(days=45), "ends_on": START + dt.timedelta(days=79)}
    node = build_world(CONFIG).central_id[0]
    strong = (
        SlowNode(**held, size=30.0, node_id=node),
        CoolingFault(**held, size=15.0, node_id=node),
        *(Leniency(**held, size=0.8, region=region) for region in ("Guangdong", "Hunan")),
    )
    world, rng = build_world(replace(CONFIG, shocks=strong)), np.random.default_rng(8)
    draws = make_draws(world, np.arange(19, 41), np.arange(50, 75), 6_000, rng)
    everyone, names = np.arange(len(draws)), list(COARSE)
    value = {}
    for size in range(len(names) + 1):
        for coalition in itertools.combinations(names, size):
            on = [any(player in COARSE[name] for name in coalition) for player in PLAYERS]
            switched = np.repeat(np.array(on)[:, None], len(draws), axis=1)
            value[frozenset(coalition)] = refund_chance(draws.view(switched, everyone))
    n = len(names)
    walked = ledger_frame(draws, shapley(draws, COARSE, rng))
    walked = walked[walked["dimension"] == "all"].set_index("mechanism")
    for name in names:
        exact, others = np.zeros(len(draws)), [other for other in names if other != name]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - 1 - size) / math.factorial(n)
            for coalition in itertools.combinations(others, size):
                exact += weight * (value[frozenset((*coalition, name))] - value[frozenset(coalition)])
        # the same lines, so that only the permutations' noise is left: far below the lines' standard error
        assert walked.loc[name, "contribution"] == pytest.approx(
            exact.mean(), abs=max(0.5 * walked.loc[name, "se"], 2e-7)
        )
    assert walked["contribution"].abs().max() > 20 * 2e-7


def test_standard_errors_are_those_of_repeated_draws(truth):
    base, current = (BASE[0], "2024-01-24"), (CURRENT[0], "2024-02-24")
    runs = [
        truth.attribution(base, current, n_draws=3_000, rng=np.random.default_rng(seed)).set_index(
            ["mechanism", "dimension", "level"]
        )
        for seed in range(20)
    ]
    for key in (("transit_grid_warehouse", "all", "all"), ("policy", "all", "all"), ("mix", "all", "all")):
        spread = np.std([r.loc[key, "contribution"] for r in runs], ddof=1)
        stated = np.mean([r.loc[key, "se"] for r in runs])
        # a standard deviation from 20 runs is known to about 16 %
        assert 0.55 < spread / stated < 1.5


def test_the_same_question_has_the_same_answer(truth, frame):
    again = Truth(build_world(CONFIG)).attribution(BASE, CURRENT, n_draws=40_000)
    pd.testing.assert_frame_equal(again, frame)


@pytest.mark.parametrize("family", ["standard", "batch", "link", "interaction", "confounder"])
def test_expected_rate_agrees_with_the_simulation_over_many_seeds(family):
    gaps = []
    for seed in range(10):
        config = Config(seed=seed, n_lines=6_000, n_days=40, start=dt.date(2024, 4, 1), stock_cover=50.0, family=family)
        r = run(config)
        picked = r.lines[r.lines["picked_up"]]
        known = Truth(r.world).expected_rate((r.world.date(1), r.world.date(40)), n_draws=30_000)
        gaps.append(picked["ever"].mean() / known - 1)
    se = np.std(gaps, ddof=1) / np.sqrt(len(gaps))
    assert se < 0.06
    assert abs(np.mean(gaps)) < 3.5 * se


def test_a_planted_slow_node_is_found_at_its_node_and_time():
    first = START + dt.timedelta(days=45)
    plain = build_world(replace(CONFIG, shocks="none"))
    node = plain.grid_id[int(np.argmax(np.bincount(plain.site_grid, plain.site_weight)))]
    slow = SlowNode(starts_on=first, ends_on=START + dt.timedelta(days=79), size=5.0, node_id=node)
    world = build_world(replace(CONFIG, shocks=(slow,)))
    found, without = (Truth(w).attribution(BASE, CURRENT, n_draws=40_000) for w in (world, plain))
    gap = (
        found.set_index(["mechanism", "dimension", "level"])["contribution"]
        - without.set_index(["mechanism", "dimension", "level"])["contribution"]
    )
    own = gap.loc[("transit_grid_warehouse", "node", node)]
    assert own == pytest.approx(gap.loc[("transit_grid_warehouse", "all", "all")], abs=1e-12)
    planted = Truth(world).shock_contributions(CURRENT, n_draws=40_000)["contribution"].iloc[0]
    assert own > 5e-4
    assert own == pytest.approx(planted, rel=0.15)


def test_a_shock_adds_what_the_world_with_and_without_it_says():
    first, last = START + dt.timedelta(days=30), START + dt.timedelta(days=75)
    plain = build_world(replace(CONFIG, shocks="none"))
    supplier = plain.supplier_id[int(np.argmax(plain.supplier_serves.sum(axis=1) * plain.supplier_size))]
    worse = SupplierQuality(starts_on=first, ends_on=last, size=2.0, supplier_id=supplier)
    with_it = run(replace(CONFIG, shocks=(worse,)))
    without = run(replace(CONFIG, shocks="none"))
    days = without.lines["picked_up"] & (without.lines["day"] + 1).between(30, 75)
    realised = (with_it.lines["chance"] - without.lines["chance"])[days].mean()
    table = Truth(with_it.world).shock_contributions((first, last), n_draws=60_000)
    assert realised > 2e-4
    assert table["contribution"].iloc[0] == pytest.approx(realised, rel=0.15)


def test_shock_contributions_sum_to_what_all_shocks_do(truth):
    table = truth.shock_contributions(CURRENT, n_draws=20_000)
    assert table["contribution"].sum() == pytest.approx(table.attrs["rate"] - table.attrs["rate_without"], abs=1e-13)
    assert len(table) == len(truth.world.shocks)
    lockdown = table[table["kind"] == "lockdown"].iloc[0]
    assert lockdown["starts_on"] < dt.date.fromisoformat(CURRENT[1]) and lockdown["contribution"] != 0
    after = (lockdown["ends_on"] + dt.timedelta(days=8), START + dt.timedelta(days=CONFIG.n_days - 1))
    later = truth.shock_contributions(after, n_draws=20_000)
    assert later[later["kind"] == "lockdown"]["contribution"].iloc[0] == 0


def test_a_lockdown_changes_the_rate_through_the_mix_only():
    lock = Lockdown(
        starts_on=START + dt.timedelta(days=40), ends_on=START + dt.timedelta(days=60), size=0.05, city="Changsha"
    )
    world = build_world(replace(CONFIG, shocks=(lock,)))
    days = (START + dt.timedelta(days=41), START + dt.timedelta(days=61))
    table = Truth(world).shock_contributions(days, n_draws=60_000)
    plain = Truth(build_world(replace(CONFIG, shocks="none")))
    gap = Truth(world).expected_rate(days, n_draws=200_000) - plain.expected_rate(days, n_draws=200_000)
    # the two rates come from lines of their own, whose chances have a standard deviation of about 0.05
    noise = np.hypot(table["se"].iloc[0], 0.05 * np.sqrt(2 / 200_000))
    assert table["contribution"].iloc[0] == pytest.approx(gap, abs=4 * noise)
    assert table["contribution"].iloc[0] != 0


def test_policy_is_credited_to_the_region_whose_rule_changed():
    rule = Leniency(
        starts_on=START + dt.timedelta(days=45), ends_on=START + dt.timedelta(days=79), size=0.3, region="Hubei"
    )
    found = Truth(build_world(replace(CONFIG, shocks=(rule,)))).attribution(BASE, CURRENT, n_draws=20_000)
    policy = found[(found["mechanism"] == "policy") & (found["dimension"] == "region")].set_index("level")[
        "contribution"
    ]
    assert policy["Hubei"] > 1e-3
    assert (policy.drop("Hubei") == 0).all()


def test_response_has_the_sign_and_order_of_the_mechanics(truth):
    one, three = (truth.response("transit_central_warehouse", by, CURRENT, n_draws=20_000) for by in (1.0, 3.0))
    assert 0 < one < three
    assert truth.response("temperature_central_warehouse", 5.0, CURRENT, n_draws=20_000) > one
    with pytest.raises(ValueError, match="cannot be moved"):
        truth.response("mix", 1.0, CURRENT)


def test_merged_mechanisms_have_a_total_and_no_levels(truth):
    merged = truth.attribution(BASE, CURRENT, n_draws=4_000, together={"transit": TRANSIT})
    rows = merged[merged["mechanism"] == "transit"]
    assert rows["dimension"].tolist() == ["all"]
    assert not merged["mechanism"].isin(TRANSIT).any()
    with pytest.raises(ValueError, match="unknown or repeated"):
        truth.attribution(BASE, CURRENT, together={"x": ("nothing",)})


def test_periods_outside_the_market_are_refused(truth):
    for bad in (
        ("2023-12-01", "2024-01-10"),
        ("2024-01-01", "2024-01-10"),
        ("2024-02-10", "2024-02-01"),
        ("2024-03-01", "2025-01-01"),
    ):
        with pytest.raises(ValueError, match="must run forward within"):
            truth.attribution(bad, CURRENT)
    with pytest.raises(ValueError, match="n_draws"):
        truth.attribution(BASE, CURRENT, n_draws=10)


def test_written_truth_rebuilds_the_same_world(truth, tmp_path):
    write_truth(truth.world, tmp_path)
    loaded = Truth.load(tmp_path)
    assert loaded.world.config == truth.world.config and loaded.world.shocks == truth.world.shocks
    assert loaded.expected_rate(CURRENT, n_draws=2_000) == truth.expected_rate(CURRENT, n_draws=2_000)
    assert len(loaded.abusers) == pytest.approx(0.004 * truth.world.n_users, rel=0.8)
    record = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert from_records(record["shocks"]) == truth.world.shocks
    record["code_digest"] = "other"
    (tmp_path / "truth.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.warns(UserWarning, match="another version"):
        Truth.load(tmp_path)


def test_configs_with_planted_shocks_survive_json(truth):
    config = replace(CONFIG, shocks=truth.world.shocks, family="batch")
    assert read_config(json.loads(json.dumps(config_record(config)))) == config
    assert from_records(to_records(truth.world.shocks)) == truth.world.shocks


def test_a_folder_without_truth_is_refused(tmp_path, truth):
    with pytest.raises(GBAnalysisError, match="not a simulated market"):
        Truth.load(tmp_path)
    with pytest.raises(GBAnalysisError, match="never written"):
        _ = truth.lines


def test_coupled_lines_follow_each_days_own_law(truth):
    world, n = truth.world, 60_000
    base, current = np.arange(19, 41), np.arange(50, 75)
    draws = make_draws(world, base, current, n, np.random.default_rng(2))
    strictness = routes_of(world).user_strictness
    buyers = Buyers.of(world)
    for days, mix in zip((base, current), draws.mix, strict=True):
        lines = np.sum([world.expected[day - 1] for day in days], axis=0, dtype=float)
        share = lines / lines.sum()
        seen = np.zeros_like(share)
        np.add.at(seen, (world.site_region[mix.site], mix.sku), 1)
        busy = share * n > 5
        z = (seen[busy] - n * share[busy]) / np.sqrt(n * share[busy])
        assert np.mean(z**2) == pytest.approx(1, abs=0.25)
        weight = np.zeros(world.n_users)
        for day in days:
            cells = np.diff(site_sku_sampler(world, day - 1).cells, prepend=0.0) * world.expected[day - 1].sum()
            weight[buyers.user] += buyers.shares(world, day - 1) * cells[buyers.cell]
        expected = np.average(strictness, weights=weight)
        assert strictness[mix.user].mean() == pytest.approx(expected, abs=4 * strictness.std() / np.sqrt(n))
    same = [(getattr(draws.mix[0], name) == getattr(draws.mix[1], name)).mean() for name in ("site", "sku", "user")]
    assert min(same) > 0.4


def test_the_digest_sees_code_and_not_prose():
    plain = 'def f():\n    """Say."""\n    return 1\n'
    assert _code_lines(plain) == _code_lines('# note\ndef f():\n    """Say\n\n    more."""\n\n    return 1\n')
    assert _code_lines(plain) != _code_lines(plain.replace("1", "2"))
