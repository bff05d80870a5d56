"""What moved the refund rate? Bias, error and coverage on worlds of known truth, beside an oracle and the peers.

`run()` makes the table for the book. `python -m benchmarks.attribution PART FIRST LAST FILE` scores some worlds of one
part (see `PARTS`) and keeps the scores in a file, so that a long run can be cut into pieces; `run(FILE, ...)` joins
them.
"""

import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.econml_peer import econml_change
from benchmarks.worlds.late_refunds import draw_delays, mature
from benchmarks.worlds.refund_peers import kitagawa, oracle
from benchmarks.worlds.refund_world import (
    FAMILIES,
    RefundWorld,
    draw_cells,
    draw_world,
    true_contributions,
    with_small_change,
)
from gbanalysis.quality.attribution.attributing import ShiftAttribution, attribute_cells

FloatArray = NDArray[np.float64]

CONFIDENCE = 0.9
SEED = 20_261_201  # the reported figures; development used the seeds from 0 to 199 and (20260000, kind, number)
PARTS = {  # name: family, lines, worlds
    **{family: (family, 20_000, 400) for family in FAMILIES},
    "1 million lines": ("own", 1_000_000, 100),
    "4 million lines": ("own", 4_000_000, 100),
    "immature": ("own", 200_000, 400),
    "small change of a supplier": ("own", 20_000, 400),
}
SHOCKED = {  # what is judged: the player or the shocked level that each intervention moves
    "mix": ("player", "mix", None),
    "weather": ("player", "weather", None),
    "transit": ("who", "transit", "grid_warehouse"),
    "supplier": ("who", "quality", "supplier_id"),
}
LAST_DAYS = 7  # of an immature current period
ENDS = ("error", "lower", "upper")


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


class Scores:
    """Errors by (method, part), in percentage points, as worlds are added."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], list[tuple[float, float, float]]] = {}

    def note(
        self, method: str, part: str, value: float, truth: float, lower: float = np.nan, upper: float = np.nan
    ) -> None:
        """Keep one estimate as its error, with the ends of its interval where it has one."""
        errors = (100 * (value - truth), 100 * (lower - truth), 100 * (upper - truth))
        self.rows.setdefault((method, part), []).append(errors)

    def score(self) -> dict[tuple[str, str], Score]:
        """One score for each method and part."""
        found = {}
        for key, triples in self.rows.items():
            error, lower, upper = np.array(triples).T
            found[key] = Score(error, lower, upper) if np.isfinite(lower).all() else Score(error)
        return found


def add_ours(scores: Scores, method: str, found: ShiftAttribution, world: RefundWorld, truth: dict[str, float]) -> None:
    """The four interventions, the levels that did not move, and the sums over levels, each apart."""
    table = found.table
    chosen = {"transit": world.shocked_grid, "supplier": world.shocked_supplier}

    def keep(part: str, rows: pd.DataFrame, true: float) -> None:
        for row in rows.itertuples():
            scores.note(method, part, row.contribution, true, row.ci_lower, row.ci_upper)

    for part, (view, mechanism, dimension) in SHOCKED.items():
        mine = table[(table["view"] == view) & (table["mechanism"] == mechanism)]
        if dimension:
            mine = mine[(mine["dimension"] == dimension) & (mine["level"] == chosen[part])]
        keep(part, mine, truth[part])
    who = table[(table["view"] == "who") & (table["dimension"] != "rest")]
    for mechanism, dimension, moved in (
        ("quality", "supplier_id", world.shocked_supplier),
        ("transit", "grid_warehouse", world.shocked_grid),
    ):
        levels = who[who["mechanism"] == mechanism]
        mine = (levels["dimension"] == dimension) & (levels["level"] == moved)
        keep(f"null levels of {mechanism}", levels[~mine], 0.0)
        totals = table[(table["view"] == "mechanism") & (table["mechanism"] == mechanism)]
        keep(f"total {mechanism}", totals, truth["supplier" if mechanism == "quality" else "transit"])
    others = table[(table["view"] == "player") & (table["mechanism"] == "quality_supplier_id")]
    own = table[
        (table["view"] == "who") & (table["dimension"] == "supplier_id") & (table["level"] == chosen["supplier"])
    ]
    own = own[own["mechanism"] == "quality"]
    scores.note(method, "all other suppliers", others["contribution"].item() - own["contribution"].item(), 0.0)
    keep("allocation", table[(table["view"] == "player") & (table["mechanism"] == "allocation")], 0.0)
    failed = [row.check for row in found.diagnostics.itertuples() if not row.passed]
    for check in (*found.diagnostics["check"], "any check"):
        told = "checks" if method == "ours" else f"checks of {method}"
        scores.note(told, check, float(check in failed or (check == "any check" and bool(failed))) / 100, 0.0)


def score_part(name: str, worlds: range) -> dict[tuple[str, str], Score]:
    """Score ours and the peers on some worlds of a part."""
    family, n_lines, _ = PARTS[name]
    scores = Scores()
    for number in worlds:
        rng = np.random.default_rng((SEED, list(PARTS).index(name), number))
        world = draw_world(rng, family)
        if name == "small change of a supplier":
            world = with_small_change(rng, world)
        if name == "immature":
            score_immature(scores, rng, replace(world, current_days=LAST_DAYS), n_lines)
        else:
            score_world(scores, rng, world, n_lines)
    return scores.score()


def join(pieces: Sequence[dict[tuple[str, str], Score]]) -> dict[tuple[str, str], Score]:
    """Put the worlds of several runs together; a figure that one of them lacks is left out."""
    keys = [key for key in pieces[0] if all(key in piece for piece in pieces)]
    return {key: Score(*(_joined([getattr(piece[key], end) for piece in pieces]) for end in ENDS)) for key in keys}


def _joined(arrays: Sequence[FloatArray | None]) -> FloatArray | None:
    return None if any(array is None for array in arrays) else np.concatenate(arrays)


def score_world(scores: Scores, rng: np.random.Generator, world: RefundWorld, n_lines: int) -> None:
    """One world of mature lines: ours, the oracle, and at 20 thousand lines the peers."""
    truth = true_contributions(world)
    cells = draw_cells(rng, world, n_lines)
    started = time.process_time()
    found = attribute_cells(cells.drop(columns="hidden_rush"), confidence=CONFIDENCE)
    scores.note("ours", "CPU seconds", (time.process_time() - started) / 100, 0.0)
    add_ours(scores, "ours", found, world, truth)
    best = oracle(world, cells)
    for part in SHOCKED:
        scores.note("oracle", part, best[part], truth[part])
    peers = {"Kitagawa": kitagawa(cells, world.shocked_supplier, world.shocked_grid)}
    if n_lines <= 20_000:
        peers["econml"] = econml_change(cells, world.shocked_supplier, world.shocked_grid)
    for name, peer in peers.items():
        for part, (value, se) in peer.items():
            scores.note(name, part, value, truth[part], value - 1.645 * se, value + 1.645 * se)


def score_immature(scores: Scores, rng: np.random.Generator, world: RefundWorld, n_lines: int) -> None:
    """One world whose current period is the last week, with the refunds known on its last day."""
    truth = true_contributions(world)
    late = draw_delays(rng, draw_cells(rng, world, n_lines).drop(columns="hidden_rush"))
    ripe, shared = mature(rng, late)
    found = attribute_cells(ripe, confidence=CONFIDENCE, shared_error=shared)
    add_ours(scores, "ours", found, world, truth)
    add_ours(scores, "uncorrected", attribute_cells(late.cells, confidence=CONFIDENCE), world, truth)


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


def to_measures(part: str, scores: dict[tuple[str, str], Score]) -> list[Measure]:
    """The figures of one part: error against the oracle and each peer, bias, coverage and interval score."""
    measures = []
    worlds = len(scores["ours", "mix"].error)
    for (method, figure), score in scores.items():
        name = f"{part}: {figure}"
        if method == "ours" and figure == "CPU seconds":
            measures.append(Measure(name, "s", score.bias))
        elif method == "checks":
            measures.append(Measure(f"{part}: worlds in which the check fails, {figure}", "share", score.bias))
        elif method == "uncorrected" and figure in (*SHOCKED, "all other suppliers"):
            measures.append(Measure(f"{name}, bias without the correction for delay", "pp", score.bias))
        elif method == "ours":
            for peer in ("oracle", "Kitagawa", "econml", "dowhy"):
                if (peer, figure) in scores:
                    measures.append(
                        Measure(f"{name}, RMSE against {peer}", "pp", score.rmse, scores[peer, figure].rmse)
                    )
            measures.append(Measure(f"{name}, bias", "pp", score.bias))
            measures.append(
                Measure(f"{name}, standard error of the bias", "pp", float(score.error.std() / worlds**0.5))
            )
            if score.lower is not None:
                low, high = binomial_interval(score.cover, len(score.error))
                measures.append(
                    Measure(f"{name}, coverage of 90 % intervals ({low:.3f} to {high:.3f})", "share", score.cover)
                )
                measures.append(Measure(f"{name}, interval score", "pp", score.interval_score))
    return measures


def run(*files: str) -> Benchmark:
    """All parts, scored now or read from files that `python -m benchmarks.attribution` has kept."""
    pieces: dict[str, list[dict[tuple[str, str], Score]]] = {}
    for file in files:
        name, scores = pickle.loads(Path(file).read_bytes())
        pieces.setdefault(name, []).append({key: Score(*arrays) for key, arrays in scores.items()})
    if not files:
        pieces = {name: [score_part(name, range(worlds))] for name, (_, _, worlds) in PARTS.items()}
    parts = {name: join(pieces[name]) for name in PARTS if name in pieces}
    worlds = {name: len(scores["ours", "mix"].error) for name, scores in parts.items()}
    return Benchmark(
        "attribution",
        "What moved the refund rate: error and coverage over worlds of known truth",
        "an oracle who knows the form and what changed; Kitagawa over category, supplier and grid, and econml's "
        "LinearDRLearner, both told the suspects",
        (SEED,),
        ("numpy", "scipy", "pandas", "econml", "scikit-learn"),
        tuple(measure for name, scores in parts.items() for measure in to_measures(name, scores)),
        f"worlds: {worlds}; a claim of coverage needs 400 (100 at 1 and 4 million lines)",
    )


def main(name: str, first: str, last: str, file: str) -> None:
    """Score some worlds of one part, the last one excluded, and keep the scores in a file."""
    scores = score_part(name, range(int(first), int(last)))
    arrays = {key: tuple(getattr(score, end) for end in ENDS) for key, score in scores.items()}
    Path(file).write_bytes(pickle.dumps((name, arrays)))
    print(report(scores))


if __name__ == "__main__":
    main(*sys.argv[1:])
