"""What a build says while it works: a bar on a terminal, one line a page in a log, nothing when quiet."""

import sys
from types import TracebackType
from typing import Any, Self


class Progress:
    """Counts pages and prints what happens.

    Parameters
    ----------
    quiet
        Print nothing but faults.
    total
        How many pages will be executed.

    Examples
    --------
    >>> with Progress(quiet=False, total=1) as progress:
    ...     progress.page("sales/trends", 1.25)
      sales/trends                                   1.2 s
    """

    def __init__(self, *, quiet: bool, total: int) -> None:
        self.quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        if not quiet and total and sys.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as RichProgress

            columns = (TextColumn("pages"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = RichProgress(*columns, transient=True)
            self._task = self._bar.add_task("pages", total=total)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def page(self, name: str, seconds: float, note: str = "") -> None:
        """Say that a page was executed."""
        self.say(f"  {name:<44} {seconds:>5.1f} s{f'  {note}' if note else ''}")
        if self._bar:
            self._bar.advance(self._task)

    def say(self, text: str) -> None:
        """Print a line of progress."""
        if self.quiet:
            return
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, flush=True)


def complain(text: str) -> None:
    """Print a fault, quiet or not."""
    print(text, file=sys.stderr, flush=True)
