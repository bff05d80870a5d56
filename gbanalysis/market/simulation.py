"""Making a market: the static world, then its days in batches, then the truth."""

from __future__ import annotations

import atexit
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gbanalysis.dataset.folders import beside, recover, refuse_foreign, swap_in
from gbanalysis.market.config import Config
from gbanalysis.market.market import Market
from gbanalysis.market.shocks import Shock
from gbanalysis.market.static_tables import STATIC_TABLES
from gbanalysis.market.truth import TRUTH_FILE, write_truth
from gbanalysis.market.world import World, build_world
from gbanalysis.market.writing import Batch, make_batches, write_batches, write_table

CHUNK_LINES = 250_000
WORTH_WORKERS = 1_000_000

#: the knobs of the book's default market: 26 months, so that festivals, cohorts and lifetimes exist
DEFAULT_MARKET: MappingProxyType[str, Any] = MappingProxyType(
    {"seed": 20230101, "n_lines": 500_000, "n_days": 790, "start": dt.date(2023, 1, 1)}
)


def simulate(
    *,
    seed: int,
    n_lines: int = 40_000,
    n_days: int = 90,
    start: dt.date = dt.date(2024, 1, 1),
    shocks: str | Sequence[Shock] = "default",
    family: str = "standard",
    out: str | os.PathLike[str] | None = None,
    chunk_lines: int = CHUNK_LINES,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **knobs: Any,
) -> Market:
    """Simulate a community group-buying market with known truth: how would the tables look if these were the causes?

    Parameters
    ----------
    seed
        The market's seed. The same seed and knobs give the same tables, whatever `chunk_lines` and `workers`.
    n_lines
        Expected order lines before stock-outs.
    n_days, start
        Selling days and the first of them; the last day is the data set's ``as_of``.
    shocks
        ``"default"``, ``"none"`` or planted shocks from :mod:`gbanalysis.market.shocks`.
    family
        Family of worlds: ``standard``, ``batch``, ``link``, ``interaction``, ``confounder`` or ``drift``.
    out
        Folder for the tables and the truth. It must be new, empty or an older market, which is replaced when the new
        one is whole. None writes to a temporary folder that goes when the program ends.
    chunk_lines
        Lines held in memory at once, in whole days.
    workers
        Processes; None means two where the market is large enough to pay for them.
    progress
        Called as ``progress(days_done, n_days)`` after every batch of days.
    **knobs
        Any other field of :class:`gbanalysis.market.config.Config`.

    Returns
    -------
    Market
        ``dataset`` (all tables, lazily read) and ``truth``.

    Raises
    ------
    TypeError
        A knob that the market does not have.
    ValueError
        A knob with a value that it cannot take.
    GBAnalysisError
        The folder holds something else than a market.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> market = gb.simulate(seed=7, n_lines=600, n_days=10)
    >>> market.dataset.has("order_lines")
    True
    """
    unknown = sorted(set(knobs) - set(Config.names()))
    if unknown:
        raise TypeError(f"the market has no knob {', '.join(unknown)}; it has {', '.join(Config.names())}")
    planted = shocks if isinstance(shocks, str) else tuple(shocks)
    config = Config(seed=seed, n_lines=n_lines, n_days=n_days, start=start, shocks=planted, family=family, **knobs)
    final = _temporary_folder() if out is None else Path(out)
    check_target(final)
    recover(final)
    draft = beside(final)
    try:
        draft.mkdir(parents=True)
        world = build_world(config)
        write_market(world, draft, chunk_lines=chunk_lines, workers=workers, progress=progress)
        swap_in(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Market(final)


def write_market(
    world: World,
    folder: Path,
    *,
    chunk_lines: int,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Write all tables and the truth of a world into a folder."""
    for name, table_of in STATIC_TABLES.items():
        write_table(table_of(world), folder / f"{name}.parquet")
    batches = make_batches(world, chunk_lines)
    if workers is None:
        workers = min(2, os.cpu_count() or 1) if world.config.n_lines >= WORTH_WORKERS else 1
    days_done = 0

    def tell(batch: Batch) -> None:
        nonlocal days_done
        days_done += len(batch.days)
        if progress is not None:
            progress(days_done, world.n_days)

    write_batches(world, batches, folder, workers=workers, done=tell)
    write_truth(world, folder)


def check_target(out: Path) -> None:
    """Refuse to write over a folder that holds anything but an older market."""
    refuse_foreign(out, lambda folder: (folder / TRUTH_FILE).is_file(), "a market")


def _temporary_folder() -> Path:
    """Make an empty folder that is removed when the program ends."""
    folder = Path(tempfile.mkdtemp(prefix="gbanalysis-market-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
