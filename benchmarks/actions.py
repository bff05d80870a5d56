"""Are savings of chosen actions what was promised, and how soon does the alert ring? Worlds of known truth.

Actions: small worlds (20 thousand lines) of five families; the true saving is the fall of the lines' own chances.
Chosen are those that pay within a budget. Peer: ranking by raw rate, the same programme of choice on what the raw rate
promises. Alert: worlds of counts by day of pickup and delay; peer: the daily rate of the lines picked up, as it is
known that evening, above its mean by so many standard deviations that it rings as often in quiet years.
"""

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.action_world import FAMILIES, ActionWorld, acted_on, draw_cells, draw_world
from benchmarks.worlds.alert_world import compare_alerts
from gbanalysis.quality.actions.budgets import choose
from gbanalysis.quality.actions.ranking import naive_saving, overlaps
from gbanalysis.quality.actions.savings import Action, Profiles, make_profiles

# Of the first family, the others follow; seeds of development were below 6,000, of tests 9,000 to 9,400.
FIGURE_SEEDS = range(171_000, 171_080)
ALERT_SEED = 172_000
BUDGET, DEGREES, LEAST_HOURS = 1_000.0, 3.0, 0.5
COST = {"replace_supplier": 250.0, "delist_sku": 60.0, "speed_node": 200.0, "cool_node": 250.0}
NOMINAL = 0.9


def candidates(profiles: Profiles) -> list[Action]:
    """All actions that a world allows."""
    found = [Action("replace_supplier", str(name)) for name in profiles.coded.labels["supplier_id"]]
    found += [Action("delist_sku", str(name)) for name in profiles.coded.labels["sku_id"]]
    for stage in profiles.nodes:
        excess = profiles.excess_hours(stage)
        found += [Action("speed_node", node, hours) for node, hours in excess.items() if hours > LEAST_HOURS]
        found += [Action("cool_node", node, DEGREES) for node in excess]
    return found


def true_saving(world: ActionWorld, actions: list[Action], rng: np.random.Generator) -> tuple[float, float]:
    """Refunds and money that actions save together, by the lines' own chances before and after."""
    lines = (
        world.lines[np.any([struck(world.lines, action) for action in actions], axis=0)] if actions else world.lines[:0]
    )
    before, after = world.expected(lines), lines
    for action in actions:
        gone = frozenset(other.target for other in actions if other.kind == action.kind)
        after = acted_on(world, after, action.kind, action.target, action.size, rng, gone)
    fewer = before - world.expected(after)
    return float(fewer.sum()), float(0.8 * (fewer * lines["amount"]).sum())


def struck(lines: pd.DataFrame, action: Action) -> np.ndarray:
    """Say which lines an action can change by itself."""
    node = {"g": "grid", "z": "central"}
    column = {"replace_supplier": "supplier", "delist_sku": "sku"}.get(action.kind, node.get(action.target[0], ""))
    return np.asarray(lines[column] == int(action.target[1:]))


def one_world(seed: int, family: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """Estimate, choose and look at the truth in one world."""
    rng = np.random.default_rng(seed)
    world = draw_world(rng, family)
    cells = draw_cells(rng, world)
    profiles = make_profiles(cells, rng=np.random.default_rng(seed + 10**6))
    actions = candidates(profiles)
    touched = [profiles.touched(action) for action in actions]
    kept = [place for place, each in enumerate(touched) if len(each.rows)]
    actions, touched = [actions[place] for place in kept], [touched[place] for place in kept]
    truth_rng = np.random.default_rng(seed + 2 * 10**6)
    rows = []
    for action, each in zip(actions, touched, strict=True):
        refunds, money = profiles.saved([each])
        low, high = np.quantile(refunds[1:], [0.05, 0.95])
        true_refunds, true_money = true_saving(world, [action], truth_rng)
        naive = naive_saving(cells, action)
        rows.append((action.kind, refunds[1:].mean(), low, high, money[1:].mean(), true_refunds, true_money, naive))
    columns = ["kind", "saved", "low", "high", "money", "true_saved", "true_money", "naive"]
    frame = pd.DataFrame(rows, columns=columns).assign(family=family, seed=seed)
    cost = frame["kind"].map(COST).to_numpy()
    per_refund = 0.8 * world.lines["amount"].mean()
    values = {
        "ours": frame["money"].to_numpy(),
        "naive": np.nan_to_num(frame["naive"].to_numpy()) * per_refund,
        "oracle": frame["true_money"].to_numpy(),
    }
    whole: dict[str, float] = {"seed": seed}
    for name, value in values.items():
        pays = np.flatnonzero(value > cost)
        chosen = np.zeros(len(frame), dtype=bool)
        if len(pays):
            shared = overlaps(profiles, [actions[place] for place in pays], [touched[place] for place in pays])
            chosen[pays] = choose(value[pays], cost[pays], np.zeros_like(shared) if name == "naive" else shared, BUDGET)
        at = np.flatnonzero(chosen)
        together = true_saving(world, [actions[place] for place in at], truth_rng)
        whole[f"{name}_net"] = together[1] - float(cost[at].sum())
        whole[f"{name}_promised"] = float(value[at].sum())
        if name == "ours":
            frame["chosen"] = chosen
            draws = profiles.saved(profiles.together([actions[place] for place in at]))[0][1:]
            whole |= {"joint_truth": together[0], "n_chosen": len(at)}
            whole |= dict(zip(("joint_low", "joint_high"), np.quantile(draws, [0.05, 0.95]), strict=True))
        if name == "naive":
            whole["naive_true"] = together[1]
    return frame, whole


def interval_score(frame: pd.DataFrame, low: str, high: str, truth: str) -> float:
    """Width plus what lies outside, dearly: mean over the rows."""
    miss = np.clip(frame[low] - frame[truth], 0, None) + np.clip(frame[truth] - frame[high], 0, None)
    return float((frame[high] - frame[low] + 2 / (1 - NOMINAL) * miss).mean())


def coverage(frame: pd.DataFrame, low: str, high: str, truth: str, what: str) -> list[Measure]:
    """Share of intervals that hold the truth, and its 99 % binomial interval."""
    held = (frame[low] <= frame[truth]) & (frame[truth] <= frame[high])
    ends = stats.binomtest(int(held.sum()), len(held)).proportion_ci(0.99)
    return [
        Measure(f"coverage of 90 % intervals, {what}", "share", float(held.mean())),
        Measure(f"coverage, {what}: lower end at 99 %", "share", float(ends.low)),
        Measure(f"coverage, {what}: upper end at 99 %", "share", float(ends.high)),
        Measure(f"interval score, {what}", "refunds", interval_score(frame, low, high, truth)),
    ]


def run() -> Benchmark:
    """Run all worlds."""
    # Each family has seeds of its own, so that no two worlds share their lines.
    found = [
        one_world(seed + len(FIGURE_SEEDS) * place, family)
        for place, family in enumerate(FAMILIES)
        for seed in FIGURE_SEEDS
    ]
    frame = pd.concat([each for each, _ in found], ignore_index=True)
    whole = pd.DataFrame([each for _, each in found])
    whole["family"] = [family for family in FAMILIES for _ in FIGURE_SEEDS]
    measures = []
    chosen, some = frame[frame["chosen"]], whole[whole["n_chosen"] > 0]
    measures += coverage(chosen, "low", "high", "true_saved", "each chosen action")
    measures += coverage(some, "joint_low", "joint_high", "joint_truth", "the chosen set together")
    for family, part in chosen.groupby("family"):
        measures += coverage(part, "low", "high", "true_saved", f"each chosen action, family {family}")[:1]
    for kind, part in frame.groupby("kind"):
        measures += coverage(part, "low", "high", "true_saved", f"all candidates, {kind}")[:1]
    for family, part in some.groupby("family"):
        measures += coverage(part, "joint_low", "joint_high", "joint_truth", f"chosen set, family {family}")[:1]
    best = whole["oracle_net"].sum()
    lost, naive = (1 - whole[f"{name}_net"].sum() / best for name in ("ours", "naive"))
    measures.append(Measure("net saving lost against an oracle", "share", float(lost), float(naive)))
    kept, promised = whole["naive_true"].sum(), whole["naive_promised"].sum()
    ours = chosen["true_money"].sum() / chosen["money"].sum()
    measures.append(Measure("true over promised money of the chosen", "ratio", float(ours), float(kept / promised)))
    measures += compare_alerts(ALERT_SEED)
    return Benchmark(
        "actions",
        "are the savings of chosen actions what was promised, and how soon does the alert ring?",
        "ranking by raw rate; daily rate above its mean by standard deviations",
        (FIGURE_SEEDS.start, FIGURE_SEEDS.start + len(FAMILIES) * len(FIGURE_SEEDS) - 1, ALERT_SEED),
        ("numpy", "scipy", "pandas"),
        tuple(measures),
        note=f"{len(whole)} worlds of 20,000 lines, five families; the oracle knows each action's true saving",
    )
