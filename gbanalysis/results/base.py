"""What every result offers: a tidy table, a short summary, a paragraph, a chart and its alternative text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from gbanalysis.errors import GBAnalysisError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SUMMARY_LINES = 20


@dataclass(frozen=True)
class Html:
    """A piece of a page; Jupyter shows it as it stands."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


class Result(ABC):
    """The answer to one question: subclasses are frozen dataclasses that check their own sums when they are made."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """All figures, one a row, with ``ci_lower``, ``ci_upper`` and the counts behind them."""

    @abstractmethod
    def text(self) -> str:
        """One paragraph that a manager can read."""

    @abstractmethod
    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the figures with their intervals on `ax`, or on new axes."""

    @abstractmethod
    def alt_text(self) -> str:
        """Say in words what the chart shows, for readers who cannot see it."""

    def told(self) -> pd.DataFrame:
        """The rows that others may read: all, but where few people stand behind a row its figures are withheld."""
        return self.to_frame()

    def summary(self) -> str:
        """At most 20 lines: the first rows of the table, and how many more there are."""
        frame = self.told()
        shown = frame.head(SUMMARY_LINES - 2)
        lines = shown.to_string(index=False, float_format="{:,.4g}".format).splitlines()
        if len(frame) > len(shown):
            lines.append(f"... {len(frame) - len(shown):,} more rows")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        text = self.text()
        unsaid = [note for note in getattr(self, "notes", ()) if note[1:] not in text]
        notes = f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in unsaid)}</ul>" if unsaid else ""
        return f'<div class="gb-result"><p>{escape(text)}</p><pre>{escape(self.summary())}</pre>{notes}</div>'


def require_sum(parts: Iterable[float], total: float, *, what: str, tolerance: float = 1e-9) -> None:
    """Check that parts add up to their total, and say so where they do not.

    Parameters
    ----------
    parts
        The parts, in the unit of the total.
    total
        What they must add up to.
    what
        The name of the sum, for the message.
    tolerance
        Largest gap allowed, as a share of the sum of the parts' sizes (of the total's where that is larger).

    Raises
    ------
    GBAnalysisError
        Where the gap is larger, or where a part or the total is not a number.

    Examples
    --------
    >>> require_sum([0.5, 0.3, 0.2], 1.0, what="shares")
    >>> require_sum([0.5, 0.3], 1.0, what="shares")
    Traceback (most recent call last):
    gbanalysis.errors.GBAnalysisError: shares: the parts add up to 0.8, not to 1 (gap -0.2)
    """
    values = [float(part) for part in parts]
    gap = sum(values) - total
    scale = max(sum(abs(value) for value in values), abs(total))
    if not abs(gap) <= tolerance * scale:
        raise GBAnalysisError(f"{what}: the parts add up to {sum(values):.12g}, not to {total:.12g} (gap {gap:.6g})")
