"""Does the scan name the place that moved, and nothing else?

Worlds of 90 cells, category x origin x province (benchmarks/worlds/local.py), seeds not used in development. Beside
the package stand an oracle that knows every cell's rate and searches the same tree at the same error, the prototype
(a plain scan), the test of every cell, and Adtributor at the best of nine settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.local import FAMILIES, LEVEL_SD, OWN_SD, LocalWorld, make_world
from benchmarks.worlds.local_peers import BOOTSTRAPS, THRESHOLDS, Place, adtributor, cell_tests, plain_scan
from gbanalysis.quality.local import scan
from gbanalysis.quality.local.hierarchy import ALL, Hierarchy, build_hierarchy
from gbanalysis.quality.local.scan import PeriodCounts, Scan, prepare_scan
from gbanalysis.quality.local.shift_search import Found, search
from gbanalysis.quality.local.usual_rates import UsualRates

FloatArray = NDArray[np.float64]

FIGURE_SEED, N_NULL, N_SHIFTED = 760_000, 400, 400
LEVEL = 0.05
SIZES = (2.5, 1.6)
SURE = 1e9
SHIFTED = ("additive", "plain")
METHODS = ("ours", "oracle", "law", "scan", "cells")
LAWS = {"additive": 1e4, "plain": OWN_SD**-2}  # shape of the cells' own part in truth


def counts_of(world: LocalWorld, hierarchy: Hierarchy) -> list[PeriodCounts]:
    """Add up the days of both periods."""
    n_cells, n_days = world.lines.shape[1:]
    cell, day = np.repeat(np.arange(n_cells), n_days), np.tile(np.arange(n_days), n_cells)
    return [
        PeriodCounts.from_days(hierarchy, cell, day, refunded.ravel(), lines.ravel())
        for refunded, lines in zip(world.refunded, world.lines, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class KnownRates(UsualRates):
    """The oracle's law: every cell's usual rate is known."""

    rate: FloatArray

    def means(self, count: FloatArray, exposure: FloatArray, *, rounds: int = 0) -> FloatArray:
        """The known rates, whatever was counted."""
        return np.broadcast_to(self.rate, count.shape)

    def events(self, hierarchy: Hierarchy) -> FloatArray:
        """No node's rate is uncertain."""
        return np.full(hierarchy.n_nodes, np.inf)


def named(world: LocalWorld, method: str, seed: int, family: str = "") -> set[Place]:
    """Give the places that a method names; only the peer that is told the law looks at the family."""
    hierarchy = build_hierarchy(world.codes)
    lines, refunded, rng = world.lines.sum(axis=2), world.refunded.sum(axis=2), np.random.default_rng(seed)
    if method == "cells":
        return cell_tests(hierarchy, lines, refunded, level=LEVEL)
    if method == "scan":
        return plain_scan(hierarchy, lines, refunded, level=LEVEL, rng=rng)
    base, current = counts_of(world, hierarchy)
    prepared = prepare_scan(hierarchy, base, current)
    if method == "law":
        return _places(hierarchy, search(_told_the_law(prepared, family), level=LEVEL, rng=rng))
    if method == "oracle":
        known = KnownRates(prepared.usual.factors, np.ones(1), np.array([SURE]), world.rate)
        prepared = Scan(hierarchy, base, current, known)
    return _places(hierarchy, search(prepared, level=LEVEL, rng=rng))


def _places(hierarchy: Hierarchy, found: Found) -> set[Place]:
    return {tuple(int(code) for code in hierarchy.levels[node]) for node in found.nodes}


def _told_the_law(prepared: Scan, family: str) -> Scan:
    """Our scan, told how far levels and cells differ in truth: what is lost by not knowing the rates themselves."""
    hierarchy, factors = prepared.hierarchy, prepared.usual.factors
    single = [hierarchy.kinds[kind].bit_count() == 1 for kind in factors.kinds]
    shapes = np.where(single, LEVEL_SD**-2, SURE)
    law = UsualRates(replace(factors, shapes=shapes), np.ones(1), np.array([LAWS[family]]))
    return Scan(hierarchy, prepared.base, prepared.current, law)


def wanted(world: LocalWorld, family: str) -> set[Place]:
    """Give the place that moved in truth."""
    if world.struck is not None:
        return {tuple(int(code) for code in world.codes[world.struck])}
    return {(ALL,) * world.codes.shape[1]} if family == "uniform" else set()


def judge(family: str, size: float, n_worlds: int, method: Callable[[LocalWorld, int], set[Place]]) -> FloatArray:
    """[n_worlds, 2] whether exactly the truth was named, and whether anything beside it."""
    rows = []
    for seed in range(FIGURE_SEED, FIGURE_SEED + n_worlds):
        world = make_world(family, seed, size=size)
        places, truth = method(world, seed), wanted(world, family)
        rows.append((places == truth, not places <= truth))
    return np.array(rows, dtype=float)


def binomial(hits: FloatArray) -> str:
    """A share with its 99 % binomial interval."""
    interval = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(0.99)
    return f"{hits.mean():.3f} ({interval.low:.3f} to {interval.high:.3f})"


def best_adtributor(n_worlds: int) -> tuple[float, float]:
    """False alarms in plain null worlds and exact hits at the largest size, at the setting with the fewest alarms."""
    alarms = []
    for power, surprise in THRESHOLDS:
        rows = judge("plain", 1.0, n_worlds, _adtributor(power, surprise))
        alarms.append(rows[:, 1].mean())
    best = THRESHOLDS[int(np.argmin(alarms))]
    return float(min(alarms)), float(judge("plain", SIZES[0], n_worlds, _adtributor(*best))[:, 0].mean())


def _adtributor(power: float, surprise: float) -> Callable[[LocalWorld, int], set[Place]]:
    def method(world: LocalWorld, _: int) -> set[Place]:
        hierarchy = build_hierarchy(world.codes)
        lines, refunded = world.lines.sum(axis=2), world.refunded.sum(axis=2)
        return adtributor(hierarchy, lines, refunded, power=power, surprise=surprise)

    return method


def _method(name: str, family: str = "") -> Callable[[LocalWorld, int], set[Place]]:
    return lambda world, seed: named(world, name, seed, family)


def run() -> Benchmark:
    """Judge all families without a shift in one place, then shifts of two sizes; notes are printed as they are made."""
    scan.N_WORLDS = BOOTSTRAPS  # the package draws 999 for trees of this size
    measures, notes = [], []
    for family in FAMILIES:
        ours, plain = (judge(family, 1.0, N_NULL, _method(name))[:, 1] for name in ("ours", "scan"))
        measures.append(
            Measure(
                f"{family}: worlds with a place named in error; peer plain scan",
                "share",
                float(ours.mean()),
                float(plain.mean()),
            )
        )
        notes.append(f"{family}, named in error: {binomial(ours)}.")
        print(notes[-1], flush=True)
    for family in SHIFTED:
        for size in SIZES:
            hits = {name: judge(family, size, N_SHIFTED, _method(name, family))[:, 0] for name in METHODS}
            shares = {name: float(found.mean()) for name, found in hits.items()}
            what = f"{family}, x{size}: exactly the place, peer"
            measures += [Measure(f"{what} {peer}", "share", shares["ours"], shares[peer]) for peer in METHODS[1:]]
            notes.append(f"{family}, x{size}: ours {binomial(hits['ours'])}, oracle {binomial(hits['oracle'])}.")
            print(notes[-1], shares, flush=True)
    alarms, exact = best_adtributor(N_NULL // 2)
    measures.append(Measure("Adtributor, plain: worlds with a place named in error", "share", alarms))
    measures.append(Measure(f"Adtributor, plain, x{SIZES[0]}: exactly the place", "share", exact))
    return Benchmark(
        name="local_shifts",
        question="Does the scan name the place that moved, and nothing else?",
        peer="an oracle that knows the rates; ours told their law; a plain scan; the test of each cell; Adtributor",
        seeds=(FIGURE_SEED, N_NULL),
        packages=("numpy", "scipy"),
        measures=tuple(measures),
        note=f"99 % binomial intervals over worlds, at a nominal error of {LEVEL}. " + " ".join(notes),
    )
