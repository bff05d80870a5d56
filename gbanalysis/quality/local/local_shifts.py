"""The places of a crossed hierarchy whose refund rate moved beyond what moved around them: table, paragraph, chart."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.results import Result, number, rate, require_sum

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Span = tuple[dt.date, dt.date]

COUNTS = ("n_base", "n_current", "n_refunded_base", "n_refunded_current")
FIGURES = ("base_rate", "expected_rate", "current_rate", "change", "ci_lower", "ci_upper", "p_adjusted")
EVERYTHING = "everything"
MOST_TOLD = 4


@dataclass(frozen=True, eq=False)
class LocalShifts(Result):
    """What moved between two periods, and only that; made by `find_local_shifts`.

    Attributes
    ----------
    frame
        One row a place that moved, strongest first; empty where none did.
    cells
        One row a finest cell: `hierarchy`, counts, ``base_rate``, ``expected_rate`` (had only the places found moved)
        and ``current_rate``.
    hierarchy
        The dimensions.
    base, current, as_of
        The periods, and the last day whose refunds are known.
    fdr
        The chance of naming any place too many.
    n_nodes
        How many places were looked at.
    notes
        What the data cannot tell.
    """

    frame: pd.DataFrame
    cells: pd.DataFrame = field(repr=False)
    hierarchy: tuple[str, ...]
    base: Span
    current: Span
    as_of: dt.date
    fdr: float
    n_nodes: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.frame.to_dict("records"):
            inside = self.inside(row)
            for name in COUNTS:
                require_sum(inside[name], row[name], what=f"{name} of {self.name_of(row)}")
            if not (row["p_adjusted"] <= self.fdr and row["ci_lower"] * row["ci_upper"] > 0):
                raise GBAnalysisError(f"{self.name_of(row)} is named, yet its shift may be chance")

    def inside(self, row: Any) -> pd.DataFrame:
        """Give the cells that lie in the place of a row of the table."""
        chosen = np.ones(len(self.cells), dtype=bool)
        for name in self.hierarchy:
            if row[name] is not None:
                chosen &= (self.cells[name] == row[name]).to_numpy()
        return self.cells[chosen]

    def name_of(self, row: Any) -> str:
        """Name the place of a row of the table, such as "fruit, Hunan"."""
        return ", ".join(str(row[name]) for name in self.hierarchy if row[name] is not None) or EVERYTHING

    def to_frame(self) -> pd.DataFrame:
        """Give one row a place that moved, strongest first; no row where nothing did.

        Columns: the hierarchy's dimensions (null: all of it); ``n_base``, ``n_current`` (lines), ``n_refunded_base``,
        ``n_refunded_current`` (known by `as_of`); ``base_rate`` and ``current_rate``, corrected for refunds still to
        come; ``expected_rate``, what the current rate would have been had the place kept to its usual rate and moved as
        its surroundings; ``change``, the current rate less the expected one, with ``ci_lower`` and ``ci_upper``, which
        hold for all places together; ``p_adjusted``, the chance that any place at all looks as moved when none has.
        """
        return self.frame.copy()

    def places(self) -> list[str]:
        """Name the places that moved, strongest first."""
        return [self.name_of(row) for row in self.frame.to_dict("records")]

    def strongest(self) -> dict[str, Any]:
        """Give the first row of the table.

        Raises
        ------
        NotEnoughDataError
            Where nothing moved.
        """
        if self.frame.empty:
            raise NotEnoughDataError("No place moved beyond chance.")
        return {str(name): value for name, value in self.frame.iloc[0].items()}

    def text(self) -> str:
        """Say in one paragraph which places moved, and by how much."""
        then, now = (self._overall(period) for period in ("base", "current"))
        whole = f"The whole went from {rate(then, digits=2)} to {rate(now, digits=2)}"
        chance = rate(self.fdr, digits=0)
        looked = f"{number(self.n_nodes)} places were looked at, at a {chance} chance of naming any in error."
        if self.frame.empty:
            return f"{whole}. No place moved beyond chance. {looked}"
        rows = self.frame.to_dict("records")
        said = [
            f"{self.name_of(row)}, at {rate(row['current_rate'])} where {rate(row['expected_rate'])} was to be "
            f"expected ({self._refunds(row)} in {number(row['n_current'])} lines)"
            for row in rows[:MOST_TOLD]
        ]
        count = "one place" if len(rows) == 1 else f"{number(len(rows))} places"
        more = f"; and {number(len(rows) - MOST_TOLD)} more" if len(rows) > MOST_TOLD else ""
        return f"{whole}. Beyond what moved around it, {count} moved: {'; '.join(said)}{more}. {looked}"

    def _overall(self, period: str) -> float:
        """Rate of the whole, with what is still to come."""
        lines = self.cells[f"n_{period}"].sum()
        refunds = (self.cells[f"{period}_rate"] * self.cells[f"n_{period}"]).sum()
        return float(refunds / lines)

    @staticmethod
    def _refunds(row: Any) -> str:
        count, word = row["change"] * row["n_current"], "more" if row["change"] > 0 else "fewer"
        return f"about {number(abs(count), digits=0)} refunds {word}"

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw base, expected and current rate of the places that moved.

        Raises
        ------
        NotEnoughDataError
            Where nothing moved.
        """
        from gbanalysis.plots import plot_moves

        if self.frame.empty:
            raise NotEnoughDataError("No place moved beyond chance: there is nothing to draw.")
        shown = self.frame.rename(columns={"base_rate": "base", "expected_rate": "expected", "current_rate": "current"})
        ends = {name: shown["expected"] + shown[name] for name in ("ci_lower", "ci_upper")}
        return plot_moves(
            shown.assign(place=self.places(), **ends), name="place", label="refund rate", unit="share", ax=ax
        )

    def alt_text(self) -> str:
        """Say in words what `plot` shows."""
        if self.frame.empty:
            return "No chart: no place moved beyond chance."
        said = "; ".join(
            f"{self.name_of(row)}: base {rate(row['base_rate'])}, expected {rate(row['expected_rate'])}, "
            f"current {rate(row['current_rate'])}"
            for row in self.frame.head(MOST_TOLD).to_dict("records")
        )
        return f"Refund rates of the places that moved, one row each, with the interval of the current rate. {said}."
