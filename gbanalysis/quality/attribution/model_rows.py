"""The rows of the refund model, one a cell, kept as the few columns that they are made of.

A row switches on some thirty effects of hundreds. Written out as a sparse matrix that takes three times the memory of
the cells themselves; so only codes and monomials are kept, and pieces of the matrix are written out when sums of
products are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.quality.attribution.design import Design
from gbanalysis.quality.attribution.mechanisms import CodedCells

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PIECE = 32_768  # rows written out at a time


@dataclass(frozen=True, eq=False)
class ModelRows:
    """The matrix of the refund model, shape (rows, effects), without its zeros.

    Attributes
    ----------
    design
        The terms and their columns.
    values
        The distinct factors that effects are multiplied by, shape (factors, rows). A change between the periods enters
        as +1/2 in the current period and -1/2 in the base one.
    factor
        The factor of each term.
    codes
        Level of each row, one entry a key.
    """

    design: Design
    values: FloatArray
    factor: tuple[int, ...]
    codes: dict[str, IntArray]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.values.shape[1])

    def __matmul__(self, effects: FloatArray) -> FloatArray:
        """Log-odds of each row."""
        total = np.zeros(self.n_rows)
        for place, (term, factor) in enumerate(zip(self.design.terms, self.factor, strict=True)):
            own = effects[self.design.columns(place)]
            total += self.values[factor] * (own[0] if term.key is None else own[self.codes[term.key]])
        return total

    def project(self, weights: FloatArray) -> FloatArray:
        """Sum the rows with weights: the transposed matrix times `weights`."""
        sums = []
        for term, size, factor in zip(self.design.terms, self.design.sizes, self.factor, strict=True):
            each = self.values[factor] * weights
            sums.append([each.sum()] if term.key is None else np.bincount(self.codes[term.key], each, size))
        return np.concatenate(sums)

    def written_out(self, rows: IntArray | slice) -> sparse.csr_matrix:
        """Some rows as a sparse matrix."""
        values = self.values[:, rows]
        n_rows, width = values.shape[1], len(self.factor)
        data, columns = np.empty((n_rows, width)), np.empty((n_rows, width), dtype=np.int32)
        for place, (term, factor) in enumerate(zip(self.design.terms, self.factor, strict=True)):
            data[:, place] = values[factor]
            columns[:, place] = self.design.offsets[place] + (0 if term.key is None else self.codes[term.key][rows])
        starts = np.arange(0, n_rows * width + 1, width, dtype=np.int32)
        return sparse.csr_matrix((data.ravel(), columns.ravel(), starts), shape=(n_rows, self.design.n_columns))

    def gram(self, weights: FloatArray) -> FloatArray:
        """Weighted sum of the products of effects' columns: transposed matrix, times weights, times matrix."""
        total = np.zeros((self.design.n_columns, self.design.n_columns))
        for first in range(0, self.n_rows, PIECE):
            self._add_products(total, slice(first, first + PIECE), weights)
        return total

    def _add_products(self, total: FloatArray, rows: slice, weights: FloatArray) -> None:
        """Add the products of some rows, one pair of terms at a time: a pair of levels is one code to count by."""
        terms, design = self.design.terms, self.design
        weighted = self.values[:, rows] * weights[rows]
        code = [0 if term.key is None else self.codes[term.key][rows] for term in terms]
        for place, term in enumerate(terms):
            at = design.columns(place)
            for other in range(place, len(terms)):
                product = weighted[self.factor[place]] * self.values[self.factor[other], rows]
                shape, alike = (design.sizes[place], design.sizes[other]), terms[other].key == term.key
                block = _pair_sums(product, code[place], code[other], shape, alike)
                total[at, design.columns(other)] += block
                if other != place:
                    total[design.columns(other), at] += block.T

    def sums(self, group: IntArray, weights: FloatArray) -> Iterator[tuple[sparse.csr_matrix, sparse.csr_matrix]]:
        """Weighted sums of the rows of each group, some groups at a time in their order.

        Yields
        ------
        sums, adding
            Shape (groups, effects), and the matrix that adds up other columns of the cells alike, (groups, rows).
        """
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=group.min() - 1))
        ends = np.append(starts[1:], len(order))
        first = 0
        while first < len(starts):
            last = max(int(np.searchsorted(ends, starts[first] + PIECE, side="right")), first + 1)
            rows = order[starts[first] : ends[last - 1]]
            count = ends[first:last] - starts[first:last]
            edges = np.append(0, np.cumsum(count))
            adding = sparse.csr_matrix((weights[rows], np.arange(len(rows)), edges), shape=(last - first, len(rows)))
            whole = sparse.csr_matrix((weights[rows], rows, edges), shape=(last - first, self.n_rows))
            yield adding @ self.written_out(rows), whole
            first = last


def model_rows(design: Design, cells: CodedCells) -> ModelRows:
    """Lay out the rows of the cells."""
    basis = design.basis.of_rows(cells)
    kinds = [(term.powers, term.player is not None) for term in design.terms]
    distinct = list(dict.fromkeys(kinds))
    values = np.empty((len(distinct), len(cells.n)))
    for place, (powers, changes) in enumerate(distinct):
        values[place] = cells.period - 0.5 if changes else basis[list(powers)].sum(axis=0)
    return ModelRows(design, values, tuple(distinct.index(kind) for kind in kinds), cells.codes)


def _pair_sums(
    product: FloatArray, first: IntArray | int, second: IntArray | int, shape: tuple[int, int], alike: bool
) -> FloatArray:
    """Sum by the levels of two keys, of which one may be none (0) or both may be the same."""
    code = first if alike else first * shape[1] + second
    if isinstance(code, int):
        return np.full((1, 1), product.sum())
    sums = np.asarray(np.bincount(code, product, shape[0] if alike else shape[0] * shape[1]), dtype=float)
    return np.diag(sums) if alike else sums.reshape(shape)
