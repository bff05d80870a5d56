"""Builds the small book of a folder: ``python run_build.py ROOT [--strict] [--internal] [PART ...]``."""

import sys
from pathlib import Path

from gbanalysis.publish.build import build_book
from gbanalysis.publish.project import Project

if __name__ == "__main__":
    root, *rest = sys.argv[1:]
    flags = {word.removeprefix("--"): True for word in rest if word.startswith("--")}
    parts = [word for word in rest if not word.startswith("--")]
    folder = Path(root)
    project = Project(root=folder, work=folder, installed=False)
    sys.exit(build_book(data=folder / "data" / "sample", project=project, parts=parts, **flags))
