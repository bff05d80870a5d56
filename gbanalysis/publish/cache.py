"""The cache of executed pages.

A page is found again when its notebook, the data, the lock, the settings and Python are the same, and when every
gbanalysis module and project file that its last run really used still has the same content. So an edit in one domain's
module runs the pages of that domain again and no others.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gbanalysis.publish import execute, probe
from gbanalysis.publish.execute import Executed
from gbanalysis.publish.notebooks import notebook_from
from gbanalysis.publish.swap import write_whole

KEPT_RUNS = 6
"""Runs that are kept of each page: enough for the sample, the market and a few data sets of the user."""


@dataclass(frozen=True)
class PageCache:
    """Executed pages in a folder, one file a page name and key.

    Attributes
    ----------
    folder
        Where the pages are kept.
    root
        Paths below it are recorded relative to it, so that the cache survives a move of the project.
    setting
        A digest of all that is common to the pages of one build: data, lock, flags.
    """

    folder: Path
    root: Path
    setting: str

    def get(self, name: str, notebook: Any) -> Executed | None:
        """Find a page's last run, where nothing that it used has changed since."""
        path = self._path(name, notebook)
        if not path.is_file():
            return None
        kept = json.loads(path.read_text("utf-8"))
        used = {str(self.root / used): digest for used, digest in kept["used"].items()}
        if any(probe.used_digest(Path(file)) != digest for file, digest in used.items()):
            return None
        return Executed(name, notebook_from(kept["notebook"]), kept["seconds"], used)

    def put(self, page: Executed, notebook: Any) -> None:
        """Keep a page's run under the notebook it was made from."""
        used = {relative_to(Path(path), self.root): digest for path, digest in page.used.items()}
        kept = {"seconds": page.seconds, "used": used, "notebook": page.notebook}
        write_whole(self._path(page.name, notebook), json.dumps(kept))
        runs = self.folder.glob(f"{_file_name(page.name)}-{32 * '[0-9a-f]'}.json")
        for old in sorted(runs, key=lambda path: path.stat().st_mtime_ns)[:-KEPT_RUNS]:
            old.unlink()

    def _path(self, name: str, notebook: Any) -> Path:
        cells = [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]
        key = digest_of({"cells": cells, "setting": self.setting})
        return self.folder / f"{_file_name(name)}-{key}.json"


def _file_name(page: str) -> str:
    return page.replace("/", ".")


def setting_digest(**settings: str) -> str:
    """Digest what is common to all the pages of a build: its settings, Python, and the code that executes."""
    own = [Path(module.__file__ or "").read_text("utf-8") for module in (execute, probe)]
    return digest_of({**settings, "python": sys.version, "executor": own})


def data_digest(data: Path, columns: Path | None = None) -> str:
    """Digest data by content: a folder's or a single file's, with the column map."""
    seen = hashlib.blake2b(digest_size=16)
    files = sorted(path for path in data.rglob("*") if path.is_file()) if data.is_dir() else [data]
    for path in [*files, *([columns] if columns else [])]:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        name = path.relative_to(data) if path.is_relative_to(data) else path.name
        seen.update(f"{name}\0{content}\n".encode())
    return seen.hexdigest()


def relative_to(path: Path, root: Path) -> str:
    """Name a file by its place below a folder, and in full where it lies elsewhere."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def digest_of(thing: Mapping[str, Any]) -> str:
    """Digest anything that JSON can hold."""
    return hashlib.blake2b(json.dumps(thing, sort_keys=True).encode(), digest_size=16).hexdigest()
