"""How well rankings of users find known abusers, whether planted in a simulation or confirmed by an audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gbanalysis.dataset.arguments import checked
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.stats.intervals import wilson
from gbanalysis.stats.ranking import count_found

if TYPE_CHECKING:
    import pandas as pd


def judge_rankings(rankings: Mapping[str, ArrayLike], bad: ArrayLike, *, confidence: float = 0.9) -> pd.DataFrame:
    """Compare rankings by precision and recall against what is known.

    Question: of those a ranking would flag, how many are truly abusers, and how many abusers does it find?

    Parameters
    ----------
    rankings
        Scores by name, each [n], higher is more suspect.
    bad
        [n] whether each user is known to be an abuser.
    confidence
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a ranking and distinct score: ``ranking``, ``n_flagged``, ``n_found``, ``recall``, ``precision`` with
        ``ci_lower`` and ``ci_upper`` (Wilson's), ``honest_hit_rate`` (share of the others flagged).

    Raises
    ------
    GBAnalysisError
        Where a ranking has another length than `bad`.
    NotEnoughDataError
        Where nobody, or everybody, is known to be bad.

    Examples
    --------
    >>> found = judge_rankings({"raw rate": [0.9, 0.5, 0.2]}, [False, True, False])
    >>> found[["n_flagged", "recall", "precision"]].round(2).values.tolist()
    [[1.0, 0.0, 0.0], [2.0, 1.0, 0.5], [3.0, 1.0, 0.33]]
    """
    import pandas as pd

    checked((), confidence=confidence)
    known = np.asarray(bad, dtype=bool)
    if known.all() or not known.any():
        raise NotEnoughDataError("Nobody, or everybody, is known to be an abuser; rankings cannot be compared.")
    parts = []
    for name, score in rankings.items():
        if np.shape(score) != known.shape:
            raise GBAnalysisError(f"the ranking {name!r} has another length than what is known")
        found = count_found(score, known)
        low, high = wilson(found.bad, found.flagged, confidence=confidence)
        part = {
            "ranking": name,
            "n_flagged": found.flagged.astype(int),
            "n_found": found.bad.astype(int),
            "recall": found.bad / known.sum(),
            "precision": found.bad / found.flagged,
            "ci_lower": low,
            "ci_upper": high,
            "honest_hit_rate": (found.flagged - found.bad) / (~known).sum(),
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)
