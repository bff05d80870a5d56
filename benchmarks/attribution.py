"""What moved the refund rate? Bias, error and coverage on worlds of known truth, beside an oracle and the peers.

`run()` makes the table for the book. `python -m benchmarks.attribution FAMILY LINES WORLDS SEED` prints one family.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.refund_peers import kitagawa, oracle
from benchmarks.worlds.refund_world import FAMILIES, draw_cells, draw_world, true_contributions
from gbanalysis.quality.attribution import attribute_cells

FloatArray = NDArray[np.float64]

CONFIDENCE = 0.9
LINES = 20_000
SEED = 20_261_122  # the reported figures; development used the seeds from 0 to 199
WORLDS = {"own": 400, "batch": 60, "link": 60, "heat": 60, "confounder": 60}
SHOCKED = {  # what is judged: the player or the shocked level that each intervention moves
    "mix": ("player", "mix", None),
    "weather": ("player", "weather", None),
    "transit": ("who", "transit", "grid_warehouse"),
    "supplier": ("who", "quality", "supplier_id"),
}
NULL_PLAYERS = ("allocation", "transit_central_warehouse", "quality_category", "quality_grid_id", "quality_rest")


@dataclass(frozen=True)
class Score:
    """Estimates of one figure over worlds, as errors in percentage points, with interval ends where there are any."""

    error: FloatArray
    lower: FloatArray | None = None
    upper: FloatArray | None = None

    @property
    def bias(self) -> float:
        """Mean error."""
        return float(self.error.mean())

    @property
    def rmse(self) -> float:
        """Root mean squared error."""
        return float(np.sqrt((self.error**2).mean()))

    @property
    def cover(self) -> float:
        """Share of intervals that hold the truth."""
        if self.lower is None or self.upper is None:
            return float("nan")
        return float(((self.lower <= 0) & (self.upper >= 0)).mean())

    @property
    def interval_score(self) -> float:
        """Mean interval score (T. Gneiting and A. E. Raftery 2007, eq. 43): width, and a fine for each miss."""
        if self.lower is None or self.upper is None:
            return float("nan")
        miss = np.maximum(self.lower, 0) + np.maximum(-self.upper, 0)
        return float((self.upper - self.lower + 2 / (1 - CONFIDENCE) * miss).mean())


def score_family(family: str, n_lines: int, worlds: int, seed: int) -> dict[tuple[str, str], Score]:
    """Draw worlds and score every method: keys are (method, part).

    The parts of ours are the four interventions, the players that did not move, and the levels that did not.
    """
    rows: dict[tuple[str, str], list[tuple[float, float, float]]] = {}

    def note(method: str, part: str, value: float, truth: float, lower: float = np.nan, upper: float = np.nan) -> None:
        rows.setdefault((method, part), []).append((value - truth, lower - truth, upper - truth))

    for number in range(worlds):
        rng = np.random.default_rng((seed, FAMILIES.index(family), number))
        world = draw_world(rng, family)
        truth = true_contributions(world)
        cells = draw_cells(rng, world, n_lines)
        started = time.perf_counter()
        table = attribute_cells(cells.drop(columns="hidden_rush"), confidence=CONFIDENCE).table
        note("ours", "seconds", time.perf_counter() - started, 0.0)
        chosen = {"transit": world.shocked_grid, "supplier": world.shocked_supplier}
        for part, (view, mechanism, dimension) in SHOCKED.items():
            mine = table[(table["view"] == view) & (table["mechanism"] == mechanism)]
            if dimension:
                mine = mine[(mine["dimension"] == dimension) & (mine["level"] == chosen[part])]
            row = mine.iloc[0]
            note("ours", part, row["contribution"], truth[part], row["ci_lower"], row["ci_upper"])
        null = table[(table["view"] == "player") & table["mechanism"].isin(NULL_PLAYERS)]
        for row in null.itertuples():
            note("ours", str(row.mechanism), row.contribution, 0.0, row.ci_lower, row.ci_upper)
        for player, part in (("transit_grid_warehouse", "transit"), ("quality_supplier_id", "supplier")):
            row = table[(table["view"] == "player") & (table["mechanism"] == player)].iloc[0]
            note("ours", f"{part}, all levels", row["contribution"], truth[part], row["ci_lower"], row["ci_upper"])
        levels = table[(table["view"] == "who") & table["mechanism"].isin(["quality", "transit"])]
        moved = (levels["dimension"] == "supplier_id") & (levels["level"] == world.shocked_supplier)
        moved |= (levels["dimension"] == "grid_warehouse") & (levels["level"] == world.shocked_grid)
        for row in levels[~moved & (levels["dimension"] != "rest")].itertuples():
            note("ours", "null levels", row.contribution, 0.0, row.ci_lower, row.ci_upper)
        best = oracle(world, cells)
        peer = kitagawa(cells, world.shocked_supplier, world.shocked_grid)
        for part in SHOCKED:
            note("oracle", part, best[part], truth[part])
            if part in peer:
                value, se = peer[part]
                note("Kitagawa", part, value, truth[part], value - 1.645 * se, value + 1.645 * se)
    scores = {}
    for key, triples in rows.items():
        error, lower, upper = np.array(triples).T * (1 if key[1] == "seconds" else 100)
        scores[key] = Score(error, lower, upper) if np.isfinite(lower).all() else Score(error)
    return scores


def binomial_interval(cover: float, n: int) -> tuple[float, float]:
    """99 % interval of a coverage measured on n worlds."""
    found = stats.binomtest(round(cover * n), n).proportion_ci(0.99)
    return float(found.low), float(found.high)


def report(scores: dict[tuple[str, str], Score]) -> str:
    """One line a method and part."""
    lines = ["method    part                       bias    rmse   cover  [99 %]          interval score"]
    for (method, part), score in scores.items():
        low, high = binomial_interval(score.cover, len(score.error)) if np.isfinite(score.cover) else (np.nan, np.nan)
        lines.append(
            f"{method:9} {part:25} {score.bias:+.3f}  {score.rmse:.3f}  {score.cover:.3f}  [{low:.3f} {high:.3f}]  "
            f"{score.interval_score:.3f}"
        )
    return "\n".join(lines)


def to_benchmark(families: dict[str, dict[tuple[str, str], Score]], seeds: tuple[int, ...]) -> Benchmark:
    """The figures of all families as one result."""
    measures = []
    for family, scores in families.items():
        for part in SHOCKED:
            ours = scores["ours", part]
            for peer in ("oracle", "Kitagawa"):
                if (peer, part) in scores:
                    measures.append(
                        Measure(f"{family}: RMSE of {part}, {peer}", "pp", ours.rmse, scores[peer, part].rmse)
                    )
            measures.append(Measure(f"{family}: bias of {part}", "pp", ours.bias))
        for (method, part), score in scores.items():
            if method == "ours" and part != "seconds":
                measures.append(Measure(f"{family}: coverage of 90 % intervals, {part}", "share", score.cover))
                measures.append(Measure(f"{family}: interval score, {part}", "pp", score.interval_score))
        measures.append(Measure(f"{family}: seconds a run", "s", scores["ours", "seconds"].bias))
    worlds = {family: len(scores["ours", "mix"].error) for family, scores in families.items()}
    return Benchmark(
        "attribution",
        "What moved the refund rate: error and coverage over worlds of known truth, 20 thousand lines each",
        "an oracle who knows the form and what changed; Kitagawa over category, supplier and grid, told the suspects",
        seeds,
        ("numpy", "scipy", "pandas"),
        tuple(measures),
        f"worlds: {worlds}; a claim of coverage needs 400",
    )


def run() -> Benchmark:
    """All families at 20 thousand lines."""
    families = {family: score_family(family, LINES, worlds, SEED) for family, worlds in WORLDS.items()}
    return to_benchmark(families, (SEED,))


if __name__ == "__main__":
    name, n_lines, n_worlds, start = sys.argv[1:]
    print(report(score_family(name, int(n_lines), int(n_worlds), int(start))))
