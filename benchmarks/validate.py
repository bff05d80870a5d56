"""How fast is a data set read and checked? The peer is the same checks as a person would write them in DuckDB SQL.

The peer has one query a table for nulls, ranges, enums and order of dates, one for its key, one a foreign key: all that
the contract asks of the tables that the market fills, with none of the sentences, examples and notes of the report.
"""

import sys
import tempfile

from benchmarks.harness import Benchmark, Measure, run_command

SEED = 20_261_123
LINES = 1_000_000

CHECKS = r"""
import sys
from pathlib import Path
import duckdb

folder = Path(sys.argv[1])
sql = duckdb.connect().execute
sql("SET enable_progress_bar = false")
tables = sorted({path.name.removesuffix(".parquet") for path in folder.iterdir() if path.name != "truth" and path.suffix != ".json"})
for name in tables:
    files = f"{folder}/{name}/**/*.parquet" if (folder / name).is_dir() else f"{folder}/{name}.parquet"
    sql(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")

rows = {
    "order_lines": "line_id IS NULL OR order_id IS NULL OR user_id IS NULL OR site_id IS NULL OR sku_id IS NULL "
    "OR supplier_id IS NULL OR ordered_at IS NULL OR quantity IS NULL OR quantity <= 0 OR amount IS NULL OR amount < 0 "
    "OR fulfilled_on < ordered_at::DATE",
    "products": "sku_id IS NULL OR category IS NULL OR shelf_life_days <= 0 OR unit_price < 0 OR unit_cost < 0 "
    "OR weight_kg < 0 OR units_per_crate <= 0",
    "sites": "site_id IS NULL OR region IS NULL OR city_tier NOT BETWEEN 1 AND 5 OR latitude NOT BETWEEN -90 AND 90 "
    "OR longitude NOT BETWEEN -180 AND 180 OR closed_on < opened_on",
    "settings": "as_of IS NULL OR refund_window_days < 0",
    "refunds": "refund_id IS NULL OR line_id IS NULL OR requested_on IS NULL OR amount IS NULL OR amount < 0 "
    "OR quantity < 0 OR decided_on < requested_on",
    "suppliers": "supplier_id IS NULL",
    "users": "user_id IS NULL OR registered_on IS NULL",
    "leaders": "leader_id IS NULL OR commission_rate NOT BETWEEN 0 AND 1 OR left_on < recruited_on",
    "nodes": "node_id IS NULL OR stage NOT IN ('supplier', 'shared_warehouse', 'central_warehouse', 'grid_warehouse', "
    "'community_site') OR latitude NOT BETWEEN -90 AND 90 OR longitude NOT BETWEEN -180 AND 180 OR capacity < 0",
    "stage_flows": "shipment_id IS NULL OR stage IS NULL OR sku_id IS NULL OR node_id IS NULL OR supplier_id IS NULL "
    "OR stage NOT IN ('supplier', 'shared_warehouse', 'central_warehouse', 'grid_warehouse', 'community_site') "
    "OR arrived_at IS NULL OR departed_at < arrived_at OR quantity_in IS NULL OR quantity_in < 0 "
    "OR quantity_out IS NULL OR quantity_out < 0 OR quantity_in < quantity_out",
    "inspections": "inspection_id IS NULL OR sku_id IS NULL OR inspected_on IS NULL OR n_sampled < 0 OR n_defective < 0 "
    "OR n_sampled < n_defective",
    "policies": "policy IS NULL OR starts_on IS NULL",
    "promotions": "sku_id IS NULL OR starts_on IS NULL OR ends_on < starts_on OR intensity NOT BETWEEN 0 AND 1",
    "prices": "sku_id IS NULL OR starts_on IS NULL OR price IS NULL OR price < 0",
    "stockouts": "sku_id IS NULL OR date IS NULL OR sold_out_at IS NULL",
    "weather": "region IS NULL OR date IS NULL OR temperature_c IS NULL OR temperature_c NOT BETWEEN -90 AND 60 "
    "OR precipitation_mm < 0",
    "calendar": "date IS NULL OR event IS NULL OR kind NOT IN ('holiday', 'lockdown', 'closure', 'campaign') "
    "OR ends_on < date",
    "reviews": "line_id IS NULL OR reviewed_on IS NULL OR rating NOT BETWEEN 1 AND 5",
}
keys = {
    "order_lines": "line_id", "products": "sku_id", "sites": "site_id", "refunds": "refund_id", "suppliers": "supplier_id",
    "users": "user_id", "leaders": "leader_id", "nodes": "node_id", "stage_flows": "shipment_id, stage, sku_id",
    "inspections": "inspection_id", "prices": "sku_id, region, starts_on", "stockouts": "sku_id, region, date",
    "promotions": "sku_id, region, kind, starts_on", "weather": "region, date", "calendar": "date, event, region",
    "reviews": "line_id", "policies": "policy, region, category",
}
foreign = [
    ("order_lines", "user_id", "users"), ("order_lines", "site_id", "sites"), ("order_lines", "sku_id", "products"),
    ("order_lines", "supplier_id", "suppliers"), ("order_lines", "shipment_id", "stage_flows"),
    ("refunds", "line_id", "order_lines"), ("reviews", "line_id", "order_lines"), ("users", "referrer_id", "users"),
]
bad = 0
for name, rule in rows.items():
    bad += sql(f"SELECT count(*) FILTER (WHERE {rule}) FROM {name}").fetchone()[0]
for name, key in keys.items():
    bad += sql(f"SELECT count(*) FROM (SELECT 1 FROM {name} GROUP BY {key} HAVING count(*) > 1)").fetchone()[0]
for name, column, other in foreign:
    named = {"referrer_id": "user_id"}.get(column, column)
    bad += sql(f"SELECT count(*) FROM {name} l WHERE l.{column} IS NOT NULL AND NOT EXISTS "
               f"(SELECT 1 FROM {other} r WHERE r.{named} = l.{column})").fetchone()[0]
for name in ("refunds", "reviews"):
    day = "requested_on" if name == "refunds" else "reviewed_on"
    bad += sql(f"SELECT count(*) FROM {name} r JOIN order_lines l USING (line_id) WHERE r.{day} < l.ordered_at::DATE").fetchone()[0]
as_of = sql("SELECT as_of FROM settings").fetchone()[0]
happened = {
    "order_lines": "greatest(ordered_at::DATE, fulfilled_on)", "refunds": "greatest(requested_on, decided_on)",
    "users": "registered_on", "stage_flows": "greatest(arrived_at, departed_at)::DATE", "inspections": "inspected_on",
    "stockouts": "date", "reviews": "reviewed_on",
}
noted = 0
for name, day in happened.items():
    noted += sql(f"SELECT count(*) FROM {name} WHERE {day} > DATE '{as_of}'").fetchone()[0]
for column, slack in (("amount", 0.005), ("quantity", 0)):
    noted += sql(f"SELECT count(*) FROM (SELECT line_id, sum({column}) AS back, count(*) AS n FROM refunds GROUP BY line_id) r "
                 f"JOIN order_lines l USING (line_id) WHERE r.back > l.{column} + {slack} * r.n + 1e-6").fetchone()[0]
stages = ["supplier", "shared_warehouse", "central_warehouse", "grid_warehouse", "community_site"]
rank = "CASE stage " + " ".join(f"WHEN '{stage}' THEN {i}" for i, stage in enumerate(stages)) + " END"
noted += sql(f"SELECT count(*) FROM (SELECT quantity_in, lag(quantity_out) OVER (PARTITION BY shipment_id, sku_id "
             f"ORDER BY {rank}) AS sent FROM stage_flows) WHERE quantity_in > sent").fetchone()[0]
print(bad, "bad", noted, "noted")
"""


def run() -> Benchmark:
    """Write a market, then check it both ways in turn, in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        market = ("--lines", str(LINES), "--seed", str(SEED), "--out", folder, "--quiet")
        run_command(sys.executable, "-m", "gbanalysis.cli", "simulate", *market)
        rows = int(run_command(sys.executable, "-c", COUNT, folder).output)
        peer = run_command(sys.executable, "-c", CHECKS, folder)
        if peer.output.strip() != "0 bad 0 noted":
            raise RuntimeError(f"the peer's checks find {peer.output.strip()} in a market that should be sound")
        ours = run_command(sys.executable, "-m", "gbanalysis.cli", "validate", folder, "--quiet")
    return Benchmark(
        name="validate",
        question="How fast is a data set read and checked?",
        peer="the same checks in hand-written DuckDB SQL",
        seeds=(SEED,),
        packages=("duckdb", "ibis-framework"),
        measures=(
            Measure("whole process", "s", ours.seconds, peer.seconds),
            Measure("rows a second, all tables", "rows/s", rows / ours.seconds, rows / peer.seconds),
            Measure("peak memory", "MB", ours.peak_mb, peer.peak_mb),
        ),
        note=f"{rows:,} rows in all tables of a market of {LINES:,} order lines.",
    )


COUNT = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
paths = [path for path in Path(sys.argv[1]).rglob("*.parquet") if "truth" not in path.parts]
print(sum(pq.ParquetFile(path).metadata.num_rows for path in paths))
"""
