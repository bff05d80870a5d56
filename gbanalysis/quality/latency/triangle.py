"""The reporting triangle: how many events of each reference day were reported after each delay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Day = np.datetime64 | dt.date | str


def as_day(day: Day) -> np.datetime64:
    """Give a day as NumPy has it; a `GBAnalysisError` where it is none."""
    try:
        return np.datetime64(str(day)[:10], "D")
    except ValueError:
        raise GBAnalysisError(f"{day!r} is no day, such as '2024-03-01'") from None


@dataclass(frozen=True, eq=False)
class Triangle:
    """Events by cell, reference day and delay.

    The last delay is the last that counts: what comes later belongs to no figure. Counts beyond the day up to which
    data are known are never read; every method that needs that day takes it as `as_of`.

    Parameters
    ----------
    counts
        [n_cells, n_days, max_delay + 1] events of the cell and reference day reported that many days later.
    start
        The first reference day.
    exposure
        [n_cells, n_days] the most the count can reach, such as the lines picked up; None where there is none.
    cells
        A name for each cell; numbers by default.
    group
        For each cell the group whose cells are reported alike (its category); by default each cell is one of its own.
    step
        Days from one reference day to the next, and from one delay to the next: 7 for weekly data.
    cycle
        Reference days after which the calendar repeats: 7 for daily data, 1 for none.

    Raises
    ------
    ContractError
        Where shapes do not fit, a count or exposure is negative or not a number, or a count exceeds its exposure.

    Examples
    --------
    >>> triangle = Triangle(np.array([[[5.0, 3.0, 1.0], [4.0, 2.0, 0.0]]]), start="2026-03-01")
    >>> triangle.observed("2026-03-02")
    array([[8., 4.]])
    >>> triangle.ultimate()
    array([[9., 6.]])
    """

    counts: FloatArray
    start: Day
    exposure: FloatArray | None = None
    cells: Sequence[object] = ()
    group: Sequence[object] = ()
    step: int = 1
    cycle: int = 7

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "counts", np.asarray(self.counts, dtype=float))
        set_field(self, "start", as_day(self.start))
        if self.counts.ndim != 3 or 0 in self.counts.shape:
            raise ContractError(f"counts must be [cells, days, delays], none of them empty, not {self.counts.shape}")
        set_field(self, "cells", tuple(self.cells) or tuple(range(self.n_cells)))
        set_field(self, "group", tuple(self.group) or self.cells)
        if len(self.cells) != self.n_cells or len(self.group) != self.n_cells:
            raise ContractError(f"{self.n_cells} cells, but {len(self.cells)} names and {len(self.group)} groups")
        if len(set(self.cells)) != self.n_cells:
            raise ContractError("two cells have one name")
        if self.step < 1 or self.cycle < 1:
            raise ContractError("step and cycle must be at least 1")
        if not (np.isfinite(self.counts).all() and (self.counts >= 0).all()):
            raise ContractError("counts must be finite and not negative")
        if self.exposure is not None:
            set_field(self, "exposure", self._checked_exposure(self.exposure))

    def _checked_exposure(self, exposure: ArrayLike) -> FloatArray:
        checked = np.asarray(exposure, dtype=float)
        if checked.shape != self.counts.shape[:2]:
            raise ContractError(f"exposure is {checked.shape}, but there are {self.counts.shape[:2]} cells and days")
        if not (np.isfinite(checked).all() and (checked >= 0).all()):
            raise ContractError("exposure must be finite and not negative")
        above = np.argwhere(self.ultimate() > checked * (1 + 1e-9))
        if len(above):
            cell, day = above[0]
            raise ContractError(f"{len(above)} counts exceed their exposure, first {self.cells[cell]!r}, day {day}")
        return checked

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, *, max_delay: int, step: int = 1, cycle: int = 7, last: Day | None = None
    ) -> Triangle:
        """Make a triangle from rows of ``cell, reference, delay, count``; days without rows count zero.

        `delay` is in steps. Rows with a delay above `max_delay` belong to no figure and are left out, as `last` leaves
        out later reference days.

        Raises
        ------
        ContractError
            Where a delay is negative or a reference day lies between two steps.
        """
        import pandas as pd

        start = as_day(frame["reference"].min())
        days = (pd.to_datetime(frame["reference"]).to_numpy().astype("datetime64[D]") - start).astype(np.int64)
        delay = frame["delay"].to_numpy(dtype=np.int64)
        if (delay < 0).any() or (days % step).any():
            raise ContractError("a delay is negative, or a reference day lies between two steps")
        end = days.max() if last is None else (as_day(last) - start).astype(np.int64)
        code, cells = pd.factorize(frame["cell"], sort=True)
        kept = (delay <= max_delay) & (days <= end)
        counts = np.zeros((len(cells), int(end) // step + 1, max_delay + 1))
        np.add.at(counts, (code[kept], days[kept] // step, delay[kept]), frame["count"].to_numpy(dtype=float)[kept])
        return cls(counts, start=start, cells=tuple(cells), step=step, cycle=cycle)

    @property
    def n_cells(self) -> int:
        """How many cells."""
        return int(self.counts.shape[0])

    @property
    def n_days(self) -> int:
        """How many reference days."""
        return int(self.counts.shape[1])

    @property
    def max_delay(self) -> int:
        """The last delay that counts, in steps."""
        return int(self.counts.shape[2]) - 1

    @property
    def reference(self) -> NDArray[np.datetime64]:
        """[n_days] the reference days."""
        return np.asarray(as_day(self.start) + np.arange(self.n_days) * self.step)

    def index_of(self, day: Day) -> int:
        """Give the place of a day among the reference days; it may lie after the last.

        Raises
        ------
        NotEnoughDataError
            Where the day lies before the first reference day: nothing is known then.
        """
        days = int((as_day(day) - as_day(self.start)).astype(np.int64))
        if days < 0:
            raise NotEnoughDataError(f"as_of {day} lies before the first reference day, {self.start}")
        return days // self.step

    def known(self, as_of: Day) -> BoolArray:
        """[n_days, max_delay + 1] which reports are known at the end of `as_of`."""
        reported = np.arange(self.n_days)[:, None] + np.arange(self.max_delay + 1)
        return np.asarray(reported <= self.index_of(as_of))

    def observed(self, as_of: Day) -> FloatArray:
        """[n_cells, n_days] events reported by the end of `as_of`."""
        return np.asarray((self.counts * self.known(as_of)).sum(axis=2))

    def ultimate(self) -> FloatArray:
        """[n_cells, n_days] events of all delays, as far as the counts hold them."""
        return np.asarray(self.counts.sum(axis=2))

    def offered(self) -> FloatArray:
        """[n_cells, n_days] the exposure, or ones where there is none."""
        return np.ones(self.counts.shape[:2]) if self.exposure is None else self.exposure

    def as_of(self, day: Day, *, history: int | None = None) -> Triangle:
        """Give the triangle as it stood at the end of a day: later days cut off, later reports zero.

        With `history`, only that many reference days are kept; the first is moved by whole cycles.
        """
        last = min(self.index_of(day), self.n_days - 1)
        first = 0 if history is None else max(last + 1 - history, 0) // self.cycle * self.cycle
        days = slice(first, last + 1)
        return replace(
            self,
            counts=(self.counts * self.known(day))[:, days],
            start=self.reference[first],
            exposure=None if self.exposure is None else self.exposure[:, days],
        )

    def over_cells(self, labels: Sequence[object]) -> Triangle:
        """Sum cells that have one label: to categories, or to the whole."""
        if len(labels) != self.n_cells:
            raise ContractError(f"{self.n_cells} cells, but {len(labels)} labels")
        names = tuple(dict.fromkeys(labels))
        member = np.array([[label == name for label in labels] for name in names], dtype=float)
        return replace(
            self,
            counts=np.einsum("kc,ctd->ktd", member, self.counts),
            exposure=None if self.exposure is None else member @ self.exposure,
            cells=names,
            group=(),
        )

    def over_days(self, days: int) -> Triangle:
        """Sum reference days to periods of `days`, and delays with them; days that do not fill a period are left out.

        A report falls into its own period, so a period's first delay holds what was reported before it ended.
        """
        periods = self.n_days // days
        if periods == 0:
            raise NotEnoughDataError(f"{self.n_days} reference days do not fill one period of {days}")
        counts = np.zeros((self.n_cells, periods, (days - 1 + self.max_delay) // days + 1))
        inside = self.counts[:, : periods * days].reshape(self.n_cells, periods, days, -1)
        for day in range(days):
            for delay in range(self.max_delay + 1):
                counts[:, :, (day + delay) // days] += inside[:, :, day, delay]
        exposure = self.exposure
        if exposure is not None:
            exposure = exposure[:, : periods * days].reshape(self.n_cells, periods, days).sum(axis=2)
        cycle = self.cycle // days if self.cycle % days == 0 else 1
        return replace(self, counts=counts, exposure=exposure, step=self.step * days, cycle=max(cycle, 1))
