"""A scorecard of the suppliers: refunds for like goods, and what the inspections at the door say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.dataset.arguments import checked, known_day, known_days
from gbanalysis.errors import NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality import facts
from gbanalysis.quality.actions import funnels
from gbanalysis.quality.actions.inspecting import Agreement, agreement_of, lots_by_supplier
from gbanalysis.quality.actions.sampling_plans import SamplingPlan, design_plan
from gbanalysis.quality.actions.standardising import expected_counts, within_dispersion
from gbanalysis.quality.latency.reported import reported_shares
from gbanalysis.results import Result, rate, require_sum

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset


@dataclass(frozen=True, eq=False)
class SupplierScorecard(Result):
    """Suppliers, the worst first.

    Attributes
    ----------
    frame
        supplier_id; n_lines, n_users, n_refunded (so far), n_expected (so far, were the goods like everyone's);
        raw_rate; ratio (observed over expected); rate, ci_lower, ci_upper (shrunken, standardised, in the end); z and
        outside ("above", "below", "within" the 99.8 % funnel limits); n_lots, n_sampled, n_defective, defect_rate,
        defect_ci_lower, defect_ci_upper, lots_accepted_share, accept_rate (the plan's chance to accept a lot).
    overall_rate
        Refund rate of all lines in the end.
    spread
        How far suppliers differ beyond chance.
    within
        Variance of daily counts over a Poisson count's.
    plan
        The acceptance-sampling plan.
    agreement
        Rank correlation of inspections and refunds; None without inspections.
    confidence, notes
        Level of the intervals; what the data cannot tell.
    """

    frame: pd.DataFrame
    overall_rate: float
    spread: funnels.Spread
    within: float
    plan: SamplingPlan
    agreement: Agreement | None
    confidence: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_sum(
            self.frame["n_expected"], float(self.frame["n_refunded"].sum()), what="expected and observed refunds"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a supplier."""
        return self.frame.copy()

    def text(self) -> str:
        """Name the suppliers outside the limits, and say whether inspections saw it too."""
        above = self.frame[self.frame["outside"] == "above"]
        bad = ", ".join(
            f"{name} ({ratio:.2f} times the refunds of like goods, {rate(found, (low, high), digits=1)})"
            for name, ratio, found, low, high in above[["supplier_id", "ratio", "rate", "ci_lower", "ci_upper"]]
            .head(5)
            .itertuples(index=False)
        )
        sentences = [
            f"Of {len(self.frame)} suppliers {len(above)} lie above the 99.8% funnel limits"
            + (f": {bad}." if bad else ", so no supplier stands out."),
            f"The refund rate of all lines is {rate(self.overall_rate, digits=2)}.",
        ]
        if self.agreement is not None:
            sentences.append(self.agreement.text())
        sentences.append(
            f"A lot is accepted where at most {self.plan.c} of {self.plan.n} units are bad. "
            f"Intervals: {rate(self.confidence, digits=0)}."
        )
        return " ".join(sentences)

    def curves(self) -> pd.DataFrame:
        """The funnel's limits over expected counts, as `plots.plot_funnel` reads them."""
        import pandas as pd

        expected = np.linspace(
            max(self.frame["n_expected"].min() * 0.8, 0.5), self.frame["n_expected"].max() * 1.05, 120
        )
        found = {"expected": expected}
        for name, level in (("warning", funnels.WARNING), ("action", funnels.ACTION)):
            ends = funnels.limits(expected, self.spread.tau2, level=level, within=self.within)
            found |= {f"{name}_lower": ends[0], f"{name}_upper": ends[1]}
        return pd.DataFrame(found)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the funnel plot."""
        from gbanalysis.plots.funnel import plot_funnel

        return plot_funnel(
            self.frame.rename(columns={"n_expected": "expected"}),
            self.curves(),
            group="supplier_id",
            label="refunds, observed over expected",
            across="expected refunds of like goods",
            ax=ax,
        )

    def alt_text(self) -> str:
        """Say what the chart shows."""
        return f"Funnel plot of suppliers: observed over expected refunds against expected refunds. {self.text()}"


def score_suppliers(
    dataset: Dataset,
    *,
    days: tuple[Any, Any],
    as_of: dt.date | str | None = None,
    confidence: float = 0.9,
    aql: float = 0.05,
    ltpd: float = 0.15,
) -> SupplierScorecard:
    """Answer which suppliers' goods are refunded more than like goods are, and whether inspections see it.

    Parameters
    ----------
    dataset
        With ``refunds`` and ``order_lines.supplier_id``; ``weather`` and ``inspections`` are used where they are there.
    days
        First and last day of pickup (for inspections: of inspection), both included.
    as_of
        The last day whose data are known; by default the data set's own. Refunds still to come are allowed for.
    confidence
        Level of the intervals.
    aql, ltpd
        Shares of bad units that are still good, and not to be tolerated: they set the sampling plan.

    Raises
    ------
    ContractError
        There are no refunds.
    NotEnoughDataError
        The days lie in the future, or hold no lines or refunds.
    NotIdentifiedError
        There is one supplier only, so there is nobody to compare with.

    Notes
    -----
    Expected refunds are those of the supplier's own mix of categories, regions and weather (indirect standardisation,
    see `standardising`). Funnel limits allow for overdispersion: for days that go together (``within``) and for the
    usual differences between suppliers (``spread``), so that only those are outside who are worse than suppliers are.

    References
    ----------
    D. J. Spiegelhalter (2005), Statistics in Medicine 24, 1185-1202 (funnel plots) and Quality and Safety in Health
    Care 14, 347-351 (overdispersion).

    Examples
    --------
    >>> import gbanalysis as gb
    >>> card = gb.quality.score_suppliers(gb.load_sample(), days=("2024-02-01", "2024-03-30"))
    >>> len(card.to_frame()), card.plan
    (24, SamplingPlan(n=77, c=7))
    """
    day = known_day(dataset, as_of)
    begin, end = known_days(days, name="days", as_of=day)
    checked((), confidence=confidence)
    plan = design_plan(aql=aql, ltpd=ltpd)
    dataset.require("order_lines", "supplier_id")
    cells = facts.supplier_cells(dataset, first=begin, last=end, as_of=day)
    if cells.empty or cells["refunded"].sum() == 0:
        raise NotEnoughDataError(f"no line that was picked up from {begin} to {end} was refunded by {day}")
    if cells["supplier_id"].nunique() < 2:
        raise NotIdentifiedError("there is one supplier only: it cannot be compared with others")
    cells["day"] = cells["day"].to_numpy().astype("datetime64[ns]")
    known = reported_shares(dataset, first=begin, last=end, as_of=day, rng=0).joined(cells)
    cells["share_reported"] = known.share
    cells["expected"] = expected_counts(cells)
    frame, overall, spread, within = _refund_side(cells, confidence)
    people = facts.supplier_users(dataset, first=begin, last=end, as_of=day)
    frame = frame.merge(people, on="supplier_id", how="left")
    agreement, notes = None, list(known.notes)
    if cells["temperature_c"].isna().all():
        notes.append("no weather is known: it is not standardised for")
    if dataset.has("inspections", "supplier_id"):
        lots = facts.inspection_lots(dataset, first=begin, last=end)
        frame = frame.merge(lots_by_supplier(lots, plan, aql=aql, confidence=confidence), on="supplier_id", how="left")
        agreement = agreement_of(frame, confidence)
    else:
        notes.append("there are no inspections that name a supplier")
    return SupplierScorecard(frame, overall, spread, within, plan, agreement, confidence, tuple(notes))


def _refund_side(cells: pd.DataFrame, confidence: float) -> tuple[pd.DataFrame, float, funnels.Spread, float]:
    """Counts, ratios, shrunken rates and funnel places of the suppliers."""
    import pandas as pd

    final = cells["refunded"] / cells["share_reported"]
    overall = float(final.sum() / cells["n"].sum())
    daily = cells.groupby(["supplier_id", "day"], as_index=False)[["refunded", "expected"]].sum()
    code = pd.factorize(daily["supplier_id"], sort=True)[0].astype(np.int64)
    within = within_dispersion(
        daily["refunded"].to_numpy(dtype=float), daily["expected"].to_numpy(dtype=float), code, daily["day"].nunique()
    )
    cells = cells.assign(final=final)
    frame = cells.groupby("supplier_id", as_index=False)[["n", "refunded", "expected", "final"]].sum()
    observed, expected = frame["refunded"].to_numpy(dtype=float), frame["expected"].to_numpy(dtype=float)
    spread = funnels.spread_between(observed, expected, within=within)
    middle, low, high = funnels.shrunken_ratios(observed, expected, within=within, confidence=confidence)
    z = funnels.z_scores(observed, expected, within=within) / np.sqrt(1 + 4 * expected * spread.tau2 / within)
    least, most = funnels.limits(expected, spread.tau2, level=funnels.ACTION, within=within)
    ratio = observed / expected
    found = pd.DataFrame(
        {
            "supplier_id": frame["supplier_id"],
            "n_lines": frame["n"].astype("int64"),
            "n_refunded": frame["refunded"].astype("int64"),
            "n_expected": expected,
            "raw_rate": observed / frame["n"],
            "ratio": ratio,
            "rate": np.minimum(middle * overall, 1.0),
            "ci_lower": np.minimum(low * overall, 1.0),
            "ci_upper": np.minimum(high * overall, 1.0),
            "z": z,
            "outside": np.where(ratio > most, "above", np.where(ratio < least, "below", "within")),
        }
    )
    return found.sort_values("rate", ascending=False, ignore_index=True), overall, spread, within
