"""Executes pages, each in a kernel of its own, as many at a time as there are cores."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gbanalysis.publish import probe, scarcity
from gbanalysis.publish.notebooks import code_cells

ANSI = re.compile(r"\x1b\[[0-9;]*m")
PAGE_SECONDS = 60
"""What a page may take before the build warns."""
PAGE_TIMEOUT = 600
"""Seconds after which a page is stopped."""
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "SYSTEMROOT", "VIRTUAL_ENV", "MPLCONFIGDIR")
"""The only variables of the caller that a page sees: what a kernel does not know, a page cannot print."""


@dataclass(frozen=True)
class Failure:
    """A cell that failed: which one, what it holds, and the error."""

    cell: int
    source: str
    error: str
    traceback: str


@dataclass(frozen=True)
class Executed:
    """A page after its run.

    Attributes
    ----------
    name
        The page.
    notebook
        The notebook with its outputs, as far as it came.
    seconds
        Wall clock, kernel start included.
    used
        The files that the run really read: path to digest (see `probe`).
    failure
        The cell that failed, or None.
    """

    name: str
    notebook: Any
    seconds: float
    used: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None


def kernel_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Make the whole environment of a kernel: some variables of the caller, one BLAS thread, the build's own."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    fixed = {"PYTHONHASHSEED": "0", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    return {**kept, **single, **fixed, "PLOTLY_RENDERER": "plotly_mimetype", "IPYTHONDIR": "", **settings}


async def execute_pages(
    notebooks: Mapping[str, Any],
    settings: Mapping[str, str],
    watched: probe.Watched,
    *,
    workers: int | None = None,
    lenient: bool = False,
) -> AsyncIterator[Executed]:
    """Execute notebooks, `workers` at a time (default: one a core), and yield each when it is done.

    Where `lenient`, a section for which the data are too few becomes a box (see `scarcity`); else its page fails.
    """
    slots = asyncio.Semaphore(workers or os.cpu_count() or 1)

    async def run(name: str, notebook: Any) -> Executed:
        async with slots:
            return await _execute(name, notebook, settings, watched, lenient)

    tasks = [asyncio.create_task(run(name, notebook)) for name, notebook in notebooks.items()]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _execute(
    name: str, notebook: Any, settings: Mapping[str, str], watched: probe.Watched, lenient: bool
) -> Executed:
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    begin = time.perf_counter()
    failure = None
    probed = probe.with_probe(notebook, watched)
    with tempfile.TemporaryDirectory(prefix="gbanalysis-page-") as folder:
        begun: list[Any] = []
        limit = asyncio.timeout(PAGE_TIMEOUT)
        try:
            async with limit:
                environment = kernel_environment({**settings, "IPYTHONDIR": folder})
                await _run_cells(probed, begun, environment, folder, lenient)
        except CellExecutionError as error:
            failure = _failure(probed, begun, f"{error.ename}: {error.evalue}")
        except (TimeoutError, DeadKernelError):  # nbclient takes a cancelled cell for a dead kernel
            late, dead = (
                f"the page took over {PAGE_TIMEOUT} seconds",
                "the kernel died; out of memory is the usual cause",
            )
            failure = _failure(probed, begun, f"Timeout: {late}" if limit.expired() else f"DeadKernel: {dead}")
    used = {} if failure else probe.read_probe(probed)
    if not failure:
        probed.cells = scarcity.box_scarce(probed.cells)
    return Executed(name, probe.without_probe(probed), time.perf_counter() - begin, used, failure)


async def _run_cells(notebook: Any, begun: list[Any], environment: dict[str, str], folder: str, lenient: bool) -> None:
    """Run the cells in order in a fresh kernel of this very Python, whatever kernels the user has registered.

    Each cell is put into `begun` before it runs.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    manager = AsyncKernelManager(transport="ipc", ip=f"{folder}/kernel")
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=argv, display_name="Python 3", language="python")
    await manager.start_kernel(env=environment, cwd=folder, stderr=subprocess.DEVNULL)
    channels = manager.client()
    try:
        channels.start_channels()
        await channels.wait_for_ready(timeout=PAGE_TIMEOUT)
        client = NotebookClient(notebook, km=manager, timeout=None, record_timing=False, store_widget_state=False)
        client.kc = channels
        client.reset_execution_trackers()
        scarce = scarcity.Scarcity()
        for number, cell in enumerate(notebook.cells):
            begun.append(cell)
            if probe.MARK in cell.metadata or not scarce.skips(cell):
                try:
                    await client.async_execute_cell(cell, number)
                    continue
                except CellExecutionError as error:
                    if not (lenient and scarce.excuses(cell, error.ename, error.evalue)):
                        raise
            channels.execute(scarcity.forgetting(cell.source), silent=True)
    finally:
        channels.stop_channels()
        await manager.shutdown_kernel(now=True)


def _failure(notebook: Any, begun: Sequence[Any], error: str) -> Failure:
    """Describe the cell that was running: the last code cell that began."""
    code = [cell for cell in code_cells(notebook) if probe.MARK not in cell.metadata]
    number = max((n for n, cell in enumerate(code) if any(cell is other for other in begun)), default=0)
    errors = [output for output in code[number].outputs if output.output_type == "error"]
    traceback = ANSI.sub("", "\n".join(errors[-1].traceback)) if errors else ""
    return Failure(number, code[number].source, error, traceback)
