"""Who asks for refunds without a cause, how sure that is, and what flagging such users would cost and bring."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import as_date, checked, known_day, known_days
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality import facts
from gbanalysis.quality.abuse_evidence import gather, kinds_of
from gbanalysis.quality.abuse_model import Evidence, Law, Mixture, fit_mixture
from gbanalysis.quality.abuse_table import (
    RATES,
    THRESHOLDS,
    flagging_table,
    rates_without,
    reached,
    share_of_claims,
)
from gbanalysis.quality.claims import KINDS
from gbanalysis.quality.difficulty import factor_codes, fit_difficulty
from gbanalysis.results import Result, money, number, rate, require_sum
from gbanalysis.stats.intervals import total_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]
Span = tuple[dt.date | None, dt.date]

ROUNDS = 2  # the second time refunds without a cause count no more in the rates of their goods
FEWEST_USERS, FEWEST_REFUNDED = 200, 30
TOLD = 0.9  # the threshold that the text speaks of


@dataclass(frozen=True)
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
        Estimates for all users: value, lower and upper end.
    span, window, as_of, currency, confidence
        Days of the lines that were scored, days of the rates with and without, last day known, currency, level.
    """

    users: pd.DataFrame
    claims: pd.DataFrame
    lines: Mapping[str, pd.Series[Any]]
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
        frame["ci_lower"], frame["ci_upper"] = low, np.fmin(high, frame["n_refunded"])
        frame = frame.astype({"n_refunded": int, "n_users": int}).drop(columns="variance")
        return frame.sort_values("excess", ascending=False, ignore_index=True)

    def text(self) -> str:
        """One paragraph: how many, how much, and what flagging at a high chance would mean."""
        n_refunded, row = len(self.claims), self.at(TOLD)
        abusers, excess = (number(part[0], part[1:], digits=0) for part in (self.n_abusers, self.excess))
        told = (
            f"Of {number(len(self.users))} users about {abusers} ask for refunds without a cause; about {excess} of "
            f"{number(n_refunded)} refunded lines ({rate(self.excess[0] / n_refunded)}) had none. "
        )
        if not row["n_flagged"]:
            return told + f"No user reaches a chance of {rate(TOLD, digits=0)}."
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
        """The table of thresholds; no user is named."""
        columns = ["threshold", "n_flagged", "n_honest", "honest_hit_rate", "caught_rate", "excess", "rate_without"]
        shown: str = self.thresholds[columns].to_string(index=False, float_format="{:,.4g}".format)
        return shown

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the share of honest users hit against the share of abusers caught, one mark a threshold."""
        from gbanalysis.plots.tradeoff import plot_tradeoff

        drawn = self.thresholds[self.thresholds["n_flagged"] > 0]
        return plot_tradeoff(
            drawn, x="caught_rate", y="honest_hit_rate", mark="threshold",
            x_label="abusers caught, estimated", y_label="honest users flagged, estimated", ax=ax,
        )  # fmt: skip

    def alt_text(self) -> str:
        """The chart in words."""
        told = "; ".join(
            f"at {row['threshold']:g}: {rate(row['caught_rate'], digits=0)} of abusers, "
            f"{rate(row['honest_hit_rate'])} of honest users"
            for row in self.thresholds[self.thresholds["n_flagged"] > 0].to_dict("records")
        )
        return f"Estimated share of honest users flagged against abusers caught by threshold of the chance. {told}."


def score_refund_abuse(
    dataset: Dataset,
    *,
    first: Any = None,
    last: Any = None,
    window: tuple[Any, Any] | None = None,
    as_of: Any = None,
    confidence: float = 0.9,
) -> RefundAbuse:
    """Score users by the chance that they ask for refunds without a cause.

    Question: whose refunds are more than what was wrong with their goods, and how sure is that?

    Each line has the rate at which anybody would ask a refund of it, from its SKU, supplier, place and week, without
    the user's own refunds. Honest users differ in how strict they are; abusers ask for a share of their lines whatever
    the goods. The reason, refund-only flag, approval and waiting time of a refund speak too where they are known, as
    far as the data show that they differ. Scores hold for lines picked up from `first` to `last`.

    Parameters
    ----------
    dataset
        The data; needs ``refunds``.
    first, last
        First and last day of pickup of the lines scored; by default all known days before `window`.
    window
        First and last day of pickup of the period whose rate is told with and without the flagged users. It must not
        overlap with the lines scored: a user flagged for the refunds of a period always lowers its rate.
    as_of
        Last day whose data are used; by default the last known.
    confidence
        Level of the intervals.

    Raises
    ------
    ContractError
        The data have no refunds.
    GBAnalysisError
        Arguments that make no sense, such as a window among the lines scored.
    NotEnoughDataError
        Days in the future, fewer than 200 users, no user with two lines, or fewer than 30 refunded lines.

    Notes
    -----
    The chance is that of an abuser under the fitted laws. It is no proof, and decisions stay with people.

    References
    ----------
    B. Efron and C. Morris (1973), Journal of the American Statistical Association 68, 117-130; B. Efron (2010),
    Large-Scale Inference (the share of false flags from posterior chances).

    Examples
    --------
    >>> import gbanalysis as gb
    >>> scores = gb.quality.score_refund_abuse(gb.load_sample())
    >>> scores.threshold_table()["n_flagged"].is_monotonic_decreasing
    True
    """
    checked((), confidence=confidence)
    dataset.require("refunds")
    known = known_day(dataset, as_of)
    span, shown = _spans(first, last, window, known)
    cells = facts.difficulty_cells(dataset, first=span[0], last=span[1], as_of=known)
    if not cells["n_refunded"].sum():
        raise NotEnoughDataError("No line picked up in these days was refunded.")
    codes, lines = factor_codes(kinds_of(cells)), cells["n_lines"].to_numpy(dtype=float)
    refunds, weight = cells["n_refunded"].to_numpy(dtype=float), np.ones(int(cells["n_refunded"].sum()))
    for _ in range(ROUNDS):
        found = fit_difficulty(refunds, lines, codes)
        priced = cells.assign(cell=np.arange(len(cells)), rate=found.rate, hazard=-np.log1p(-found.rate))
        sites, claims = facts.user_claims(dataset, priced, first=span[0], last=span[1], as_of=known)
        _check(sites)
        evidence, users = gather(cells, sites, claims, found, weight)
        mixture = fit_mixture(evidence)
        weight = 1 - mixture.without_cause
        refunds = np.bincount(claims["cell"], weight, minlength=len(cells))
    users = _scored(users, claims, evidence, mixture, confidence)
    table = flagging_table(mixture, users, confidence=confidence)
    bands = users[["user_id"]].assign(band=reached(mixture.probability))
    start = span[0] or dt.date.fromisoformat(str(cells["week"].min())[:10])
    return RefundAbuse(
        users=users,
        claims=_claims(cells, claims, evidence, mixture),
        lines=_lines_of(cells, sites),
        thresholds=_with_rates(dataset, table, bands, shown, known, confidence),
        law=mixture.law,
        n_abusers=_total(mixture.probability, mixture.probability * (1 - mixture.probability), mixture, confidence),
        excess=_total(mixture.excess, mixture.excess_variance, mixture, confidence),
        span=(start, span[1]),
        window=shown,
        as_of=known,
        currency=dataset.settings.currency,
        confidence=confidence,
    )


def _spans(first: Any, last: Any, window: Any, as_of: dt.date) -> tuple[Span, tuple[dt.date, dt.date] | None]:
    """Check the days of the lines scored and of the window."""
    shown = None if window is None else known_days(window, name="window", as_of=as_of)
    start = None if first is None else as_date(first, what="first")
    end = as_of if shown is None else shown[0] - dt.timedelta(days=1)
    end = end if last is None else as_date(last, what="last")
    if end > as_of:
        raise NotEnoughDataError(f"last {end} lies in the future: the data are known up to {as_of}.")
    if start is not None and start > end:
        raise GBAnalysisError(f"the lines scored start on {start}, after their last day {end}")
    if shown is not None and end >= shown[0] and (start is None or start <= shown[1]):
        raise GBAnalysisError(
            f"the window ({shown[0]} to {shown[1]}) lies among the days of the lines scored (to {end}); a user flagged "
            "for the refunds of a period always lowers its rate"
        )
    return (start, end), shown


def _check(sites: pd.DataFrame) -> None:
    """Refuse data on which honest users and abusers cannot be told apart."""
    per_user = sites.groupby("user_id")[["n_lines", "n_refunded"]].sum()
    refunded = int(per_user["n_refunded"].sum())
    if len(per_user) < FEWEST_USERS:
        raise NotEnoughDataError(f"{len(per_user)} users picked up lines in these days; scores need {FEWEST_USERS}.")
    if int(per_user["n_lines"].max()) < 2:
        raise NotEnoughDataError("No user picked up two lines in these days, so nobody can be told from chance.")
    if refunded < FEWEST_REFUNDED:
        raise NotEnoughDataError(f"{refunded} refunded lines in these days; scores need {FEWEST_REFUNDED}.")


def _scored(
    users: pd.DataFrame, claims: pd.DataFrame, evidence: Evidence, mixture: Mixture, confidence: float
) -> pd.DataFrame:
    """The users with their money asked back, chance and expected refunds without a cause."""
    ends = share_of_claims(mixture.excess, mixture.excess_variance, evidence.n_refunded, confidence=confidence)
    amount = np.bincount(evidence.user, claims["amount"].to_numpy(dtype=float), minlength=len(users))
    return users.assign(
        amount=amount,
        probability=mixture.probability,
        excess=mixture.excess,
        ci_lower=ends[:, 0],
        ci_upper=ends[:, 1],
        log_ratio=mixture.log_ratio,
    )


def _claims(cells: pd.DataFrame, claims: pd.DataFrame, evidence: Evidence, mixture: Mixture) -> pd.DataFrame:
    """The refunded lines with their kinds and the chance that they had no cause."""
    kinds = cells.loc[claims["cell"], [name for name in KINDS if name in cells]].reset_index(drop=True)
    return kinds.assign(
        site_id=claims["site_id"].to_numpy(),
        user=evidence.user,
        amount=claims["amount"].to_numpy(dtype=float),
        without_cause=mixture.without_cause,
    )


def _lines_of(cells: pd.DataFrame, sites: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Count the lines by each kind of line, and by site."""
    found = {name: cells.groupby(name)["n_lines"].sum() for name in KINDS if name in cells}
    return {**found, "site_id": sites.groupby("site_id")["n_lines"].sum()}


def _total(part: FloatArray, variance: FloatArray, mixture: Mixture, confidence: float) -> tuple[float, float, float]:
    """A sum over users with its interval: chance, and the doubt about the fitted laws in proportion to the chances."""
    total = float(part.sum())
    share = part / np.maximum(mixture.probability, np.finfo(float).tiny)
    slope = share @ mixture.slopes
    low, high = total_interval(
        total, float(variance.sum()) + float(slope @ mixture.covariance @ slope), confidence=confidence
    )
    return total, float(low), float(high)


def _with_rates(
    dataset: Dataset,
    table: pd.DataFrame,
    bands: pd.DataFrame,
    window: tuple[dt.date, dt.date] | None,
    as_of: dt.date,
    confidence: float,
) -> pd.DataFrame:
    """Add the rates of the window with and without the flagged users, or say why there are none."""
    import pandas as pd

    if window is None:
        return table.assign(**dict.fromkeys(RATES, np.nan), reason="no window was named")
    days = facts.flagged_facts(dataset, bands, first=window[0], last=window[1], as_of=as_of)
    if days.empty:
        raise NotEnoughDataError(f"No line was picked up from {window[0]} to {window[1]}.")
    rates = rates_without(days, confidence=confidence)
    told = np.where(rates["rate_without"].isna(), "every line of the window is of a flagged user", "")
    return pd.concat([table, rates], axis=1).assign(reason=told)
