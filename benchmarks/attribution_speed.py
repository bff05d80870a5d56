"""Time and memory of an attribution from order lines to contributions, from 1 to 20 million lines, beside dowhy's.

`python -m benchmarks.attribution_speed write FOLDER LINES` and `... ours FILE` are the pieces, each run in a process of
its own so that its peak memory can be told; dowhy's is in `benchmarks.worlds.dowhy_peer`.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.harness import Benchmark, Measure, run_command
from benchmarks.worlds.refund_world import draw_cells, draw_world
from gbanalysis.quality.attribution.attributing import attribute_cells

SEED = 20_261_123
SIZES = (1_000_000, 4_000_000, 20_000_000)
PEER_LINES = 1_000_000
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


def run(dowhy_file: str | None = None) -> Benchmark:
    """Ours at three sizes and dowhy at one; what dowhy printed may be handed in as a file, for it takes long."""
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
    if dowhy_file is None:
        done = run_command(sys.executable, "-m", "benchmarks.worlds.dowhy_peer", str(PEER_LINES), str(SEED))
        peer = json.loads(done.output) | {"peak": done.peak_mb}
    else:
        peer = json.loads(Path(dowhy_file).read_text())
    measures += [
        Measure("1 million lines: CPU time", "s", at_peer_size, peer["seconds"]),
        Measure("1 million lines: peak memory", "MB", peak, peer["peak"]),
        *(
            Measure(f"1 million lines: error of dowhy, {part}", "pp", peer[f"found {part}"] - peer[f"true {part}"])
            for part in ("mix", "weather", "transit", "supplier")
        ),
    ]
    return Benchmark(
        "attribution_speed",
        "What does it cost to say what moved the refund rate?",
        "dowhy.gcm.distribution_change with explicit mechanisms, exact Shapley values and 20 thousand samples",
        (SEED,),
        ("numpy", "scipy", "duckdb", "dowhy"),
        tuple(measures),
        "CPU time, for the machine was shared; one BLAS thread",
    )


def main(what: str, where: str, n_lines: str = "") -> None:
    """Run one piece and print its figures."""
    if what == "write":
        write_lines(where, int(n_lines))
    else:
        print(json.dumps(attribute_lines(where)))


if __name__ == "__main__":
    main(*sys.argv[1:])
