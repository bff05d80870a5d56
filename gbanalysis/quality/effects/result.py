"""The result of an estimate of effects: table, words, chart, checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gbanalysis.dataset.arguments import generator
from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.effects.identification import Identification
from gbanalysis.quality.effects.methods import Question
from gbanalysis.results import Result, points, rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNITS = {"hours": "hour", "temperature": "degree"}


@dataclass(frozen=True, eq=False)
class Effect(Result):
    """Effects of one cause on the refund rate; made by `estimate_effect`.

    Attributes
    ----------
    frame
        One row a group (and, for a curve, a level ``at`` of the treatment; for suppliers, ``supplier_id`` and
        ``category``): ``effect`` in refund rate, ``ci_lower``, ``ci_upper``, ``n_lines``, ``n_refunded``,
        ``n_clusters``, ``overlap`` (the share of the treatment's spread that is left once all else is held fixed),
        ``reason`` where there is no effect.
    treatment, method, by
        What was asked.
    identification
        What the graph says of it.
    adjusted_for
        Nodes that were held fixed.
    notes
        What was left out or is doubtful.
    confidence
        Confidence level of the intervals.
    """

    frame: pd.DataFrame
    treatment: str
    method: str
    by: tuple[str, ...]
    identification: Identification
    adjusted_for: tuple[str, ...]
    notes: tuple[str, ...]
    confidence: float
    question: Question | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        known = self.frame.dropna(subset=["effect", "ci_lower"])
        if not known["effect"].between(known["ci_lower"], known["ci_upper"]).all():
            raise GBAnalysisError("an effect lies outside its own interval")
        if (self.frame["effect"].isna() & (self.frame["reason"] == "")).any():
            raise GBAnalysisError("an effect is not known, and no reason is given")

    @property
    def name(self) -> str:
        """The treatment in words."""
        return self.treatment.replace("_", " ")

    @property
    def per(self) -> str:
        """One unit of the treatment, in words."""
        return UNITS.get(self.treatment.rpartition("_")[2], "unit")

    def to_frame(self) -> pd.DataFrame:
        """Give the effects."""
        return self.frame.copy()

    def text(self) -> str:
        """Say the largest effects, and what they rest on."""
        known = self.frame.dropna(subset=["effect"])
        if known.empty:
            said = f"No effect of {self.name} can be told: {self.frame['reason'].iloc[0]}."
        else:
            said = self._told(known)
        fixed = ", ".join(node.replace("_", " ") for node in self.adjusted_for) or "nothing"
        left = [f"{note[0].upper()}{note[1:]}." for note in self.notes]
        return " ".join([said, f"Held fixed: {fixed}. Intervals: {rate(self.confidence, digits=0)}.", *left])

    def _told(self, known: pd.DataFrame) -> str:
        if self.method == "supplier":
            said = f"{len(known)} of {len(self.frame)} pairs of supplier and category can be compared."
            worse = known[known["ci_lower"] > 0]
            if worse.empty:
                return f"{said} None can be told to be worse than the others there."
            worst = worse.loc[worse["effect"].idxmax()]
            named = f"{worst['supplier_id']} in {worst['category']}: {_signed(worst)} against the others there."
            return f"{said} Of those that can be told to be worse than the others the worst is {named}"
        row = known.loc[known["effect"].abs().idxmax()]
        where = f" (largest for {', '.join(str(row[name]) for name in self.by)})" if self.by else ""
        if self.method == "curve":
            way = "more" if row["at"] > 0 else "fewer"
            moved = f"{abs(row['at']):.1f} {self.per}s {way} than usual ({self.name})"
            return f"{moved} change the rate by {_signed(row)}{where}."
        if self.method == "threshold":
            return f"More than {row['threshold']:.1f} of {self.name} change the rate by {_signed(row)}{where}."
        return f"One {self.per} more of {self.name} changes the refund rate by {_signed(row)}{where}."

    def refute(self, *, rng: np.random.Generator | int | None = None) -> pd.DataFrame:
        """Try to refute the effect of one unit over all lines, by dowhy on all cells; see `checks.refutations`.

        Parameters
        ----------
        rng
            A seed or a generator for the refuters' draws; by default one fixed stream, so that two calls agree.

        Raises
        ------
        GBAnalysisError
            Where there is no single number to refute: suppliers, or several temperatures at once; or `rng` makes
            no sense.
        """
        from gbanalysis.quality.effects.checks import refutations

        if self.question is None or self.question.terms:
            raise GBAnalysisError(f"the refuters need one treatment that is a number, not {self.name}")
        seed = int(generator(rng).integers(2**31))
        return refutations(self.question.problem, confidence=self.confidence, seed=seed)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw bars by group, a map for two groupings, curves with bands, or suppliers with their intervals."""
        from gbanalysis.plots import plot_bars, plot_heat
        from gbanalysis.plots.dose import plot_dose

        shown = self.frame.assign(
            value=100 * self.frame["effect"],
            ci_lower=100 * self.frame["ci_lower"],
            ci_upper=100 * self.frame["ci_upper"],
        ).dropna(subset=["value"])
        label, unit = f"effect of {self.name} on the refund rate", "percentage points"
        if self.method == "curve":
            return plot_dose(
                shown, x="at", label=label, x_label=f"{self.name} beyond the usual ({self.per}s)", group=self.by, ax=ax
            )
        if len(self.by) == 2:
            return plot_heat(shown, row=self.by[0], column=self.by[1], label=label, unit=unit, role="harm", ax=ax)
        names = ("supplier_id", "category") if self.method == "supplier" else self.by
        shown["group"] = shown[list(names)].astype(str).agg(", ".join, axis=1) if names else "all lines"
        shown = shown.sort_values("value", ascending=False)
        return plot_bars(shown.round(3), group="group", label=label, unit=unit, role="harm", ax=ax)

    def alt_text(self) -> str:
        """Say what the chart shows."""
        known = self.frame["effect"].dropna()
        span = f"from {points(known.min(), digits=2)} to {points(known.max(), digits=2)}" if len(known) else "not known"
        return f"Effects of {self.name} on the refund rate, {len(known)} of {len(self.frame)}, {span}. {self.text()}"


def _signed(row: Any) -> str:
    return points(row["effect"], (row["ci_lower"], row["ci_upper"]), digits=2)
