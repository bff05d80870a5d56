"""The published book is whole at every moment: written beside, then swapped in by rename, under a lock."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gbanalysis.dataset.folders import beside, refuse_foreign, swap_in

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
    """Refuse to put a book over a folder that holds anything but a book."""
    refuse_foreign(out, lambda folder: (folder / STAMP).is_file(), "a book")


def publish(built: Path, out: Path, stamp: str, *, ignore: tuple[str, ...] = ()) -> None:
    """Copy a built book beside `out`, then swap it in."""
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(built, beside(out), ignore=shutil.ignore_patterns(*ignore))
    (beside(out) / STAMP).write_text(stamp, "utf-8")
    swap_in(out)


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, "utf-8")
    draft.replace(path)


def write_if_changed(path: Path, text: str) -> bool:
    """Write a text file only where its bytes differ, so that its time says when it really changed."""
    if path.is_file() and path.read_text("utf-8") == text:
        return False
    write_whole(path, text)
    return True
