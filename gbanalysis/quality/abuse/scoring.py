"""Score users by the chance that they ask for refunds without a cause: the data are read, the model fitted and told."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import checked, known_day, known_days
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality import facts
from gbanalysis.quality.abuse.claims import KINDS
from gbanalysis.quality.abuse.difficulty import factor_codes, fit_difficulty
from gbanalysis.quality.abuse.evidence import gather, kinds_of
from gbanalysis.quality.abuse.flagging import RATES, flagging_table, rates_without, reached, share_of_claims
from gbanalysis.quality.abuse.model import Evidence, Mixture, fit_mixture, risk_of
from gbanalysis.quality.abuse.result import RefundAbuse
from gbanalysis.stats.intervals import total_interval

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]
Span = tuple[dt.date | None, dt.date]

ROUNDS = 2  # the second time refunds without a cause count no more in the rates of their goods
FEWEST_USERS, FEWEST_REFUNDED = 200, 30


def score_refund_abuse(
    dataset: Dataset,
    *,
    days: tuple[Any, Any] | None = None,
    window: tuple[Any, Any] | None = None,
    as_of: Any = None,
    confidence: float = 0.9,
) -> RefundAbuse:
    """Score users by the chance that they ask for refunds without a cause.

    Question: whose refunds are more than what was wrong with their goods, and how sure is that?

    Each line has the rate at which anybody would ask a refund of it, from its SKU, supplier, place and week, without
    the user's own refunds. Honest users differ in how strict they are; abusers ask for a share of their lines whatever
    the goods. The reason, refund-only flag, approval and waiting time of a refund speak too where they are known, as
    far as the data show that they differ. Scores hold for lines picked up within `days`.

    Parameters
    ----------
    dataset
        The data; needs ``refunds``.
    days
        First and last day of pickup of the lines scored, both included; by default all known days before `window`.
    window
        First and last day of pickup of another span, whose rate is told with and without the flagged users. It must not
        overlap with `days`: a user flagged for the refunds of a period always lowers its rate.
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
    span, shown = _spans(days, window, known)
    cells = facts.difficulty_cells(dataset, first=span[0], last=span[1], as_of=known)
    if not cells["n_refunded"].sum():
        raise NotEnoughDataError("No line picked up in these days was refunded.")
    codes, lines = factor_codes(kinds_of(cells)), cells["n_lines"].to_numpy(dtype=float)
    refunds, weight = cells["n_refunded"].to_numpy(dtype=float), np.ones(int(cells["n_refunded"].sum()))
    for _ in range(ROUNDS):
        found = fit_difficulty(refunds, lines, codes)
        told = {"rate": found.rate, "hazard": -np.log1p(-found.rate), "risk": risk_of(found.rate)}
        priced = cells.assign(cell=np.arange(len(cells)), **told)
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


def _spans(days: Any, window: Any, as_of: dt.date) -> tuple[Span, tuple[dt.date, dt.date] | None]:
    """Check the days of the lines scored and of the window."""
    shown = None if window is None else known_days(window, name="window", as_of=as_of)
    if days is None:
        return (None, as_of if shown is None else shown[0] - dt.timedelta(days=1)), shown
    start, end = known_days(days, name="days", as_of=as_of)
    if shown is not None and end >= shown[0] and start <= shown[1]:
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
    return total, min(float(low), total), float(high)


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
    found = facts.flagged_facts(dataset, bands, first=window[0], last=window[1], as_of=as_of)
    if found.empty:
        raise NotEnoughDataError(f"No line was picked up from {window[0]} to {window[1]}.")
    rates = rates_without(found, confidence=confidence)
    told = np.where(rates["rate_without"].isna(), "every line of the window is of a flagged user", "")
    return pd.concat([table, rates], axis=1).assign(reason=told)
