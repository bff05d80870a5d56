"""Service level: what became of the order lines that were sold - on time, late, short or never claimed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from gbanalysis.dataset.arguments import checked
from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import Period
from gbanalysis.errors import NotEnoughDataError
from gbanalysis.overview import facts as rows
from gbanalysis.overview.estimates import every_period, finality, share_estimates
from gbanalysis.overview.figures import missing, tidy
from gbanalysis.overview.series import Series
from gbanalysis.results import figure, require_sum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

LABELS = {
    "on_time": "lines on time, in full",
    "late": "lines late",
    "short": "lines short",
    "unclaimed": "lines never claimed",
}
NO_FLOWS = "the data have no table stage_flows tied to order lines"


@dataclass(frozen=True, eq=False)
class ServiceLevel(Series):
    """Shares of lines by what became of them; made by `service_level`.

    Attributes
    ----------
    frame
        As in `KeyFigures`, with the metrics ``on_time``, ``late``, ``short`` and ``unclaimed``, which add up to 1.
    stages
        Units in, units lost and the loss rate of each stage of the chain (and group); empty without stage flows.
    claim_days
        Days after the planned pickup in which a line can still be claimed.
    """

    labels: dict[str, str] = field(default_factory=lambda: dict(LABELS), repr=False)
    stages: pd.DataFrame = field(default_factory=pd.DataFrame)
    claim_days: int = 3

    def __post_init__(self) -> None:
        sums = self.frame.groupby(["period", *self.by])["value"].sum(min_count=1).dropna()
        require_sum(sums, float(len(sums)), what="on time + late + short + unclaimed")

    def text(self) -> str:
        """Describe the last final period in one paragraph."""
        if self.by:
            n_groups = len(self.frame[list(self.by)].drop_duplicates())
            return f"Service level of {n_groups} groups by {' and '.join(self.by)}, from {self.span()}."
        if few := self.few_people("on_time"):
            return few
        if self.unknown("short"):
            said = f"{self.say('unclaimed')} were not picked up (short or never claimed: {self.unknown('short')})"
        else:
            said = f"{self.say('short')} were short and {self.say('unclaimed')} were never claimed"
        return (
            f"Of the lines sold in the {self.period_name} from {self.last_period('on_time'):%Y-%m-%d}, "
            f"{self.say('on_time')} were picked up in full and on time, {self.say('late')} late; {said}."
        )

    def plot_stages(self, *, ax: Axes | None = None) -> Axes:
        """Draw the loss rate of each stage of the chain as bars.

        Raises
        ------
        NotEnoughDataError
            Where the data have no stage flows, or nothing has left a stage.
        """
        if self.stages.empty:
            raise NotEnoughDataError("Nothing is known of the units that went into and out of the stages of the chain.")
        from gbanalysis.plots import plot_bars

        names = self.stages[["stage", *self.by]].astype(str).agg(" ".join, axis=1).str.replace("_", " ")
        frame = self.stages.assign(name=names)
        return plot_bars(frame, group="name", label="units lost of units in", unit="share", role="harm", ax=ax)

    def stage_text(self) -> str:
        """Name the stage at which the largest share of the lost units was lost."""
        if self.stages.empty or self.by:
            return f"Where units are lost is not known: {NO_FLOWS}." if self.stages.empty else ""
        worst = self.stages.sort_values("n_lost", ascending=False).iloc[0]
        share = worst["n_lost"] / self.stages["n_lost"].sum()
        rate = figure(worst["value"], "share", (worst["ci_lower"], worst["ci_upper"]))
        name = str(worst["stage"]).replace("_", " ")
        part = figure(share, "share")
        return f"The stage that loses most is the {name}: {rate} of what comes in, {part} of all units lost."


def service_level(
    dataset: Dataset,
    *,
    by: Sequence[str] | str = (),
    period: Period = "W",
    as_of: dt.date | None = None,
    claim_days: int = 3,
    confidence: float = 0.9,
) -> ServiceLevel:
    """Answer how well orders are served: the shares of lines on time, late, short and never claimed.

    Each line counts once, in the period of its selling day, and only when its time to be claimed is over: its planned
    day of pickup (the day after the selling day) lies `claim_days` or more before `as_of`.

    - *short*: the units that left the community site do not reach this line. Who goes short is not recorded; lines
      that were picked up are taken to be served first, the others in the order in which they were placed, so what is
      missing falls on the latest of those that nobody picked up. A line served in part is short.
    - *late*: not short, and picked up after its planned day, by the end of its time.
    - *unclaimed*: not short, and not picked up within `claim_days` of its planned day. A later pickup changes nothing,
      so that a share that is final stays what it is.
    - *on time*: all others.

    Parameters
    ----------
    dataset, by, period, as_of, confidence
        As in `key_figures`.
    claim_days
        Days after the planned pickup in which a line can still be claimed.

    Returns
    -------
    ServiceLevel
        The shares with their intervals, and the loss by stage. Without stage_flows nobody can tell short lines from
        unclaimed ones: ``short`` is then NaN with a reason, and ``unclaimed`` holds both.

    Raises
    ------
    ContractError
        Where `by` names no column to group by, or one that names persons.
    GBAnalysisError
        Where `confidence` does not lie between 0 and 1, or `claim_days` is negative.
    NotEnoughDataError
        Where no line's time to be claimed is over.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> service = gb.overview.service_level(gb.load_sample(), period="M")
    >>> float(service.to_frame().groupby("period")["value"].sum().round(9).max())
    1.0
    """
    as_of = as_of or dataset.settings.as_of
    by = checked(by, confidence=confidence, claim_days=claim_days)
    sums = rows.service_facts(dataset, by=by, period=period, as_of=as_of, claim_days=claim_days)
    if sums.empty:
        raise NotEnoughDataError(f"No line's time to be claimed is over by {as_of}.")
    keys, known = ["period", *by], rows.has_flows(dataset)
    people = sums.drop_duplicates(keys)[[*keys, "n_users"]]
    people = people if by else every_period(people, period)
    blocks = []
    for metric in LABELS:
        if metric == "short" and not known:
            blocks.append(missing(people[keys], "short", NO_FLOWS))
            continue
        shares = share_estimates(sums, keys=keys, y=metric, confidence=confidence)
        shares = shares if by else every_period(shares, period)
        status = finality(
            shares["period"], period=period, first_on=sums["first_on"].min(), as_of=as_of, wait_days=1 + claim_days,
            waiting_for="lines can still be claimed",
        )  # fmt: skip
        if metric == "unclaimed" and not known:
            status["reason"] = status["reason"].mask(
                status["reason"] == "", "short lines are counted here: " + NO_FLOWS
            )
        blocks.append(pd.concat([shares, status], axis=1).assign(metric=metric, unit="share"))
    return ServiceLevel(
        frame=tidy(blocks, people, keys),
        by=by,
        period=period,
        as_of=as_of,
        confidence=confidence,
        stages=stage_losses(dataset, by=by, as_of=as_of, confidence=confidence) if known else pd.DataFrame(),
        claim_days=claim_days,
    )


def stage_losses(dataset: Dataset, *, by: Sequence[str], as_of: dt.date, confidence: float) -> pd.DataFrame:
    """Estimate the loss rate of each stage, in the order of the chain, over all the data up to `as_of`.

    Returns
    -------
    pandas.DataFrame
        ``stage``, the columns of `by`, ``value`` (units lost over units in), ``ci_lower``, ``ci_upper`` (node x day
        clusters), ``n`` (units in), ``n_lost``, ``n_clusters``. Empty where nothing has left a stage.
    """
    sums = rows.stage_facts(dataset, by=by, as_of=as_of)
    if sums.empty:
        return pd.DataFrame()
    keys = ["stage", *by]
    shares = share_estimates(sums, keys=keys, y="lost", confidence=confidence)
    shares["n_lost"] = shares["value"] * shares["n"]
    order = pd.Categorical(shares["stage"], categories=list(STAGES), ordered=True)
    return shares.assign(place=order).sort_values(["place", *by], ignore_index=True).drop(columns="place")
