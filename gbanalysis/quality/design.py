"""The terms of the refund model: which columns a line switches on, and how strongly each is held to zero at first.

Every term is an effect of a key's levels (or one for all) times a polynomial in temperature T and the stages' hours
H_1..H_S. The same list builds the rows of the fit and the expectations over routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.quality.mechanisms import QUALITY, CodedCells

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Term:
    """One term.

    ``powers`` lists the monomials that the term multiplies; ``key`` the column whose levels differ (None: one effect);
    ``player`` the place in `QUALITY` (or len(QUALITY) for the rest) of a term that changes between the periods.
    Terms with one ``group`` share a variance, which starts at ``scale`` squared; ``kind`` is the form of the prior.
    """

    group: str
    key: str | None
    powers: tuple[int, ...]
    kind: Literal["flat", "normal", "sparse"]
    scale: float
    player: int | None = None


def monomials(temperature: FloatArray, hours: Sequence[FloatArray]) -> list[FloatArray]:
    """1, T, H_1..H_S, T squared, T H_1..T H_S; the arguments broadcast against each other."""
    one = np.ones(np.broadcast_shapes(temperature.shape, *(h.shape for h in hours)))
    return [one, temperature, *hours, temperature**2, *(temperature * h for h in hours)]


def hour_slopes(n_stages: int, stage: int) -> tuple[tuple[int, int, int], ...]:
    """The monomials that hold H of a stage, each with its derivative by H, and that derivative times T."""
    return (2 + stage, 0, 1), (3 + n_stages + stage, 1, 2 + n_stages)


def make_terms(n_stages: int) -> tuple[Term, ...]:
    """The terms for a chain with so many timed stages.

    The response to temperature and hours differs by category, to temperature also by supplier, to hours also by stage;
    it does not change between the periods. What changes is the level: by supplier, category, grid, and for all.
    """
    stages = range(n_stages)
    terms = [
        Term("intercept", None, (0,), "flat", 10.0),
        Term("supplier", "supplier_id", (0,), "normal", 0.3),
        Term("category", "category", (0,), "normal", 0.5),
        Term("grid", "grid_id", (0,), "normal", 0.1),
        Term("origin", "origin_id", (0,), "normal", 0.1),
        Term("heat", None, (1,), "flat", 2.0),
        Term("heat by category", "category", (1,), "normal", 0.1),
        Term("heat by supplier", "supplier_id", (1,), "normal", 0.05),
        Term("curve", None, (2 + n_stages,), "normal", 0.05),
    ]
    if n_stages:
        hours = tuple(2 + stage for stage in stages)
        terms += [
            Term("hours", None, hours, "flat", 2.0),
            Term("hours by category", "category", hours, "normal", 0.2),
            Term("heat and hours", None, tuple(3 + n_stages + stage for stage in stages), "normal", 0.05),
        ]
    if n_stages > 1:
        terms += [Term("hours by stage", None, (2 + stage,), "normal", 0.1) for stage in stages]
    terms += [Term(f"change by {key}", key, (0,), "sparse", 0.05, place) for place, key in enumerate(QUALITY)]
    terms.append(Term("change of all", None, (0,), "sparse", 0.05, len(QUALITY)))
    return tuple(terms)


@dataclass(frozen=True)
class Design:
    """The terms laid out in columns: column ``offset + level`` holds a level's effect."""

    terms: tuple[Term, ...]
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def n_columns(self) -> int:
        """Number of effects."""
        return self.offsets[-1] + self.sizes[-1]

    def columns(self, place: int) -> slice:
        """The columns of a term."""
        return slice(self.offsets[place], self.offsets[place] + self.sizes[place])


def lay_out(cells: CodedCells) -> Design:
    """Give every term its columns."""
    terms = make_terms(len(cells.stages))
    sizes = tuple(1 if term.key is None else cells.size(term.key) for term in terms)
    return Design(terms, tuple(int(at) for at in np.cumsum((0, *sizes[:-1]))), sizes)


def model_matrix(design: Design, cells: CodedCells) -> sparse.csr_matrix:
    """One row a cell. A change enters as +1/2 in the current period and -1/2 in the base one."""
    basis = monomials(cells.temperature, list(cells.hours))
    half = cells.period - 0.5
    columns, values = [], []
    for place, term in enumerate(design.terms):
        level = 0 if term.key is None else cells.codes[term.key]
        columns.append(np.broadcast_to(design.offsets[place] + level, half.shape))
        value = np.sum([basis[power] for power in term.powers], axis=0)
        values.append(value if term.player is None else value * half)
    width = len(design.terms)
    starts = np.arange(0, width * len(half) + 1, width)
    data = np.stack(values, axis=1).ravel(), np.stack(columns, axis=1).ravel(), starts
    return sparse.csr_matrix(data, shape=(len(half), design.n_columns))
