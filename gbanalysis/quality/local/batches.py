"""How far the refunds of a period scatter beyond chance, because lines of one day share a batch, a lorry or a holiday.

    refunded_ct ~ Poisson(exposure_ct rate_c prod over kinds k of frailty_k[node of kind k, block t])

A frailty is shared by all cells of its node and has mean 1 and variance `variance_k`; blocks of days are taken as
independent. The variances follow from the squared residuals of the nodes of every kind, which are linear in them. Some
nodes scatter more than all that, such as those of a few buyers who send back whole orders: their own `clumping`
multiplies the variance, as far as nodes of a kind differ in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from gbanalysis.quality.local.hierarchy import Hierarchy

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


def largest_days(
    hierarchy: Hierarchy, cell: IntArray, block: IntArray, refunded: FloatArray, exposure: FloatArray
) -> FloatArray:
    """How many refunds each node's heaviest day has beyond what its other days suggest for it: [n_nodes]."""
    seen, offered = (hierarchy.members @ part for part in _by_day(hierarchy, cell, block, refunded, exposure))
    others, others_offered = (part.sum(axis=1, keepdims=True) - part for part in (seen, offered))
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.nan_to_num(offered * others / others_offered, posinf=0.0)
    return np.asarray((seen - usual).max(axis=1))


def _by_day(
    hierarchy: Hierarchy, cell: IntArray, block: IntArray, refunded: FloatArray, exposure: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Refunds and exposure of each cell and day: [n_cells, n_blocks] each."""
    shape = len(hierarchy.codes), int(block.max()) + 1
    seen, offered = np.zeros(shape), np.zeros(shape)
    np.add.at(seen, (cell, block), refunded)
    np.add.at(offered, (cell, block), exposure)
    return seen, offered


def node_clumping(
    hierarchy: Hierarchy,
    cell: IntArray,
    block: IntArray,
    refunded: FloatArray,
    exposure: FloatArray,
    variances: FloatArray,
) -> FloatArray:
    """How many times the variance that chance and frailties give each node's count has, at least 1: [n_nodes].

    Parameters
    ----------
    cell, block, refunded, exposure
        [n_rows] one row a cell and block of days, of one period.
    variances
        [n_kinds] as `scatter_variances` gives them.

    References
    ----------
    G. K. Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3, article 3 (variances that borrow
    strength from each other).
    """
    n_blocks = int(block.max()) + 1
    clumping = np.ones(hierarchy.n_nodes)
    if n_blocks < FEWEST_BLOCKS:
        return clumping
    seen, offered = _by_day(hierarchy, cell, block, refunded, exposure)
    with np.errstate(divide="ignore", invalid="ignore"):
        due = offered * np.nan_to_num(seen.sum(axis=1) / offered.sum(axis=1))[:, None]
    residual, mean = hierarchy.members @ (seen - due), (hierarchy.members @ due).sum(axis=1)
    usual = mean * (1 + mean * node_scatter(hierarchy, variances, due.sum(axis=1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (residual**2).sum(axis=1) * n_blocks / (n_blocks - 1) / usual
        error = 2 / n_blocks + 1 / mean
    for kind in np.unique(hierarchy.kind):
        nodes = np.flatnonzero((hierarchy.kind == kind) & (mean > 0))
        beyond = (ratio[nodes] - 1) ** 2 - error[nodes]
        between = (
            max(float((beyond / error[nodes] ** 2).sum() / (1 / error[nodes] ** 2).sum()), 0.0) if len(nodes) else 0.0
        )
        clumping[nodes] = np.maximum(1 + (ratio[nodes] - 1) * between / (between + error[nodes]), 1.0)
    return clumping
