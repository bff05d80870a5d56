"""How fast is the simulated market written, and in how much memory?

The peer is a floor, not an equal: DuckDB writes as many order lines and stage rows of independent noise, the same
columns and types, with nothing behind them. The ratio says what the causes cost.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Benchmark, Measure, run_command

SEED = 20_261_122
LINES = 1_000_000

NOISE = """
import duckdb, sys
n, out = int(sys.argv[1]), sys.argv[2]
some = lambda prefix, count: f"'{prefix}' || (random() * {count})::INT"
moment = "TIMESTAMP '2024-01-01' + INTERVAL (random() * 7776000) SECOND"
units = "(random() * 3)::INT::DOUBLE"
lines = f'''SELECT 'L' || i AS line_id, 'O' || (i // 3) AS order_id, {some("U", n // 12)} AS user_id,
    {some("S", 800)} AS site_id, {some("K", 180)} AS sku_id, {some("V", 24)} AS supplier_id, 'H' || i AS shipment_id,
    {moment} AS ordered_at, DATE '2024-01-01' + (random() * 90)::INT AS fulfilled_on, 1 + {units} AS quantity,
    random() * 50 AS amount FROM range({n}) t(i)'''
flows = f'''SELECT 'H' || (i // 5) AS shipment_id, 'stage' || (i % 5) AS stage, {some("K", 180)} AS sku_id,
    {some("N", 900)} AS node_id, {some("V", 24)} AS supplier_id, {moment} AS arrived_at, {moment} AS departed_at,
    {units} AS quantity_in, {units} AS quantity_out, random() * 30 AS temperature_c FROM range({5 * n}) t(i)'''
database = duckdb.connect()
for name, query in (("order_lines", lines), ("stage_flows", flows)):
    database.execute(f"COPY ({query}) TO '{out}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
"""


def run() -> Benchmark:
    """Write both markets in turn, in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        ours_out, peer_out = Path(folder) / "ours", Path(folder) / "peer"
        peer_out.mkdir()
        command = ("--lines", str(LINES), "--seed", str(SEED), "--out", str(ours_out), "--quiet")
        ours = run_command(sys.executable, "-m", "gbanalysis.cli", "simulate", *command)
        peer = run_command(sys.executable, "-c", NOISE, str(LINES), str(peer_out))
    return Benchmark(
        name="simulate",
        question="How fast is the simulated market written?",
        peer="DuckDB writing as many rows of independent noise (order lines and stage flows only)",
        seeds=(SEED,),
        packages=("duckdb", "numpy", "pyarrow"),
        measures=(
            Measure(
                "order lines a minute, all tables", "lines/min", 60 * LINES / ours.seconds, 60 * LINES / peer.seconds
            ),
            Measure("peak memory of the largest process", "MB", ours.peak_mb, peer.peak_mb),
        ),
        note="The peer is a floor: its rows have no causes, and 16 of the 18 tables are left out.",
    )
