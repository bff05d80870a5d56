"""An attribution beside the same one without the lines of some users, such as those who ask without a cause."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.attribution.result import DatasetShift, Question
from gbanalysis.quality.attribution.shift import explain, read_cells
from gbanalysis.results import SMALLEST_GROUP, Result, number, points, rate, too_few

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

KEYS = ["mechanism", "dimension", "level"]


@dataclass(frozen=True, eq=False)
class WithAndWithout(Result):
    """What moved the refund rate, with all lines and without those of some users.

    Attributes
    ----------
    with_users, without_users
        The two attributions, each exact for its own lines.
    n_users
        How many users were left out.
    """

    with_users: DatasetShift
    without_users: DatasetShift
    n_users: int

    def to_frame(self) -> pd.DataFrame:
        """Give every mechanism and level of the view "who" in both.

        Returns
        -------
        pandas.DataFrame
            mechanism, dimension, level; contribution, ci_lower, ci_upper with all lines; ``contribution_without`` and
            its interval; ``difference``, with less without; ``is_inside``, whether the contribution without them lies
            in the interval with them. A level without lines of others has no contribution without them (NaN).
        """
        figures = [*KEYS, "contribution", "ci_lower", "ci_upper"]
        both = [found.to_frame()[figures] for found in (self.with_users, self.without_users)]
        frame = both[0].merge(both[1], on=KEYS, how="left", suffixes=("", "_without"), validate="one_to_one")
        left = frame["contribution_without"]
        return frame.assign(
            difference=frame["contribution"] - left, is_inside=left.between(frame["ci_lower"], frame["ci_upper"])
        )

    def text(self) -> str:
        """Say what the users left out change: the rates, the change, and the parts that leave their interval."""
        before, after = self.with_users, self.without_users
        frame = self.to_frame()
        totals = frame[frame["level"].isna()]
        moved = totals[~totals["is_inside"] & totals["contribution_without"].notna()]
        columns = (moved[name] for name in ("mechanism", "contribution", "contribution_without"))
        parts = ", ".join(
            f"{name} {points(whole, digits=2)} with and {points(rest, digits=2)} without"
            for name, whole, rest in zip(*columns, strict=True)
        )
        return (
            f"Without the lines of {number(self.n_users)} users the refund rate went from "
            f"{rate(after.base_rate, digits=2)} to {rate(after.current_rate, digits=2)} in place of "
            f"{rate(before.base_rate, digits=2)} to {rate(before.current_rate, digits=2)}: "
            f"{points(after.change, digits=2)} in place of {points(before.change, digits=2)}. "
            + (f"Outside of their intervals: {parts}." if parts else "No mechanism leaves its interval without them.")
        )

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the mechanisms with all lines and, below each, without those of the users left out."""
        import pandas as pd

        from gbanalysis.plots import plot_forest

        whole, rest = (
            found.to_frame().query("level.isna()").reset_index(drop=True)
            for found in (self.with_users, self.without_users)
        )
        parts = [whole.assign(name=whole["mechanism"]), rest.assign(name=rest["mechanism"] + ", without them")]
        frame = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
        frame[["value", "ci_lower", "ci_upper"]] = 100 * frame[["contribution", "ci_lower", "ci_upper"]]
        return plot_forest(frame, name="name", label="contribution to the change", unit="pp", ax=ax)

    def alt_text(self) -> str:
        """The chart in words."""
        frame = self.to_frame()
        totals = frame[frame["level"].isna()]
        columns = (totals[name] for name in ("mechanism", "contribution", "contribution_without"))
        rows = "; ".join(f"{name} {100 * a:+.2f} and {100 * b:+.2f}" for name, a, b in zip(*columns, strict=True))
        return f"Contributions in percentage points with all lines and without those of the users left out: {rows}."


def leave_out(shift: DatasetShift, users: Iterable[str] | None, *, threshold: float) -> WithAndWithout:
    """Attribute again without the lines of users; see `DatasetShift.without_users`."""
    data = source(shift.question)
    gone = tuple(likely_abusers(data, shift.question, threshold=threshold) if users is None else dict.fromkeys(users))
    question = replace(shift.question, without_users=gone)
    if too_few(len(gone)):
        raise NotEnoughDataError(
            f"fewer than {SMALLEST_GROUP} users would be left out: what that changes would tell of single people"
        )
    rest = explain(read_cells(data, question), question, confidence=shift.confidence)
    return WithAndWithout(shift, rest, len(gone))


def likely_abusers(dataset: Dataset, question: Question, *, threshold: float) -> list[str]:
    """Users whose lines before both periods give them at least this chance of asking refunds without a cause.

    Scored on other lines than those compared: whoever is flagged for the refunds of a period always lowers its rate.
    """
    from gbanalysis.quality.abuse.scoring import score_refund_abuse

    if not 0 < threshold < 1:
        raise GBAnalysisError(f"threshold must lie between 0 and 1, such as 0.9, not {threshold!r}")
    last = min(question.base[0], question.current[0]) - dt.timedelta(days=1)
    users = score_refund_abuse(dataset, days=(dt.date.min, last), as_of=question.as_of).users
    flagged: list[str] = users.loc[users["probability"] >= threshold, "user_id"].tolist()
    return flagged


def source(question: Question) -> Dataset:
    """Give the data set that the question was put to."""
    if question.dataset is None:
        raise GBAnalysisError("this attribution does not know its data set, so its lines cannot be read again")
    return question.dataset
