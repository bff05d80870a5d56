"""A refund rate with its intervals: the table, the paragraph and the chart."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.dataset.arguments import as_date
from gbanalysis.dataset.periods import PERIOD_NAMES, period_end
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality.indicator.units import DateBasis, Unit
from gbanalysis.results import Result, number, rate, require_sum, too_few
from gbanalysis.stats.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.expressions import Period

ADDITIVE: tuple[Unit, ...] = ("line", "value", "quantity")
COLUMNS = ("n_units", "n_refunded", "rate", "ci_lower", "ci_upper", "mature")
SHRUNK = ("shrunk_rate", "shrunk_lower", "shrunk_upper")
_UNIT_NAMES: dict[Unit, str] = {
    "line": "lines", "sku": "SKUs", "order": "orders", "user": "users", "value": "value", "quantity": "units of goods",
}  # fmt: skip
MOST_LINES = 6


@dataclass(frozen=True, eq=False)
class RefundRate(Result):
    """The refund rate of one caliber, by period and group; made by `refund_rate`.

    Attributes
    ----------
    frame
        One row a period and group, in their order.
    n_users
        Distinct users behind each row: texts and charts leave out rows of fewer than ten.
    trials
        The independent trials that each row is worth; its interval follows from them.
    unit, date, by, period, as_of, confidence, approved_only
        As they were asked for.
    n_refunded_unfulfilled
        Lines refunded but not picked up by `as_of`. The fulfilled basis leaves them out; in the ordered basis they are
        among the lines.
    """

    frame: pd.DataFrame
    n_users: pd.Series[int] = field(repr=False)
    trials: pd.Series[float] = field(repr=False)
    unit: Unit
    date: DateBasis
    by: tuple[str, ...]
    period: Period
    as_of: dt.date
    confidence: float
    approved_only: bool
    n_refunded_unfulfilled: int

    def __post_init__(self) -> None:
        known = self.frame.dropna(subset=["rate"])
        require_sum(known["rate"] * known["n_units"], known["n_refunded"].sum(), what="rate x units = refunded units")
        bounds = known[["ci_lower", "rate", "ci_upper"]].to_numpy()
        inside = (np.diff(bounds, axis=1) >= -1e-12).all() and (bounds >= 0).all() and (bounds <= 1).all()
        if not inside:
            raise GBAnalysisError("a refund rate lies outside its interval, or its interval outside 0 to 1")

    def to_frame(self) -> pd.DataFrame:
        """Give one row a period and group.

        The columns are ``period`` (its first day), `by`, ``n_units``, ``n_refunded``, ``rate``, ``ci_lower``,
        ``ci_upper`` and ``mature``. For the unit value, ``n_units`` and ``n_refunded`` are money. With
        ``shrink=True`` there are also ``shrunk_rate``, ``shrunk_lower`` and ``shrunk_upper``.
        """
        return self.frame.copy()

    @property
    def label(self) -> str:
        """The caliber in words."""
        basis = "pickup" if self.date == "fulfilled" else "selling day"
        granted = ", granted refunds only" if self.approved_only else ""
        return f"refund rate of {_UNIT_NAMES[self.unit]} by {basis}{granted}"

    def overall(self) -> float:
        """Give the rate of all periods and groups together; for users, orders and SKUs a unit counts in each period."""
        return float(self.frame["n_refunded"].sum() / self.frame["n_units"].sum())

    def between(self, first: dt.date | str, last: dt.date | str) -> pd.DataFrame:
        """Give the rate of each group over the periods that lie within two days, both included.

        Periods share no cluster, so that their sums have the sum of their variances. The columns are those of
        `to_frame` without ``period``.

        Raises
        ------
        NotIdentifiedError
            For users, orders and SKUs: they are distinct within a period, and do not add up over several.
        NotEnoughDataError
            Where no whole period lies within the two days.
        """
        import pandas as pd

        if self.unit not in ADDITIVE:
            one = PERIOD_NAMES[self.period]
            what = f"{_UNIT_NAMES[self.unit]} are distinct within one {one}"
            raise NotIdentifiedError(f"{what} and do not add up over more")
        first, last = (as_date(day, what="each of the two days") for day in (first, last))
        start, end = self.frame["period"], period_end(self.frame["period"], self.period)
        inside = (start >= pd.Timestamp(first)) & (end <= pd.Timestamp(last)) & (self.frame["n_units"] > 0)
        if not inside.any():
            raise NotEnoughDataError(f"No {PERIOD_NAMES[self.period]} with lines lies between {first} and {last}.")
        rows = self.frame[inside].assign(noise=self.frame["n_units"] ** 2 / self.trials, whole="")
        keys = list(self.by) or ["whole"]
        sums = rows.groupby(keys, as_index=False).agg(
            n_units=("n_units", "sum"),
            n_refunded=("n_refunded", "sum"),
            noise=("noise", "sum"),
            mature=("mature", "all"),
        )
        share, worth = sums["n_refunded"] / sums["n_units"], sums["n_units"] ** 2 / sums["noise"]
        lower, upper = wilson(share * worth, worth, confidence=self.confidence)
        found: pd.DataFrame = sums.assign(rate=share, ci_lower=lower, ci_upper=upper)[[*self.by, *COLUMNS]]
        return found

    def latest(self, *, mature: bool = True) -> pd.DataFrame:
        """Give the rows of the last period, by default of the last that is mature, the highest rate first.

        Raises
        ------
        NotEnoughDataError
            Where no period is mature.
        """
        part: pd.DataFrame = self.frame[self.frame["rate"].notna() & (self.frame["mature"] | (not mature))]
        if part.empty:
            raise NotEnoughDataError(f"No {PERIOD_NAMES[self.period]}'s refund window has closed by {self.as_of}.")
        last: pd.DataFrame = part[part["period"] == part["period"].max()]
        return last.sort_values("rate", ascending=False, ignore_index=True)

    def text(self) -> str:
        """Describe the last mature period, and say how many periods are not."""
        name = PERIOD_NAMES[self.period]
        label = self.label[:1].upper() + self.label[1:]
        n_open = self.frame.loc[~self.frame["mature"], "period"].nunique()
        open_names = f"{name} is" if n_open == 1 else f"{number(n_open)} {name}s are"
        end = f" The last {open_names} not final: the refund window is still open." if n_open else ""
        told = self.told()
        final = told[told["mature"]].dropna(subset=["rate"])
        if final.empty:
            return f"{label}: no {name} of ten users or more is final by {self.as_of}.{end}"
        last = final[final["period"] == final["period"].max()].sort_values("rate", ascending=False)
        when = f"the {name} from {last['period'].iloc[0]:%Y-%m-%d}"
        said = [self._said(row) for row in last.iloc[[0, -1]].to_dict("records")]
        if not self.by:
            return f"{label} in {when}: {said[0]}.{end}"
        return f"{label} in {when}, over {number(len(last))} groups: from {said[1]} to {said[0]}.{end}"

    def told(self) -> pd.DataFrame:
        """Give the rows that others may read: those on fewer than ten users have no rate."""
        hidden = self.n_users.map(too_few) & (self.frame["n_units"] > 0)
        figures = [name for name in (*COLUMNS[1:-1], *SHRUNK) if name in self.frame]
        told: pd.DataFrame = self.frame.assign(**{name: self.frame[name].mask(hidden) for name in figures})
        return told

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the rate over time, or for many groups the last mature period's rates side by side."""
        from gbanalysis.plots import plot_caterpillar, plot_series

        drawn = self.drawn().rename(columns={"rate": "value", "mature": "is_final"})
        if self._over_time():
            group = "group" if self.by else None
            return plot_series(drawn, label=self.label, unit="share", group=group, ax=ax)
        drawn = drawn.sort_values("value", ascending=False)
        return plot_caterpillar(drawn, group="group", label=self.label, unit="share", ax=ax)

    def drawn(self) -> pd.DataFrame:
        """Give the rows of the chart and their ``group``: all of them, or of many groups the last mature period's."""
        told = self.told()
        told = told.assign(group=told[list(self.by)].astype(str).agg(", ".join, axis=1) if self.by else "")
        if self._over_time():
            return told
        last: pd.DataFrame = told[told["period"] == self.latest()["period"].iloc[0]].dropna(subset=["rate"])
        return last

    def _over_time(self) -> bool:
        """Say whether the groups are few enough to be drawn as lines."""
        return not self.by or len(self.frame[list(self.by)].drop_duplicates()) <= MOST_LINES

    def alt_text(self) -> str:
        """Say in words what `plot` shows."""
        told = self.drawn().dropna(subset=["rate"])
        if told.empty:
            return f"No chart: no {PERIOD_NAMES[self.period]} has ten users or more."
        final = told[told["mature"]] if told["mature"].any() else told
        ends = final.sort_values("rate").iloc[[0, -1]].to_dict("records")
        low, high = (f"{self._said(row)} from {row['period']:%Y-%m-%d}" for row in ends)
        note = "" if told["mature"].all() else " Rates that are not final are drawn hatched."
        label = self.label[:1].upper() + self.label[1:]
        return f"{label} by {PERIOD_NAMES[self.period]}: lowest {low}, highest {high}.{note}"

    def _said(self, row: dict[Any, Any]) -> str:
        place = ", ".join(str(row[name]) for name in self.by)
        return rate(row["rate"], (row["ci_lower"], row["ci_upper"])) + (f" ({place})" if place else "")
