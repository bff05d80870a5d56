"""Time and memory of an attribution, from 1 to 20 million lines, beside dowhy's; and of a whole data set.

`python -m benchmarks.attribution_speed write FOLDER LINES`, `... ours FILE`, `... market FOLDER` and `... shift FOLDER`
are the pieces, each run in a process of its own so that its peak memory can be told; dowhy's is in
`benchmarks.worlds.dowhy_peer`.

The lines of the peer's comparison are those of a drawn world: dowhy gets the columns ready made, and so do we. The data
set is a simulated market: orders, refunds, stage flows of five stages, weather; its joins are part of the time.
"""

import datetime as dt
import json
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

import gbanalysis as gb
from benchmarks.harness import Benchmark, Measure, own_peak_mb, run_command
from benchmarks.worlds.refund_world import draw_cells, draw_world
from gbanalysis.quality.attribution.attributing import attribute_cells
from gbanalysis.quality.attribution.result import DatasetShift

SEED = 20_261_123
SIZES = (1_000_000, 4_000_000, 20_000_000)
PEER_LINES = 1_000_000
MARKET_LINES, MARKET_DAYS = 1_350_000, 75
START, BASE, CURRENT = dt.date(2024, 5, 1), ("2024-05-14", "2024-06-12"), ("2024-06-14", "2024-07-13")
HOURS = ("central_warehouse_hours", "grid_warehouse_hours")


def write_lines(folder: str, n_lines: int) -> None:
    """Draw a world's cells and write each of its lines to a file."""
    rng = np.random.default_rng((SEED, 0, 0))
    cells = draw_cells(rng, draw_world(rng), n_lines).drop(columns="hidden_rush")
    columns = ", ".join(name for name in cells if name not in ("n", "refunded"))
    with duckdb.connect() as engine:
        engine.register("cells", cells)
        engine.execute(
            f"COPY (SELECT {columns}, (i < refunded)::INTEGER AS refunded FROM cells, range(n) AS t(i)) "
            f"TO '{folder}/lines.parquet'"
        )


def attribute_lines(file: str) -> dict[str, float]:
    """Sum the lines of a file to cells in the engine and attribute the change; CPU seconds of both."""
    started = time.process_time()
    with duckdb.connect() as engine:
        engine.execute("SET threads = 1; SET memory_limit = '300MB'")
        means = ", ".join(f"avg({name}) AS {name}" for name in HOURS)
        keys = "period, day, category, supplier_id, origin_id, central_id, grid_id, region, temperature_c"
        bins = ", ".join(f"floor({name} / 2)" for name in HOURS)
        cells = engine.execute(
            f"SELECT {keys}, {means}, count(*) AS n, sum(refunded)::DOUBLE AS refunded FROM '{file}' "
            f"GROUP BY {keys}, {bins}"
        ).df()
    summed = time.process_time() - started
    found = attribute_cells(cells).to_frame("player").set_index("mechanism")["contribution"]
    return {
        "sum": summed,
        "attribute": time.process_time() - started - summed,
        "rows": float(len(cells)),
        **{f"found {name}": 100 * float(found[name]) for name in ("mix", "weather", "quality_supplier_id")},
    }


def write_market(folder: str) -> None:
    """Simulate a market whose two periods hold about a million lines."""
    gb.simulate(seed=SEED, n_lines=MARKET_LINES, n_days=MARKET_DAYS, start=START, out=folder)


def attribute_market(folder: str) -> dict[str, float]:
    """Attribute the change between two months of a market: lines, cells, CPU seconds, peak memory."""
    data = gb.read_dataset(folder)
    started = time.process_time()
    found = gb.quality.attribute_shift(data, base=BASE, current=CURRENT, rng=SEED)
    seconds = time.process_time() - started
    assert isinstance(found, DatasetShift)
    cells = found.cells.frame
    return {"seconds": seconds, "lines": float(cells["n"].sum()), "rows": float(len(cells)), "peak": own_peak_mb()}


def run(dowhy_file: str | None = None, dowhy_tests_file: str | None = None) -> Benchmark:
    """Ours at three sizes and on a market, dowhy at one size; what dowhy printed may be handed in as files."""
    here = (sys.executable, "-m", "benchmarks.attribution_speed")
    measures, at_peer_size, peak = [], 0.0, 0.0
    for n_lines in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            run_command(*here, "write", folder, str(n_lines))
            done = run_command(*here, "ours", f"{folder}/lines.parquet")
        found = json.loads(done.output)
        seconds = found["sum"] + found["attribute"]
        if n_lines == PEER_LINES:
            at_peer_size, peak = seconds, done.peak_mb
        size = f"{n_lines // 1_000_000} million lines"
        measures += [
            Measure(f"{size}: CPU time to sum the lines to cells", "s", found["sum"]),
            Measure(f"{size}: CPU time from cells to contributions", "s", found["attribute"]),
            Measure(f"{size}: CPU time a million lines", "s", 1e6 * seconds / n_lines),
            Measure(f"{size}: peak memory", "MB", done.peak_mb),
        ]
    peer, tested = _dowhy(dowhy_file), _dowhy(dowhy_tests_file, "tests")
    measures += [
        Measure("1 million lines: CPU time", "s", at_peer_size, peer["seconds"]),
        Measure("1 million lines: CPU time, dowhy with its tests", "s", at_peer_size, tested["seconds"]),
        Measure("1 million lines: peak memory", "MB", peak, peer["peak"]),
        *(
            Measure(f"1 million lines: error of dowhy, {part}", "pp", peer[f"found {part}"] - peer[f"true {part}"])
            for part in ("mix", "weather", "transit", "supplier")
        ),
        *_market(here),
    ]
    return Benchmark(
        "attribution_speed",
        "What does it cost to say what moved the refund rate?",
        "dowhy.gcm.distribution_change with explicit mechanisms, exact Shapley values, 20 thousand samples and without "
        "tests for change",
        (SEED,),
        ("numpy", "scipy", "duckdb", "dowhy"),
        tuple(measures),
        "CPU time, for the machine was shared; one BLAS thread",
    )


def _dowhy(file: str | None, *tests: str) -> dict[str, float]:
    """Run dowhy on a million lines, or read what it printed."""
    if file is not None:
        return dict(json.loads(Path(file).read_text()))
    done = run_command(sys.executable, "-m", "benchmarks.worlds.dowhy_peer", str(PEER_LINES), str(SEED), *tests)
    return json.loads(done.output) | {"peak": done.peak_mb}


def _market(here: tuple[str, ...]) -> list[Measure]:
    """Time and memory of `attribute_shift` on a simulated market."""
    with tempfile.TemporaryDirectory() as folder:
        run_command(*here, "market", f"{folder}/market")
        found = json.loads(run_command(*here, "shift", f"{folder}/market").output)
    what = f"a market's two months, {found['lines'] / 1e6:.2f} million lines"
    return [
        Measure(f"{what}: cells", "rows", found["rows"]),
        Measure(f"{what}: CPU time of attribute_shift", "s", found["seconds"]),
        Measure(f"{what}: peak memory", "MB", found["peak"]),
    ]


def main(what: str, where: str, n_lines: str = "") -> None:
    """Run one piece and print its figures."""
    if what == "write":
        write_lines(where, int(n_lines))
    elif what == "market":
        write_market(where)
    else:
        print(json.dumps(attribute_lines(where) if what == "ours" else attribute_market(where)))


if __name__ == "__main__":
    main(*sys.argv[1:])
