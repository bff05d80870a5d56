"""Finds out what a page really used: the gbanalysis modules it imported and the project's files it opened.

A cell put before the page's first notes every file that Python opens; one put after the last prints them with the
modules of the package. Both are taken away again before the page is kept.
"""

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gbanalysis.publish.notebooks import code_cell, code_cells

MARK = "gbanalysis-probe"
FIRST = """
def _gbanalysis_watch():
    import sys
    opened = sys._gbanalysis_opened = set()
    def note(event, arguments):
        if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str):
            opened.add(arguments[0])
    sys.addaudithook(note)
_gbanalysis_watch()
del _gbanalysis_watch
"""
LAST = """
def _gbanalysis_used():
    import builtins, json, os, sys
    opened = [os.path.realpath(path) for path in list(sys._gbanalysis_opened)]
    modules = [module.__file__ for name, module in list(sys.modules.items())
               if name.partition(".")[0] == "gbanalysis" and getattr(module, "__file__", None)]
    builtins.print(json.dumps({"opened": opened, "modules": modules}))
_gbanalysis_used()
"""
LEFT_OUT = ("_build", ".venv", ".git", "__pycache__", "data/market")


@dataclass(frozen=True)
class Watched:
    """The folders whose files count: the project's root and the package; `data` has a digest of its own."""

    root: Path
    package: Path
    data: Path


def with_probe(notebook: Any, watched: Watched) -> Any:
    """Copy a notebook with the two probe cells around its own."""
    probed = copy.deepcopy(notebook)
    meta = {MARK: {"root": str(watched.root), "package": str(watched.package), "data": str(watched.data)}}
    ends = [code_cell(source, metadata=meta) for source in (FIRST.strip(), LAST.strip())]
    probed.cells = [ends[0], *probed.cells, ends[1]]
    return probed


def without_probe(notebook: Any) -> Any:
    """Take the probe cells away; execution numbers start at 1 again."""
    notebook.cells = [cell for cell in notebook.cells if MARK not in cell.metadata]
    for cell in code_cells(notebook):
        cell.execution_count = cell.execution_count and cell.execution_count - 1
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = cell.execution_count
    return notebook


def read_probe(notebook: Any) -> dict[str, str]:
    """Read from an executed notebook which files it used, each with its digest now."""
    last = notebook.cells[-1]
    found = json.loads(last.outputs[0].text)
    folders = last.metadata[MARK]
    watched = Watched(Path(folders["root"]), Path(folders["package"]), Path(folders["data"]))
    modules = {Path(path).resolve() for path in found["modules"]}
    opened = {Path(path) for path in found["opened"]}
    counted = modules | {path for path in opened if _counts(path, watched)}
    return {str(path): digest for path in sorted(counted) if (digest := used_digest(path)) is not None}


def used_digest(path: Path) -> str | None:
    """Digest a file by its content and a folder by the names in it; None where there is nothing."""
    if path.is_file():
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    if path.is_dir():
        names = "\n".join(sorted(child.name for child in path.iterdir() if child.name != "__pycache__"))
        return hashlib.blake2b(names.encode(), digest_size=16).hexdigest()
    return None


def _counts(path: Path, watched: Watched) -> bool:
    if path.suffix in (".py", ".pyc") or path.is_relative_to(watched.data):
        return False
    inside = path.is_relative_to(watched.package) and path.is_file()
    if not inside and not path.is_relative_to(watched.root):
        return False
    if path.is_dir() and (path.is_relative_to(watched.package) or path == watched.root):
        return False
    relative = f"{path.relative_to(watched.root) if not inside else ''}/"
    return not any(relative.startswith(f"{name}/") or f"/{name}/" in relative for name in LEFT_OUT)
