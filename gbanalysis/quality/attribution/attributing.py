"""What moved the refund rate between two periods, and which supplier, category, warehouse it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.attribution.accounts import Account, list_accounts, own_columns
from gbanalysis.quality.attribution.correction import correct_to_observed
from gbanalysis.quality.attribution.diagnostics import fit_diagnostics
from gbanalysis.quality.attribution.influence import derive_all
from gbanalysis.quality.attribution.mechanisms import CHAIN, CodedCells, Stage, encode_cells
from gbanalysis.quality.attribution.overlap import overlap_notes
from gbanalysis.quality.attribution.refund_model import fit_refunds
from gbanalysis.quality.attribution.tables import build_tables
from gbanalysis.quality.attribution.variance import Directions, days_each, find_directions, variances
from gbanalysis.results import Result
from gbanalysis.stats.shrinkage import sparse_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

SUM_TOLERANCE = 1e-12
STANDS_OUT = "stands out"


@dataclass(frozen=True, eq=False)
class ShiftAttribution(Result):
    """A change of the refund rate, split among mechanisms and their levels.

    Attributes
    ----------
    table
        All figures: view (mechanism, player, who, where), mechanism, dimension, level, contribution (a rate, not
        percent), ci_lower, ci_upper, se, n_base, n_current, note, stands_out.
    base_rate, current_rate
        The observed refund rates; their difference is `change`.
    residual
        Observed less modelled rate of the two periods before the correction to the observed rates.
    confidence
        Level of the intervals.
    diagnostics
        Does the refund model fit? One row a check: check, statistic, p_value, passed, sentence (`fit_diagnostics`).
    notes
        What the data cannot tell.
    """

    table: pd.DataFrame
    base_rate: float
    current_rate: float
    residual: tuple[float, float]
    confidence: float
    diagnostics: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        totals = self._view("mechanism").set_index("mechanism")["contribution"]
        _check_sum("the mechanisms", totals.sum(), self.change)
        _check_sum("the players", self._view("player")["contribution"].sum(), self.change)
        for name, part in self._view("who").groupby("mechanism"):
            _check_sum(f"the levels of {name}", part["contribution"].sum(), float(totals[str(name)]))
        for (mechanism, key), part in self._view("where").groupby(["mechanism", "dimension"]):
            _check_sum(f"{mechanism} by {key}", part["contribution"].sum(), float(totals[str(mechanism)]))

    @property
    def change(self) -> float:
        """Observed change of the refund rate."""
        return self.current_rate - self.base_rate

    @property
    def residual_change(self) -> float:
        """The part of the change that the model missed before the correction."""
        return self.residual[1] - self.residual[0]

    def _view(self, view: str) -> pd.DataFrame:
        return self.table[self.table["view"] == view]

    def to_frame(self, view: Literal["who", "where", "player"] = "who") -> pd.DataFrame:
        """Mechanisms with null level, then the levels of one accounting.

        Parameters
        ----------
        view
            ``"who"``: quality is split among suppliers, categories, grids and the rest, so that a bad node is not
            spread over its suppliers. ``"where"``: each mechanism is partitioned by one dimension at a time, goods by
            category and by subcategory where both are known; the levels of each dimension sum to the mechanism. A
            level's ``note`` says where it stands out: of the levels whose quality did not change, some intervals leave
            zero out by chance. ``"player"``: the players of the game, without levels, with their standard error
            ``se``; that of every figure stands in `table`.
        """
        if view not in ("who", "where", "player"):
            raise GBAnalysisError(f"view must be 'who', 'where' or 'player', not {view!r}")
        kept, spare = (["player"], []) if view == "player" else (["mechanism", view], ["se"])
        table = self.table[self.table["view"].isin(kept)]
        plain = table["stands_out"] & table["level"].notna() & (table["note"] == "")
        table = table.assign(note=table["note"].mask(plain, STANDS_OUT))
        return table.drop(columns=["view", "stands_out", *spare]).reset_index(drop=True)

    def largest(self, n: int = 3) -> pd.DataFrame:
        """The levels of the who view that contribute most and stand out, to either side."""
        levels = self._view("who")
        sure = levels[levels["stands_out"]].drop(columns="stands_out")
        return sure.loc[sure["contribution"].abs().sort_values(ascending=False).index].head(n)

    def text(self) -> str:
        """One paragraph: the change, the mechanisms, the levels that stand out, and what was missed at first."""
        totals = self._view("mechanism")
        totals = totals.loc[totals["contribution"].abs().sort_values(ascending=False).index]
        parts = ", ".join(f"{row.mechanism} {_points(row)}" for row in totals.itertuples())
        named = "; ".join(
            f"{row.mechanism} of {row.dimension} {row.level} {_points(row)}" for row in self.largest().itertuples()
        )
        return (
            f"The refund rate went from {self.base_rate:.2%} to {self.current_rate:.2%}, "
            f"{100 * self.change:+.2f} points: {parts} ({self.confidence:.0%} intervals). "
            + (f"Standing out: {named}. " if named else "No single level stands out. ")
            + f"Before the correction to the observed rates the model missed {100 * self.residual_change:+.3f} points."
        )

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the way from the base rate to the current one as a waterfall."""
        import pandas as pd

        from gbanalysis.plots.waterfall import plot_waterfall

        steps = self._view("mechanism")
        frame = pd.DataFrame(
            {
                "part": ["base", *steps["mechanism"], "current"],
                "value": [self.base_rate, *steps["contribution"], self.current_rate],
                "ci_lower": [np.nan, *steps["ci_lower"], np.nan],
                "ci_upper": [np.nan, *steps["ci_upper"], np.nan],
                "is_total": [True, *[False] * len(steps), True],
            }
        )
        return plot_waterfall(frame, label="refund rate", unit="share", more_is_harm=True, ax=ax)

    def alt_text(self) -> str:
        """The waterfall in words."""
        steps = "; ".join(f"{row.mechanism} {_points(row)}" for row in self._view("mechanism").itertuples())
        return f"Waterfall of the refund rate from {self.base_rate:.2%} to {self.current_rate:.2%}, in points: {steps}."


def _points(row: object) -> str:
    value, lower, upper = (100 * getattr(row, name) for name in ("contribution", "ci_lower", "ci_upper"))
    return f"{value:+.2f} ({lower:+.2f} to {upper:+.2f})"


def _check_sum(what: str, parts: float, total: float) -> None:
    if not abs(parts - total) <= SUM_TOLERANCE:
        raise GBAnalysisError(f"{what} add up to {parts:.15g}, not to {total:.15g}")


def attribute_cells(
    cells: pd.DataFrame,
    *,
    stages: Sequence[Stage] = CHAIN,
    confidence: float = 0.9,
    shared_error: FloatArray | None = None,
) -> ShiftAttribution:
    """Split the change of the refund rate between two periods among the mechanisms that produce it.

    Each mechanism's contribution is its Shapley value: its effect on the expected refund rate, averaged over all orders
    in which the mechanisms may pass from the base period to the current one.

    Parameters
    ----------
    cells
        The lines of both periods, summed to cells as `gbanalysis.quality.attribution.mechanisms` describes.
    stages
        Stages of the chain whose hours the cells hold, in its order. Without any, transit is part of quality.
    confidence
        Level of the intervals.
    shared_error
        Errors of ``refunded`` that the rows share, shape (rows of `cells`, errors): each column is one standard
        deviation of one error, such as a joint draw of the delay correction less the draws' mean, over the root of the
        number of draws less one.

    Raises
    ------
    ContractError, NotEnoughDataError
        The cells are not as described, a period is empty, or nothing was refunded.

    Notes
    -----
    The response of refunds to temperature and hours is taken as the same in both periods; a change of it shows as
    quality. Most levels' quality is taken as unchanged unless the data say otherwise: a level's contribution is drawn
    towards nought. Its interval is not: it holds what the data alone say of the level, so that a small change that
    cannot be told from chance still lies in it. An interval that leaves nought out is therefore not yet a finding, for
    one level of ten has such an interval by chance; `largest` names the levels that most likely changed.

    References
    ----------
    K. Budhathoki, D. Janzing, P. Bloebaum and H. Ng (2021), Why did the distribution change?, AISTATS;
    V. Quintas-Martinez, M. T. Bahadori, E. Santiago, J. Mu and D. Heckerman (2024), Multiply-robust causal change
    attribution, ICML.

    Examples
    --------
    Six suppliers sell one category to two grids; the goods of one get worse.

    >>> import pandas as pd
    >>> rows = [
    ...     {
    ...         "period": period, "day": f"{period} {day}", "category": "berries", "supplier_id": f"s{s}",
    ...         "origin_id": "o1", "central_id": "c1", "grid_id": f"g{g}", "region": "north", "temperature_c": 20.0,
    ...         "n": 500, "refunded": 15 + (day + s + g) % 3 + 45 * (period == "current" and s == 2),
    ...     }
    ...     for period in ("base", "current") for day in range(7) for s in range(6) for g in range(2)
    ... ]
    >>> found = attribute_cells(pd.DataFrame(rows), stages=())
    >>> f"{found.change:+.4f}"
    '+0.0150'
    >>> found.largest(1)[["mechanism", "dimension", "level"]].values.tolist()
    [['quality', 'supplier_id', 's2']]
    """
    coded = encode_cells(cells, stages, shared_error)
    model, tables = fit_refunds(coded), build_tables(coded)
    corrected = correct_to_observed(model, tables, coded.rates)
    accounts = list_accounts(coded)
    figures = derive_all(coded, corrected.routes, accounts)
    ways = find_directions(model, corrected.slope, figures.effects, own_columns(coded, model.design, accounts))
    spread = np.sqrt(variances(coded, model, corrected, tables, figures, ways))
    base, current = (float(rate) for rate in coded.rates)
    table = _table(coded, accounts, figures.value, spread)
    ends = _intervals(figures.value, spread, ways, confidence, days_each(coded))
    table.insert(5, "ci_lower", ends[:, 0])
    table.insert(6, "ci_upper", ends[:, 1])
    surely = (table["ci_lower"] > SUM_TOLERANCE) | (table["ci_upper"] < -SUM_TOLERANCE)
    table["stands_out"] = np.where(ways.own >= 0, model.is_none[ways.own] < 1 - confidence, surely)
    notes = (*coded.notes, *tables.notes, *overlap_notes(coded, table))
    return ShiftAttribution(
        table,
        base,
        current,
        (float(corrected.residual[0]), float(corrected.residual[1])),
        confidence,
        fit_diagnostics(coded, model),
        notes,
    )


def _intervals(value: FloatArray, spread: FloatArray, ways: Directions, confidence: float, days: int) -> FloatArray:
    """Both ends of each figure's interval, shape (figures, 2); a level's is that of its estimate without a prior."""
    tail = 0.5 + confidence / 2
    wide = float(special.stdtrit(2 * max(days - 1, 1), tail)) * spread
    levels = sparse_interval(value + ways.shift, wide / float(special.ndtri(tail)), confidence)
    is_level = ways.own >= 0
    lower, upper = (np.where(is_level, end, value + side * wide) for side, end in zip((-1, 1), levels, strict=True))
    return np.stack([np.minimum(lower, value), np.maximum(upper, value)], axis=1)


def _table(cells: CodedCells, accounts: Sequence[Account], value: FloatArray, spread: FloatArray) -> pd.DataFrame:
    """One row a figure, with the lines behind it."""
    import pandas as pd

    rows = []
    for account in accounts:
        levels = [None] if account.key is None else list(cells.labels[account.key])
        size = len(levels)
        code = 0 if account.key is None else cells.codes[account.key]
        lines = np.bincount(cells.period * size + code, weights=cells.n, minlength=2 * size).reshape(2, size)
        level = ["all"] if account.dimension == "rest" else levels
        for name, before, after in zip(level, lines[0], lines[1], strict=True):
            rows.append((account.view, account.mechanism, account.dimension, name, before, after))
    frame = pd.DataFrame(rows, columns=["view", "mechanism", "dimension", "level", "n_base", "n_current"])
    frame.insert(4, "contribution", value)
    frame.insert(5, "se", spread)
    absent = (frame["n_base"] == 0) | (frame["n_current"] == 0)
    frame["note"] = np.where(
        absent & frame["level"].notna(), "in one period only: its quality cannot have changed here", ""
    )
    return frame
