"""An alert that rings when the refunds of a node rise, while they are still coming in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import as_date, checked, generator, known_day
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality import facts
from gbanalysis.quality.actions.alarms import Reports, Watch, watch
from gbanalysis.results import Result
from gbanalysis.stats.intervals import total_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

WATCHED_DAYS = 90
RECALIBRATE_DAYS = 56
YEAR_DAYS = 365.25


@dataclass(frozen=True, eq=False)
class RefundAlerts(Result):
    """When it rang, for whom, and how much was asked for.

    Attributes
    ----------
    frame
        One row an alarm, in order of time: raised_on, the node, category (null: all of the node's), started_on (since
        when the score was building up), n_reported, n_expected (since then), ratio, ci_lower, ci_upper, score,
        threshold.
    labels
        Node and category of each series.
    days
        The days watched.
    record
        Counts, expectations and scores of all series.
    node
        The column that names the nodes.
    false_alarms_per_year, ratio, confidence
        As asked for.
    """

    frame: pd.DataFrame
    labels: pd.DataFrame = field(repr=False)
    days: NDArray[np.datetime64] = field(repr=False)
    record: Watch = field(repr=False)
    node: str
    false_alarms_per_year: float
    ratio: float
    confidence: float

    def __post_init__(self) -> None:
        if len(self.frame) != int(self.record.rang.sum()):
            raise GBAnalysisError("the alarms listed are not the alarms that rang")

    @property
    def expected_false_alarms(self) -> float:
        """Alarms to be expected in these days had nothing changed."""
        return self.false_alarms_per_year * len(self.days) / YEAR_DAYS

    def to_frame(self) -> pd.DataFrame:
        """One row an alarm, in order of time."""
        return self.frame.copy()

    def text(self) -> str:
        """Say how often it rang, how many of these would be chance, and where it was loudest."""
        watched = f"{len(self.labels)} series over {len(self.days)} days"
        if self.frame.empty:
            return f"No alarm in {watched}; {self.expected_false_alarms:.1f} would be expected by chance."
        row = self.frame.loc[self.frame["score"].idxmax()]
        where = row[self.node] if row["category"] is None else f"{row[self.node]}, {row['category']}"
        return (
            f"{len(self.frame)} alarms in {watched}, where {self.expected_false_alarms:.1f} would be expected by "
            f"chance. The loudest rang on {row['raised_on']:%Y-%m-%d} for {where}: since {row['started_on']:%Y-%m-%d} "
            f"{row['n_reported']:.0f} refunds were asked for where {row['n_expected']:.1f} were to be expected, "
            f"{row['ratio']:.1f} times as many ({row['ci_lower']:.1f} to {row['ci_upper']:.1f}; as seen when it rang, "
            "which is when chance helps)."
        )

    def drawn(self, node: str | None = None, category: str | None = None) -> pd.DataFrame:
        """Day, score, threshold and rang of one series; by default of the one that rang loudest, else came nearest."""
        import pandas as pd

        if node is None:
            loud = np.where(self.record.rang, self.record.scores, 0.0)
            at = int((loud if loud.any() else self.record.scores).max(axis=1).argmax())
        else:
            same = self.labels["category"].isna() if category is None else self.labels["category"] == category
            found = np.flatnonzero((self.labels[self.node] == node) & same)
            if not len(found):
                raise GBAnalysisError(f"no series of {node!r}, {category or 'all categories'} is watched")
            at = int(found[0])
        return pd.DataFrame(
            {
                "day": self.days.astype("datetime64[ns]"),
                "score": self.record.scores[at],
                "threshold": self.record.threshold,
                "rang": self.record.rang[at],
            }
        )

    def plot(self, *, node: str | None = None, category: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the score of one series against the threshold, see `drawn`."""
        from gbanalysis.plots.alarm import plot_alarm

        return plot_alarm(self.drawn(node, category), label="evidence of a rise (log likelihood ratio)", ax=ax)

    def alt_text(self) -> str:
        """Say what the chart shows."""
        return f"Line of the score of a series over days against the threshold at which it rings. {self.text()}"


def watch_refunds(
    dataset: Dataset,
    *,
    node: str = "grid_id",
    first: dt.date | str | None = None,
    as_of: dt.date | str | None = None,
    ratio: float = 2.0,
    false_alarms_per_year: float = 12.0,
    history_days: int = 56,
    confidence: float = 0.9,
    rng: np.random.Generator | int | None = None,
) -> RefundAlerts:
    """Answer where refunds began to rise, and when it could first be known.

    Parameters
    ----------
    dataset
        With ``refunds``.
    node
        Column that names the nodes: grid_id, central_id, site_id, supplier_id, region ... Each node is watched as a
        whole and in each category.
    first
        The first day watched; by default the last 90 days, or as many of them as have enough days before.
    as_of
        The last day; by default the data set's own.
    ratio
        The rise that is to be found soonest: so many times the usual rate.
    false_alarms_per_year
        Alarms allowed in a year without any change, over all series together; it sets the threshold.
    history_days
        Days of pickup that tell what is usual. A lasting rise becomes usual after so long.
    confidence
        Level of the intervals.
    rng
        A seed or a generator for the simulated years behind the threshold; by default one fixed stream, so that two
        calls agree.

    Raises
    ------
    ContractError
        There are no refunds, or no such column.
    NotEnoughDataError
        The data do not reach back far enough before `first`, or hold no refunds.
    GBAnalysisError
        The rise, the alarms allowed or the history make no sense.

    Notes
    -----
    Each day is judged with what was known that evening. Counts are compared by the day of the request, with an
    expectation that knows how many lines were picked up on the days before and after how long people ask; so the newest
    days are not too low, and an alarm need not wait until a window closes. What a whole category shares, such as a hot
    week, is taken out: the alert is for what is local.

    References
    ----------
    E. S. Page (1954), Biometrika 41, 100-115; J. M. Lucas (1985), Technometrics 27, 129-144 (counts).

    Examples
    --------
    >>> import gbanalysis as gb
    >>> alerts = gb.quality.watch_refunds(gb.load_sample(), node="central_id", first="2024-03-11", rng=1)
    >>> len(alerts.days), alerts.expected_false_alarms < 1
    (20, True)
    """
    day = known_day(dataset, as_of)
    checked((), confidence=confidence)
    rng = generator(rng)
    if not (ratio > 1 and false_alarms_per_year > 0 and history_days >= 14):
        raise GBAnalysisError("ratio must be above 1, false_alarms_per_year above 0 and history_days at least 14")
    if node == "category":
        raise GBAnalysisError("node must name places or makers, not category: each node is watched in each category")
    begin = day - dt.timedelta(days=WATCHED_DAYS - 1) if first is None else as_date(first, what="first")
    if begin > day:
        raise NotEnoughDataError(f"first {begin} lies in the future: the data are known up to {day}.")
    max_delay = dataset.settings.refund_window_days
    start = begin - dt.timedelta(days=history_days + max_delay + 1)
    counts = facts.delay_facts(
        dataset, by=(node, "category"), unit="line", date="fulfilled", max_delay=max_delay, recent_from=start, as_of=day
    )
    counts = counts[counts["day"] >= np.datetime64(start)]
    if not counts.empty and first is None:  # the data may not reach back so far
        short = int((counts["day"].min() - np.datetime64(start)) / np.timedelta64(1, "D"))
        begin, start = (each + dt.timedelta(days=short) for each in (begin, start))
    if counts.empty or begin > day or counts["day"].min() > np.datetime64(start):
        raise NotEnoughDataError(f"to watch from {begin} on, lines must be known from {start} on")
    if counts["reported"].sum() == 0:
        raise NotEnoughDataError(f"no line picked up since {start} was refunded by {day}")
    reports, labels = _lay_out(counts, node, start, day, max_delay + 2)
    record = watch(
        reports,
        first=(begin - start).days,
        history=history_days,
        ratio=ratio,
        alarms_per_year=false_alarms_per_year,
        recalibrate_days=RECALIBRATE_DAYS,
        rng=rng,
    )
    days = np.arange(np.datetime64(begin), np.datetime64(day) + 1)
    frame = _alarms(record, labels, days, node, confidence)
    return RefundAlerts(frame, labels, days, record, node, false_alarms_per_year, ratio, confidence)


def _lay_out(
    counts: pd.DataFrame, node: str, start: dt.date, last: dt.date, n_delays: int
) -> tuple[Reports, pd.DataFrame]:
    """Turn sums into arrays: each node by category, then each node as a whole (a group of its own)."""
    import pandas as pd

    keys = counts[[node, "category"]].drop_duplicates().sort_values([node, "category"], ignore_index=True)
    at = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(counts[[node, "category"]]))
    n_days = (last - start).days + 1
    place = (counts["day"].to_numpy() - np.datetime64(start)).astype("timedelta64[D]").astype(np.int64)
    lines, refunds = np.zeros((len(keys), n_days)), np.zeros((len(keys), n_days, n_delays))
    np.add.at(lines, (at, place), counts["n"].to_numpy(dtype=float))
    delay = counts["delay"].to_numpy(dtype=np.int64)
    asked = delay >= 0
    np.add.at(refunds, (at[asked], place[asked], delay[asked]), counts["reported"].to_numpy(dtype=float)[asked])
    owner, names = pd.factorize(keys[node])
    group = pd.factorize(keys["category"])[0].astype(np.int64)
    whole = np.eye(len(names))[:, owner]
    both = Reports(
        np.vstack([lines, whole @ lines]),
        np.concatenate([refunds, np.einsum("ks,sda->kda", whole, refunds)]),
        np.concatenate([group, np.full(len(names), group.max() + 1)]),
    )
    totals = pd.DataFrame({node: names, "category": None})
    return both, pd.concat([keys.astype(object), totals.astype(object)], ignore_index=True)


def _alarms(
    record: Watch, labels: pd.DataFrame, days: NDArray[np.datetime64], node: str, confidence: float
) -> pd.DataFrame:
    """One row an alarm: since when its score had been above zero, and what was asked for since."""
    import pandas as pd

    rows = []
    for series, end in np.argwhere(record.rang):
        zero = np.flatnonzero(record.scores[series, :end] <= 0)
        since = int(zero[-1]) + 1 if len(zero) else 0
        seen = float(record.asked[series, since : end + 1].sum())
        usual = float(record.expected[series, since : end + 1].sum())
        interval = total_interval(seen, seen, confidence=confidence)
        rows.append(
            {
                "raised_on": pd.Timestamp(days[end]),
                node: labels[node].iloc[series],
                "category": labels["category"].iloc[series],
                "started_on": pd.Timestamp(days[since]),
                "n_reported": seen,
                "n_expected": usual,
                "ratio": seen / usual,
                "ci_lower": float(interval.lower) / usual,
                "ci_upper": float(interval.upper) / usual,
                "score": float(record.scores[series, end]),
                "threshold": float(record.threshold[end]),
            }
        )
    columns = ["raised_on", node, "category", "started_on", "n_reported", "n_expected", "ratio", "ci_lower", "ci_upper"]
    frame = pd.DataFrame(rows, columns=[*columns, "score", "threshold"])
    return frame.sort_values(["raised_on", "score"], ascending=[True, False], ignore_index=True)
