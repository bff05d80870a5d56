"""What results over time share: the last final period, comparisons, charts and their words."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from gbanalysis.dataset.expressions import Period
from gbanalysis.dataset.periods import PERIOD_NAMES
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.overview.estimates import NO_LINES
from gbanalysis.results import SMALLEST_GROUP, Result, figure, is_internal, too_few
from gbanalysis.stats.intervals import Interval, difference_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 6
SO_FAR = " so far"
RATES = ("basket_value", "refund_rate", "loss_rate", "on_time", "late", "short", "unclaimed")
HARMS = ("refund_rate", "loss_rate", "late", "short", "unclaimed")


@dataclass(frozen=True, eq=False)
class Series(Result):
    """Estimates by period and group, one row each; the base of the results of this package.

    Attributes
    ----------
    frame
        One row a period, group and metric.
    by
        The columns that name the groups.
    period
        "D", "W" or "M".
    as_of
        The last day whose data were used.
    confidence
        Confidence level of the intervals.
    """

    frame: pd.DataFrame
    by: tuple[str, ...]
    period: Period
    as_of: dt.date
    confidence: float
    labels: dict[str, str]

    @property
    def period_name(self) -> str:
        """Day, week or month."""
        return PERIOD_NAMES[self.period]

    def to_frame(self) -> pd.DataFrame:
        """Give all figures, one row a period, group and metric."""
        return self.frame.copy()

    def metric(self, name: str) -> pd.DataFrame:
        """Give the rows of one metric."""
        if name not in self.labels:
            raise GBAnalysisError(f"there is no metric {name!r}; there are {', '.join(self.labels)}")
        return self.frame[self.frame["metric"] == name].reset_index(drop=True)

    def at(self, metric: str, period: Any) -> pd.DataFrame:
        """Give the rows of one metric in one period.

        Raises
        ------
        GBAnalysisError
            Where the metric has no such period.
        """
        part, when = self.metric(metric), pd.Timestamp(period)
        if not (part["period"] == when).any():
            raise GBAnalysisError(
                f"{self.labels[metric]}: no {self.period_name} starts on {when:%Y-%m-%d}; "
                f"the {self.period_name}s start from {self.span()}"
            )
        return part[part["period"] == when]

    def drawn(self, metric: str) -> pd.DataFrame:
        """Give the rows of one metric as charts draw them: without value where they stand on fewer than ten people.

        With ``GBANALYSIS_INTERNAL=1`` all have theirs; a period without any lines tells of nobody and keeps its zero.
        """
        part = self.metric(metric)
        told = (part["n_users"] >= SMALLEST_GROUP) | (part["n_users"] == 0) | is_internal()
        return part.assign(**{name: part[name].where(told) for name in ("value", "ci_lower", "ci_upper")})

    def unknown(self, metric: str) -> str:
        """Give the reason why a metric has no value in any period; empty where it has one."""
        part = self.metric(metric)
        return "" if part["value"].notna().any() else str(part["reason"].iloc[0])

    def last_periods(self, metric: str, n: int = 1) -> list[pd.Timestamp]:
        """Give the last `n` periods in which the metric is final; where there are fewer, the last known so far.

        Raises
        ------
        NotEnoughDataError
            Where it is known in no period, or in fewer than `n`.
        """
        part = self.metric(metric).dropna(subset=["value"])
        final, known = (sorted(set(periods)) for periods in (part.loc[part["is_final"], "period"], part["period"]))
        if len(known) < n:
            what = self.unknown(metric) or f"it is known in {len(known)}"
            raise NotEnoughDataError(f"{self.labels[metric]}: this needs {n} {self.period_name}s, but {what}.")
        return (final if len(final) >= n else known)[-n:]

    def last_period(self, metric: str) -> pd.Timestamp:
        """Give the last period in which the metric is final, or the last known where it is final in none."""
        return self.last_periods(metric)[0]

    def latest(self, metric: str) -> pd.DataFrame:
        """Give the rows of `last_period`, the largest value first; of the very last where it is known in none."""
        part = self.metric(metric)
        when = part["period"].max() if self.unknown(metric) else self.last_period(metric)
        return part[part["period"] == when].sort_values("value", ascending=False, ignore_index=True)

    def few_people(self, metric: str, period: Any = None) -> str:
        """Say that the figures of `period` (or `last_period`) stand on too few people; empty where they do not."""
        part = self.at(metric, period or self.last_period(metric))
        when = part["period"].iloc[0]
        if not too_few(part["n_users"].max()):
            return ""
        whose = f"In the {self.period_name} from {when:%Y-%m-%d} fewer than {SMALLEST_GROUP} people bought"
        return f"{whose}; their figures are not shown."

    def say(self, metric: str, period: Any = None) -> str:
        """Write a metric of the whole trade with its interval, in `period` or `last_period`; "so far" if not final."""
        if self.by:
            raise GBAnalysisError("say() writes one figure; these are grouped by " + ", ".join(self.by))
        row = self.at(metric, period or self.last_period(metric)).iloc[0]
        said = figure(row["value"], row["unit"], (row["ci_lower"], row["ci_upper"]))
        return said if row["is_final"] else said + SO_FAR

    def compare(self, metric: str, *, base: Any = None, current: Any = None) -> pd.DataFrame:
        """Compare two periods, group by group: by default the last two in which the metric is final.

        A group without lines in one of the two counts there as zero; its rates are not known.

        Returns
        -------
        pandas.DataFrame
            The columns of `by`, ``base``, ``current``, ``change``, ``ci_lower`` and ``ci_upper`` of the change (the two
            periods taken as independent), ``n_base``, ``n``, ``n_users`` (the smaller number of those not zero),
            ``is_final`` (both are), ``reason`` (why a change is not known).
        """
        if base is None or current is None:
            base, current = self.last_periods(metric, 2)
        then, now = self.at(metric, base), self.at(metric, current)
        keys = ["metric", *self.by]
        both = now.merge(then, on=keys, how="outer", suffixes=("", "_base"))
        for side, part in (("", now), ("_base", then)):
            both = _with_absent(both, side, is_rate=metric in RATES, is_final=bool(part["is_final"].all()))
        ends = [
            Interval(*(both[f"ci_{end}{side}"].to_numpy(float) for end in ("lower", "upper"))) for side in ("", "_base")
        ]
        lower, upper = difference_interval(both["value"], ends[0], both["value_base"], ends[1])
        people = both[["n_users", "n_users_base"]]
        why = both["reason"].where(both["value"].isna() | (both["reason_base"] == ""), both["reason_base"])
        return both[list(self.by)].assign(
            metric=metric, unit=then["unit"].iloc[0], base=both["value_base"], current=both["value"],
            change=both["value"] - both["value_base"], ci_lower=lower, ci_upper=upper,
            n_base=both["n_base"], n=both["n"], n_users=people.where(people > 0).min(axis=1).fillna(0),
            is_final=both["is_final"] & both["is_final_base"], reason=why,
        )  # fmt: skip

    def span(self) -> str:
        """Write the first and the last period."""
        return f"{self.frame['period'].min():%Y-%m-%d} to {self.frame['period'].max():%Y-%m-%d}"

    def plot(self, *, ax: Axes | None = None, metric: str | None = None) -> Axes:
        """Draw one metric: over time, or for many groups as bars, or for two dimensions as a heat table.

        Bars and heat tables show `last_period`.
        """
        from gbanalysis.plots import plot_bars, plot_heat, plot_series

        name = metric or next(iter(self.labels))
        part = self.drawn(name)
        unit, label, role = str(part["unit"].iloc[0]), self.labels[name], "harm" if name in HARMS else "current"
        if not self.by:
            return plot_series(part, label=label, unit=unit, ax=ax)
        if len(self.by) == 1 and part[self.by[0]].nunique() <= MOST_LINES:
            return plot_series(part, label=label, unit=unit, group=self.by[0], ax=ax)
        part = part[part["period"].isin(self.latest(name)["period"])].sort_values("value", ascending=False)
        if len(self.by) == 1:
            return plot_bars(part, group=self.by[0], label=label, unit=unit, role=role, ax=ax)
        row, column = self.by[:2]
        return plot_heat(part, row=row, column=column, label=label, unit=unit, role=role, ax=ax)

    def panels(self, *metrics: str) -> Figure:
        """Draw several metrics of the whole trade over time, one panel each; those that are not known are left out.

        Raises
        ------
        NotEnoughDataError
            Where none is known in a period with ten people or more.
        """
        from gbanalysis.plots import plot_multiples

        drawn = [self.drawn(name) for name in metrics or tuple(self.labels)]
        known = [part for part in drawn if part["value"].notna().any()]
        if not known:
            raise NotEnoughDataError(f"No {self.period_name} has {SMALLEST_GROUP} people or more: nothing is drawn.")
        frame = pd.concat(known)
        frame = frame.assign(panel=frame["metric"].map(self.labels))
        return plot_multiples(frame, panel="panel", own_scale=True)

    def alt_text(self, metric: str | None = None) -> str:
        """Say in words what `plot` shows."""
        name = metric or next(iter(self.labels))
        part = self.metric(name).dropna(subset=["value"])
        if part.empty:
            return f"No chart: {self.labels[name]} is not known."
        told = part[~part["n_users"].map(too_few)]
        if told.empty:
            return f"No period has {SMALLEST_GROUP} people or more: the lowest and the highest value are not told."
        told = told[told["is_final"]] if told["is_final"].any() else told
        records: list[dict[str, Any]] = told.sort_values("value").to_dict("records")  # type: ignore[assignment]
        said = []
        for row in (records[0], records[-1]):
            place = " ".join(str(row[name]) for name in self.by)
            when = f"in the {self.period_name} from {row['period']:%Y-%m-%d}"
            said.append(" ".join(filter(None, (figure(row["value"], row["unit"]), when, place and f"({place})"))))
        note = "" if part["is_final"].all() else " Figures that are not final are drawn hatched."
        label = self.labels[name][:1].upper() + self.labels[name][1:]
        return f"{label} by {self.period_name}, {self.span()}: lowest {said[0]}, highest {said[1]}.{note}"


def _with_absent(both: pd.DataFrame, side: str, *, is_rate: bool, is_final: bool) -> pd.DataFrame:
    """Fill in the groups that have no lines on one side of a comparison: a total is zero, a rate not known."""
    absent = both[f"value{side}"].isna() & both[f"n{side}"].isna() & both[f"reason{side}"].isna()
    figures: dict[str, Any] = (
        {} if is_rate else dict.fromkeys((f"value{side}", f"ci_lower{side}", f"ci_upper{side}"), 0.0)
    )
    known = {
        f"n{side}": 0,
        f"n_users{side}": 0,
        f"is_final{side}": is_final,
        f"reason{side}": NO_LINES if is_rate else "",
    }
    filled = both.copy()
    for name, value in (figures | known).items():
        filled[name] = filled[name].mask(absent, value)
    return filled.astype({f"is_final{side}": bool})
