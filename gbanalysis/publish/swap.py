"""The published book is whole at every moment: written beside, then swapped in by rename, under a lock."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gbanalysis.errors import GBAnalysisError

STAMP = ".gbanalysis.json"
"""The file in a published book that says what it was made from."""


@contextmanager
def lock(folder: Path, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold the one lock of a build folder; `waiting` is called once if another build holds it.

    The lock is the kernel's, and so is released however the process ends. The file descriptor that is yielded can be
    handed to a child, which then keeps the lock until it ends too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def check_target(out: Path) -> None:
    """Refuse to put a book over a folder that holds anything but a book.

    Raises
    ------
    GBAnalysisError
        Where `out` is a file, or a folder with other files in it, or where nothing can be written beside it.
    """
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise GBAnalysisError(f"{out} cannot be made: {above} is no folder that can be written to.")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise GBAnalysisError(f"{out} is not a folder; name a new or an empty one for the book.")
    if out.is_dir() and any(out.iterdir()) and not (out / STAMP).is_file():
        raise GBAnalysisError(f"{out} holds files that are not a book of gbanalysis; name a new or an empty folder.")


def recover(out: Path) -> None:
    """Finish what a killed build left: put the last book back, and clear what was half-written."""
    old, new = _old(out), beside(out)
    if old.is_dir() and not out.is_dir():
        old.rename(out)
    for leftover in (old, new):
        shutil.rmtree(leftover, ignore_errors=True)


def beside(out: Path) -> Path:
    """Name the folder that a new `out` is made in, on the same file system."""
    return out.with_name(f".{out.name}.new")


def publish(built: Path, out: Path, stamp: str, *, ignore: tuple[str, ...] = ()) -> None:
    """Copy a built book beside `out`, then swap it in."""
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(built, beside(out), ignore=shutil.ignore_patterns(*ignore))
    (beside(out) / STAMP).write_text(stamp, "utf-8")
    swap_in(out)


def swap_in(out: Path) -> None:
    """Put what stands beside `out` in its place: `out` is the old folder or the new one, never a mixture."""
    if out.exists():
        out.rename(_old(out))
    beside(out).rename(out)
    shutil.rmtree(_old(out), ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, "utf-8")
    beside.replace(path)


def write_if_changed(path: Path, text: str) -> bool:
    """Write a text file only where its bytes differ, so that its time says when it really changed."""
    if path.is_file() and path.read_text("utf-8") == text:
        return False
    write_whole(path, text)
    return True


def _old(out: Path) -> Path:
    return out.with_name(f".{out.name}.old")
