"""A few points that stand for a whole distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def gauss_rule(values: FloatArray, weights: FloatArray, n_nodes: int) -> tuple[FloatArray, FloatArray]:
    """Points and weights with the same first ``2 * n_nodes - 1`` moments as a weighted sample.

    The mean of a smooth function over the points is then its mean over the sample, up to the terms of a higher order.
    A sample with fewer distinct values than points gets those values, filled up with points of weight zero.

    Parameters
    ----------
    values, weights
        The sample and its weights (not negative, not all zero), shape (n,).
    n_nodes
        How many points to return.

    Returns
    -------
    nodes, shares
        Each of shape (n_nodes,); the shares add up to one.

    References
    ----------
    G. H. Golub and J. H. Welsch (1969), Mathematics of Computation 23, 221-230; W. Gautschi (2004), Orthogonal
    Polynomials, section 2.2 (the Stieltjes procedure).

    Examples
    --------
    >>> nodes, shares = gauss_rule(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), 2)
    >>> f"{shares @ nodes:.3f} {shares @ nodes**2:.3f} {shares @ nodes**3:.3f}"
    '2.500 7.500 25.000'
    """
    weights = weights / weights.sum()
    mean = float(weights @ values)
    spread = float(np.sqrt(weights @ (values - mean) ** 2))
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return np.full(n_nodes, mean), np.eye(n_nodes)[0]
    x = (values - mean) / spread
    diagonal, off = np.zeros(n_nodes), np.zeros(n_nodes - 1)
    before, now = np.zeros_like(x), np.ones_like(x)
    for k in range(n_nodes):
        diagonal[k] = weights @ (x * now**2)
        if k == n_nodes - 1:
            break
        step = (x - diagonal[k]) * now - (off[k - 1] if k else 0.0) * before
        size = np.sqrt(weights @ step**2)
        if size < 1e-9:  # no more distinct values than points so far
            nodes, shares = gauss_rule(values, weights, k + 1)
            return np.append(nodes, np.full(n_nodes - k - 1, mean)), np.append(shares, np.zeros(n_nodes - k - 1))
        off[k] = size
        before, now = now, step / size
    roots, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return mean + spread * roots, vectors[0] ** 2
