"""Do shares follow refunds? Where they do, part of what mix or allocation is credited with began as quality.

A buyer may move volume away from a supplier whose goods came back last week, and a promoter push what comes back least.
So shares are held against the refunds of the week before: that quality moves shares, and not the other way round, is
told by the lag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LEAST_PAIRS = 20
DAYS = 7


@dataclass(frozen=True)
class Reaction:
    """How the share of a unit changes from a week to the next with what was refunded of it in the first.

    Attributes
    ----------
    correlation, p_value
        Rank correlation of the week's excess of refunds and the change of the log share, and its p-value.
    slope
        Change of the log share with an excess refund rate of one.
    induced
        The change of the refund rate, current less base, that came about because shares followed refunds.
    n_pairs
        Weeks and units that the figures rest on.
    """

    correlation: float
    p_value: float
    slope: float
    induced: float
    n_pairs: int


def find_reaction(cells: pd.DataFrame, unit: str, within: list[str]) -> Reaction | None:
    """Hold the shares of `unit` within groups against the refunds of the week before; None where weeks are too few.

    Parameters
    ----------
    cells
        ``period``, ``day``, `unit`, `within`, ``n``, ``refunded``.
    unit
        The column whose shares may react, such as supplier_id.
    within
        The columns of the groups in which shares sum to one; none: in everything.
    """
    from scipy import stats

    weeks = _weekly(cells, unit, within)
    own = ["period", *within, unit]
    weeks["later"] = weeks.groupby(own, observed=True)["log_share"].shift(-1) - weeks["log_share"]
    pairs = weeks.dropna(subset=["later", "news"])
    if len(pairs) < LEAST_PAIRS:
        return None
    news, weight = pairs["news"].to_numpy(), pairs["n"].to_numpy(dtype=float)
    found = stats.spearmanr(news * np.sqrt(weight), pairs["later"])
    slope = float((weight * news) @ pairs["later"] / max(float(weight @ news**2), 1e-12))
    induced = _induced(weeks, own, within, slope)
    return Reaction(float(found.statistic), float(found.pvalue), slope, induced, len(pairs))


def _weekly(cells: pd.DataFrame, unit: str, within: list[str]) -> pd.DataFrame:
    """Sum to weeks of each period: share of the unit in its group, its refund rate less the group's, and what is news.

    The news of a week is that excess less the unit's own in the whole base period, which its shares were used to.
    """
    first = cells.groupby("period")["day"].transform("min").to_numpy().astype("datetime64[D]")
    week = (cells["day"].to_numpy().astype("datetime64[D]") - first).astype(int) // DAYS
    keys = ["period", *within, unit]
    sums = cells.assign(week=week).groupby([*keys, "week"], observed=True)[["n", "refunded"]].sum().reset_index()
    group = sums.groupby(["period", *within, "week"], observed=True)[["n", "refunded"]].transform("sum")
    sums["log_share"] = np.log((sums["n"] + 0.5) / (group["n"] + 1))
    sums["share"] = sums["n"] / group["n"]
    sums["excess"] = sums["refunded"] / sums["n"] - group["refunded"] / group["n"]
    own, base = [*within, unit], sums[sums["period"] == "base"]
    before = base.assign(weighted=base["n"] * base["excess"]).groupby(own, observed=True)[["weighted", "n"]].sum()
    sums = sums.join((before["weighted"] / before["n"]).rename("usual"), on=own)
    sums["news"] = sums["excess"] - sums["usual"]
    return sums.sort_values([*keys, "week"], ignore_index=True)


def _induced(weeks: pd.DataFrame, own: list[str], within: list[str], slope: float) -> float:
    """What the reaction did to the rate: each week's shares against those without it, at the rates of the week."""
    news = weeks["news"].fillna(0.0)
    seen = news.groupby([weeks[name] for name in own], observed=True).cumsum() - news
    otherwise = weeks["share"] * np.exp(-slope * seen)
    group = [weeks[name] for name in ("period", *within, "week")]
    otherwise /= otherwise.groupby(group, observed=True).transform("sum")
    lines = weeks["n"].groupby(group, observed=True).transform("sum")
    gained = (weeks["share"] - otherwise) * weeks["excess"] * lines
    effect = gained.groupby(weeks["period"]).sum() / weeks["n"].groupby(weeks["period"]).sum()
    return float(effect.get("current", 0.0) - effect.get("base", 0.0))
