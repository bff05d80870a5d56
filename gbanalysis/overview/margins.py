"""The margin: what is left of the GMV after goods, commission, logistics, loss and refunds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gbanalysis.dataset.arguments import checked
from gbanalysis.dataset.expressions import Period
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.overview import facts as rows
from gbanalysis.overview.estimates import every_period, finality
from gbanalysis.overview.figures import tidy
from gbanalysis.overview.money import KNOWN_PARTS, Rates, parts_of
from gbanalysis.overview.series import Series
from gbanalysis.results import figure, number, require_sum
from gbanalysis.stats.intervals import signed_total_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

BASES = ("line", "unit", "gmv")
_FROM_DATA = ("gmv", "cost_of_goods", "loss", "refunds", "margin")
LABELS = {
    "gmv": "GMV",
    "cost_of_goods": "cost of goods",
    "commission": "commission",
    "logistics": "logistics",
    "loss": "loss",
    "refunds": "refunds",
    "margin": "margin",
}


@dataclass(frozen=True, eq=False)
class Margin(Series):
    """What comes in, what goes out, and what is left, by period and group; made by `margin`.

    Attributes
    ----------
    frame
        As in `KeyFigures`; the metrics are ``gmv``, each part that is taken from it (as a negative amount) and
        ``margin``. GMV and all known parts add up to the margin, in each period and group.
    not_taken
        For each part that is not known the reason; the margin stands before these parts.
    leftover
        ``period``, the columns of `by`, and ``leftover``: the cost of units that nobody had ordered.
    n_off_flow
        Lines whose shipment has stage flows, but none of the line's SKU: their goods cost quantity x unit cost.
    """

    labels: dict[str, str] = field(default_factory=lambda: dict(LABELS), repr=False)
    not_taken: dict[str, str] = field(default_factory=dict)
    leftover: pd.DataFrame = field(default_factory=pd.DataFrame)
    n_off_flow: int = 0

    def __post_init__(self) -> None:
        table = self.frame.pivot_table(index=["period", *self.by], columns="metric", values="value", dropna=False)
        if "margin" not in table or table["margin"].isna().all():
            return
        for parts in table.dropna(subset=["margin"]).to_dict("records"):
            total = parts.pop("margin")
            require_sum([value for value in parts.values() if not np.isnan(value)], total, what="GMV - parts = margin")

    def steps(self, period: Any = None) -> pd.DataFrame:
        """Give the steps from GMV to margin in one period (the last final one), for `plot_waterfall`.

        Groups are added up; their intervals too, as if the clusters of two groups were independent.

        Raises
        ------
        GBAnalysisError
            Where there is no such period.
        """
        when = self.at("gmv", period or self.last_period("gmv"))["period"].iloc[0]
        part = self.frame[self.frame["period"] == when]
        part = part.assign(square=((part["ci_upper"] - part["ci_lower"]) / 2) ** 2)
        sums = part.groupby("metric")[["value", "square"]].sum(min_count=1).reindex(list(self.labels))
        half = np.sqrt(sums["square"])
        return pd.DataFrame(
            {
                "part": list(self.labels.values()),
                "value": sums["value"].to_numpy(),
                "ci_lower": (sums["value"] - half).to_numpy(),
                "ci_upper": (sums["value"] + half).to_numpy(),
                "is_total": [name in ("gmv", "margin") for name in self.labels],
            }
        )

    def plot(self, *, ax: Axes | None = None, metric: str | None = None, period: Any = None) -> Axes:
        """Draw the waterfall of one period, or with `metric` one part over time as `Series.plot` does.

        Raises
        ------
        NotEnoughDataError
            Where fewer than ten people bought in the period of the waterfall.
        """
        from gbanalysis.plots import plot_waterfall

        if metric:
            return super().plot(ax=ax, metric=metric)
        if few := self.few_people("gmv", period):
            raise NotEnoughDataError(few)
        return plot_waterfall(self.steps(period), label="money", unit=str(self.frame["unit"].iloc[0]), ax=ax)

    def alt_text(self, metric: str | None = None) -> str:
        """Say in words what `plot` shows."""
        if metric:
            return super().alt_text(metric)
        if few := self.few_people("gmv"):
            return few
        unit, steps = str(self.frame["unit"].iloc[0]), self.steps()
        said = [f"{part} {figure(value, unit)}" for part, value in zip(steps["part"], steps["value"], strict=True)]
        return f"Waterfall for the {self.period_name} from {self.last_period('gmv'):%Y-%m-%d}: {', '.join(said)}."

    def text(self) -> str:
        """Describe the margin of the last complete period, and what it does not take into account."""
        open_parts = "; ".join(f"{self.labels[part]} ({reason})" for part, reason in self.not_taken.items())
        note = f" Not taken from it: {open_parts}." if open_parts else ""
        if "cost_of_goods" in self.not_taken:
            return f"The margin is not known: {self.not_taken['cost_of_goods']}."
        if few := self.few_people("gmv"):
            return few
        when, unit = self.last_period("gmv"), str(self.frame["unit"].iloc[0])
        steps = self.steps()
        gmv, left = (float(steps["value"].iloc[place]) for place in (0, -1))
        ends = (float(steps["ci_lower"].iloc[-1]), float(steps["ci_upper"].iloc[-1]))
        spare = float(self.leftover.loc[self.leftover["period"] == when, "leftover"].sum())
        stock = f" Units left over at the sites cost {figure(spare, unit)}; they are stock." if spare else ""
        said = f"the margin was {figure(left, unit, ends)}, {figure(left / gmv, 'share')} of the GMV."
        return f"In the {self.period_name} from {when:%Y-%m-%d} {said}{note}{stock}{self._off_flow()}"

    def _off_flow(self) -> str:
        """Say how many lines have no flow of their own in a shipment that has flows."""
        if not self.n_off_flow:
            return ""
        counted = f"Over all periods {number(self.n_off_flow)} lines are in a shipment whose stage flows lack their SKU"
        return f" {counted}; their goods count as bought as ordered."


def margin(
    dataset: Dataset,
    *,
    costs: pd.DataFrame | None = None,
    by: Sequence[str] | str = (),
    period: Period = "M",
    as_of: dt.date | None = None,
    confidence: float = 0.9,
) -> Margin:
    """Answer what is left of the GMV after cost of goods, commission, logistics, loss and refunds.

    Parameters
    ----------
    dataset
        The data. Cost of goods needs products.unit_cost; commission leaders.commission_rate and sites.leader_id; loss
        stage_flows tied to order lines; refunds the table refunds.
    costs
        Costs that the data do not hold, as rates: the columns ``part`` (such as "logistics"), ``basis`` ("line",
        "unit" or "gmv") and ``rate`` (money a line, money a unit, or a share of the amount). A commission given here
        replaces what the data say. By default there is none, and logistics are not taken from the margin.
    by, period, as_of, confidence
        As in `key_figures`.

    Returns
    -------
    Margin
        GMV, each part and the margin by period and group, in the data's currency, by selling day.

    Raises
    ------
    ContractError
        Where `by` names no column to group by, or one that names persons.
    GBAnalysisError
        Where `costs` is not such a frame, or `confidence` does not lie between 0 and 1.
    NotEnoughDataError
        Where there are no order lines up to `as_of`.

    Notes
    -----
    A refund counts up to the amount of its line; the leader earns a share of the amount, before refunds. Where stage
    flows are known, the units ordered that came through the chain are the cost of goods, and those lost on the way the
    loss, both at the unit cost; units that came through for nobody are stock, taken from nothing, and `text` says what
    they cost. Without flows goods are bought as ordered; so are those of a line whose SKU is not in the flows of its
    shipment, and `text` counts these lines.
    A part that is not known in a group is NaN there, with a reason. Without the cost of goods there is no margin;
    without another part the margin stands before it, and its reason says so. Refunds that are still to come make a
    young margin too high: its period is then not final. Intervals redraw site x day clusters.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> import pandas as pd
    >>> logistics = pd.DataFrame({"part": ["logistics"], "basis": ["line"], "rate": [0.4]})
    >>> result = gb.overview.margin(gb.load_sample(), costs=logistics)
    >>> result.not_taken
    {}
    """
    as_of, rates, by = as_of or dataset.settings.as_of, read_rates(costs), checked(by, confidence=confidence)
    facts = rows.margin_facts(dataset, by=by, period=period, as_of=as_of, rates=rates)
    if facts.empty:
        raise NotEnoughDataError(f"There are no order lines up to {as_of}.")
    keys, unit, first_on = ["period", *by], dataset.settings.currency, facts["first_on"].dropna().min()
    facts = facts if by else every_period(facts, period)
    parts = tuple(dict.fromkeys((*KNOWN_PARTS[:2], "logistics", *parts_of(rates))))
    reasons = {part: _reasons(dataset, facts, part, rates) for part in parts}
    window = dataset.settings.refund_window_days if dataset.has("refunds") else 0
    status = finality(
        facts["period"], period=period, first_on=first_on, as_of=as_of, wait_days=window + 1,
        waiting_for="refunds can still come",
    )  # fmt: skip
    blocks = [
        _block(facts, keys, "gmv", 1.0, reasons=pd.Series("", facts.index), status=status, confidence=confidence),
        *(_block(facts, keys, part, -1.0, reasons[part], status, confidence) for part in parts),
        _margin_block(facts, keys, reasons, status, confidence),
    ]
    spare = facts[keys].assign(leftover=facts["y_leftover"])
    return Margin(
        frame=tidy([block.assign(unit=unit) for block in blocks], facts, keys),
        by=by,
        period=period,
        as_of=as_of,
        confidence=confidence,
        labels={name: LABELS.get(name, name.replace("_", " ")) for name in ("gmv", *parts, "margin")},
        leftover=spare,
        n_off_flow=rows.lines_off_flow(dataset, as_of=as_of) if rows.has_flows(dataset) else 0,
        not_taken={part: str(why[why != ""].iloc[0]) for part, why in reasons.items() if (why != "").any()},
    )


def read_rates(costs: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    """Read a frame of costs as rates by part and basis, and refuse what cannot be one.

    Examples
    --------
    >>> read_rates(pd.DataFrame({"part": ["logistics"] * 2, "basis": ["line", "unit"], "rate": [0.4, 0.1]}))
    {'logistics': {'line': 0.4, 'unit': 0.1}}
    """
    if costs is None:
        return {}
    missing = {"part", "basis", "rate"} - set(costs.columns)
    if missing:
        raise GBAnalysisError(f"costs lacks the columns {', '.join(sorted(missing))}; it needs part, basis and rate")
    rates: dict[str, dict[str, float]] = {}
    for part, basis, rate in costs[["part", "basis", "rate"]].itertuples(index=False, name=None):
        if basis not in BASES:
            raise GBAnalysisError(f"costs: the basis of {part} is {basis!r}; it must be one of {', '.join(BASES)}")
        if part in _FROM_DATA:
            raise GBAnalysisError(f"costs: {part} comes from the data and cannot be given as a rate")
        if not (np.isfinite(rate) and rate >= 0) or basis in rates.get(part, {}):
            raise GBAnalysisError(f"costs: the rate of {part} per {basis} must be given once, as a number from 0 on")
        rates.setdefault(str(part), {})[str(basis)] = float(rate)
    return rates


def _reasons(dataset: Dataset, facts: pd.DataFrame, part: str, rates: Rates) -> pd.Series[Any]:
    """Say for each row why a part is not known there; empty where it is known."""
    has = dataset.has
    sources = {
        "cost_of_goods": has("products", "unit_cost") or "products have no unit_cost",
        "commission": (has("leaders", "commission_rate") and has("sites", "leader_id"))
        or "no commission_rate of leaders",
        "logistics": "no cost of logistics is given",
        "loss": rows.has_flows(dataset) or "no stage_flows tied to order lines",
        "refunds": has("refunds") or "no table refunds",
    }
    source = True if part in rates else sources[part]
    if source is not True:
        return pd.Series(source, facts.index)
    gap = {"cost_of_goods": "n_no_cost", "loss": "n_no_cost", "commission": "n_no_commission"}.get(part)
    if gap is None or part in rates:
        return pd.Series("", facts.index)
    said = facts[gap].map("{:,.0f} lines or shipments lack the rate for it".format)
    return said.where(facts[gap] > 0, "")


def _block(
    facts: pd.DataFrame, keys: Sequence[str], part: str, sign: float, reasons: pd.Series[Any], status: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:  # fmt: skip
    """Make the rows of one part, signed; NaN where it is not known."""
    known = (reasons == "").to_numpy()
    total = facts.get(f"y_{part}", pd.Series(np.nan, facts.index)).to_numpy(dtype=float)
    squares = facts.get(f"yy_{part}", pd.Series(np.nan, facts.index)).to_numpy(dtype=float)
    value = np.where(known, sign * total + 0.0, np.nan)
    lower, upper = signed_total_interval(value, squares, confidence=confidence)
    return facts[list(keys)].assign(
        metric=part, value=value, ci_lower=lower, ci_upper=upper, n=facts["n_lines"], n_clusters=facts["n"],
        is_final=status["is_final"], reason=reasons.where(reasons != "", status["reason"]),
    )  # fmt: skip


def _margin_block(
    facts: pd.DataFrame,
    keys: Sequence[str],
    reasons: dict[str, pd.Series[Any]],
    status: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:
    """Make the margin: not known where the cost of goods is not or a part has gaps; else before the rest."""
    before = np.column_stack([np.where(why != "", part, "") for part, why in reasons.items()])
    absent = pd.Series([", ".join(filter(None, row)) for row in before], index=facts.index)
    broken = (reasons["cost_of_goods"] != "") | (facts["n_no_cost"] > 0)
    broken |= (reasons["commission"] != "") & (facts["y_commission"] != 0)
    why = ("not known without " + absent).where(broken, "")
    block = _block(facts, keys, "margin", 1.0, why, status, confidence)
    return block.assign(reason=block["reason"].mask((absent != "") & ~broken, "before " + absent))
