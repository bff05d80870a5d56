"""How well a ranking finds what is known to be bad: counts above each score, with ties decided by lot."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class Found(NamedTuple):
    """For each distinct score, highest first: how many stand at or above it, and how many of them are bad."""

    flagged: FloatArray
    bad: FloatArray


def count_found(score: ArrayLike, bad: ArrayLike) -> Found:
    """Count who stands at or above each score.

    Parameters
    ----------
    score, bad
        [n] the ranking, and whether each is known to be bad.

    Examples
    --------
    >>> count_found([0.9, 0.5, 0.5, 0.1], [True, True, False, False])
    Found(flagged=array([1., 3., 4.]), bad=array([1., 2., 2.]))
    """
    is_bad = np.asarray(bad, dtype=float)
    _, place = np.unique(-np.asarray(score, dtype=float), return_inverse=True)
    return Found(np.cumsum(np.bincount(place)).astype(np.float64), np.cumsum(np.bincount(place, is_bad)))


def recall_at(score: ArrayLike, bad: ArrayLike, shares: ArrayLike) -> FloatArray:
    """Share of the bad that is found while these shares of the others are flagged; ties count as drawn by lot.

    Examples
    --------
    >>> recall_at([0.9, 0.5, 0.5, 0.1], [True, True, False, False], [0.0, 0.25, 0.5])
    array([0.5 , 0.75, 1.  ])
    """
    found = count_found(score, bad)
    others = np.append(0.0, found.flagged - found.bad)
    allowed = np.asarray(shares, dtype=float) * others[-1]
    return np.asarray(np.interp(allowed, others, np.append(0.0, found.bad)) / found.bad[-1])
