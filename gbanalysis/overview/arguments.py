"""Checks of the arguments that the questions of the overview share."""

from __future__ import annotations

from collections.abc import Sequence

from gbanalysis.errors import GBAnalysisError


def checked(by: Sequence[str] | str, *, confidence: float, claim_days: int = 0) -> tuple[str, ...]:
    """Give the columns of `by`, one name or several, and refuse arguments that make no sense.

    Raises
    ------
    GBAnalysisError
        Where `confidence` does not lie between 0 and 1, or `claim_days` is negative.

    Examples
    --------
    >>> checked("region", confidence=0.9)
    ('region',)
    """
    if not 0 < confidence < 1:
        raise GBAnalysisError(f"confidence must lie between 0 and 1, such as 0.9, not {confidence!r}")
    if claim_days < 0:
        raise GBAnalysisError(f"claim_days must be 0 or more, not {claim_days!r}")
    return (by,) if isinstance(by, str) else tuple(by)
