"""Do the intervals of the refund rate cover, raw and drawn to the parent, where lines hang together?

Simulated fortnights in which a batch moves all lines of a supplier's day and a lorry those of a site's day. The peer is
Wilson's interval on the lines (orders, users, SKUs) as if each stood alone: what a report draws that knows no clusters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import gbanalysis as gb
from benchmarks.harness import Benchmark, Measure
from benchmarks.latency import interval_score
from benchmarks.worlds.clustered_lines import FAMILIES, World, draw_lines, make_world, tables, true_distinct, true_rates
from gbanalysis.quality.caliber_rates import ADDITIVE
from gbanalysis.quality.units import Unit
from gbanalysis.stats.intervals import wilson

Array = NDArray[np.float64]

FIRST_SEED, N_WORLDS = 930_000, 134  # worlds of each family
CONFIDENCE = 0.9
NAMES = {
    "line": "lines, the whole", "value": "money, the whole", "quantity": "units of goods, the whole",
    "order": "orders, the whole", "user": "users, the whole", "sku": "SKUs, the whole",
}  # fmt: skip
DISTINCT: tuple[Unit, ...] = ("order", "user", "sku")


def judged(world: World, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each figure's rows with their truth."""
    data = gb.read_dataset(tables(draw_lines(world, rng)))
    rates = true_rates(world)
    by_sku, by_site = world.site_weight @ rates, rates @ world.sku_weight
    whole = float(by_site @ world.site_weight)
    n_lines = gb.quality.refund_rate(data, period="W").to_frame()["n_units"]
    for unit in ADDITIVE:
        frame = gb.quality.refund_rate(data, unit=unit, period="W", confidence=CONFIDENCE).to_frame()
        yield NAMES[unit], frame.assign(truth=whole, n_alone=n_lines)
    for unit in DISTINCT:
        frame = gb.quality.refund_rate(data, unit=unit, period="W", confidence=CONFIDENCE).to_frame()
        yield NAMES[unit], frame.assign(truth=true_distinct(world, unit, rng), n_alone=frame["n_units"])
    truths = {"site_id": by_site, "sku_id": by_sku}
    for column, truth in truths.items():
        frame = gb.quality.refund_rate(data, by=column, period="W", confidence=CONFIDENCE, shrink=True).to_frame()
        place = frame[column].str[1:].astype(int)
        yield f"lines by {column}", frame.assign(truth=truth[place], n_alone=frame["n_units"])


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
    kept: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for figure, frame in judged(make_world(family, rng), rng):
            for name, values in scores(frame).items():
                kept[figure][name].append(float(values.mean()))
    return {figure: {name: np.array(values) for name, values in found.items()} for figure, found in kept.items()}


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
