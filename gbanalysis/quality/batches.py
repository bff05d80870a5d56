"""How far the refunds of a period scatter beyond chance, because lines of one day share a batch, a lorry or a holiday.

    refunded_ct ~ Poisson(exposure_ct rate_c prod over kinds k of frailty_k[node of kind k, block t])

A frailty is shared by all cells of its node and has mean 1 and variance `variance_k`; blocks of days are taken as
independent. The variances follow from the squared residuals of the nodes of every kind, which are linear in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from gbanalysis.quality.hierarchy import Hierarchy

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEWEST_BLOCKS = 3


def scatter_variances(
    hierarchy: Hierarchy, cell: IntArray, block: IntArray, refunded: FloatArray, exposure: FloatArray
) -> FloatArray:
    """Estimate the variance of the frailty of each kind of node, for one period.

    Parameters
    ----------
    cell, block, refunded, exposure
        [n_rows] one row a cell and block of days.

    Returns
    -------
    numpy.ndarray
        [n_kinds] relative variance of a whole period's rate: the blocks' variance by the number of blocks that the
        period is worth. Zeros where the period has fewer than three blocks.
    """
    n_cells, n_blocks = len(hierarchy.codes), int(block.max()) + 1
    n_kinds = len(hierarchy.kinds)
    if n_blocks < FEWEST_BLOCKS:
        return np.zeros(n_kinds)
    total = np.bincount(cell, refunded, n_cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.nan_to_num(total / np.bincount(cell, exposure, n_cells))
    expected = exposure * rate[cell]
    squares, excess, weight = np.zeros(n_kinds), np.zeros(n_kinds), np.zeros(n_kinds)
    for kind in range(n_kinds):
        place = hierarchy.groups[kind][cell] * n_blocks + block
        size = hierarchy.sizes[kind] * n_blocks
        mean, residual = (np.bincount(place, values, size) for values in (expected, refunded - expected))
        squares[kind] = mean @ mean
        excess[kind] = residual @ residual * n_blocks / (n_blocks - 1) - mean.sum()
        weight[kind] = 1 / np.sqrt(2 * squares[kind] + mean.sum())
    shared = np.array([[squares[hierarchy.union(a, b)] for b in range(n_kinds)] for a in range(n_kinds)])
    variances, _ = optimize.nnls(shared * weight[:, None], excess * weight)
    by_block = np.bincount(block, expected, n_blocks)
    return np.asarray(variances * (by_block @ by_block) / by_block.sum() ** 2)


def node_scatter(hierarchy: Hierarchy, variances: FloatArray, expected: FloatArray) -> FloatArray:
    """Relative variance of each node's rate over a period, from all frailties in it.

    Parameters
    ----------
    variances
        [n_kinds] as `scatter_variances` gives them.
    expected
        [n_cells] expected refunds of the period.

    Returns
    -------
    numpy.ndarray
        [n_nodes]
    """
    found = np.zeros(hierarchy.n_nodes)
    first_cell = hierarchy.members.indices[hierarchy.members.indptr[:-1]]
    for kind in np.unique(hierarchy.kind):
        nodes = np.flatnonzero(hierarchy.kind == kind)
        total = hierarchy.sums(expected, kind)
        spread = np.zeros(len(total))
        for shared in np.flatnonzero(variances):
            both = hierarchy.union(int(kind), int(shared))
            within = np.zeros(hierarchy.sizes[both], dtype=np.int64)
            within[hierarchy.groups[both]] = hierarchy.groups[kind]
            spread += variances[shared] * np.bincount(within, hierarchy.sums(expected, both) ** 2, len(total))
        with np.errstate(divide="ignore", invalid="ignore"):
            found[nodes] = np.nan_to_num(spread / total**2)[hierarchy.groups[kind][first_cell[nodes]]]
    return found
