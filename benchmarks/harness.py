"""What every benchmark shares: the shape of a result, time and peak memory of a command, and the file it is kept in."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"


class NotRunError(Exception):
    """A benchmark cannot run here, such as for want of its data; its kept result stays."""


@dataclass(frozen=True)
class Measure:
    """One figure of ours beside the peer's; `ratio` is ours / peer's."""

    what: str
    unit: str
    ours: float
    peer: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's; None where the peer has no figure."""
        return None if not self.peer else self.ours / self.peer


@dataclass(frozen=True)
class Benchmark:
    """What one benchmark found."""

    name: str
    question: str
    peer: str
    seeds: tuple[int, ...]
    packages: tuple[str, ...]
    measures: tuple[Measure, ...]
    note: str = ""

    def write(self) -> Path:
        """Keep the result, small and readable, in benchmarks/results/."""
        record = asdict(self)
        record["measures"] = [{**asdict(measure), "ratio": measure.ratio} for measure in self.measures]
        record["date"] = datetime.now(UTC).date().isoformat()
        record["versions"] = {"python": platform.python_version(), **{name: version(name) for name in self.packages}}
        record["machine"] = machine()
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        return path

    def __str__(self) -> str:
        """One line a measure, for the terminal."""
        lines = [f"{self.name}: {self.question} (peer: {self.peer})"]
        for measure in self.measures:
            peer = "" if measure.peer is None else f"   peer {measure.peer:,.3g}"
            peer += "" if measure.ratio is None else f"   ratio {measure.ratio:.2f}"
            lines.append(f"  {measure.what}: {measure.ours:,.3g} {measure.unit}{peer}")
        return "\n".join(lines)


def machine() -> dict[str, float]:
    """The size of the machine: cores and memory."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count() or 0, "memory_gb": round(pages / 2**30, 1)}


@dataclass(frozen=True)
class Run:
    """Wall seconds and the largest process's peak memory of one finished command."""

    seconds: float
    peak_mb: float
    output: str


def run_command(*command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run a command to its end in a process of its own; raises with its output when it fails."""
    probe = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print('PEAK', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); "
        "sys.exit(done.returncode)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", probe, *command],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        cwd=cwd or ROOT,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    peak_kb = int(done.stderr.rsplit("PEAK", 1)[1])
    return Run(seconds, peak_kb / 1024, done.stdout)


def own_peak_mb() -> float:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
