"""Folders that are whole at every moment: written beside the old one, then swapped in by rename."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from gbanalysis.errors import GBAnalysisError


def refuse_foreign(out: Path, is_ours: Callable[[Path], bool], what: str) -> None:
    """Refuse to write over a folder that holds anything but what we wrote there before.

    Parameters
    ----------
    out
        The folder to be written; it may be absent or empty.
    is_ours
        Whether a folder that is not empty holds an older one of ours.
    what
        What we write, with its article, for the message.

    Raises
    ------
    GBAnalysisError
        Where `out` is a file or a link, or holds other files, or where nothing can be written beside it.
    """
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise GBAnalysisError(f"{out} cannot be made: {above} is no folder that can be written to.")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise GBAnalysisError(f"{out} is not a folder; name a new or an empty one for {what}.")
    if out.is_dir() and any(out.iterdir()) and not is_ours(out):
        raise GBAnalysisError(f"{out} holds files that are not {what} of gbanalysis; name a new or an empty folder.")


def beside(out: Path) -> Path:
    """Name the folder that a new `out` is made in, on the same file system."""
    return out.with_name(f".{out.name}.new")


def swap_in(out: Path) -> None:
    """Put what stands beside `out` in its place: `out` is the old folder or the new one, never a mixture."""
    if out.exists():
        out.rename(_old(out))
    beside(out).rename(out)
    shutil.rmtree(_old(out), ignore_errors=True)


def recover(out: Path) -> None:
    """Finish what a killed run left: put the last folder back, and clear what was half-written."""
    old, new = _old(out), beside(out)
    if old.is_dir() and not out.is_dir():
        old.rename(out)
    for leftover in (old, new):
        shutil.rmtree(leftover, ignore_errors=True)


def _old(out: Path) -> Path:
    return out.with_name(f".{out.name}.old")
