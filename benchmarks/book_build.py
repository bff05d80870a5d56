"""How long does the book take, cold, and how long again when nothing changed?

The peer is Jupyter Book alone on the same pages and data: it executes them one after another and keeps no key on the
data or on the package.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import ROOT, Benchmark, Measure, run_command


def run() -> Benchmark:
    """Build the book on the sample in an empty copy of the checkout, twice; then by Jupyter Book alone."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        left_out = shutil.ignore_patterns(".venv", "_build", ".git", "market.tmp", ".*_cache", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=left_out, symlinks=True)
        env = {"PYTHONPATH": str(copy), "GBANALYSIS_DATA": str(copy / "data" / "sample")}
        ours = (sys.executable, "-m", "gbanalysis.cli", "build", "--data", str(copy / "data" / "sample"), "--quiet")
        cold = run_command(*ours, cwd=copy, env=env)
        again = run_command(*ours, cwd=copy, env=env)
        shutil.rmtree(copy / "_build")
        jupyter_book = str(Path(sys.executable).parent / "jupyter-book")
        peer = run_command(jupyter_book, "build", "--quiet", str(copy), cwd=copy, env=env)
        peer_again = run_command(jupyter_book, "build", "--quiet", str(copy), cwd=copy, env=env)
    return Benchmark(
        name="book_build",
        question="How long does the book take on the sample, cold and unchanged?",
        peer="jupyter-book build, pages executed one after another",
        seeds=(),
        packages=("jupyter-book", "sphinx", "myst-nb"),
        measures=(
            Measure("cold", "s", cold.seconds, peer.seconds),
            Measure("again, nothing changed", "s", again.seconds, peer_again.seconds),
        ),
    )
