"""Which actions to choose: the largest net saving within a budget, when actions save some of the same refunds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import GBAnalysisError

FloatArray = NDArray[np.float64]

LEAST_OVERLAP = 1e-9


def choose(saving: FloatArray, cost: FloatArray, overlap: FloatArray, budget: float | None) -> NDArray[np.bool_]:
    """Choose the actions with the largest saving less cost; an exact 0-1 programme.

    Parameters
    ----------
    saving, cost
        [n] what each action saves alone, and costs.
    overlap
        [n, n] symmetric: what two actions save alone less what they save together; the diagonal is not read.
    budget
        The most that may be spent; None: no limit.

    Returns
    -------
    numpy.ndarray
        [n] whether each action is chosen. Overlaps of three and more count by their pairs.

    Raises
    ------
    GBAnalysisError
        The solver does not finish.

    References
    ----------
    F. Glover and E. Woolsey (1974), Operations Research 22, 180-182 (products of 0-1 variables made linear).

    Examples
    --------
    >>> alone, cost, none = np.array([9.0, 6.0, 5.0]), np.array([5.0, 3.0, 2.0]), np.zeros((3, 3))
    >>> choose(alone, cost, none, budget=5.0).tolist()
    [False, True, True]
    >>> same = np.array([[0.0, 0, 0], [0, 0, 5], [0, 5, 0]])  # the last two save the same refunds
    >>> choose(alone, cost, same, budget=5.0).tolist()
    [True, False, False]
    """
    from scipy import optimize, sparse

    n = len(saving)
    worth = saving - cost
    first, second = np.nonzero(np.triu(np.abs(overlap) > LEAST_OVERLAP, k=1))
    shared = overlap[first, second]
    m, row = len(shared), np.arange(len(shared))
    pair = [(1.0, row, first), (1.0, row, second), (-1.0, row, n + row)]
    rules = []
    if budget is not None:
        rules.append(optimize.LinearConstraint(np.concatenate([cost, np.zeros(m)])[None, :], ub=budget))
    if m:
        # both = 1 where both are chosen: forced up by the sum where it costs, held down by each where it pays
        matrix = sparse.csr_matrix(
            (
                np.concatenate([np.full(m, value) for value, _, _ in pair]),
                (np.concatenate([at for _, at, _ in pair]), np.concatenate([to for _, _, to in pair])),
            ),
            shape=(m, n + m),
        )
        rules.append(optimize.LinearConstraint(matrix, ub=np.ones(m)))
        for one in (first, second):
            below = sparse.csr_matrix(
                (np.concatenate([np.ones(m), -np.ones(m)]), (np.tile(row, 2), np.concatenate([n + row, one]))),
                shape=(m, n + m),
            )
            rules.append(optimize.LinearConstraint(below, ub=np.zeros(m)))
    found = optimize.milp(
        np.concatenate([-worth, shared]),
        integrality=np.concatenate([np.ones(n), np.zeros(m)]),
        bounds=optimize.Bounds(0, 1),
        constraints=rules,
    )
    if found.x is None:
        raise GBAnalysisError(f"the choice of actions was not found: {found.message}")
    return np.asarray(found.x[:n] > 0.5)
