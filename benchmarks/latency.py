"""How near does the projection of immature days come to what is reported in the end?

Simulated worlds: the peer is an oracle that is told the delay law of every cell, day and delay; once it divides what is
reported by the share reported, once it also uses the package's own levels of the days before. Real triangles: the peer
is the chain ladder on the pooled triangle with Mack's errors, at the best of ten windows and two distributions, chosen
in hindsight on the very forecasts that are scored. Its quantiles, too, are never below what is reported.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.latency import FAMILIES, World, make_world
from benchmarks.worlds.real_triangles import cancellations, dengue, hospitalisations, real_data
from gbanalysis.quality.latency import levels
from gbanalysis.quality.latency.chain_ladder import mack_chain_ladder
from gbanalysis.quality.latency.projection import QUANTILE_LEVELS, Projection, project_triangle
from gbanalysis.quality.latency.triangle import Triangle

Array = NDArray[np.float64]

FIRST_SEED, N_WORLDS = 960_000, 400
CONFIDENCE = 0.9
DAYS_SCORED = 7
ORACLE_DRAWS = 200
WINDOWS = (5, 7, 10, 14, 21, 28, 42, 60, 90, None)
PROBABILITIES = np.array(QUANTILE_LEVELS)
ENOUGH_FORECASTS = 100
LOOKED_AT = " The scored days of the real triangles had been scored before, with earlier versions of the method."
WANTED = (0.85, 0.95)  # coverage at each age

# The days before the first were used in development.
REAL: dict[str, tuple[Callable[[Path], Triangle], range]] = {
    "hospitalisations": (hospitalisations, range(151, 199, 2)),
    "dengue": (dengue, range(560, 1079, 4)),
    "cancellations": (cancellations, range(222, 343, 2)),
}


def interval_score(lower: Array, upper: Array, value: Array) -> Array:
    """Width, and 2 / (1 - confidence) times how far the value lies outside."""
    outside = np.maximum(lower - value, 0) + np.maximum(value - upper, 0)
    return np.asarray(upper - lower + 2 / (1 - CONFIDENCE) * outside)


def weighted_interval_score(quantiles: Array, value: Array) -> Array:
    """Twice the mean pinball loss over the quantiles (J. Bracher et al. 2021, PLOS Computational Biology 17)."""
    below = value[..., None] < quantiles
    return np.asarray((2 * (below - PROBABILITIES) * (quantiles - value[..., None])).mean(axis=-1))


def score_world(world: World, seed: int) -> dict[str, Array]:
    """Errors in percentage points, hits and interval scores of the newest days."""
    triangle = world.triangle
    as_of = triangle.reference[-1]
    final, known = triangle.ultimate(), triangle.known(as_of)
    lines = triangle.exposure.sum(axis=0)  # type: ignore[union-attr]
    share = np.minimum((world.delay_law * known).sum(axis=2), 1.0)
    observed = triangle.observed(as_of)
    found = project_triangle(triangle, as_of=as_of, confidence=CONFIDENCE, rng=seed)
    whole, cells = found.whole().interval()[0], found.interval()
    first = found.n_mature
    told = np.broadcast_to(share[:, first:], (ORACLE_DRAWS, len(share), share.shape[1] - first))
    oracle_draws = levels.draw_final(
        observed, triangle.exposure, told, triangle.cycle, first, np.random.default_rng(seed)
    )
    drawn = observed[:, first:].sum(axis=0) + oracle_draws.sum(axis=1)
    low, high = np.quantile(drawn, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2), axis=0)
    total, days = final.sum(axis=0), slice(-DAYS_SCORED, None)
    estimates = {
        "ours": found.estimate.sum(axis=0)[days],
        "naive": observed.sum(axis=0)[days],
        "divided": (observed / share).sum(axis=0)[days],
        "levelled": drawn.mean(axis=0)[days],
    }
    points = {name: 100 * np.abs(value - total[days]) / lines[days] for name, value in estimates.items()}
    score = interval_score(whole[:, 0], whole[:, 1], total)[days]
    oracle_score = interval_score(low, high, total[first:])[days]
    return {
        **points,
        "cover_whole": ((whole[:, 0] <= total) & (total <= whole[:, 1]))[days],
        "cover_cells": ((cells[..., 0] <= final) & (final <= cells[..., 1])).mean(axis=0)[days],
        "score": 100 * score / lines[days],
        "oracle_score": 100 * oracle_score / lines[days],
        "finite": np.array([np.isfinite(found.draws).all() and np.isfinite(cells).all()]),
    }


def coverage_note(hits: Array) -> str:
    """Share covered, with a 99 % interval: binomial where one figure a world is given, else over worlds."""
    share = float(hits.mean())
    half = special.ndtri(0.995) * float(hits.mean(axis=1).std(ddof=1)) / np.sqrt(len(hits))
    return f"{share:.3f} (99 % interval over worlds {share - half:.3f} to {share + half:.3f})"


def score_family(family: str) -> dict[str, Array]:
    """Score the worlds of one family: [n_worlds, ...] of each figure of `score_world`."""
    seeds = range(FIRST_SEED, FIRST_SEED + N_WORLDS)
    scores = [score_world(make_world(family, seed), seed) for seed in seeds]
    return {name: np.array([score[name] for score in scores], dtype=float) for name in scores[0]}


def judge_family(family: str, parts: dict[str, Array]) -> tuple[list[Measure], str]:
    """Sum up one family of worlds, or all of them."""
    n_worlds = len(parts["ours"])
    mean = {name: float(values.mean()) for name, values in parts.items()}
    newest = {name: float(values[:, -1].mean()) for name, values in parts.items()}
    days = f"{family}, last {DAYS_SCORED} days"
    measures = [
        Measure(f"{days}: MAE, peer divides by the true share reported", "pp", mean["ours"], mean["divided"]),
        Measure(f"{days}: MAE, peer also uses the days before", "pp", mean["ours"], mean["levelled"]),
        Measure(f"{days}: MAE of the rate seen so far", "pp", mean["naive"]),
        Measure(f"{family}, newest day: MAE, peer divides by the true share", "pp", newest["ours"], newest["divided"]),
        Measure(
            f"{days}: 90 % interval score, peer also uses the days before", "pp", mean["score"], mean["oracle_score"]
        ),
        Measure(f"{days}: coverage of the whole at 0.90", "share", mean["cover_whole"]),
        Measure(f"{days}: coverage of cells at 0.90", "share", mean["cover_cells"]),
        Measure(
            f"{family}: worlds with a figure that is not finite", "worlds", n_worlds - float(parts["finite"].sum())
        ),
    ]
    newest_hits = stats.binomtest(int(parts["cover_whole"][:, -1].sum()), n_worlds).proportion_ci(0.99)
    note = (
        f"{family}, {n_worlds} worlds: whole {coverage_note(parts['cover_whole'])}, "
        f"cells {coverage_note(parts['cover_cells'])}; whole on the newest day "
        f"{newest['cover_whole']:.3f} (99 % binomial interval {newest_hits.low:.3f} to {newest_hits.high:.3f}); "
        f"by age 0, 1, ...: whole {_listed(parts['cover_whole'])}, cells {_listed(parts['cover_cells'])}."
    )
    return measures, note


def _listed(hits: Array) -> str:
    return " ".join(f"{share:.2f}" for share in hits.mean(axis=0)[::-1])


def mack_quantiles(triangle: Triangle, as_of: np.datetime64, window: int | None) -> tuple[Array, Array]:
    """Give the chain ladder's quantiles for all days, normal and log-normal."""
    found = mack_chain_ladder(triangle, as_of=as_of, window=window)
    mean, error = found.ultimate[:, None], found.standard_error[:, None]
    z = special.ndtri(PROBABILITIES)
    spread = np.sqrt(np.log1p((error / np.maximum(mean, 1e-9)) ** 2))
    lognormal = mean * np.exp(spread * z - spread**2 / 2)
    reported = triangle.observed(as_of).sum(axis=0)[: len(mean), None]
    return np.maximum(mean + error * z, reported), np.maximum(lognormal, reported)


def _hits(found: Projection, final: Array, days: slice) -> NDArray[np.bool_]:
    interval = found.interval()[:, days]
    value = final[:, days]
    return np.asarray((interval[..., 0] <= value) & (value <= interval[..., 1]))[:, ::-1]


def within(hits: Array) -> float:
    """Share of ages at which the 99 % binomial interval of the coverage touches what is wanted."""
    intervals = [stats.binomtest(int(hit.sum()), len(hit)).proportion_ci(0.99) for hit in hits.T]
    return float(np.mean([found.low <= WANTED[1] and WANTED[0] <= found.high for found in intervals]))


def judge_real(name: str, folder: Path) -> tuple[list[Measure], str]:
    """Walk forward through one real triangle: every day's final counts, of which nothing later is read."""
    load, places = REAL[name]
    triangle = load(folder)
    final, total = triangle.ultimate(), triangle.ultimate().sum(axis=0)
    ours, peers, whole_hits, cell_hits = [], [], [], []
    for place in places:
        as_of, days = triangle.reference[place], slice(place - triangle.max_delay + 1, place + 1)
        found = project_triangle(triangle, as_of=as_of, confidence=CONFIDENCE, rng=place)
        quantiles = found.whole().quantiles()[0]
        ours.append(weighted_interval_score(quantiles[days], total[days]).mean())
        whole_hits.append(_hits(found.whole(), total[None], days))
        cell_hits.append(_hits(found, final, days))
        pairs = [mack_quantiles(triangle, as_of, window) for window in WINDOWS]
        peers.append([weighted_interval_score(q[days], total[days]).mean() for pair in pairs for q in pair])
    peer_means = np.mean(peers, axis=0)
    best = int(np.argmin(peer_means))
    by_age = {"whole": np.concatenate(whole_hits), "cells": np.concatenate(cell_hits)}
    judged = {what: hits.mean(axis=0) for what, hits in by_age.items() if len(hits) > ENOUGH_FORECASTS}
    measures = [Measure(f"{name}: weighted interval score", "events", float(np.mean(ours)), float(peer_means[best]))]
    for what, share in judged.items():
        measures += [
            Measure(f"{name}: lowest coverage of the {what} at any age", "share", float(share.min())),
            Measure(f"{name}: highest coverage of the {what} at any age", "share", float(share.max())),
            Measure(f"{name}: ages whose coverage of the {what} may be 0.85 to 0.95", "share", within(by_age[what])),
        ]
    note = (
        f"{name}: {len(places)} days walked, peer's best window {WINDOWS[best // 2]}, "
        f"{('normal', 'log-normal')[best % 2]}; coverage by age 0, 1, ...: "
        + ", ".join(f"{what} " + " ".join(f"{v:.2f}" for v in hits.mean(axis=0)) for what, hits in by_age.items())
        + "."
    )
    return measures, note


def sum_up(families: dict[str, dict[str, Array]], real: list[tuple[list[Measure], str]], note: str = "") -> Benchmark:
    """Make the measures from the scores of the families, each and together, and what real triangles gave."""
    together = {name: np.concatenate([part[name] for part in families.values()]) for name in families[FAMILIES[0]]}
    parts = [judge_family(family, scores) for family, scores in {**families, "all": together}.items()] + real
    return Benchmark(
        name="latency",
        question="How near does the projection of immature days come to what is reported in the end?",
        peer="an oracle that knows the delay law; on real triangles Mack's chain ladder at its best settings",
        seeds=(FIRST_SEED, N_WORLDS),
        packages=("numpy", "scipy"),
        measures=tuple(measure for measures, _ in parts for measure in measures),
        note=" ".join(note for _, note in parts) + note,
    )


def run() -> Benchmark:
    """Judge all families, and the real triangles where their folder is named."""
    families = {family: score_family(family) for family in FAMILIES}
    folder = real_data()
    if folder is None:
        return sum_up(families, [], " GBANALYSIS_REAL_DATA was not set: no real triangle was read.")
    return sum_up(families, [judge_real(name, folder) for name in REAL], LOOKED_AT)
