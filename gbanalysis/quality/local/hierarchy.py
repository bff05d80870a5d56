"""The nodes of a crossed hierarchy: every combination of a level, or all levels, of each dimension that cells show.

Three dimensions give eight kinds of nodes, from the root (all of everything) to the cells. Nodes that hold the same
cells are one node, named by the fewest dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ALL = -1


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Nodes over cells.

    Attributes
    ----------
    codes
        [n_cells, n_dimensions] level of each cell.
    kinds
        [n_kinds] which dimensions a kind of node fixes, as bits; the root's is 0, the cells' the last.
    groups
        [n_kinds, n_cells] which node of each kind a cell lies in, counted within the kind.
    levels
        [n_nodes, n_dimensions] level of each node, `ALL` where the dimension is not fixed; the root is the first.
    kind
        [n_nodes] place of the node's kind in `kinds`.
    members
        [n_nodes, n_cells] 1 where the cell lies in the node.
    """

    codes: IntArray
    kinds: tuple[int, ...]
    groups: IntArray
    levels: IntArray
    kind: IntArray
    members: sparse.csr_matrix

    @property
    def n_nodes(self) -> int:
        """Number of nodes, twins counted once."""
        return len(self.levels)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of groups of each kind, twins included."""
        return tuple(int(group.max()) + 1 for group in self.groups)

    @cached_property
    def node_of_cell(self) -> IntArray:
        """[n_cells] the node that holds a cell and no other."""
        alone = np.flatnonzero(np.diff(self.members.indptr) == 1)
        place = np.zeros(len(self.codes), dtype=np.int64)
        place[self.members.indices[self.members.indptr[alone]]] = alone
        return place

    def union(self, first: int, second: int) -> int:
        """Place of the kind that fixes what either of two kinds fixes."""
        return self.kinds.index(self.kinds[first] | self.kinds[second])

    def sums(self, values: FloatArray, kind: int) -> FloatArray:
        """Add up values of cells [n_cells] over the groups of one kind."""
        return np.asarray(np.bincount(self.groups[kind], values, self.sizes[kind]), dtype=float)


def build_hierarchy(codes: IntArray) -> Hierarchy:
    """List the nodes over cells.

    Parameters
    ----------
    codes
        [n_cells, n_dimensions] levels as numbers from 0; each row once.

    Examples
    --------
    Two categories in two regions, one of them in one region only: the second category and its cell are one node.

    >>> nodes = build_hierarchy(np.array([[0, 0], [0, 1], [1, 1]]))
    >>> nodes.levels.tolist()
    [[-1, -1], [0, -1], [1, -1], [-1, 0], [-1, 1], [0, 1]]
    """
    n_cells, n_dimensions = codes.shape
    kinds = sorted(range(1 << n_dimensions), key=lambda bits: (bits.bit_count(), bits))
    groups = np.stack([_group(codes, kind) for kind in kinds])
    seen: set[bytes] = set()
    levels, places, rows = [], [], []
    for place, kind in enumerate(kinds):
        order = np.argsort(groups[place], kind="stable")
        for cells in np.split(order, np.flatnonzero(np.diff(groups[place][order])) + 1):
            if (key := cells.tobytes()) in seen:
                continue
            seen.add(key)
            levels.append([int(codes[cells[0], d]) if kind >> d & 1 else ALL for d in range(n_dimensions)])
            places.append(place)
            rows.append(cells)
    members = _indicator(rows, n_cells)
    return Hierarchy(codes, tuple(kinds), groups, np.array(levels), np.array(places), members)


def _group(codes: IntArray, kind: int) -> IntArray:
    fixed = [d for d in range(codes.shape[1]) if kind >> d & 1]
    if not fixed:
        return np.zeros(len(codes), dtype=np.int64)
    return np.unique(codes[:, fixed], axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _indicator(rows: Sequence[IntArray], n_cells: int) -> sparse.csr_matrix:
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    cells = np.concatenate(rows)
    return sparse.csr_matrix((np.ones(len(cells)), cells, ends), shape=(len(rows), n_cells))
