"""What is held fixed when an effect is estimated: the columns of a graph's nodes, and the regression on them.

A node becomes levels (supplier, place, goods, month: one intercept each) and numbers (temperatures, hours of earlier
stages: piecewise linear), levels that work together are crossed (supplier x category, supplier x warehouse), and the
weather has slopes by goods and node, for cooling lets through more of it at one than at the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, sparse

from gbanalysis.quality.effects.cells import MEASURES

if TYPE_CHECKING:
    from gbanalysis.quality.effects.identification import Identification

FloatArray = NDArray[np.float64]

KNOT_SHARES = (0.2, 0.4, 0.6, 0.8)
LEAST_LINES = 30.0  # levels with fewer lines count as one
RIDGE = 1.0  # lines of nothing that each level starts with
KEPT = 12  # factorised designs kept

LEVELS: dict[str, tuple[tuple[str, ...], ...]] = {
    "category": (("goods",),),
    "supplier": (("supplier_id", "category"), ("supplier_id", "central_id")),
    "place": (("grid_id",), ("site_id",), ("region", "category")),
    "season": (("month", "region"), ("month", "category"), ("weekday",)),
    "policy": (("month", "region"),),
    "rating": (("rating",),),
}
WEATHER = ("outside", "at_supplier")
SLOPES_BY = ("goods", "supplier_id", "grid_id")  # levels at which the weather has slopes of its own


@dataclass(frozen=True, eq=False)
class Adjustment:
    """The matrix of what is held fixed: one column of level codes for each set of levels, then numbers.

    Attributes
    ----------
    matrix
        [n_cells, n_codes + n_numbers].
    n_codes
        How many of the columns are codes.
    slopes
        Pairs (code column, number column): the number has a slope of its own at each level.
    """

    matrix: FloatArray
    n_codes: int
    slopes: tuple[tuple[int, int], ...]


def to_adjust_for(found: Identification) -> tuple[str, ...]:
    """Choose what to hold fixed: what is needed, and of what helps what a line has before its way begins."""
    return (*found.needed, *(node for node in found.helpful if node in LEVELS and node != "rating"))


def make_adjustment(
    cells: pd.DataFrame, nodes: Sequence[str], *, cooling: bool = False, apart: bool = False
) -> Adjustment:
    """Turn cells into the matrix of what is held fixed.

    Parameters
    ----------
    cells
        As `facts.effect_cells` gives them.
    nodes
        Nodes of the graph to hold fixed.
    cooling
        Whether the weather has slopes at each level of `SLOPES_BY` (for treatments that are temperatures).
    apart
        Whether no other node is crossed with the category, so that what each node tells can be told apart.
    """
    day = pd.to_datetime(cells["due_on"])
    cells = cells.assign(month=12 * day.dt.year + day.dt.month, weekday=day.dt.dayofweek)
    crossed = dict.fromkeys(
        names for node in nodes for names in LEVELS.get(node, ()) if not (apart and "category" in names)
    )
    crossed = {names: None for names in crossed if set(names) <= set(cells)}
    own = (
        dict.fromkeys((name,) for name in SLOPES_BY if not (apart and name == "goods"))
        if cooling and "weather" in nodes
        else {}
    )
    codes = {names: _codes(cells, names) for names in (*crossed, *own)}
    numbers = [node for node in nodes if node in MEASURES and node != "rating"]
    numbers += [name for name in WEATHER if "weather" in nodes and cells[name].notna().all()]
    places = {names: place for place, names in enumerate(codes)}
    slopes = [(places[names], len(codes) + numbers.index(name)) for names in own for name in WEATHER if name in numbers]
    filled = [cells[name].fillna(cells[name].mean()).to_numpy(dtype=float) for name in numbers]
    columns = [*codes.values(), *filled]
    matrix = np.column_stack(columns) if columns else np.zeros((len(cells), 0))
    return Adjustment(matrix, len(codes), tuple(slopes))


def _codes(cells: pd.DataFrame, names: tuple[str, ...]) -> FloatArray:
    """Number the levels; 0 holds all levels with few lines."""
    level = cells.groupby(list(names), observed=True).ngroup().to_numpy()
    lines = np.bincount(level, cells["n"])
    place = np.where(lines >= LEAST_LINES, np.cumsum(lines >= LEAST_LINES), 0)
    return np.asarray(place[level], dtype=float)


class Memory:
    """Designs factorised so far, so that outcome, treatment and refuters share the work; copies share it too."""

    def __init__(self) -> None:
        self.kept: OrderedDict[bytes, tuple[Any, ...]] = OrderedDict()

    def __deepcopy__(self, memo: Any) -> Memory:
        """Stay one memory when scikit-learn clones a regression."""
        return self

    def get(self, x: FloatArray, weight: FloatArray, make: Any) -> tuple[Any, ...]:
        """Give what `make` makes of these rows, from memory where they have been seen."""
        key = blake2b(np.ascontiguousarray(x).tobytes() + np.ascontiguousarray(weight).tobytes(), digest_size=16)
        key.update(str(x.shape).encode())
        name = key.digest()
        if name not in self.kept:
            self.kept[name] = make()
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        self.kept.move_to_end(name)
        return self.kept[name]


@dataclass
class LevelRegression:
    """Least squares on levels and piecewise linear numbers, each level with a light ridge; a scikit-learn regressor.

    Attributes
    ----------
    n_plain
        Columns in front that are taken as they are (the modifiers that econml puts there).
    n_codes
        Columns of level codes after them; all further columns are numbers.
    slopes
        As `Adjustment.slopes`.
    memory
        Where the factorised design is kept.
    """

    n_plain: int = 0
    n_codes: int = 0
    slopes: tuple[tuple[int, int], ...] = ()
    memory: Memory = field(default_factory=Memory)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters, as scikit-learn asks for them."""
        return {name: getattr(self, name) for name in ("n_plain", "n_codes", "slopes", "memory")}

    def set_params(self, **params: Any) -> LevelRegression:
        """Set parameters."""
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(self, x: FloatArray, y: FloatArray, sample_weight: FloatArray | None = None) -> LevelRegression:
        """Fit one regression for each column of `y`."""
        x = np.asarray(x, dtype=float)
        weight = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        self.widths_, self.knots_, design, factor = self.memory.get(x, weight, lambda: self._factorise(x, weight))
        self.shift_ = np.average(y, axis=0, weights=weight)
        right = design.T @ (weight.reshape(-1, *[1] * (np.ndim(y) - 1)) * (y - self.shift_))
        self.coef_ = linalg.cho_solve(factor, right)
        return self

    def predict(self, x: FloatArray) -> FloatArray:
        """Predict; a level not seen before counts as the mean of its kind."""
        design = self._design(np.asarray(x, dtype=float), self.widths_, self.knots_)
        return np.asarray(design @ self.coef_ + self.shift_)

    def _factorise(self, x: FloatArray, weight: FloatArray) -> tuple[Any, ...]:
        codes, numbers = self._split(x)
        widths = tuple(int(column.max(initial=0)) + 1 for column in codes.T)
        knots = tuple(np.unique(np.quantile(column, KNOT_SHARES)) for column in numbers.T)
        design = self._design(x, widths, knots)
        square = (design.T @ design.multiply(weight[:, None])).toarray()
        square[np.diag_indices_from(square)] += RIDGE
        return widths, knots, design, linalg.cho_factor(square, overwrite_a=True, check_finite=False)

    def _split(self, x: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
        first = self.n_plain + self.n_codes
        return x[:, self.n_plain : first].astype(np.int64), x[:, first:]

    def _design(self, x: FloatArray, widths: Sequence[int], knots: Sequence[FloatArray]) -> sparse.csr_matrix:
        codes, numbers = self._split(x)
        bases = [_hinges(column, at) for column, at in zip(numbers.T, knots, strict=True)]
        hot = [_one_hot(column, width) for column, width in zip(codes.T, widths, strict=True)]
        steep = [hot[code].multiply(bases[number - self.n_codes][:, [0]]) for code, number in self.slopes]
        plain = [sparse.csr_matrix(x[:, : self.n_plain])] if self.n_plain else []
        intercept = sparse.csr_matrix(np.ones((len(x), 1)))
        return sparse.hstack([intercept, *plain, *hot, *(sparse.csr_matrix(base) for base in bases), *steep]).tocsr()


def _hinges(column: FloatArray, knots: FloatArray) -> FloatArray:
    """Give a number and what it exceeds each knot by, in tens, centred."""
    return (
        np.column_stack(
            [column - (knots.mean() if len(knots) else 0.0), *(np.maximum(column - at, 0.0) for at in knots)]
        )
        / 10
    )


def _one_hot(codes: NDArray[np.int64], width: int) -> sparse.csr_matrix:
    inside = codes < width
    rows = np.arange(len(codes) + 1)
    return sparse.csr_matrix((inside.astype(float), np.where(inside, codes, 0), rows), shape=(len(codes), width))
