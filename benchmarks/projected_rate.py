"""Do the projected rates of a Dataset cover, for money and units, for the whole and for suppliers?

Simulated worlds of `worlds.amounts`, a third of them of each family of `worlds.latency`. The signs are judged on fresh
simulated markets by `backtest_projection`: the peer of the blend is the delay law alone.
"""

import tempfile

import numpy as np
import pandas as pd
from scipy import special

import gbanalysis as gb
from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.amounts import AS_OF, FIRST, AmountWorld, make_amounts
from benchmarks.worlds.latency import FAMILIES, MAX_DELAY
from gbanalysis.quality.latency.backtests import BLEND, CHAIN_LADDER, DELAYS
from gbanalysis.quality.latency.delay_arrays import to_arrays
from gbanalysis.quality.latency.maturity import project_groups
from gbanalysis.quality.latency.projection import project_triangle

FIRST_SEED, N_WORLDS = 930_000, 402
MARKET_SEEDS = (931_001, 931_002)
CONFIDENCE = 0.9
DAYS_SCORED = 7
UNITS = ("value", "quantity")  # the benchmark `latency` judges lines
GROUPINGS: dict[str, tuple[str, ...]] = {
    "whole": (),
    "category": ("category",),
    "supplier": ("category", "supplier_id"),
}


def score_world(world: AmountWorld, seed: int) -> dict[str, float]:
    """Share of the last days' final sums that lie within their intervals, by unit and grouping, and mean errors."""
    found, days = {}, slice(-DAYS_SCORED, None)
    for unit in UNITS:
        rng = np.random.default_rng(seed)
        arrays = {
            name: to_arrays(world.rows[unit], by=by, max_delay=MAX_DELAY, first=FIRST, as_of=AS_OF)
            for name, by in GROUPINGS.items()
        }
        triangle = arrays["whole"].triangle()  # the cells are the same for every grouping
        projected = project_triangle(triangle, as_of=AS_OF, confidence=CONFIDENCE, rng=rng)
        for name, by in GROUPINGS.items():
            groups, scale = project_groups(arrays[name], projected, rng)
            sums = world.final[unit].groupby([*by, "day"])[["final", "n"]].sum()
            final, sold = (sums[column].to_numpy().reshape(-1, triangle.n_days)[:, days] for column in ("final", "n"))
            lower, upper = np.moveaxis(groups.interval()[:, days] * scale[:, None, None], -1, 0)
            found[f"{unit}, {name}"] = float(((lower - 1e-6 <= final) & (final <= upper + 1e-6)).mean())
            if not by:
                ours, naive = groups.estimate[:, days] * scale[:, None], arrays[name].reported.sum(axis=0)[None, days]
                for what, value in (("error", ours), ("naive", naive)):
                    found[f"{unit}, {what}"] = float(100 * (np.abs(value - final) / sold).mean())
    return found


def judge_signs(seed: int) -> pd.DataFrame:
    """Errors of the methods over one fresh market of a year."""
    with tempfile.TemporaryDirectory() as folder:
        market = gb.simulate(seed=seed, n_lines=250_000, n_days=365, out=folder)
        return gb.quality.backtest_projection(market.dataset, n_cutoffs=20, step=7, rng=seed).to_frame()


def sum_up(scores: pd.DataFrame, judged: pd.DataFrame) -> Benchmark:
    """Make the measures from the scores of all worlds and the errors on all markets."""
    measures, notes = [], []
    for unit in UNITS:
        errors = (float(scores[f"{unit}, {name}"].mean()) for name in ("error", "naive"))
        measures.append(
            Measure(f"{unit}: MAE of the whole, last {DAYS_SCORED} days, peer the rate so far", "pp", *errors)
        )
        for name in GROUPINGS:
            hits = scores[f"{unit}, {name}"]
            share, half = float(hits.mean()), float(special.ndtri(0.995) * hits.std(ddof=1) / np.sqrt(len(hits)))
            measures.append(Measure(f"{unit}, {name}: coverage at {CONFIDENCE}", "share", share))
            notes.append(f"{unit}, {name}: 99 % interval over worlds {share - half:.3f} to {share + half:.3f}")
    for level in ("whole", "cell"):
        mean = judged[judged["level"] == level].groupby(["method", "age"])["wis"].mean().unstack()
        for age in (0, 1, 3, 6):
            what = f"market, {level}, age {age}: interval score of the blend, peer the delay law"
            measures.append(Measure(what, "pp", *(float(100 * mean.at[name, age]) for name in (BLEND, DELAYS))))
    whole = judged[judged["level"] == "whole"].groupby("method")["wis"].mean()
    what = "market, whole, all ages: interval score of the blend, peer the chain ladder"
    measures.append(Measure(what, "pp", *(float(100 * whole[name]) for name in (BLEND, CHAIN_LADDER))))
    return Benchmark(
        name="projected_rate",
        question="do projected refund rates cover for money, units and groups, and do leading signs help?",
        peer="the rate so far; the delay law without signs; the chain ladder",
        seeds=(FIRST_SEED, *MARKET_SEEDS),
        packages=("numpy", "pandas", "scikit-learn"),
        measures=tuple(measures),
        note=f"{len(scores)} worlds. {'; '.join(notes)}.",
    )


def run() -> Benchmark:
    """Score all worlds and markets."""
    seeds = range(FIRST_SEED, FIRST_SEED + N_WORLDS)
    scores = [score_world(make_amounts(FAMILIES[seed % len(FAMILIES)], seed), seed) for seed in seeds]
    return sum_up(pd.DataFrame(scores), pd.concat([judge_signs(seed) for seed in MARKET_SEEDS]))
