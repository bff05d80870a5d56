"""How late refunds are asked for: the share that is in at each age, by category, weekday or any other group."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gbanalysis.dataset.arguments import checked, known_day
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality import facts
from gbanalysis.results import Result, rate
from gbanalysis.stats.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

WEEKDAY = "weekday"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = 180
LINES_DRAWN = 6


@dataclass(frozen=True, eq=False)
class DelayCurves(Result):
    """The share of refunds that is asked for by each age; made by `reporting_delays`.

    Attributes
    ----------
    frame
        One row a group and age: the column `by`, ``age`` (days since pickup), ``n_refunds`` of the group, and of them
        ``share_reported`` by the end of that age, ``ci_lower``, ``ci_upper``.
    by
        What the groups are.
    confidence
        Level of the intervals.
    """

    frame: pd.DataFrame
    by: str
    confidence: float

    def __post_init__(self) -> None:
        shares = self.frame.groupby(self.by, sort=False)["share_reported"]
        if not (shares.last() == 1).all() or (shares.diff().dropna() < 0).any():
            raise GBAnalysisError("shares reported must grow to one")

    def to_frame(self) -> pd.DataFrame:
        """Give all shares, one row a group and age."""
        return self.frame.copy()

    def text(self) -> str:
        """Say how much is in on the first day, and which groups are the fastest and the slowest."""
        first = self.frame[self.frame["age"] == 0].sort_values("share_reported")
        whole = float(np.average(first["share_reported"], weights=first["n_refunds"]))
        said = [
            f"{row[self.by]} ({rate(row['share_reported'], digits=0)})" for _, row in first.iloc[[-1, 0]].iterrows()
        ]
        return (
            f"Of all refunds {rate(whole, digits=0)} are asked for on the day of pickup itself. By {self.by} the most "
            f"are in for {said[0]}, the fewest for {said[1]}."
        )

    def plot(self, *, ax: Axes | None = None, age: int | None = None) -> Axes:
        """Draw the share reported by age, one line a group (the six with the most refunds); at one `age` as bars."""
        from gbanalysis.plots import plot_ages, plot_bars

        if age is not None:
            part = self.frame[self.frame["age"] == age].rename(columns={"share_reported": "value"})
            label = f"share of refunds reported by age {age}"
            return plot_bars(part, group=self.by, label=label, unit="share", ax=ax)
        largest = self.frame.groupby(self.by)["n_refunds"].max().nlargest(LINES_DRAWN).index
        part = self.frame[self.frame[self.by].isin(largest)]
        return plot_ages(part, value="share_reported", group=self.by, label="share reported", unit="share", ax=ax)

    def alt_text(self) -> str:
        """Say what the chart shows."""
        return f"Lines that rise with age to one, the share of refunds asked for, one a {self.by}. {self.text()}"


def reporting_delays(
    dataset: Dataset, *, by: str = "category", as_of: dt.date | str | None = None, confidence: float = 0.9
) -> DelayCurves:
    """Count which share of the refunds of a line is asked for by each age, over the last 180 days that are mature.

    Parameters
    ----------
    dataset
        With ``refunds``.
    by
        A column of sites or products, or ``"weekday"``, that of the pickup.
    as_of
        The last day whose data are used; by default the data set's own.
    confidence
        Level of the intervals: Wilson's, each refund counting for itself.

    Raises
    ------
    NotEnoughDataError
        No day is mature, or none has a refund.
    ContractError
        There are no refunds, or no such column.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> curves = reporting_delays(gb.load_sample(), by="weekday").to_frame()
    >>> bool((curves.groupby("weekday")["share_reported"].max() == 1).all())
    True
    """
    checked(by, confidence=confidence)
    day, window = known_day(dataset, as_of), dataset.settings.refund_window_days
    first = day - dt.timedelta(days=DAYS - 1)
    rows = facts.delay_facts(
        dataset, by=() if by == WEEKDAY else (by,), unit="line", date="fulfilled", max_delay=window, recent_from=first,
        as_of=day,
    )  # fmt: skip
    on = rows["day"].to_numpy().astype("datetime64[D]")
    mature = (on >= np.datetime64(first)) & (on <= np.datetime64(day) - window)
    rows = rows[mature & rows["delay"].between(0, window).to_numpy()]
    if rows.empty:
        raise NotEnoughDataError(f"no day whose refund window has closed by {day} has a refund")
    if by == WEEKDAY:
        places = (rows["day"].to_numpy().astype("datetime64[D]").astype(np.int64) + 3) % 7
        rows = rows.assign(weekday=np.array(WEEKDAYS, dtype=object)[places])
    return DelayCurves(_curves(rows, by, window, confidence), by, confidence)


def _curves(rows: pd.DataFrame, by: str, window: int, confidence: float) -> pd.DataFrame:
    import pandas as pd

    counts = rows.pivot_table(index=by, columns="delay", values="reported", aggfunc="sum", fill_value=0.0)
    counts = counts.reindex(columns=range(window + 1), fill_value=0.0)
    if by == WEEKDAY:
        counts = counts.reindex([name for name in WEEKDAYS if name in counts.index])
    so_far = counts.to_numpy(dtype=float).cumsum(axis=1)
    total = np.repeat(so_far[:, -1:], window + 1, axis=1)
    lower, upper = wilson(so_far, total, confidence=confidence)
    return pd.DataFrame(
        {
            by: np.repeat(counts.index.to_numpy(), window + 1),
            "age": np.tile(np.arange(window + 1), len(counts)),
            "n_refunds": total.ravel().astype(int),
            "share_reported": (so_far / total).ravel(),
            "ci_lower": lower.ravel(),
            "ci_upper": upper.ravel(),
        }
    )
