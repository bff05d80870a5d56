"""The projected refund rate by day and group, as a result: table, sums over days, text and chart."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import known_days
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.latency.projection import Projection
from gbanalysis.results import Result, rate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

LABELS = {"line": "refund rate (lines)", "value": "refund rate (value)", "quantity": "refund rate (units)"}
REPORTED = "reported"
DAYS_DRAWN = 42
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class ProjectedRate(Result):
    """Refund rates of every day, projected where refunds may still come; made by `project_refund_rate`.

    Attributes
    ----------
    frame
        One row a day and group with lines: ``period`` (the day), the columns of `by`, ``n_units`` (lines, money or
        units sold), ``observed_rate`` (of what is asked back by `as_of`), ``rate`` (what it will be), ``ci_lower``,
        ``ci_upper``, ``share_reported`` (of the refunds to be expected), ``mature``, ``method`` ("reported" on mature
        days, whose rate is what is observed and whose interval has no width).
    groups
        The groups, one row each.
    projection
        Joint draws of what the days that are open come to, by group, in units of `scale`.
    scale
        [n_groups] size of one refund: 1 for lines.
    weights
        Where leading signs were used: how much they count at each age; see `leading_signs`.
    """

    frame: pd.DataFrame
    by: tuple[str, ...]
    unit: str
    date: str
    as_of: dt.date
    confidence: float
    groups: pd.DataFrame = field(repr=False)
    projection: Projection = field(repr=False)
    scale: FloatArray = field(repr=False)
    weights: pd.DataFrame | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        frame = self.frame
        values = frame[["observed_rate", "rate", "ci_lower", "ci_upper", "share_reported"]].to_numpy(dtype=float)
        if not np.isfinite(values).all():
            raise GBAnalysisError("a projected rate is not a number")
        bounds = (frame["rate"] >= frame["observed_rate"] - TOLERANCE) & (frame["ci_lower"] <= frame["ci_upper"])
        if not (bounds & (frame["ci_lower"] >= frame["observed_rate"] - TOLERANCE)).all():
            raise GBAnalysisError("a projected rate lies below what is reported already")
        mature = frame[frame["mature"]]
        if not (mature["rate"] == mature["observed_rate"]).all():
            raise GBAnalysisError("a mature day's rate is not what was observed")

    def to_frame(self) -> pd.DataFrame:
        """One row a day and group; see the attribute `frame`."""
        return self.frame.copy()

    def total(self, first: Any = None, last: Any = None) -> pd.DataFrame:
        """Give the rates of all days from `first` to `last` together, one row a group.

        The open days' joint draws are added up, so the interval holds what their errors have in common.

        Parameters
        ----------
        first, last
            Both included; by default the days that are still open.

        Returns
        -------
        pandas.DataFrame
            The columns of `by`, ``n_units``, ``observed_rate``, ``rate``, ``ci_lower``, ``ci_upper``.

        Raises
        ------
        NotEnoughDataError
            No line lies in these days, or no day is open where none is named.
        """
        open_days = self.projection.reference[self.projection.n_mature :]
        if (first is None or last is None) and not len(open_days):
            raise NotEnoughDataError(f"all days are mature by {self.as_of}; name the days to add up")
        span = (open_days[0] if first is None else first, open_days[-1] if last is None else last)
        start, end = (np.datetime64(day) for day in known_days(span, name="the period", as_of=self.as_of))
        table, place = self._reported(start, end)
        if table.empty:
            raise NotEnoughDataError(f"no line lies between {start} and {end}")
        scale = np.where(place >= 0, self.scale[place], 1.0)
        n, observed = table["n_units"].to_numpy(dtype=float) / scale, table["observed"].to_numpy(dtype=float) / scale
        taken = (open_days >= start) & (open_days <= end)
        still = self.projection.draws - self.projection.observed[:, self.projection.n_mature :]
        draws = observed + np.where(place >= 0, still[:, :, taken].sum(axis=2)[:, place], 0.0)
        whole = Projection(
            tuple(range(len(n))), np.array([end]), observed[:, None], n[:, None], np.ones((len(n), 1)),
            draws.mean(axis=0)[:, None], draws[:, :, None], self.confidence,
        )  # fmt: skip
        still_open = np.ptp(draws, axis=0) > 0  # else there is nothing to be unsure of
        lower, upper = np.where(still_open, whole.interval()[:, 0].T, observed) / n
        rates = {"observed_rate": observed / n, "rate": whole.estimate[:, 0] / n, "ci_lower": lower, "ci_upper": upper}
        return table.drop(columns="observed").assign(**rates)

    def _reported(self, start: np.datetime64, end: np.datetime64) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """One row a group with lines from `start` to `end`: n_units, observed; and its place in `groups`, or -1."""
        import pandas as pd

        day = self.frame["period"].to_numpy().astype("datetime64[D]")
        part = self.frame[(day >= start) & (day <= end)]
        part = part.assign(observed=part["n_units"] * part["observed_rate"])
        names = ["n_units", "observed"]
        if not self.by:
            table = part[names].sum().to_frame().T if len(part) else part[names]
            return table, np.zeros(len(table), dtype=np.int64)
        table = part.groupby(list(self.by), as_index=False)[names].sum()
        own = pd.MultiIndex.from_frame(self.groups[list(self.by)])
        return table, own.get_indexer(pd.MultiIndex.from_frame(table[list(self.by)]))

    def text(self) -> str:
        """One paragraph: how many days are open, the newest one, and all open days together."""
        open_days = self.frame.loc[~self.frame["mature"], "period"]
        if open_days.empty:
            return f"All days are mature as known on {self.as_of}; nothing is projected."
        total = self.total()
        first, last, n = open_days.min(), open_days.max(), open_days.nunique()
        head = f"{n} days, {first:%Y-%m-%d} to {last:%Y-%m-%d}, are still open. "
        tail = f"Intervals: {rate(self.confidence, digits=0)}."
        if self.by:
            most = total.iloc[int((total["n_units"] * total["rate"]).to_numpy().argmax())]
            name = " ".join(str(most[column]) for column in self.by)
            groups = f"Of {len(total)} groups by {', '.join(self.by)}, {name} has most to refund"
            return f"{head}{groups}: its {LABELS[self.unit]} {self._say(most)}. {tail}"
        whole, newest = total.iloc[0], self.frame.iloc[-1]
        return (
            f"{head}Their {LABELS[self.unit]} {self._say(whole)}. Of the newest day about "
            f"{rate(newest['share_reported'], digits=0)} of the refunds are in: its rate {self._say(newest)}. {tail}"
        )

    def _say(self, row: Any) -> str:
        now, then, lower, upper = (
            rate(row[name], digits=2) for name in ("observed_rate", "rate", "ci_lower", "ci_upper")
        )
        return f"stands at {now} and will come to {then} ({lower} to {upper})"

    def plot(self, *, ax: Axes | None = None, days: int = DAYS_DRAWN) -> Axes:
        """Draw the newest days: what is reported so far, and the projection with the open days hatched.

        With groups, the projection of the six that have the most.
        """
        from gbanalysis.plots import plot_projection

        start = self.frame["period"].max() - np.timedelta64(days - 1, "D")
        part = self.frame[self.frame["period"] >= start].rename(columns={"rate": "value", "mature": "is_final"})
        group = part[list(self.by)].astype(str).agg(" ".join, axis=1) if self.by else None
        return plot_projection(part, label=LABELS[self.unit], group=group, ax=ax)

    def alt_text(self) -> str:
        """Say what the chart shows."""
        lines = "The rate reported so far falls away on the open days; the projection stays up, hatched"
        return f"Line of the {LABELS[self.unit]} by day. {lines}, with its interval. {self.text()}"
