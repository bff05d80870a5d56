"""What to do about refunds: actions ranked by what they save, net of what they cost, and chosen within a budget."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import checked, generator, known_day, known_days
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality import facts
from gbanalysis.quality.actions.budgets import choose
from gbanalysis.quality.actions.cells import fill_course
from gbanalysis.quality.actions.costs import check_costs, list_actions, note_absent
from gbanalysis.quality.actions.savings import (
    COOL_NODE,
    DELIST_SKU,
    REPLACE_SUPPLIER,
    SPEED_NODE,
    Action,
    Profiles,
    Touched,
    make_profiles,
)
from gbanalysis.quality.latency.reported import reported_shares
from gbanalysis.results import Result, money, number, require_sum

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]

WORDS = {
    REPLACE_SUPPLIER: "replace supplier {}",
    DELIST_SKU: "delist SKU {}",
    SPEED_NODE: "speed up node {}",
    COOL_NODE: "cool node {}",
}
MOST_CANDIDATES = 60


@dataclass(frozen=True)
class Saving:
    """Refunded lines and money saved over the horizon, each with its interval."""

    refunds: float
    refunds_ci: tuple[float, float]
    money: float
    money_ci: tuple[float, float]


@dataclass(frozen=True, eq=False)
class RankedActions(Result):
    """Actions with what they save and cost over the horizon, best first.

    Attributes
    ----------
    frame
        action, target, size, n_lines (over the horizon), refunds_saved, ci_lower, ci_upper, money_saved,
        money_ci_lower, money_ci_upper, cost, net, net_ci_lower, net_ci_upper, chosen, naive_refunds_saved.
    n_lines
        Lines over the horizon.
    together
        What the chosen actions save together; refunds that several would save count once.
    budget, horizon_days, confidence, currency
        As asked for.
    notes
        What the data cannot tell.
    """

    frame: pd.DataFrame
    n_lines: float
    together: Saving
    budget: float | None
    horizon_days: int
    confidence: float
    currency: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, *parts, total in self.frame[["target", "net", "cost", "money_saved"]].itertuples(index=False):
            require_sum(parts, total, what=f"net and cost of {name}")
        if self.budget is not None and self.cost > self.budget * (1 + 1e-9):
            raise GBAnalysisError(f"the chosen actions cost {self.cost:.6g}, more than the budget of {self.budget:.6g}")

    @property
    def chosen(self) -> pd.DataFrame:
        """The chosen actions."""
        return self.frame[self.frame["chosen"]]

    @property
    def cost(self) -> float:
        """What the chosen actions cost."""
        return float(self.chosen["cost"].sum())

    @property
    def net(self) -> float:
        """What the chosen actions save together, less their cost."""
        return self.together.money - self.cost

    def to_frame(self) -> pd.DataFrame:
        """All actions, the chosen ones first, then by net saving."""
        return self.frame.copy()

    def text(self) -> str:
        """Say which actions are worth their money, what they save together, and how sure that is."""
        within = "" if self.budget is None else f" within the budget of {money(self.budget, currency=self.currency)}"
        if self.chosen.empty:
            return (
                f"None of {len(self.frame)} actions is expected to save more than it costs over {self.horizon_days} "
                f"days{within}."
            )
        named = ", ".join(_worded(self.chosen.head(5)))
        more = f" and {len(self.chosen) - 5} more" if len(self.chosen) > 5 else ""
        saved = self.together
        return (
            f"Of {len(self.frame)} actions {len(self.chosen)} are worth doing{within}: {named}{more}. "
            f"Together they save {number(saved.refunds, saved.refunds_ci, digits=0)} refunds in "
            f"{self.horizon_days} days, that is {money(saved.money, saved.money_ci, currency=self.currency)}. "
            f"They cost {money(self.cost, currency=self.currency)}: {money(self.net, currency=self.currency)} net. "
            f"Intervals: {self.confidence:.0%}, good also for actions that were chosen for being the best."
        )

    def drawn(self, rows: int = 12) -> pd.DataFrame:
        """The first rows and the best of each kind, as `plots.plot_bars` reads them.

        Columns: action, value (net, without digits that say nothing), ci_lower, ci_upper, is_final (chosen).
        """
        import pandas as pd

        best = self.frame.drop_duplicates("action").index
        shown = self.frame.loc[sorted({*self.frame.index[:rows], *best})]
        largest = max(float(shown["net"].abs().max()), 1e-9)
        net = shown["net"].round(max(0, 2 - int(np.floor(np.log10(largest)))))
        return pd.DataFrame(
            {
                "action": _worded(shown),
                "value": net.to_numpy() + 0.0,  # no minus before a zero
                "ci_lower": shown["net_ci_lower"].to_numpy(),
                "ci_upper": shown["net_ci_upper"].to_numpy(),
                "is_final": shown["chosen"].to_numpy(),
            }
        )

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the net saving of the first actions and of the best of each kind; what was not chosen is hatched."""
        from gbanalysis.plots import plot_bars

        return plot_bars(self.drawn(), group="action", label="net saving", unit=self.currency, role="gain", ax=ax)

    def alt_text(self) -> str:
        """Say what the chart shows."""
        return (
            "Horizontal bars of the net saving of the best actions with their intervals; actions that were not chosen "
            f"are hatched. {self.text()}"
        )


def _worded(rows: pd.DataFrame) -> list[str]:
    """Say each action in words."""
    return [WORDS[kind].format(target) for kind, target in zip(rows["action"], rows["target"], strict=True)]


def rank_actions(
    dataset: Dataset,
    costs: pd.DataFrame,
    *,
    current: tuple[dt.date | str, dt.date | str],
    as_of: dt.date | str | None = None,
    budget: float | None = None,
    horizon_days: int = 28,
    confidence: float = 0.9,
    rng: np.random.Generator | int | None = None,
) -> RankedActions:
    """Answer what to do: which actions save more refunds, in money, than they cost.

    Parameters
    ----------
    dataset
        With ``refunds``; nodes can be sped up and cooled where ``stage_flows`` are tied to the lines.
    costs
        What actions cost; see `costs.check_costs` for its columns. Only actions with a cost are candidates.
    current
        First and last day of pickup, both included: the horizon is taken to be like these days, day for day.
    as_of
        The last day whose data are known; by default the data set's own. Refunds still to come are allowed for.
    budget
        The most that the chosen actions may cost together; None: no limit.
    horizon_days
        Days over which savings and costs per line are counted.
    confidence
        Level of the intervals.
    rng
        A seed or a generator for the draws; by default one fixed stream, so that two calls agree.

    Returns
    -------
    RankedActions
        What each action saves by itself, which ones are chosen, and what these save together.

    Raises
    ------
    ContractError
        The costs are not as they must be, or name no target that the data have; or there are no refunds.
    NotEnoughDataError
        The period lies in the future, has no lines, or fewer than 20 refunded ones.
    NotIdentifiedError
        No action has anything to be compared with, such as a single supplier.
    GBAnalysisError
        Budget, horizon or confidence make no sense.

    Notes
    -----
    An action replaces a cause of refunds by what others have, all else as it is. *replace_supplier*: its lines come
    from the other suppliers of the same category and central warehouse, in the shares that these have (where there is
    none, of the category anywhere). *delist_sku*: its buyers take other SKUs of the category. *speed_node*: fewer hours
    at the node. *cool_node*: fewer degrees there. What an hour or a degree does is learned from how hours and heat
    differ from day to day and node to node, by category. Effects are pooled, so that an action chosen because it looks
    best is not overrated for it; see `saving_model`. Money is the lines' amount times the share of it that refunds give
    back. The choice is an exact 0-1 programme with the overlap of each pair of actions; `together` counts all of them.

    References
    ----------
    B. Efron (2011), Journal of the American Statistical Association 106, 1602-1614.

    Examples
    --------
    >>> import gbanalysis as gb, pandas as pd
    >>> cost = {"action": "replace_supplier", "target": None, "cost_fixed": 100.0, "cost_per_line": 0.0}
    >>> days = ("2024-03-03", "2024-03-30")
    >>> ranked = gb.quality.rank_actions(gb.load_sample(), pd.DataFrame([cost]), current=days, budget=300, rng=1)
    >>> bool(ranked.cost <= 300), int((ranked.to_frame()["action"] == "replace_supplier").sum())
    (True, 24)
    """
    day = known_day(dataset, as_of)
    first, last = known_days(current, name="current", as_of=day)
    checked((), confidence=confidence)
    if horizon_days < 1 or (budget is not None and not budget >= 0):
        raise GBAnalysisError(f"the horizon must be a day at least, and the budget not below 0 (not {budget!r})")
    costs, rng = check_costs(costs), generator(rng)
    cells, notes = _cells(dataset, first, last, day, rng)
    profiles = make_profiles(cells, rng=rng)
    actions, prices = list_actions(costs, profiles)
    absent = note_absent(costs, profiles)
    notes += absent
    if not actions and absent:
        raise ContractError(f"costs name nothing that can be ranked; {'; '.join(absent)}")
    touched = [profiles.touched(action) for action in actions]
    known = [place for place, each in enumerate(touched) if len(each.rows)]
    if not known:
        asked = ", ".join(dict.fromkeys(costs["action"]))
        raise NotIdentifiedError(f"nothing to compare with for {asked}: there are no other suppliers, SKUs or nodes")
    if len(known) < len(actions):
        notes += (f"{len(actions) - len(known)} actions have nothing to be replaced by and are left out",)
    actions, touched = [actions[place] for place in known], [touched[place] for place in known]
    scale = horizon_days / ((last - first).days + 1)
    frame = _frame(profiles, cells, actions, touched, prices.iloc[known], scale, confidence)
    chosen = _choose(profiles, actions, touched, frame, budget, scale)
    done = [action for action, is_chosen in zip(actions, chosen, strict=True) if is_chosen]
    together = _saving(profiles, profiles.together(done), scale, confidence)
    frame = frame.assign(chosen=chosen).sort_values(["chosen", "net"], ascending=False).reset_index(drop=True)
    n_lines = scale * float(profiles.n.sum())
    return RankedActions(frame, n_lines, together, budget, horizon_days, confidence, dataset.settings.currency, notes)


def _cells(
    dataset: Dataset, first: dt.date, last: dt.date, as_of: dt.date, rng: np.random.Generator
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Cells of the period with the share of their refunds that is reported, without days of which hardly any is."""
    cells = facts.action_cells(dataset, first=first, last=last, as_of=as_of)
    if cells.empty:
        raise NotEnoughDataError(f"no line was picked up from {first} to {last}")
    cells["day"] = cells["day"].to_numpy().astype("datetime64[ns]")
    known = reported_shares(dataset, first=first, last=last, as_of=as_of, rng=rng).joined(cells)
    cells, notes = fill_course(cells.assign(share_reported=known.share))
    return cells, (*known.notes, *notes)


def _saving(profiles: Profiles, touched: Sequence[Touched], scale: float, confidence: float) -> Saving:
    """Mean and interval over the draws."""
    refunds, back = profiles.saved(touched)
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    figures = [scale * each[1:] for each in (refunds, back)]
    intervals = [tuple(float(end) for end in np.quantile(each, ends)) for each in figures]
    return Saving(float(figures[0].mean()), intervals[0], float(figures[1].mean()), intervals[1])  # type: ignore[arg-type]


def _frame(
    profiles: Profiles,
    cells: pd.DataFrame,
    actions: Sequence[Action],
    touched: Sequence[Touched],
    prices: pd.DataFrame,
    scale: float,
    confidence: float,
) -> pd.DataFrame:
    """One row an action, by itself."""
    import pandas as pd

    rows = []
    fixed, variable = (prices[name].to_numpy(dtype=float) for name in ("cost_fixed", "cost_per_line"))
    for k, (action, each) in enumerate(zip(actions, touched, strict=True)):
        saved = _saving(profiles, [each], scale, confidence)
        n_lines = scale * float(profiles.n[each.rows].sum())
        cost = float(fixed[k] + variable[k] * n_lines)
        rows.append(
            {
                "action": action.kind,
                "target": action.target,
                "size": action.size if action.kind in (SPEED_NODE, COOL_NODE) else np.nan,
                "n_lines": n_lines,
                "refunds_saved": saved.refunds,
                "ci_lower": saved.refunds_ci[0],
                "ci_upper": saved.refunds_ci[1],
                "money_saved": saved.money,
                "money_ci_lower": saved.money_ci[0],
                "money_ci_upper": saved.money_ci[1],
                "cost": cost,
                "net": saved.money - cost,
                "net_ci_lower": saved.money_ci[0] - cost,
                "net_ci_upper": saved.money_ci[1] - cost,
                "naive_refunds_saved": scale * naive_saving(cells, action),
            }
        )
    return pd.DataFrame(rows)


def naive_saving(cells: pd.DataFrame, action: Action) -> float:
    """Refunds above what the target's lines would have at the raw rate of all other lines; NaN where that is no answer.

    What a list of the worst by raw rate promises: no mix, no chance and no return to the mean is taken out of it.
    """
    columns = {REPLACE_SUPPLIER: ["supplier_id"], DELIST_SKU: ["sku_id"], COOL_NODE: []}
    nodes = [str(name) for name in cells if str(name).endswith("_node")]
    named = columns.get(action.kind, nodes)
    here = np.any([cells[name].astype(str) == action.target for name in named], axis=0) if named else None
    if here is None or here.all():
        return float("nan")
    final = (cells["refunded"] / cells["share_reported"]).to_numpy(dtype=float)
    n = cells["n"].to_numpy(dtype=float)
    return float(final[here].sum() - n[here].sum() * final[~here].sum() / n[~here].sum())


def _choose(
    profiles: Profiles,
    actions: Sequence[Action],
    touched: Sequence[Touched],
    frame: pd.DataFrame,
    budget: float | None,
    scale: float,
) -> NDArray[np.bool_]:
    """Choose among the actions that pay by themselves (the best of them where they are many)."""
    net, cost = frame["net"].to_numpy(), frame["cost"].to_numpy()
    order = np.argsort(-net)[:MOST_CANDIDATES]
    paying = order[net[order] > 0]
    chosen = np.zeros(len(frame), dtype=bool)
    if len(paying):
        overlap = scale * overlaps(profiles, [actions[k] for k in paying], [touched[k] for k in paying])
        chosen[paying] = choose(frame["money_saved"].to_numpy()[paying], cost[paying], overlap, budget)
    return chosen


def overlaps(profiles: Profiles, actions: Sequence[Action], touched: Sequence[Touched]) -> FloatArray:
    """[n, n] money that two actions save alone less what they save together, at the mean effects.

    Two suppliers that are both replaced do not take over each other's lines; among SKUs, of which each is a small part
    of its category, that is left out here.
    """
    middle, n = slice(0, 1), len(touched)
    alone = [float(profiles.saved([each], draws=middle)[1][0]) for each in touched]
    overlap = np.zeros((n, n))
    for one in range(n):
        for two in range(one + 1, n):
            pair = [touched[one], touched[two]]
            if actions[one].kind == actions[two].kind == REPLACE_SUPPLIER:
                pair = profiles.together([actions[one], actions[two]])
            elif not np.intersect1d(pair[0].rows, pair[1].rows, assume_unique=True).size:
                continue
            both = float(profiles.saved(pair, draws=middle)[1][0])
            overlap[one, two] = overlap[two, one] = alone[one] + alone[two] - both
    return overlap
