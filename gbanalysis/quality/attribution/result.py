"""The answer to what moved the refund rate of a data set: in points, in refunds and in money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.dataset.arguments import generator
from gbanalysis.quality.attribution.attributing import SUM_TOLERANCE, ShiftAttribution
from gbanalysis.quality.attribution.cells import ShiftCells, Span
from gbanalysis.results import money, number, points, rate

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset
    from gbanalysis.quality.attribution.checks import Checks
    from gbanalysis.quality.attribution.left_out import WithAndWithout

UNITS = {
    "line": ("n", "refunded"),
    "quantity": ("quantity", "refunded_quantity"),
    "value": ("amount", "refunded_amount"),
}
PICKED_UP = {"line": "lines", "quantity": "units", "value": "money paid for goods"}
ASKED_BACK = {"line": "refunded lines", "quantity": "units asked back"}
N_NAMED = 3  # levels named in the paragraph for a manager


@dataclass(frozen=True)
class Question:
    """What was asked: the periods, the last day whose data are used, the unit, how to draw, and whose lines are out."""

    base: Span
    current: Span
    as_of: dt.date
    unit: str = "line"
    currency: str = ""
    seed: int = 0
    dataset: Dataset | None = field(default=None, repr=False, compare=False)
    without_users: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class DatasetShift(ShiftAttribution):
    """A `ShiftAttribution` that knows the data it came from, and so counts in refunds and money and can be checked.

    Attributes
    ----------
    question
        The periods, the unit and the last day whose data are used.
    cells
        What the attribution rests on.
    """

    question: Question
    cells: ShiftCells = field(repr=False, compare=False)

    @property
    def is_final(self) -> bool:
        """Whether every refund of both periods is in."""
        return "share_reported" not in self.cells.frame

    def impact(self) -> pd.DataFrame:
        """Give every mechanism and level of the view "who" in refunds and money of the current period.

        Returns
        -------
        pandas.DataFrame
            mechanism, dimension, level; ``n_refunds``, refunds more (or fewer) than if this part had stayed as in the
            base period (units in the unit quantity, none in value); ``amount``, their money at the current period's
            mean refund; each with ``_ci_lower`` and ``_ci_upper``.
        """
        lines, each = self._current()
        frame = self.to_frame()
        out = frame[["mechanism", "dimension", "level"]].copy()
        scales = {"amount": lines * each}
        if self.question.unit != "value":
            scales = {"n_refunds": lines, **scales}
        for name, scale in scales.items():
            out[name] = frame["contribution"] * scale
            out[f"{name}_ci_lower"], out[f"{name}_ci_upper"] = frame["ci_lower"] * scale, frame["ci_upper"] * scale
        return out

    def _current(self) -> tuple[float, float]:
        """What was sold in the current period, in the unit, and the mean money of one refunded."""
        sold, returned = UNITS[self.question.unit]
        now = self.cells.frame[self.cells.frame["period"] == "current"]
        return float(now[sold].sum()), float(now["refunded_amount"].sum() / now[returned].sum())

    def _money(self, contribution: float) -> str:
        """A contribution in money of the current period, such as "CNY 2,222 more"."""
        lines, each = self._current()
        cost = money(abs(contribution) * lines * each, currency=self.question.currency)
        return f"{cost} {'more' if contribution > 0 else 'less'}"

    def _worth(self, contribution: float) -> str:
        """A contribution in refunds and money of the current period."""
        if self.question.unit == "value":
            return f"{self._money(contribution)} asked back"
        n, more = number(abs(contribution) * self._current()[0], digits=0), "more" if contribution > 0 else "fewer"
        return f"{n} {more} {ASKED_BACK[self.question.unit]} ({self._money(contribution)})"

    def text(self) -> str:
        """One paragraph for a manager: the change in points, refunds and money, its parts, and who stands out."""
        totals = self._view("mechanism")
        size = totals["contribution"].abs().sort_values(ascending=False)
        totals = totals.loc[size[size > SUM_TOLERANCE].index]
        is_sure = (totals["ci_lower"] > 0) | (totals["ci_upper"] < 0)
        moved = ", ".join(
            f"{row.mechanism} {_points(row)} or {self._money(float(row.contribution))}"  # type: ignore[arg-type]
            for row in totals[is_sure].itertuples()
        )
        rest = ", ".join(totals.loc[~is_sure, "mechanism"])
        named = "; ".join(
            f"{_name(row)} {_points(row)}, {self._worth(float(row.contribution))}"  # type: ignore[arg-type]
            for row in self.largest(N_NAMED).itertuples()
        )
        (b0, b1), (c0, c1) = self.question.base, self.question.current
        before, after = rate(self.base_rate, digits=2), rate(self.current_rate, digits=2)
        return (
            f"Of the {PICKED_UP[self.question.unit]} picked up from {c0} to {c1}, {after} "
            f"{'was' if self.is_final else 'will be'} asked back, against {before} from {b0} to {b1}: "
            f"{points(self.change, digits=2)}, {self._worth(self.change)} in the current period. "
            + (f"What moved it: {moved}. " if moved else "")
            + (f"Not told from zero: {rest}. " if rest else "")
            + (f"Standing out: {named}. " if named else "No single level stands out. ")
            + f"Intervals are of {self.confidence:.0%}; of the change the model by itself missed "
            f"{_short(points(self.residual_change, digits=2))}, which a correction shares out."
        )

    def in_order(self) -> pd.DataFrame:
        """Compare with one order: each mechanism passes to the current period after those before it in the chain.

        Returns
        -------
        pandas.DataFrame
            mechanism; ``shapley``, the contribution of this result (the mean over all orders); ``in_order``. Both sum
            to the change; how far they lie apart is a matter of convention, not of data.
        """
        from gbanalysis.quality.attribution.cells import stages_of
        from gbanalysis.quality.attribution.fixed_order import contributions_along

        steps: dict[str, float] = {}
        for player, step in contributions_along(self.cells.frame, stages_of(self.cells)).items():
            mechanism = player.split("_", 1)[0]
            steps[mechanism] = steps.get(mechanism, 0.0) + step
        totals = self._view("mechanism")[["mechanism", "contribution"]].rename(columns={"contribution": "shapley"})
        return totals.assign(in_order=totals["mechanism"].map(steps)).reset_index(drop=True)

    def without_users(self, users: Iterable[str] | None = None, *, threshold: float = 0.9) -> WithAndWithout:
        """Attribute again without the lines of some users, and set the two answers side by side.

        Parameters
        ----------
        users
            Ids of the users to leave out. By default the likely refund abusers: `score_refund_abuse` on the lines
            picked up before both periods, so that nobody is judged by the refunds that are compared.
        threshold
            The chance of an abuser from which a user is left out by default.

        Returns
        -------
        WithAndWithout
            Both attributions: ``to_frame()``, ``text()``, ``plot()``.

        Raises
        ------
        NotEnoughDataError
            Too few lines before the periods to score users, or fewer than ten users to leave out.

        Notes
        -----
        A score is no proof. Abusers add to the rate of both periods; they move it where their number or appetite
        changes, and then they count as quality of where they live.
        """
        from gbanalysis.quality.attribution.left_out import leave_out

        return leave_out(self, users, threshold=threshold)

    def checks(self, *, rng: np.random.Generator | int | None = None) -> Checks:
        """Try to break the attribution: placebo periods, permuted labels, suppliers left out, hidden causes, peers.

        All checks use all lines. Placebos, shuffles and leaving out fit anew on lines summed over hours and over goods
        within a category; dowhy.gcm sees every line up to 20 thousand a period, and as many drawn ones beyond. Default
        `rng`: the seed of the attribution.

        Returns
        -------
        Checks
            One row a check with ``passed`` (True, False, or None where it only informs), its figure and a sentence.
        """
        from gbanalysis.quality.attribution.checks import run_checks

        return run_checks(self, generator(self.question.seed if rng is None else rng))

    def plot_levels(self, *, n: int = 12, ax: Axes | None = None) -> Axes:
        """Draw the levels of the view "who" that contribute most, with their intervals, the largest first.

        Filled marks stand out; see `largest`.
        """
        from gbanalysis.plots import plot_forest

        levels = self._largest_levels(n)
        frame = levels.assign(name=[_name(row) for row in levels.itertuples()])
        frame[["value", "ci_lower", "ci_upper"]] = 100 * frame[["contribution", "ci_lower", "ci_upper"]]
        frame["is_sure"] = frame["stands_out"]
        return plot_forest(frame, name="name", label="contribution to the change", unit="pp", ax=ax)

    def levels_alt_text(self, *, n: int = 12) -> str:
        """The chart of `plot_levels` in words."""
        rows = "; ".join(
            f"{_name(row)} {_points(row)}{', stands out' if row.stands_out else ''}"
            for row in self._largest_levels(n).itertuples()
        )
        return f"Contributions of single levels to the change of the refund rate, in percentage points: {rows}."

    def _largest_levels(self, n: int) -> pd.DataFrame:
        levels = self._view("who")
        return levels.loc[levels["contribution"].abs().sort_values(ascending=False).index].head(n)


def _name(row: Any) -> str:
    """Words for a level, such as "quality of supplier SUP001"."""
    what = str(row.dimension).removesuffix("_id").replace("_", " ")
    if what == "community site":
        return f"{row.mechanism} to the sites of {row.level}"
    if row.level == "all":
        return f"{row.mechanism} common to all"
    return f"{row.mechanism} of {what} {row.level}"


def _points(row: Any) -> str:
    """A contribution in percentage points with its interval."""
    return _short(points(row.contribution, (row.ci_lower, row.ci_upper), digits=2))


def _short(said: str) -> str:
    return said.replace("percentage points", "pp")
