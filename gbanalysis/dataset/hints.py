"""Why a value cannot be read, and what to do about it, where its form tells."""

import re
from collections.abc import Iterable

from gbanalysis.dataset.schema import Kind

_MOMENT_HINTS = (
    (r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\b.*", "day and month cannot be told apart; write 2024-01-31"),
    (r".*\d(Z|[+-]\d{2}:?\d{2}|\s?[A-Z]{3,4})", "times must be local, without a zone"),
    (r".*\d\s?([AaPp]\.?[Mm]\.?)", "write hours from 0 to 23"),
    (r"\d{10}|\d{13}", "an epoch number needs a time zone that is known in settings.timezone, and a year below 2038"),
    (r"\d{5}(\.\d+)?", "this looks like a spreadsheet's day number; format the column as a date and export again"),
    (r"\d{4}\D\d{1,2}\D\d{1,2}\D*.*|\d{8}", "there is no such day or time"),
)
_HINTS: dict[Kind, tuple[tuple[str, str], ...]] = {
    "id": ((r".*[eE].*", "a spreadsheet has cut its digits; format the column as text and export again"),),
    "number": (
        (
            r"[^\d,.]*[1-9]\d{0,2},\d{3}\D*",
            "its comma may mark decimals or thousands; write decimals with a point and thousands without a comma",
        ),
        (r"\D*[\d.]*\d,\d+\D*", "write decimals with a point"),
        (r".*[%％]", "write a share as 0.12, not 12%"),
    ),
    "integer": ((r"[+-]?\d+\.\d+", "it must be whole"),),
    "date": _MOMENT_HINTS,
    "timestamp": _MOMENT_HINTS,
}


def hint(kind: Kind, values: Iterable[str]) -> str:
    """The advice that fits the first value whose form is known, or nothing.

    Examples
    --------
    >>> hint("date", ["31/01/2024"])
    'day and month cannot be told apart; write 2024-01-31'
    >>> hint("number", ["abc"])
    ''
    """
    for value in values:
        for pattern, advice in _HINTS.get(kind, ()):
            if re.fullmatch(pattern, value.strip()):
                return advice
    return ""
