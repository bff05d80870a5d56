"""The key figures of the trade over time: orders, GMV, users, sites, basket, refunds and loss."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from gbanalysis.dataset.arguments import checked
from gbanalysis.dataset.expressions import Period
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.overview import facts as rows
from gbanalysis.overview.estimates import (
    count_estimates,
    every_period,
    finality,
    ratio_estimates,
    share_estimates,
    total_estimates,
    with_reasons,
)
from gbanalysis.overview.series import SO_FAR, Series
from gbanalysis.results import rate, require_sum

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

LABELS = {
    "orders": "orders",
    "lines": "order lines",
    "gmv": "GMV",
    "users": "users who bought",
    "active_sites": "active sites",
    "basket_value": "value of an order",
    "refund_rate": "refund rate (lines)",
    "loss_rate": "loss rate of the chain (units)",
}


@dataclass(frozen=True, eq=False)
class KeyFigures(Series):
    """The key figures by period and group; made by `key_figures`.

    Attributes
    ----------
    frame
        One row a period, group and metric: ``period`` (its first day), the columns of `by`, ``metric``, ``unit``,
        ``value``, ``ci_lower``, ``ci_upper``, ``n``, ``n_clusters``, ``n_users``, ``is_final``, ``reason``.
    n_refunded_unfulfilled
        Lines refunded but never picked up: the refund rate by pickup leaves them out. None without refunds.
    """

    labels: dict[str, str] = field(default_factory=lambda: dict(LABELS), repr=False)
    n_refunded_unfulfilled: int | None = None

    def __post_init__(self) -> None:
        table = self.frame.pivot_table(index=["period", *self.by], columns="metric", values="value")
        if {"basket_value", "orders", "gmv"} <= set(table):
            table = table.dropna(subset=["basket_value"])
            require_sum(table["basket_value"] * table["orders"], table["gmv"].sum(), what="basket value x orders = GMV")

    def text(self) -> str:
        """Describe the last complete period, and the last whose refunds are final, in one paragraph."""
        if self.by or "gmv" not in self.labels:
            groups = f" of {len(self.frame[list(self.by)].drop_duplicates())} groups" if self.by else ""
            return f"Key figures{groups} ({', '.join(self.labels.values())}) by {self.period_name}, {self.span()}."
        if few := self.few_people("gmv"):
            return few
        when = f"{self.last_period('gmv'):%Y-%m-%d}"
        names = {
            "orders": "{} orders",
            "gmv": "GMV {}",
            "users": "{} users who bought",
            "active_sites": "{} active sites",
        }
        told = {name: self.say(name) for name in names if name in self.labels}
        so_far = SO_FAR if any(text.endswith(SO_FAR) for text in told.values()) else ""
        said = ", ".join(names[name].format(text.removesuffix(SO_FAR)) for name, text in told.items())
        sentences = [f"In the {self.period_name} from {when}{so_far}: {said}."]
        for metric, name in (("refund_rate", "refund rate"), ("loss_rate", "loss rate of the chain")):
            if metric not in self.labels:
                continue
            reason = self.unknown(metric)
            if reason:
                sentences.append(f"The {name} is not known: {reason}.")
            elif not self.few_people(metric):
                when = f"{self.last_period(metric):%Y-%m-%d}"
                sentences.append(f"The {name} was {self.say(metric)} in the {self.period_name} from {when}.")
        return " ".join([*sentences, f"Intervals: {rate(self.confidence, digits=0)}."])


def key_figures(
    dataset: Dataset,
    *,
    by: Sequence[str] | str = (),
    period: Period = "W",
    as_of: dt.date | None = None,
    confidence: float = 0.9,
    metrics: Sequence[str] = tuple(LABELS),
) -> KeyFigures:
    """Answer how the trade goes: orders, GMV, users, sites, value of an order, refunds and loss over time.

    Parameters
    ----------
    dataset
        The data; refunds and stage_flows may be absent.
    by
        Columns of sites, products or order lines to group by, such as ``"region"`` or ``("region", "category")``.
    period
        "D", "W" (from Monday) or "M".
    as_of
        Nothing that became known after this day is used; by default the last day of the data.
    confidence
        Confidence level of the intervals.
    metrics
        Which figures to compute; leaving out refund_rate and loss_rate saves their queries.

    Returns
    -------
    KeyFigures
        Orders, order lines, GMV, users, sites and the value of an order by selling day; the refund rate (caliber:
        lines; by day of pickup); the loss rate of the chain (units that entered it and did not leave the community
        site, over units that entered, by selling day). Where a table is missing the value is NaN, and ``reason`` says
        why.

    Raises
    ------
    ContractError
        Where `by` names no column to group by, or one that names persons.
    GBAnalysisError
        Where `metrics` names no figure, or `confidence` does not lie between 0 and 1.
    NotEnoughDataError
        Where there are no order lines up to `as_of`.

    Notes
    -----
    A period without lines between the first and the last is a row of zeros, its rates NaN; of groups only the periods
    in which they have lines are there, and `compare` counts the others as zero. Distinct users of a week are not the
    sum of its days', and an order with two categories counts in both. A refund rate whose window is still open in its
    period is not final: it is the rate so far, and can only rise. Totals have the interval of redrawn site x day
    clusters, shares that of redrawn site x day and supplier x day clusters (see
    `gbanalysis.stats.intervals`); users and sites are redrawn one by one.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> figures = gb.overview.key_figures(gb.load_sample(), period="M")
    >>> figures.to_frame()["metric"].nunique(), figures.last_period("refund_rate") <= figures.last_period("gmv")
    (8, True)
    """
    as_of, by = as_of or dataset.settings.as_of, checked(by, confidence=confidence)
    unknown = [name for name in metrics if name not in LABELS]
    if unknown or not metrics:
        raise GBAnalysisError(f"metrics must be some of {', '.join(LABELS)}, not {', '.join(unknown) or 'none'}")
    sales = rows.sales_facts(dataset, by=by, period=period, as_of=as_of)
    if sales.empty:
        raise NotEnoughDataError(f"There are no order lines up to {as_of}.")
    keys = ["period", *by]
    timing: dict[str, Any] = {"period": period, "first_on": sales["first_on"].min(), "as_of": as_of}
    sales = sales if by else every_period(sales, period)
    blocks = _sales_blocks(sales, keys, dataset.settings.currency, timing, confidence)
    if "refund_rate" in metrics:
        blocks["refund_rate"] = _refund_block(dataset, sales, keys, timing, confidence)
    if "loss_rate" in metrics:
        blocks["loss_rate"] = _loss_block(dataset, sales, keys, timing, confidence)
    counts_refunds = "refund_rate" in metrics and dataset.has("refunds")
    return KeyFigures(
        frame=tidy([blocks[name] for name in LABELS if name in metrics], sales, keys),
        by=by,
        period=period,
        as_of=as_of,
        confidence=confidence,
        labels={name: label for name, label in LABELS.items() if name in metrics},
        n_refunded_unfulfilled=rows.unfulfilled_refunds(dataset, as_of=as_of) if counts_refunds else None,
    )


def _refund_block(
    dataset: Dataset, sales: pd.DataFrame, keys: list[str], timing: dict[str, Any], confidence: float
) -> pd.DataFrame:
    """Estimate the refund rate by period of pickup; not final while the window is open."""
    if not dataset.has("refunds"):
        return missing(sales[keys], "refund_rate", "the data have no table refunds")
    facts = rows.refund_facts(dataset, by=keys[1:], period=timing["period"], as_of=timing["as_of"])
    if facts.empty:
        return missing(sales[keys], "refund_rate", "no line has been picked up")
    shares = share_estimates(facts, keys=keys, y="refunded", confidence=confidence)
    shares = shares if keys[1:] else every_period(shares, timing["period"])
    window = dataset.settings.refund_window_days
    waiting = f"refunds can still come: the window of {window} days is open"
    status = finality(shares["period"], **timing, wait_days=window, waiting_for=waiting)
    return pd.concat([shares, status], axis=1).assign(metric="refund_rate", unit="share")


def _loss_block(
    dataset: Dataset, sales: pd.DataFrame, keys: list[str], timing: dict[str, Any], confidence: float
) -> pd.DataFrame:
    """Estimate the loss rate of the chain by selling period; not final while goods are on the way."""
    if not rows.has_flows(dataset):
        return missing(sales[keys], "loss_rate", "the data have no table stage_flows tied to order lines")
    facts = rows.loss_facts(dataset, by=keys[1:], period=timing["period"], as_of=timing["as_of"])
    if facts.empty:
        return missing(sales[keys], "loss_rate", "no shipment has reached its site")
    shares = share_estimates(facts, keys=keys, y="lost", confidence=confidence)
    shares = shares if keys[1:] else every_period(shares, timing["period"])
    status = finality(shares["period"], **timing, wait_days=2, waiting_for="shipments may still be under way")
    return pd.concat([shares, status], axis=1).assign(metric="loss_rate", unit="share")


def _sales_blocks(
    sales: pd.DataFrame, keys: Sequence[str], currency: str, timing: dict[str, Any], confidence: float
) -> dict[str, pd.DataFrame]:
    """Estimate what the order lines alone tell."""
    estimates = {
        "orders": (
            "orders",
            total_estimates(sales, total="n_orders", squares="xx", clusters="n", confidence=confidence),
        ),
        "lines": (
            "lines",
            total_estimates(sales, total="n_lines", squares="yy_lines", clusters="n", confidence=confidence),
        ),
        "gmv": (currency, total_estimates(sales, total="y_gmv", squares="yy_gmv", clusters="n", confidence=confidence)),
        "users": ("users", count_estimates(sales, count="n_users", confidence=confidence)),
        "active_sites": ("sites", count_estimates(sales, count="n_sites", confidence=confidence)),
        "basket_value": (currency, ratio_estimates(sales.assign(x=sales["n_orders"]), y="gmv", confidence=confidence)),
    }
    status = finality(sales["period"], **timing, wait_days=0)
    return {
        metric: pd.concat([sales[list(keys)], estimate, status], axis=1).assign(metric=metric, unit=unit)
        for metric, (unit, estimate) in estimates.items()
    }


def missing(keys: pd.DataFrame, metric: str, reason: str) -> pd.DataFrame:
    """Make rows without a value that say why there is none."""
    nothing = dict.fromkeys(("value", "ci_lower", "ci_upper", "n", "n_clusters"), float("nan"))
    return keys.assign(**nothing, is_final=True, reason=reason, metric=metric, unit="share")


def tidy(blocks: Sequence[pd.DataFrame], sales: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Stack the blocks of all metrics, with the number of people behind each row, in one order of columns."""
    frame = with_reasons(pd.concat(blocks, ignore_index=True)).merge(
        sales[[*keys, "n_users"]], on=list(keys), how="left"
    )
    columns = ["metric", "unit", "value", "ci_lower", "ci_upper", "n", "n_clusters", "n_users", "is_final", "reason"]
    return frame[[*keys, *columns]]
