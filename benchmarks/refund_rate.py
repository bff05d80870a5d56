"""Do the intervals of the refund rate cover, raw and drawn to the parent, where lines hang together?

Simulated fortnights in which a batch moves all lines of a supplier's day and a lorry those of a site's day. The peer is
Wilson's interval on the lines (orders, users, SKUs) as if each stood alone: what a report draws that knows no clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import gbanalysis as gb
from benchmarks.harness import Benchmark, Measure
from benchmarks.latency import interval_score
from benchmarks.worlds.clustered_lines import (
    FAMILIES,
    FIRST,
    N_DAYS,
    World,
    draw_lines,
    make_world,
    side_by_side,
    tables,
    true_distinct,
    true_rates,
)
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.quality import facts
from gbanalysis.quality.indicator.caliber_rates import ADDITIVE
from gbanalysis.quality.indicator.calibers import add_shrunk, estimate_rates
from gbanalysis.quality.indicator.units import Unit
from gbanalysis.stats.intervals import wilson

Array = NDArray[np.float64]

FIRST_SEED, N_WORLDS = 930_000, 200  # worlds of each family
CONFIDENCE = 0.9
NAMES = {
    "line": "lines, the whole", "value": "money, the whole", "quantity": "units of goods, the whole",
    "order": "orders, the whole", "user": "users, the whole", "sku": "SKUs, the whole",
}  # fmt: skip
DISTINCT: tuple[Unit, ...] = ("order", "user", "sku")


def figures(data: Dataset, unit: Unit, by: tuple[str, ...] = ()) -> list[pd.DataFrame]:
    """One figure's rows in every world, each world estimated by itself; the engine adds up all of them at once."""
    as_of = data.settings.as_of
    sums = facts.caliber_facts(data, unit=unit, date="fulfilled", by=by, period="W", as_of=as_of, approved=False)
    keys, found = ["period", *by], []
    for _, part in sums.groupby((sums["period"] - pd.Timestamp(FIRST)).dt.days // N_DAYS):
        rows = estimate_rates(part, keys, unit=unit, confidence=CONFIDENCE)
        parents = partial(facts.ancestor_facts, data)
        found.append(add_shrunk(rows, by, parents, confidence=CONFIDENCE) if by else rows)
    return found


def judged(worlds: list[World], rng: np.random.Generator) -> Iterator[tuple[str, list[pd.DataFrame]]]:
    """Each figure's rows in every world, with their truth."""
    data = gb.read_dataset(tables(side_by_side([draw_lines(world, rng) for world in worlds]), N_DAYS * len(worlds)))
    rates = [true_rates(world) for world in worlds]
    by_site = [rate @ world.sku_weight for rate, world in zip(rates, worlds, strict=True)]
    by_sku = [world.site_weight @ rate for rate, world in zip(rates, worlds, strict=True)]
    wholes = [float(site @ world.site_weight) for site, world in zip(by_site, worlds, strict=True)]
    n_lines = [frame["n_units"].to_numpy() for frame in figures(data, "line")]
    for unit in ADDITIVE:
        found = zip(figures(data, unit), wholes, n_lines, strict=True)
        yield NAMES[unit], [frame.assign(truth=truth, n_alone=n) for frame, truth, n in found]
    distinct = [true_distinct(world, DISTINCT, rng) for world in worlds]
    for unit in DISTINCT:
        pairs = zip(figures(data, unit), distinct, strict=True)
        yield NAMES[unit], [frame.assign(truth=truth[unit], n_alone=frame["n_units"]) for frame, truth in pairs]
    for column, truths in {"site_id": by_site, "sku_id": by_sku}.items():
        rows = zip(figures(data, "line", (column,)), truths, strict=True)
        yield (
            f"lines by {column}",
            [
                frame.assign(truth=truth[frame[column].str[1:].astype(int)], n_alone=frame["n_units"])
                for frame, truth in rows
            ],
        )


def scores(frame: pd.DataFrame) -> dict[str, Array]:
    """Hits, interval scores and squared errors of one figure's rows, ours and the peer's."""
    truth = frame["truth"].to_numpy()
    lower, upper = wilson(frame["rate"] * frame["n_alone"], frame["n_alone"], confidence=CONFIDENCE)
    ends = {"ours": (frame["ci_lower"], frame["ci_upper"]), "peer": (lower, upper)}
    errors = {"raw": frame["rate"]}
    if "shrunk_rate" in frame:
        ends["shrunk"] = (frame["shrunk_lower"], frame["shrunk_upper"])
        errors["shrunk"] = frame["shrunk_rate"]
    found = {}
    for name, pair in ends.items():
        low, high = (np.asarray(end, dtype=float) for end in pair)
        found[f"{name} hits"] = ((low <= truth) & (truth <= high)).astype(float)
        found[f"{name} score"] = interval_score(low, high, truth)
    for name, rate in errors.items():
        found[f"{name} square"] = (np.asarray(rate, dtype=float) - truth) ** 2
    return found


def collect(family: str, seeds: range) -> dict[str, dict[str, Array]]:
    """Means of each world, figure by figure: [n_worlds]."""
    worlds = [make_world(family, np.random.default_rng(seed)) for seed in seeds]
    kept: dict[str, dict[str, Array]] = {}
    for figure, frames in judged(worlds, np.random.default_rng(seeds[0])):
        found = [scores(frame) for frame in frames]
        kept[figure] = {name: np.array([each[name].mean() for each in found]) for name in found[0]}
    return kept


def measures_of(family: str, found: dict[str, dict[str, Array]]) -> list[Measure]:
    """Coverage with half of its 99 % interval over worlds, interval scores and errors."""
    out = []
    for figure, values in found.items():
        what = f"{family}: {figure}"
        peer = float(values["peer hits"].mean())
        for name in ("ours", "shrunk"):
            if f"{name} hits" in values:
                hits = values[f"{name} hits"]
                half = 2.576 * float(hits.std(ddof=1)) / len(hits) ** 0.5
                label = "raw" if name == "ours" else "shrunk"
                out.append(
                    Measure(f"{what}, {label} interval covers (99 % +- {half:.3f})", "share", float(hits.mean()), peer)
                )
                score = float(values[f"{name} score"].mean())
                out.append(
                    Measure(
                        f"{what}, {label} interval score", "pp", 100 * score, 100 * float(values["peer score"].mean())
                    )
                )
        if "shrunk square" in values:
            errors = [100 * float(values[f"{name} square"].mean()) ** 0.5 for name in ("shrunk", "raw")]
            out.append(Measure(f"{what}, RMSE shrunk (peer: raw)", "pp", *errors))
    return out


def together(families: list[dict[str, dict[str, Array]]]) -> dict[str, dict[str, Array]]:
    """Stack the worlds of all families."""
    return {
        figure: {name: np.concatenate([found[figure][name] for found in families]) for name in values}
        for figure, values in families[0].items()
    }


def run() -> Benchmark:
    """Judge every family on worlds of its own, and all of them together."""
    firsts = {family: FIRST_SEED + 1000 * place for place, family in enumerate(FAMILIES)}
    found = {family: collect(family, range(first, first + N_WORLDS)) for family, first in firsts.items()}
    found["all families"] = together(list(found.values()))
    return Benchmark(
        name="refund_rate",
        question="How often does the 90 % interval of a refund rate hold the truth, and how near is a small cell's?",
        peer="Wilson's interval on the lines (orders, users, SKUs) as if each stood alone; for the error the raw rate",
        seeds=(FIRST_SEED, N_WORLDS),
        packages=("duckdb", "ibis-framework", "numpy", "scipy"),
        measures=tuple(measure for family, figures in found.items() for measure in measures_of(family, figures)),
        note=f"{N_WORLDS} worlds of each family; the seeds of a family start 1000 after those of the one before.",
    )
