"""How long does `import gbanalysis` take? The peer is `import pandas`, which every user of it pays anyway."""

import sys
from statistics import median

from benchmarks.harness import Benchmark, Measure, run_command

RUNS = 7


def seconds(module: str) -> float:
    """The median seconds that a fresh interpreter takes to import a module, start of the interpreter left out."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return median(float(run_command(sys.executable, "-c", code).output) for _ in range(RUNS))


def run() -> Benchmark:
    """Measure both, in turn."""
    return Benchmark(
        name="import_time",
        question="How long does importing the package take?",
        peer="import pandas",
        seeds=(),
        packages=("pandas",),
        measures=(Measure("import gbanalysis", "s", seconds("gbanalysis"), seconds("pandas")),),
    )
