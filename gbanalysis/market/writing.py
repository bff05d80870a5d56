"""Writing a market: batches of days to parquet parts, alone or shared among worker processes.

A batch is a run of days; its rows go to one part file a table. What a day holds does not depend on its batch, so the
rows in order of parts are the same whatever the batches and however many workers.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from gbanalysis.errors import GBAnalysisError
from gbanalysis.market.config import Config
from gbanalysis.market.day import DAY_TABLES, Day
from gbanalysis.market.world import World, build_world

ROWS_A_GROUP = 1_000_000
FAILED = -1


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
    reading, writing = os.pipe()
    shares = [batches[first::workers] for first in range(min(workers, len(batches)))]
    crew = [_Worker.start((world.config, share, folder), writing) for share in shares]
    os.close(writing)
    by_number, whole = {batch.number: batch for batch in batches}, False
    try:
        with os.fdopen(reading) as numbers:
            for number in map(int, numbers):
                if number == FAILED:
                    break
                done(by_number[number])
            else:
                whole = all(worker.process.wait() == 0 for worker in crew)
    finally:
        trouble = " ".join(filter(None, (worker.end() for worker in crew)))
    if not whole:
        raise GBAnalysisError(f"a worker of the simulation failed: {trouble or 'it was killed'}")


@dataclass(frozen=True)
class _Worker:
    """A worker process and the file that takes its errors."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]

    @classmethod
    def start(cls, request: tuple[Config, Sequence[Batch], Path], numbers: int) -> _Worker:
        """Start a worker that writes the numbers of its finished batches to the file descriptor `numbers`."""
        path = os.pathsep.join(filter(None, [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")]))
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        process = subprocess.Popen(
            [sys.executable, "-m", "gbanalysis.market.worker"],
            stdin=subprocess.PIPE,
            stdout=numbers,
            stderr=said,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(request))
        process.stdin.close()
        return cls(process, said)

    def end(self) -> str:
        """Stop the process if it still runs; give what it said on standard error."""
        self.process.kill()
        self.process.wait()
        with self.said:
            self.said.seek(0)
            return self.said.read().decode(errors="replace").strip()


def work(request: bytes) -> Iterator[int]:
    """Do a worker's share: rebuild the world from its Config, write the batches, yield each number when it is done.

    Where something fails, the error goes to standard error and the last number is FAILED.
    """
    config, share, folder = pickle.loads(request)
    try:
        world = build_world(config)
        for batch in share:
            write_batch(world, batch, folder)
            yield batch.number
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        yield FAILED
