"""Checks of the arguments that questions of every domain share: groups, confidence, days, periods, random draws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from gbanalysis.errors import GBAnalysisError, NotEnoughDataError

if TYPE_CHECKING:
    import numpy as np

    from gbanalysis.dataset.dataset import Dataset


def checked(by: Sequence[str] | str, *, confidence: float, claim_days: int = 0) -> tuple[str, ...]:
    """Give the columns of `by`, one name or several, and refuse arguments that make no sense.

    Raises
    ------
    GBAnalysisError
        Where `confidence` does not lie between 0 and 1, `claim_days` is negative, or `by` holds anything but names, or
        one of them twice.

    Examples
    --------
    >>> checked("region", confidence=0.9)
    ('region',)
    """
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise GBAnalysisError(f"confidence must lie between 0 and 1, such as 0.9, not {confidence!r}")
    if claim_days < 0:
        raise GBAnalysisError(f"claim_days must be 0 or more, not {claim_days!r}")
    if not isinstance(by, Iterable) or not all(isinstance(name, str) for name in by):
        raise GBAnalysisError(
            f"by must be the name of a column, or several, such as ('category', 'region'), not {by!r}"
        )
    names = (by,) if isinstance(by, str) else tuple(by)
    if len(set(names)) < len(names):
        raise GBAnalysisError(f"by names a column twice: {', '.join(names)}")
    return names


def generator(rng: np.random.Generator | int | None = None) -> np.random.Generator:
    """Give the generator of random draws: that of a seed, the one given, or by default the start of one fixed stream.

    Two calls that leave `rng` out therefore draw the same and agree.

    Raises
    ------
    GBAnalysisError
        Where `rng` is neither a generator of numpy nor a whole number of 0 or more.

    Examples
    --------
    >>> bool(generator().random() == generator().random())
    True
    """
    import numpy as np

    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng(0)
    if not isinstance(rng, Integral) or isinstance(rng, bool) or rng < 0:
        raise GBAnalysisError(f"rng must be a whole number of 0 or more, or a generator of numpy, not {rng!r}")
    return np.random.default_rng(int(rng))


def as_date(value: Any, *, what: str) -> dt.date:
    """Give a date from a date, a timestamp or a text; `what` names it where it is none.

    Examples
    --------
    >>> as_date("2024-03-01", what="as_of")
    datetime.date(2024, 3, 1)
    """
    import pandas as pd

    try:
        day = None if pd.isna(value) else pd.Timestamp(value)
    except (ValueError, TypeError):
        day = None
    if day is None:
        raise GBAnalysisError(f"{what} must be a day, such as '2024-03-01', not {value!r}")
    return day.date()


def known_day(dataset: Dataset, as_of: Any = None) -> dt.date:
    """Give the last day whose data are used: by default the data set's own.

    Raises
    ------
    NotEnoughDataError
        Where the day lies after the last one that the data know.
    """
    last = dataset.settings.as_of
    day = last if as_of is None else as_date(as_of, what="as_of")
    if day > last:
        raise NotEnoughDataError(f"as_of {day} lies in the future: the data are known up to {last}.")
    return day


def known_days(days: tuple[Any, Any], *, name: str, as_of: dt.date) -> tuple[dt.date, dt.date]:
    """Give the first and the last day of a period, both included; both must be known by `as_of`.

    Raises
    ------
    GBAnalysisError
        Where they are no two days, or the first lies after the last.
    NotEnoughDataError
        Where the period ends after `as_of`.
    """
    if isinstance(days, str) or not isinstance(days, Sequence) or len(days) != 2:
        raise GBAnalysisError(f"{name} must be two days, the first and the last, not {days!r}")
    first, last = (as_date(day, what=f"a day of {name}") for day in days)
    if first > last:
        raise GBAnalysisError(f"{name} starts on {first}, after its last day {last}")
    if last > as_of:
        raise NotEnoughDataError(f"{name} ends on {last}, in the future: the data are known up to {as_of}.")
    return first, last


def known_periods(
    base: tuple[Any, Any], current: tuple[Any, Any], *, as_of: dt.date
) -> tuple[tuple[dt.date, dt.date], tuple[dt.date, dt.date]]:
    """Give two periods that are compared, each checked by `known_days`; they must share no day.

    Raises
    ------
    GBAnalysisError
        Where the two overlap, besides what `known_days` raises.
    """
    then, now = known_days(base, name="base", as_of=as_of), known_days(current, name="current", as_of=as_of)
    if then[0] <= now[1] and now[0] <= then[1]:
        raise GBAnalysisError(
            f"base ({then[0]} to {then[1]}) and current ({now[0]} to {now[1]}) share days; they must not overlap"
        )
    return then, now
