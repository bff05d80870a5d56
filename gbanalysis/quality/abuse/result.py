"""What is known of refund abuse: the users' chances, and what flagging users by them would cost and bring."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.abuse.flagging import THRESHOLDS
from gbanalysis.quality.abuse.model import Law
from gbanalysis.results import SMALLEST_GROUP, Result, money, number, rate, require_sum, too_few
from gbanalysis.stats.intervals import total_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TOLD = 0.9  # the threshold that the text speaks of
NONE_SHOWN = f"No threshold flags {SMALLEST_GROUP} users or more, so no trade-off is shown."


@dataclass(frozen=True, eq=False)
class RefundAbuse(Result):
    """The chance of each user to be an abuser, and what follows from flagging users by it.

    A chance is no proof. `to_frame` names users and is for inside use only; all else is about groups.

    Attributes
    ----------
    users
        One row a user: ``user_id``, ``n_lines``, ``n_refunded``, ``amount`` (money asked back), ``expected`` (refunds
        that anybody with these lines would ask), ``probability`` (chance of an abuser), ``excess`` (expected refunds
        without a cause) with ``ci_lower`` and ``ci_upper``, ``log_ratio`` (for ranking).
    claims
        One row a refunded line: the kinds of the line, ``site_id``, ``user`` (place in `users`), ``amount``,
        ``without_cause`` (chance that it had none).
    lines
        For each kind the lines by its levels: what `excess_by` divides by.
    thresholds
        One row a threshold; see `threshold_table`.
    law
        The fitted laws: odds of an abuser, the spread of honest users' strictness, the abusers' rates.
    n_abusers, excess
        Estimates for all users: value, lower and upper end. An abuser with few lines looks like a strict user, so the
        number of abusers in all is told weakly.
    span, window, as_of, currency, confidence
        Days of the lines that were scored, days of the rates with and without, last day known, currency, level.
    """

    users: pd.DataFrame = field(repr=False)
    claims: pd.DataFrame = field(repr=False)
    lines: Mapping[str, pd.Series[Any]] = field(repr=False)
    thresholds: pd.DataFrame
    law: Law
    n_abusers: tuple[float, float, float]
    excess: tuple[float, float, float]
    span: tuple[dt.date, dt.date]
    window: tuple[dt.date, dt.date] | None
    as_of: dt.date
    currency: str
    confidence: float

    def __post_init__(self) -> None:
        require_sum(self.claims["without_cause"], float(self.users["excess"].sum()), what="refunds without a cause")
        if int(self.users["n_refunded"].sum()) != len(self.claims):
            raise GBAnalysisError("the users' refunded lines are not the refunded lines there are")
        if not self.users["probability"].between(0, 1).all():
            raise GBAnalysisError("a chance of abuse lies outside 0 to 1")

    def to_frame(self) -> pd.DataFrame:
        """One row a user, the likeliest abusers first; for inside use only, since it names users."""
        return self.users.sort_values("log_ratio", ascending=False, ignore_index=True)

    def threshold_table(self) -> pd.DataFrame:
        """What flagging everybody at or above a chance would mean, one row a threshold.

        Returns
        -------
        pandas.DataFrame
            ``threshold``, ``n_flagged``; ``n_honest`` (estimated honest users among them) with its interval;
            ``honest_hit_rate`` (as a share of all honest users) with ``ci_lower`` and ``ci_upper``; ``caught_rate``
            (share of the abusers); ``n_refunded`` and ``amount`` (what the flagged had refunded), ``excess`` (the part
            without a cause). With a window also ``n_lines_flagged``, ``rate_with``, ``rate_without``, ``drop_rate`` and
            their intervals; without one they are NaN and ``reason`` says so.
        """
        return self.thresholds.copy()

    def at(self, threshold: float) -> pd.Series[Any]:
        """The row of one threshold.

        Raises
        ------
        GBAnalysisError
            Where the table has no such threshold.
        """
        rows = self.thresholds[np.isclose(self.thresholds["threshold"], threshold)]
        if rows.empty:
            raise GBAnalysisError(f"threshold must be one of {', '.join(map(str, THRESHOLDS))}, not {threshold!r}")
        return rows.iloc[0]

    def excess_by(self, by: str) -> pd.DataFrame:
        """Expected refunds without a cause by region, supplier, site or another kind of the lines.

        Question: which part of a group's refund rate is due to who buys there, and not to the goods?

        Parameters
        ----------
        by
            One of the kinds that the data have: sku_id, category, origin, supplier_id, region, grid_id, site_id.

        Returns
        -------
        pandas.DataFrame
            `by`, ``n_lines``, ``n_refunded``, ``n_users`` (users with a refund), ``refund_rate``, ``excess`` with
            ``ci_lower`` and ``ci_upper``, ``excess_rate`` (per line); the largest excess first.

        Raises
        ------
        GBAnalysisError
            Where the lines have no such kind.
        """
        import pandas as pd

        if by not in self.lines:
            raise GBAnalysisError(f"by must be one of {', '.join(self.lines)}, not {by!r}")
        told = self.claims.assign(chance=self.users["probability"].to_numpy()[self.claims["user"]])
        told["within"] = told["without_cause"] * (1 - told["without_cause"] / told["chance"])
        per_user = told.groupby([by, "user"], as_index=False).agg(
            excess=("without_cause", "sum"), chance=("chance", "first"), within=("within", "sum"), n=("user", "size")
        )
        per_user["variance"] = per_user["excess"] ** 2 * (1 / per_user["chance"] - 1) + per_user["within"]
        found = per_user.groupby(by).agg(
            n_refunded=("n", "sum"), n_users=("user", "size"), excess=("excess", "sum"), variance=("variance", "sum")
        )
        frame = pd.concat([self.lines[by].rename("n_lines"), found], axis=1).fillna(0.0).rename_axis(by).reset_index()
        low, high = total_interval(frame["excess"], frame["variance"], confidence=self.confidence)
        frame["refund_rate"] = frame["n_refunded"] / frame["n_lines"]
        frame["excess_rate"] = frame["excess"] / frame["n_lines"]
        frame["ci_lower"], frame["ci_upper"] = np.fmin(low, frame["excess"]), np.fmin(high, frame["n_refunded"])
        frame = frame.astype({"n_refunded": int, "n_users": int}).drop(columns="variance")
        return frame.sort_values("excess", ascending=False, ignore_index=True)

    def text(self) -> str:
        """One paragraph: how many, how much, and what flagging at a high chance would mean."""
        n_refunded, row = len(self.claims), self.at(TOLD)
        abusers, excess = (number(part[0], part[1:], digits=0) for part in (self.n_abusers, self.excess))
        told = (
            f"Of {number(len(self.users))} users about {abusers} can be told to ask for refunds without a cause; about "
            f"{excess} of {number(n_refunded)} refunded lines ({rate(self.excess[0] / n_refunded)}) had none. "
        )
        if too_few(float(row["n_flagged"])):
            return told + f"Fewer than {SMALLEST_GROUP} users reach a chance of {rate(TOLD, digits=0)}."
        honest = number(row["n_honest"], (row["n_honest_ci_lower"], row["n_honest_ci_upper"]), digits=1)
        told += (
            f"A chance of at least {rate(TOLD, digits=0)} flags {number(row['n_flagged'])} users with refunds of "
            f"{money(row['amount'], currency=self.currency)}; an estimated {honest} of them are honest."
        )
        if np.isfinite(row["rate_without"]):
            told += (
                f" Without them the refund rate from {self.window[0]} to {self.window[1]} would be "  # type: ignore[index]
                f"{rate(row['rate_without'], digits=2)} in place of {rate(row['rate_with'], digits=2)}."
            )
        return told

    def summary(self) -> str:
        """The table of thresholds; no user is named, and thresholds that flag fewer than ten have no figures."""
        columns = ["threshold", "n_flagged", "n_honest", "honest_hit_rate", "caught_rate", "excess", "rate_without"]
        table, few = self.thresholds[columns], self._flags_few() & (self.thresholds["n_flagged"] > 0)
        table = table.assign(**{name: table[name].mask(few) for name in columns[1:]})
        shown: str = table.to_string(index=False, float_format="{:,.4g}".format)
        return shown

    def _flags_few(self) -> pd.Series[Any]:
        """For each threshold, whether it flags fewer users than its figures may be told of."""
        return self.thresholds["n_flagged"].map(too_few)

    def _drawn(self) -> pd.DataFrame:
        """The thresholds that the chart shows: those that flag anybody, and not only a few."""
        return self.thresholds[~self._flags_few() & (self.thresholds["n_flagged"] > 0)]

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the share of honest users hit against the share of abusers caught, one mark a threshold told of."""
        from gbanalysis.plots import style
        from gbanalysis.plots.tradeoff import plot_tradeoff

        drawn = self._drawn()
        if drawn.empty:
            ax = style.new_axes(ax)
            ax.text(0.5, 0.5, NONE_SHOWN, ha="center", va="center", transform=ax.transAxes, wrap=True)
            ax.set_axis_off()
            return ax
        return plot_tradeoff(
            drawn, x="caught_rate", y="honest_hit_rate", mark="threshold",
            x_label="abusers caught, estimated", y_label="honest users flagged, estimated", ax=ax,
        )  # fmt: skip

    def alt_text(self) -> str:
        """The chart in words."""
        if self._drawn().empty:
            return NONE_SHOWN
        told = "; ".join(
            f"at {row['threshold']:g}: {rate(row['caught_rate'], digits=0)} of abusers, "
            f"{rate(row['honest_hit_rate'])} of honest users"
            for row in self._drawn().to_dict("records")
        )
        return f"Estimated share of honest users flagged against abusers caught by threshold of the chance. {told}."
