"""From the sums of `facts.delay_facts` to arrays: the triangle that is projected, and the parts it is split into."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.latency.triangle import Triangle

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_CELLS = 64
MOST_GROUPS = 5_000
OTHER = "(other)"


@dataclass(frozen=True, eq=False)
class DelayArrays:
    """Lines and refunds of the recent days, for the cells that share a delay law and for the parts of them.

    Attributes
    ----------
    days
        [n_days] reference days, from the first with lines to `as_of`.
    groups
        One row a group of the user's `by`.
    cell, group
        [n_parts] the cell and the group that a part belongs to.
    cells
        For each cell its category and region (or what they were put together to).
    offered, reported, late
        [n_parts, n_days] what could be asked back, what was within the delays that count, and what was later.
    counts
        [n_cells, n_days, max_delay + 1]
    scale
        [n_cells] size of one refund: 1 for lines; for value and quantity the mean refund weighted by its size, so that
        counts divided by it scatter as counts of lines do.
    """

    days: NDArray[np.datetime64]
    groups: pd.DataFrame
    cell: IntArray
    group: IntArray
    cells: tuple[tuple[str, str], ...]
    offered: FloatArray
    reported: FloatArray
    late: FloatArray
    counts: FloatArray
    scale: FloatArray

    def over_groups(self, values: FloatArray) -> FloatArray:
        """Sum [n_parts, n_days] to [n_groups, n_days]."""
        return _sums(values, self.group, len(self.groups))

    def triangle(self) -> Triangle:
        """Give the triangle of the cells in units of one refund; cells of one category are reported alike."""
        exposure = _sums(self.offered, self.cell, len(self.cells)) / self.scale[:, None]
        counts = self.counts / self.scale[:, None, None]
        # What is left of rounding may exceed the exposure by a hair.
        exposure = np.maximum(exposure, counts.sum(axis=2))
        category = tuple(category for category, _ in self.cells)
        return Triangle(counts, start=self.days[0], exposure=exposure, cells=self.cells, group=category)


def _sums(values: FloatArray, code: IntArray, size: int) -> FloatArray:
    found = np.zeros((size, values.shape[1]))
    np.add.at(found, code, values)
    return found


def share_cells(category: Sequence[str], region: Sequence[str], n: FloatArray) -> list[tuple[str, str]]:
    """Name the cell of each row: category and region, or less where there would be more than 64 cells.

    First the regions are put together, then the smallest categories.

    Examples
    --------
    >>> share_cells(["fruit", "fruit", "fish"], ["north", "south", "north"], np.ones(3))
    [('fruit', 'north'), ('fruit', 'south'), ('fish', 'north')]
    """
    pairs = list(zip(category, region, strict=True))
    if len(set(pairs)) <= MOST_CELLS:
        return pairs
    sizes: dict[str, float] = {}
    for name, size in zip(category, n, strict=True):
        sizes[name] = sizes.get(name, 0.0) + float(size)
    kept = set(sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_CELLS])
    if len(sizes) > MOST_CELLS:
        kept = set(sorted(kept, key=lambda name: (-sizes[name], name))[:-1])
    return [(name if name in kept else OTHER, OTHER) for name in category]


def refund_size(frame: pd.DataFrame, cell: IntArray, n_cells: int) -> FloatArray:
    """Give each cell's mean refund weighted by its size, shrunk to that of all: a cell's own counts as ten refunds."""
    reported = np.bincount(cell, frame["reported"], minlength=n_cells)
    squares = np.bincount(cell, frame["squares"], minlength=n_cells)
    whole = squares.sum() / reported.sum()
    return np.asarray((squares + 10 * whole**2) / (reported + 10 * whole))


def to_arrays(frame: pd.DataFrame, *, by: Sequence[str], max_delay: int, first: dt.date, as_of: dt.date) -> DelayArrays:
    """Lay the rows from `first` to `as_of` out as arrays.

    Parameters
    ----------
    frame
        From `facts.delay_facts`, with ``category``, ``region`` and the columns of `by`.
    by
        The columns of the groups; without any there is one group.

    Raises
    ------
    NotEnoughDataError
        Where no line lies in these days.
    GBAnalysisError
        Where `by` makes more than 5,000 groups.
    """
    import pandas as pd

    frame = frame[frame["day"].to_numpy().astype("datetime64[D]") >= np.datetime64(first)]
    if frame.empty:
        raise NotEnoughDataError(f"no line has its reference day between {first} and {as_of}")
    # Days before the first line are no history: they would look like days without refunds.
    start = frame["day"].to_numpy().astype("datetime64[D]").min()
    days = np.arange(start, np.datetime64(as_of) + 1)
    if by:
        group, labels = pd.factorize(pd.MultiIndex.from_frame(frame[list(by)]), sort=True)
        groups = pd.DataFrame(list(labels), columns=list(by))
    else:
        group, groups = np.zeros(len(frame), dtype=np.int64), pd.DataFrame(index=[0])
    if len(groups) > MOST_GROUPS:
        raise GBAnalysisError(f"by makes {len(groups):,} groups; a projection takes at most {MOST_GROUPS:,}")
    names = share_cells(list(frame["category"]), list(frame["region"]), frame["n"].to_numpy(dtype=float))
    cell, cells = pd.factorize(pd.MultiIndex.from_tuples(names), sort=True)
    part, pairs = pd.factorize(cell * len(groups) + group, sort=True)
    day = (frame["day"].to_numpy().astype("datetime64[D]") - days[0]).astype(np.int64)
    delay, reported = frame["delay"].to_numpy(), frame["reported"].to_numpy(dtype=float)
    shape = (len(pairs), len(days))
    offered, in_time, late = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(offered, (part, day), frame["n"].to_numpy(dtype=float))
    kept, after = (delay >= 0) & (delay <= max_delay), delay > max_delay
    np.add.at(in_time, (part[kept], day[kept]), reported[kept])
    np.add.at(late, (part[after], day[after]), reported[after])
    counts = np.zeros((len(cells), len(days), max_delay + 1))
    np.add.at(counts, (cell[kept], day[kept], delay[kept]), reported[kept])
    if not counts.sum():
        raise NotEnoughDataError(f"no refund of the lines from {first} to {as_of} is known by {as_of}")
    return DelayArrays(
        days,
        groups,
        pairs // len(groups),
        pairs % len(groups),
        tuple((str(category), str(region)) for category, region in cells),
        offered,
        in_time,
        late,
        counts,
        refund_size(frame, cell, len(cells)),
    )
