"""Writing a market: batches of days to parquet parts, alone or shared among worker processes.

A batch is a run of days; its rows go to one part file a table. What a day holds does not depend on its batch, so the
rows in order of parts are the same whatever the batches and however many workers.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gbanalysis.errors import GBAnalysisError
from gbanalysis.market.config import Config
from gbanalysis.market.day import DAY_TABLES, Day
from gbanalysis.market.world import World, build_world

ROWS_A_GROUP = 1_000_000


@dataclass(frozen=True)
class Batch:
    """A run of days written to one part file a table; `alone` means that there is no other."""

    number: int
    days: range
    alone: bool


def make_batches(world: World, chunk_lines: int) -> list[Batch]:
    """Cut the days into runs of at most `chunk_lines` expected lines (at least a day each)."""
    lines = world.expected.sum(axis=(1, 2), dtype=float)
    runs, first, load = [], 0, 0.0
    for day in range(world.n_days):
        if day > first and load + lines[day] > chunk_lines:
            runs.append(range(first, day))
            first, load = day, 0.0
        load += lines[day]
    runs.append(range(first, world.n_days))
    return [Batch(number, days, len(runs) == 1) for number, days in enumerate(runs)]


def write_table(table: pa.Table, path: Path) -> None:
    """Write one parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", row_group_size=ROWS_A_GROUP)


def write_batch(world: World, batch: Batch, folder: Path) -> None:
    """Simulate a batch's days and write one part of each day table."""
    parts: dict[str, list[pa.Table]] = {}
    for number in batch.days:
        day = Day(world, number)
        for rows_of in DAY_TABLES:
            for name, rows in rows_of(day).items():
                parts.setdefault(name, []).append(rows)
    for name, tables in parts.items():
        path = folder / f"{name}.parquet" if batch.alone else folder / name / f"part-{batch.number:05d}.parquet"
        write_table(pa.concat_tables(tables), path)


def write_batches(
    world: World, batches: Sequence[Batch], folder: Path, *, workers: int, done: Callable[[Batch], None]
) -> None:
    """Write all batches, in this process or shared among workers; `done` is called here as each batch is finished."""
    if workers <= 1 or len(batches) == 1:
        for batch in batches:
            write_batch(world, batch, folder)
            done(batch)
        return
    shares = [batches[first::workers] for first in range(min(workers, len(batches)))]
    with ThreadPoolExecutor(len(shares)) as pool:
        finished: list[Batch] = []
        waiting: set[Future[None]] = {
            pool.submit(_run_worker, world.config, share, folder, finished) for share in shares
        }
        told = 0
        while waiting or told < len(finished):
            while told < len(finished):
                done(finished[told])
                told += 1
            ended, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()


def _run_worker(config: Config, share: Sequence[Batch], folder: Path, finished: list[Batch]) -> None:
    """Start one worker process on its share and note each batch that it reports."""
    home = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "OMP_NUM_THREADS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "gbanalysis.market.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(pickle.dumps((config, list(share), folder)))
        process.stdin.close()
        for line in process.stdout:
            number = int(line)
            finished.append(next(batch for batch in share if batch.number == number))
        trouble = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise GBAnalysisError(f"a worker of the simulation ended with status {process.returncode}: {trouble.strip()}")


def work(request: bytes) -> Iterator[int]:
    """Do a worker's share: rebuild the world from its Config, write the batches, yield each number when it is done."""
    config, share, folder = pickle.loads(request)
    world = build_world(config)
    for batch in share:
        write_batch(world, batch, folder)
        yield batch.number
