"""Which two periods a chapter compares, and up to which day it knows the data."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from gbanalysis.report.opening import is_simulated

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

Span = tuple[dt.date, dt.date]

# The story of the book's own market: late spring against autumn, told on the Monday on which the autumn weeks end.
STORY_BASE: Span = (dt.date(2024, 5, 16), dt.date(2024, 6, 12))
STORY_CURRENT: Span = (dt.date(2024, 9, 24), dt.date(2024, 10, 21))


class Periods(NamedTuple):
    """Two periods, first and last day of pickup both included, and the last day whose data are known."""

    base: Span
    current: Span
    as_of: dt.date

    def text(self) -> str:
        """Say which days are compared."""
        spans = [f"{first} to {last}" for first, last in (self.base, self.current)]
        return f"{spans[1]} (current) against {spans[0]} (base), as known on {self.as_of}"


def choose_periods(data: Dataset, *, base: Span | None = None, current: Span | None = None, days: int = 28) -> Periods:
    """Choose the periods that a chapter compares.

    Parameters
    ----------
    data
        The data that the page runs on.
    base, current
        Periods that the reader named; both or none.
    days
        Length of a period where none is named.

    Returns
    -------
    Periods
        The named ones; else, on the simulated market of the book, those of its story; else the last `days` days whose
        data are known against as many before. Data are known up to the end of the current period, so that it is
        immature, as it is on the day when someone asks.

    Raises
    ------
    ValueError
        One period is named without the other, or `days` is below 1.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> choose_periods(gb.load_sample(), days=7).text()
    '2024-03-24 to 2024-03-30 (current) against 2024-03-17 to 2024-03-23 (base), as known on 2024-03-30'
    """
    if (base is None) != (current is None):
        raise ValueError("name both periods, base and current, or none")
    if days < 1:
        raise ValueError(f"a period must have at least one day, not {days}")
    last = data.settings.as_of
    if base is None or current is None:
        if is_simulated(data) and last >= STORY_CURRENT[1]:
            base, current = STORY_BASE, STORY_CURRENT
        else:
            day = dt.timedelta(days=1)
            current = (last - (days - 1) * day, last)
            base = (current[0] - days * day, current[0] - day)
    return Periods(base, current, min(last, current[1]))
