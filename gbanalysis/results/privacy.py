"""Who may see what: figures of fewer than ten people are for inside readers only."""

import os

SMALLEST_GROUP = 10


def is_internal() -> bool:
    """Say whether the page is for inside readers only (``--internal``), so that nothing is withheld."""
    return os.environ.get("GBANALYSIS_INTERNAL", "") == "1"


def too_few(n_people: float) -> bool:
    """Say whether figures on so many people are withheld; a number that is not known counts as few.

    Examples
    --------
    >>> too_few(10), too_few(9), too_few(float("nan"))
    (False, True, True)
    """
    return not is_internal() and not n_people >= SMALLEST_GROUP
