"""Shapley values of small games whose value is known for every coalition.

A coalition is written as a number: player i belongs to it where bit i is set.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def shapley_weights(n_players: int) -> FloatArray:
    """Weights that turn the values of all coalitions into the players' Shapley values.

    Parameters
    ----------
    n_players
        Number of players; the game has ``2 ** n_players`` coalitions.

    Returns
    -------
    array of shape (n_players, 2 ** n_players)
        ``weights @ values`` are the Shapley values. A row sums to zero; the rows together give the value of the full
        coalition less that of the empty one.

    References
    ----------
    L. S. Shapley (1953), A value for n-person games, Contributions to the Theory of Games II, 307-317.

    Examples
    --------
    >>> values = [0.0, 1.0, 3.0, 10.0]  # nobody, the first, the second, both
    >>> (shapley_weights(2) @ values).tolist()
    [4.0, 6.0]
    """
    coalitions = np.arange(2**n_players)
    size = np.array([bin(coalition).count("1") for coalition in coalitions])
    joins = np.array([factorial(k) * factorial(n_players - k - 1) for k in range(n_players)]) / factorial(n_players)
    weights = np.empty((n_players, len(coalitions)))
    for player in range(n_players):
        member = (coalitions >> player) & 1 == 1
        weights[player, member] = joins[size[member] - 1]
        weights[player, ~member] = -joins[size[~member]]
    return weights
