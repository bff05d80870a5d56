"""The terms of the refund model: which columns a line switches on, and how strongly each is held to zero at first.

Every term is an effect of a key's levels (or one for all) times a polynomial in the weather, the stages' hours and node
temperatures, and the refund rule. The same list builds the rows of the fit and the expectations over routes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.mechanisms import CodedCells

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CHANGE = 0.02  # scale of a change of log-odds at the first step, before anything is learned of its size


@dataclass(frozen=True)
class Term:
    """One term.

    ``powers`` lists the monomials that the term multiplies; ``key`` the column whose levels differ (None: one effect);
    ``player`` the place among the quality players of a term that changes between the periods. Terms with one ``group``
    share a variance, which starts at ``scale`` squared; ``kind`` is the form of the prior.
    """

    group: str
    key: str | None
    powers: tuple[int, ...]
    kind: Literal["flat", "normal", "sparse"]
    scale: float
    player: int | None = None


@dataclass(frozen=True)
class Basis:
    """Places of the monomials: 1, T, T squared; H and T H by stage; N and H N by stage with a node temperature N; rule.

    T is the weather, H the hours of a stage; the rule is the share of lines under the easier refund rule.
    """

    n_stages: int
    cooled: tuple[int, ...]
    policy: bool

    @property
    def hours(self) -> tuple[int, ...]:
        """H of each stage."""
        return tuple(3 + stage for stage in range(self.n_stages))

    @property
    def heat_hours(self) -> tuple[int, ...]:
        """T H of each stage."""
        return tuple(3 + self.n_stages + stage for stage in range(self.n_stages))

    @property
    def node_heat(self) -> tuple[int, ...]:
        """N of each stage with a temperature."""
        return tuple(3 + 2 * self.n_stages + at for at in range(len(self.cooled)))

    @property
    def node_hours(self) -> tuple[int, ...]:
        """H N of each stage with a temperature."""
        return tuple(3 + 2 * self.n_stages + len(self.cooled) + at for at in range(len(self.cooled)))

    @property
    def rule(self) -> int:
        """The rule; the last one."""
        return self.size - 1

    @property
    def size(self) -> int:
        """Number of monomials."""
        return 3 + 2 * self.n_stages + 2 * len(self.cooled) + self.policy

    def of_rows(self, cells: CodedCells) -> FloatArray:
        """The monomials of each row of the cells, shape (monomials, rows)."""
        heat, hours, node = cells.temperature, cells.hours, cells.node_heat
        plain = [np.ones_like(heat), heat, heat**2, *hours, *(heat * hours), *node, *(node * hours[list(self.cooled)])]
        return np.stack(plain if cells.policy is None else [*plain, cells.policy])


def make_terms(basis: Basis, quality: Sequence[str]) -> tuple[Term, ...]:
    """All terms of the model.

    The response to weather, hours and node temperature differs by category, to weather also by supplier, to hours and
    node temperature also by stage; it does not change between the periods. What changes is the level: by the dimensions
    of `quality`, and for all.
    """
    terms = [
        Term("intercept", None, (0,), "flat", 10.0),
        Term("supplier", "supplier_id", (0,), "normal", 0.3),
        Term("category", "category", (0,), "normal", 0.5),
        Term("grid", "grid_id", (0,), "normal", 0.1),
        Term("origin", "origin_id", (0,), "normal", 0.1),
        Term("heat", None, (1,), "flat", 2.0),
        Term("heat by category", "category", (1,), "normal", 0.1),
        Term("heat by supplier", "supplier_id", (1,), "normal", 0.05),
        Term("curve", None, (2,), "normal", 0.05),
    ]
    if basis.hours:
        terms += [
            Term("hours", None, basis.hours, "flat", 2.0),
            Term("hours by category", "category", basis.hours, "normal", 0.2),
            Term("heat and hours", None, basis.heat_hours, "normal", 0.05),
        ]
    if basis.cooled:
        terms += [
            Term("node heat", None, basis.node_heat, "flat", 2.0),
            Term("node heat by category", "category", basis.node_heat, "normal", 0.1),
            Term("node heat and hours", None, basis.node_hours, "normal", 0.05),
        ]
    if len(basis.hours) > 1:
        terms += [Term("hours by stage", None, (power,), "normal", 0.1) for power in basis.hours]
    if len(basis.cooled) > 1:
        terms += [Term("node heat by stage", None, (power,), "normal", 0.1) for power in basis.node_heat]
    if basis.policy:
        terms.append(Term("policy", None, (basis.rule,), "flat", 1.0))
    terms += [Term(f"change by {key}", key, (0,), "sparse", CHANGE, place) for place, key in enumerate(quality)]
    terms.append(Term("change of all", None, (0,), "sparse", CHANGE, len(quality)))
    return tuple(terms)


@dataclass(frozen=True)
class Design:
    """The terms laid out in columns: column ``offset + level`` holds a level's effect."""

    basis: Basis
    terms: tuple[Term, ...]
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def n_columns(self) -> int:
        """Number of effects."""
        return self.offsets[-1] + self.sizes[-1]

    @property
    def n_quality(self) -> int:
        """Number of players that change the level."""
        return sum(term.player is not None for term in self.terms)

    def columns(self, place: int) -> slice:
        """The columns of a term."""
        return slice(self.offsets[place], self.offsets[place] + self.sizes[place])

    def in_group(self, group: str) -> IntArray:
        """The columns of all terms of a group."""
        return self._where(lambda term: term.group == group)

    @property
    def sparse_columns(self) -> IntArray:
        """The columns of the changes between the periods."""
        return self._where(lambda term: term.kind == "sparse")

    def _where(self, wanted: Callable[[Term], bool]) -> IntArray:
        columns = np.arange(self.n_columns)
        return np.concatenate([columns[self.columns(k)] for k, term in enumerate(self.terms) if wanted(term)])


def lay_out(cells: CodedCells) -> Design:
    """Give every term its columns."""
    basis = Basis(len(cells.stages), cells.cooled, cells.policy is not None)
    terms = make_terms(basis, cells.quality)
    sizes = tuple(1 if term.key is None else cells.size(term.key) for term in terms)
    return Design(basis, terms, tuple(int(at) for at in np.cumsum((0, *sizes[:-1]))), sizes)
