"""Runs Sphinx over the staging folder, in a process of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from gbanalysis.publish.execute import ANSI
from gbanalysis.publish.project import package_folder
from gbanalysis.publish.swap import write_if_changed
from gbanalysis.publish.toc import read_inside_book

LEFT_OUT = ("sphinx_thebe", "sphinx_comments", "sphinx.ext.intersphinx")
"""Extensions that Jupyter Book adds and that are only of use with a network."""
MARKER = "unfinished"


def write_conf(config: Path, staged: Path, overrides: Mapping[str, Any]) -> Path:
    """Write Sphinx's ``conf.py`` from ``_config.yml``, with what the build itself decides on top."""
    from jupyter_book.config import get_final_config

    final, _ = get_final_config(
        user_yaml=read_inside_book(config), sourcedir=staged, cli_config={"latex_individualpages": False}
    )
    final["extensions"] = [name for name in final["extensions"] if name not in LEFT_OUT]
    if final.get("use_multitoc_numbering"):
        final["extensions"].append("sphinx_multitoc_numbering")
    final.update({"nb_execution_mode": "off", **overrides})
    lines = [f"{key} = {value!r}" for key, value in sorted(final.items())]
    path = staged / "conf.py"
    write_if_changed(path, "\n".join(lines) + "\n")
    return path


def run_sphinx(work: Path, frame: str, lock: int) -> list[str]:
    """Build ``work/src`` into ``work/html``; return Sphinx's warnings, one an item.

    A marker stands in the work folder while Sphinx runs and stays when it was killed or complained, and then the next
    run starts from nothing: what a killed Sphinx half-wrote looks newer than its source, and a warning is only given
    once.

    Parameters
    ----------
    work
        The work folder.
    frame
        A digest of what stands on every page, such as the titles in the navigation: where it changed, all are written
        again, while Sphinx itself would write only those whose own source changed.
    lock
        The file descriptor of the build's lock, which the process holds on to, should the build itself be killed.
    """
    marker, report, framed = work / MARKER, work / "warnings.txt", work / "frame.txt"
    if marker.exists():
        for folder in ("html", "doctrees"):
            shutil.rmtree(work / folder, ignore_errors=True)
    marker.touch()
    report.unlink(missing_ok=True)
    fresh = [] if (work / "html").exists() else ["-E"]
    every = [] if framed.is_file() and framed.read_text("utf-8") == frame else ["-a"]
    folders = [str(work / name) for name in ("doctrees", "src", "html")]
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-b",
        "html",
        "-n",
        "-q",
        *fresh,
        *every,
        "-w",
        str(report),
        "-d",
        *folders,
    ]
    search = os.pathsep.join([str(package_folder().parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, pass_fds=(lock,), capture_output=True, text=True, check=False)
    warnings = read_warnings(report, work / "src")
    if done.returncode and not warnings:
        warnings = [f"Sphinx stopped: {done.stderr.strip() or done.stdout.strip()}"]
    if done.returncode == 0 and not warnings:
        write_if_changed(framed, frame)
        marker.unlink()
    return warnings


def drop_leftovers(html: Path, pages: Collection[str]) -> None:
    """Remove what earlier builds left: pages that are not of this book, pictures that no page shows."""
    made_by_sphinx = {"genindex", "search", "py-modindex"}
    for path in [*html.rglob("*.html"), *(html / "_sources").rglob("*")]:
        name = path.relative_to(html / "_sources" if "_sources" in path.parts else html).with_suffix("").as_posix()
        if path.is_file() and name not in pages and name not in made_by_sphinx and not name.startswith("_"):
            path.unlink()
    shown = "".join(path.read_text("utf-8") for path in html.rglob("*.html"))
    for picture in (html / "_images").glob("*"):
        if picture.name not in shown:
            picture.unlink()


def read_warnings(report: Path, staged: Path) -> list[str]:
    """Read Sphinx's warnings with the page's name in place of the staged file's path."""
    if not report.is_file():
        return []
    text = ANSI.sub("", report.read_text("utf-8"))
    for folder in (staged, package_folder().parent):
        text = text.replace(f"{folder}{os.sep}", "")
    starts = [match.start() for match in re.finditer(r"^.*(?:WARNING|ERROR|CRITICAL): ", text, re.MULTILINE)]
    return [text[start:end].strip() for start, end in pairwise([*starts, len(text)])]
