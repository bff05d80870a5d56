"""What one pass over the lines must deliver for an attribution, and the mechanisms that it tells apart.

The cells
---------
One row for each distinct combination of the columns below; the number of rows is bounded by the chain and the calendar,
not by the lines. All that follows is computed from the cells alone.

=====================  ===============================================================================================
period                 ``"base"`` or ``"current"``
day                    the fulfilment date (any hashable): outcomes are clustered by day
category               category of the SKU, or a finer kind of goods
parent_category        optional: the category that the kind of goods belongs to; the view "where" tells by it, too
supplier_id            supplier of the line
origin_id              the shared warehouse; the supplier's own id where the chain has none
central_id             the central warehouse; a grid belongs to one
grid_id                the grid warehouse
site_id                optional: the community site; it belongs to one grid. Without it the hours of the sites of a
                       grid are taken together
region                 where the weather is measured; a grid (or site, if given) lies in one
temperature_c          mean temperature of the region on the day (NaN in all rows: no weather known)
``<stage>_hours``      optional, one column a `Stage`: mean hours of the row's lines at that node. Lines whose hours
                       fall into different bins of one hour stand in different rows; what is lost within a bin is of
                       second order. A stage without the column, or with NaN in all rows, is part of quality
``<stage>_temperature``  optional: mean temperature of the node while the row's lines were there; as the hours
policy                 optional: share (0 or 1, or between) of the row's lines under the easier refund rule, as it
                       holds for their region, category and day
n                      lines
refunded               refunded lines; may be fractional where it is corrected for delay
share_reported         optional: share of the row's refunds that is known so far, by which ``refunded`` was divided;
                       the checks allow for the chance in it
refunded_variance      optional: variance that the delay correction adds to ``refunded``, row by row. What the rows
                       share (one delay curve serves many) goes into `attribute_cells(shared_error=...)`
=====================  ===============================================================================================

Stages are named as in the data contract: supplier, shared_warehouse, central_warehouse, grid_warehouse, community_site.

The mechanisms, in causal order: mix P(category, grid or site); allocation P(supplier, origin | category, central);
weather P(temperature | region); for each stage transit P(hours | node, node before, weather) and temperature P(node
temperature | node, node before, weather); policy P(rule | category, region); and quality P(refund | all of these),
whose change is told apart into suppliers, categories, warehouses and the rest that is common to all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.errors import ContractError, NotEnoughDataError

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PERIODS = ("base", "current")
KEYS = ("category", "supplier_id", "origin_id", "central_id", "grid_id", "region")
PARENT = "parent_category"
DESTINATION = ("central_id", "grid_id", "region")  # what the last node of a line's way settles
QUALITY = ("supplier_id", "category", "origin_id", "central_id", "grid_id")  # dimensions in which quality may change
MOST_GAPS = 8  # numbers a row that a table of numbers may hold; beyond, rows are sorted
DEGREES, HOURS = 10.0, 10.0  # units in which temperatures and hours enter the model


@dataclass(frozen=True)
class Stage:
    """A stage of the chain: its name, and the columns of its hours, of its node and of the node before."""

    name: str
    hours: str
    node: str
    before: str

    @property
    def temperature(self) -> str:
        """Column of the node's temperature."""
        return f"{self.name}_temperature"


CHAIN = (
    Stage("supplier", "supplier_hours", "supplier_id", "supplier_id"),
    Stage("shared_warehouse", "shared_warehouse_hours", "origin_id", "supplier_id"),
    Stage("central_warehouse", "central_warehouse_hours", "central_id", "origin_id"),
    Stage("grid_warehouse", "grid_warehouse_hours", "grid_id", "central_id"),
    Stage("community_site", "community_site_hours", "site_id", "grid_id"),
)


@dataclass(frozen=True, eq=False)
class CodedCells:
    """The cells as arrays: labels are replaced by codes, temperatures and hours are centred and scaled.

    Attributes
    ----------
    stages, cooled
        The stages whose hours are known, in the order of the chain; places in it of those whose temperature is too.
    last
        The key of the last node: ``site_id`` or ``grid_id``.
    quality
        Dimensions whose change of quality can be told apart; the rest is common to all.
    codes, labels
        One entry a key column.
    hours, node_heat
        Shape (stages, rows) and (cooled, rows).
    share_reported
        Share of each row's refunds that is known; 1 where all are.
    extra_variance, shared_error
        Errors of ``refunded`` beside chance: of each row on its own, and shared by rows, shape (rows, errors).
    policy
        Share of each row's lines under the easier refund rule; None where its effect is not identified.
    notes
        What the cells cannot tell.
    """

    stages: tuple[Stage, ...]
    cooled: tuple[int, ...]
    last: str
    quality: tuple[str, ...]
    period: IntArray
    day: IntArray
    codes: dict[str, IntArray]
    labels: dict[str, NDArray[np.object_]]
    temperature: FloatArray
    hours: FloatArray
    node_heat: FloatArray
    policy: FloatArray | None
    n: FloatArray
    refunded: FloatArray
    share_reported: FloatArray
    extra_variance: FloatArray
    shared_error: sparse.csr_matrix
    notes: tuple[str, ...]

    @property
    def totals(self) -> FloatArray:
        """Lines in each period."""
        return np.asarray(np.bincount(self.period, weights=self.n, minlength=2), dtype=float)

    @property
    def rates(self) -> FloatArray:
        """Refund rate of each period."""
        return np.asarray(np.bincount(self.period, weights=self.refunded, minlength=2) / self.totals)

    @property
    def players(self) -> tuple[str, ...]:
        """Names of the mechanisms in causal order."""
        transit = tuple(f"transit_{stage.name}" for stage in self.stages)
        heat = tuple(f"temperature_{self.stages[place].name}" for place in self.cooled)
        policy = () if self.policy is None else ("policy",)
        quality = (*(f"quality_{key}" for key in self.quality), "quality_rest")
        return ("mix", "allocation", "weather", *transit, *heat, *policy, *quality)

    def cluster(self, key: str) -> IntArray:
        """Number of each row's cluster: the level of a key on a day."""
        return without_gaps(self.codes[key] * (int(self.day.max()) + 1) + self.day)[1]

    def size(self, key: str) -> int:
        """Number of levels of a key."""
        return len(self.labels[key])


def without_gaps(code: IntArray) -> tuple[IntArray, IntArray]:
    """Give the distinct numbers in their order, and the place of each row's among them, without sorting the rows.

    Examples
    --------
    >>> without_gaps(np.array([7, 2, 7]))
    (array([2, 7]), array([1, 0, 1]))
    """
    if code.max() > MOST_GAPS * len(code):
        found, place = np.unique(code, return_inverse=True)
        return found, place
    is_used = np.bincount(code) > 0
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[code]


def encode_cells(
    cells: pd.DataFrame, stages: Sequence[Stage] = CHAIN, shared_error: FloatArray | None = None
) -> CodedCells:
    """Check the cells and turn them into arrays.

    Parameters
    ----------
    cells
        A frame as the module describes it.
    stages
        The stages that may be told apart, in the order of the chain; those without hours in the cells are left out.
    shared_error
        Errors of ``refunded`` that rows share, shape (rows, errors), dense or sparse.

    Raises
    ------
    ContractError
        A column is missing, a count is impossible, or a grid belongs to two central warehouses or regions.
    NotEnoughDataError
        A period has no line, or none or all of its lines were refunded.
    """
    import pandas as pd

    last = "site_id" if "site_id" in cells else "grid_id"
    stages = [replace(stage, node="grid_id") if stage.node not in cells else stage for stage in stages]
    missing = [name for name in ("period", "day", *KEYS, "temperature_c", "n", "refunded") if name not in cells]
    if missing:
        raise ContractError(f"the cells lack {', '.join(missing)}")
    kept = (cells["n"] != 0).to_numpy()
    if shared_error is None:
        shared_error = np.zeros((len(cells), 0))
    shared = sparse.csr_matrix(shared_error) if shared_error.ndim == 2 else sparse.csr_matrix((0, 0))
    if shared.shape[0] != len(cells) or not np.isfinite(shared.data).all():
        raise ContractError("shared_error needs one finite row for each row of the cells")
    if not kept.all():
        cells, shared = cells[kept], shared[kept]
    _check_counts(cells)
    n = cells["n"].to_numpy(dtype=float)
    codes, labels = {}, {}
    parents = (PARENT,) if PARENT in cells and (cells[PARENT] != cells["category"]).any() else ()
    for key in dict.fromkeys((*KEYS, last, *parents)):
        codes[key], labels[key] = _levels(cells[key])
    for child, key in (*((last, key) for key in DESTINATION), *(("category", key) for key in parents)):
        owner = owner_codes(codes[child], codes[key])
        if len(other := np.flatnonzero(owner[codes[child]] != codes[key])):
            shared_one = labels[child][codes[child][other[0]]]
            raise ContractError(f"{child.removesuffix('_id')} {shared_one} has more than one {key}")
    known = tuple(stage for stage in stages if _is_known(cells, stage.hours))
    cooled = tuple(place for place, stage in enumerate(known) if _is_known(cells, stage.temperature))
    period = np.asarray(cells["period"] == "current", dtype=np.int64)
    policy, notes = _identified_policy(cells, period)
    share, extra = (
        cells[name].to_numpy(dtype=float) if name in cells else np.full(len(cells), otherwise)
        for name, otherwise in (("share_reported", 1.0), ("refunded_variance", 0.0))
    )
    return CodedCells(
        known,
        cooled,
        last,
        _separable(codes),
        period,
        np.asarray(pd.factorize(cells["day"])[0], dtype=np.int64),
        codes,
        labels,
        _centred(cells, "temperature_c") / DEGREES if _is_known(cells, "temperature_c") else np.zeros(len(n)),
        _stacked(cells, [stage.hours for stage in known]) / HOURS,
        _stacked(cells, [known[place].temperature for place in cooled]) / DEGREES,
        policy,
        n,
        cells["refunded"].to_numpy(dtype=float),
        share,
        extra,
        shared,
        notes,
    )


def _levels(column: pd.Series[Any]) -> tuple[IntArray, NDArray[np.object_]]:
    """Code of each row, and the levels in their order."""
    import pandas as pd

    code, level = pd.factorize(column, sort=True)
    if (code < 0).any():
        raise ContractError(f"{column.name} is empty in {int((code < 0).sum())} cells")
    return np.asarray(code, dtype=np.int64), np.asarray(level, dtype=object)


def owner_codes(child: IntArray, key: IntArray) -> IntArray:
    """Code of the key that each level of a child belongs to (that of its last row)."""
    owner = np.zeros(int(child.max()) + 1, dtype=np.int64)
    owner[child] = key
    return owner


def _check_counts(cells: pd.DataFrame) -> None:
    """Refuse impossible counts, and periods in which there is nothing to explain."""
    strange = set(cells["period"].unique()) - set(PERIODS)
    if strange:
        raise ContractError(f"period must be base or current, not {sorted(map(str, strange))[:5]}")
    n, refunded = (cells[name].to_numpy(dtype=float) for name in ("n", "refunded"))
    if not (np.isfinite(n) & (n > 0) & np.isfinite(refunded) & (refunded >= 0)).all():
        raise ContractError("n and refunded must be finite and not negative")
    for name in PERIODS:
        here = (cells["period"] == name).to_numpy()
        if not here.any():
            raise NotEnoughDataError(f"the {name} period has no lines")
        if refunded[here].sum() == 0:
            raise NotEnoughDataError(f"no line was refunded in the {name} period: there is no rate to explain")
        if refunded[here].sum() >= n[here].sum():
            raise NotEnoughDataError(
                f"the {name} period has no fewer refunded lines than lines: nothing can be told apart"
            )


def _separable(codes: dict[str, IntArray]) -> tuple[str, ...]:
    """Dimensions with two levels or more that do not repeat one named before."""
    kept: list[str] = []
    for key in QUALITY:
        size = int(codes[key].max()) + 1
        others = [codes[other] for other in kept]
        same = [len(without_gaps(code * size + codes[key])[0]) == size == int(code.max()) + 1 for code in others]
        if size > 1 and not any(same):
            kept.append(key)
    return tuple(kept)


def _identified_policy(cells: pd.DataFrame, period: IntArray) -> tuple[FloatArray | None, tuple[str, ...]]:
    """The policy column where it differs within a period; else its change is one with the rest of quality."""
    if not _is_known(cells, "policy"):
        return None, ()
    policy = cells["policy"].to_numpy(dtype=float)
    if not (np.isfinite(policy) & (policy >= 0) & (policy <= 1)).all():
        raise ContractError("policy must lie between 0 and 1 in every cell")
    if any(np.ptp(policy[period == one]) > 0 for one in (0, 1)):
        return policy, ()
    if np.ptp(policy) == 0:
        return None, ()
    return None, (
        "the refund rule changed everywhere at once between the periods: its effect is not identified "
        "and is part of the quality that is common to all",
    )


def _is_known(cells: pd.DataFrame, name: str) -> bool:
    return name in cells and bool(cells[name].notna().any())


def _stacked(cells: pd.DataFrame, names: Sequence[str]) -> FloatArray:
    return np.array([_centred(cells, name) for name in names]).reshape(len(names), len(cells))


def _centred(cells: pd.DataFrame, name: str) -> FloatArray:
    """Deviations from the mean over lines."""
    values = cells[name].to_numpy(dtype=float)
    lost = int((~np.isfinite(values)).sum())
    if lost:
        raise ContractError(f"{name} is known in some cells and not in {lost} others")
    return np.asarray(values - np.average(values, weights=cells["n"].to_numpy(dtype=float)))
