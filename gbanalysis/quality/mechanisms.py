"""What one pass over the lines must deliver for an attribution, and the mechanisms that it tells apart.

The cells (being extended: columns named <stage>_hours, <stage>_temperature, site_id and policy are read from 19:40 on)
---------
One row for each distinct combination of the columns below; the number of rows is bounded by the chain and the calendar,
not by the lines. All that follows is computed from the cells alone.

=====================  ===============================================================================================
period                 ``"base"`` or ``"current"``
day                    the fulfilment date (any hashable): outcomes are clustered by day
category               category of the SKU
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
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import ContractError, NotEnoughDataError

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PERIODS = ("base", "current")
KEYS = ("category", "supplier_id", "origin_id", "central_id", "grid_id", "region")
QUALITY = ("supplier_id", "category", "grid_id")  # dimensions in which quality may change; the rest is common to all
DEGREES, HOURS = 10.0, 10.0  # units in which temperature and hours enter the model


@dataclass(frozen=True)
class Stage:
    """A node of the chain whose hours are known: the columns of its hours, of the node and of the node before."""

    name: str
    hours: str
    node: str
    before: str


CHAIN = (
    Stage("central_warehouse", "central_hours", "central_id", "origin_id"),
    Stage("grid_warehouse", "grid_hours", "grid_id", "central_id"),
)


@dataclass(frozen=True)
class CodedCells:
    """The cells as arrays: labels are replaced by codes, temperature and hours are centred and scaled.

    ``codes`` and ``labels`` have one entry a key column; ``hours`` has shape (stages, rows).
    """

    stages: tuple[Stage, ...]
    period: IntArray
    day: IntArray
    codes: dict[str, IntArray]
    labels: dict[str, NDArray[np.object_]]
    temperature: FloatArray
    hours: FloatArray
    n: FloatArray
    refunded: FloatArray
    extra_variance: FloatArray

    @property
    def totals(self) -> FloatArray:
        """Lines in each period."""
        return np.asarray(np.bincount(self.period, weights=self.n, minlength=2), dtype=float)

    @property
    def rates(self) -> FloatArray:
        """Refund rate of each period."""
        return np.asarray(np.bincount(self.period, weights=self.refunded, minlength=2) / self.totals)

    def size(self, key: str) -> int:
        """Number of levels of a key."""
        return len(self.labels[key])


def encode_cells(cells: pd.DataFrame, stages: Sequence[Stage] = CHAIN) -> CodedCells:
    """Check the cells and turn them into arrays.

    Parameters
    ----------
    cells
        A frame as the module describes it.
    stages
        The stages whose hours are known, in the order of the chain; may be empty.

    Raises
    ------
    ContractError
        A column is missing, a count is impossible, or a grid belongs to two central warehouses or regions.
    NotEnoughDataError
        A period has no line, or none or all of its lines were refunded.
    """
    import pandas as pd

    need = ["period", "day", *KEYS, "temperature_c", *(stage.hours for stage in stages), "n", "refunded"]
    missing = [name for name in need if name not in cells]
    if missing:
        raise ContractError(f"the cells lack {', '.join(missing)}")
    cells = cells[cells["n"] != 0]
    strange = set(cells["period"]) - set(PERIODS)
    if strange:
        raise ContractError(f"period must be base or current, not {sorted(map(str, strange))[:5]}")
    n, refunded = (cells[name].to_numpy(dtype=float) for name in ("n", "refunded"))
    if not (np.isfinite(n) & (n > 0) & np.isfinite(refunded) & (refunded >= 0)).all():
        raise ContractError("n and refunded must be finite and not negative")
    period = np.asarray(cells["period"] == "current", dtype=np.int64)
    for place, name in enumerate(PERIODS):
        here = period == place
        if not here.any():
            raise NotEnoughDataError(f"the {name} period has no lines")
        if refunded[here].sum() == 0:
            raise NotEnoughDataError(f"no line was refunded in the {name} period: there is no rate to explain")
        if refunded[here].sum() >= n[here].sum():
            raise NotEnoughDataError(
                f"the {name} period has no fewer refunded lines than lines: nothing can be told apart"
            )
    codes, labels = {}, {}
    for key in KEYS:
        code, level = pd.factorize(cells[key], sort=True)
        if (code < 0).any():
            raise ContractError(f"{key} is empty in {int((code < 0).sum())} cells")
        codes[key], labels[key] = code.astype(np.int64), np.asarray(level, dtype=object)
    for key in ("central_id", "region"):
        owners = cells.groupby("grid_id")[key].nunique()
        if (owners > 1).any():
            raise ContractError(f"grid {owners.index[owners > 1][0]} has more than one {key}")
    extra = cells["refunded_variance"].to_numpy(dtype=float) if "refunded_variance" in cells else np.zeros(len(cells))
    return CodedCells(
        tuple(stages),
        period,
        pd.factorize(cells["day"])[0].astype(np.int64),
        codes,
        labels,
        _centred(cells["temperature_c"].to_numpy(dtype=float), n, "temperature_c") / DEGREES,
        np.array([_centred(cells[stage.hours].to_numpy(dtype=float), n, stage.hours) for stage in stages]).reshape(
            len(stages), len(cells)
        )
        / HOURS,
        n,
        refunded,
        extra,
    )


def _centred(values: FloatArray, n: FloatArray, what: str) -> FloatArray:
    """Deviations from the mean over lines; zeros where nothing is known at all."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros_like(values)
    if not known.all():
        raise ContractError(f"{what} is known in some cells and not in {int((~known).sum())} others")
    return np.asarray(values - np.average(values, weights=n))


def players(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Names of the mechanisms in causal order; the position of a name is its bit in a coalition.

    Examples
    --------
    >>> players(CHAIN)[:4]
    ('mix', 'allocation', 'weather', 'transit_central_warehouse')
    """
    transit = tuple(f"transit_{stage.name}" for stage in stages)
    return ("mix", "allocation", "weather", *transit, *(f"quality_{key}" for key in QUALITY), "quality_rest")
