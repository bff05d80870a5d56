"""Tests that an attribution must stand before anyone acts on it, each with a plain sentence of what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.attribution.gcm_peer import gcm_contributions
from gbanalysis.quality.attribution.hidden_cause import e_value, strongest_seen
from gbanalysis.quality.attribution.refits import (
    coarse_cells,
    kitagawa,
    other_days,
    refit,
    shuffled_days,
    without_supplier,
)
from gbanalysis.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.quality.attribution.attributing import ShiftAttribution
    from gbanalysis.quality.attribution.result import DatasetShift

N_SHUFFLES, N_LEFT_OUT = 4, 4
RARE = 0.01  # chance that a check fails although all is well
STEADY_SES = 2.0  # standard errors by which a level may move when another supplier is left out


@dataclass(frozen=True)
class Checks(Result):
    """What came of the checks of an attribution.

    Attributes
    ----------
    table
        check; passed (True, False, or None where the check informs and cannot fail or could not be made); figure, its
        number; sentence, what it means.
    shuffles
        Contributions under shuffled periods: shuffle, mechanism, contribution, ci_lower, ci_upper.
    real
        Contributions of the same coarse model under the real periods.
    """

    table: pd.DataFrame
    shuffles: pd.DataFrame = field(repr=False)
    real: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a check."""
        return self.table

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(self.table.loc[self.table["passed"].eq(False), "check"])

    def text(self) -> str:
        """How many checks passed, and which failed, with what that means."""
        n_passed = int(self.table["passed"].eq(True).sum())
        head = f"{n_passed} of {n_passed + len(self.failed)} checks passed."
        bad = self.table[self.table["passed"].eq(False)]
        return " ".join([head, *(f"Failed: {row.check}. {row.sentence}" for row in bad.itertuples())])

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the real contributions beside those under shuffled periods, which ought to lie about zero."""
        import pandas as pd

        from gbanalysis.plots import plot_forest

        parts = [self.real.assign(name=self.real["mechanism"])]
        parts.append(self.shuffles.assign(name=self.shuffles["mechanism"] + ", shuffled"))
        frame = pd.concat(parts).sort_values("name", kind="stable", ignore_index=True)
        columns = {"contribution": "value", "ci_lower": "ci_lower", "ci_upper": "ci_upper"}
        drawn = 100 * frame[list(columns)].rename(columns=columns)
        return plot_forest(drawn.assign(name=frame["name"]), name="name", label="contribution", unit="pp", ax=ax)

    def alt_text(self) -> str:
        """The chart in words."""
        pairs = zip(self.real["mechanism"], self.real["contribution"], strict=True)
        real = ", ".join(f"{name} {100 * value:+.2f}" for name, value in pairs)
        widest = 100 * float(self.shuffles["contribution"].abs().max())
        return f"Contributions in percentage points: {real}; with shuffled periods none is larger than {widest:.2f}."


def run_checks(shift: DatasetShift, rng: np.random.Generator) -> Checks:
    """Run every check; see `DatasetShift.checks`."""
    import pandas as pd

    cells = coarse_cells(shift.cells)
    real = refit(cells)
    rows: list[dict[str, Any]] = []
    shuffles = [refit(shuffled_days(cells, rng)) for _ in range(N_SHUFFLES)]
    for period in ("base", "current"):
        rows.append(_placebo(cells, period))
    rows.append(_shuffled(shuffles))
    rows.append(_left_out(shift, cells, real))
    rows.append(_hidden(shift))
    rows.append(_kitagawa(shift))
    rows.append(_dowhy(shift, rng))
    rows.append(_shares_follow(cells))
    rows.append(_residual(shift))
    rows += [
        {"check": f"fit: {row.check}", "passed": row.passed, "figure": row.statistic, "sentence": row.sentence}
        for row in shift.diagnostics.itertuples()
    ]
    drawn = [_totals(found).assign(shuffle=place) for place, found in enumerate(shuffles)]
    return Checks(pd.DataFrame(rows).astype({"passed": object}), pd.concat(drawn, ignore_index=True), _totals(real))


def _totals(found: ShiftAttribution) -> pd.DataFrame:
    frame = found.to_frame()
    return frame.loc[frame["level"].isna(), ["mechanism", "contribution", "ci_lower", "ci_upper"]].reset_index(
        drop=True
    )


def _too_many(found: list[ShiftAttribution]) -> tuple[bool, int, int]:
    """Whether more intervals of quality's players leave zero out than chance allows, with their number.

    Mix, allocation, weather and rules are taken as they were, so that they differ between any two sets of days.
    """
    from scipy import stats

    players = [
        each.to_frame("player").query("mechanism.str.startswith('quality') and ci_upper > ci_lower") for each in found
    ]
    n_all = sum(len(each) for each in players)
    n_sure = sum(int(((each["ci_lower"] > 0) | (each["ci_upper"] < 0)).sum()) for each in players)
    return bool(n_sure > stats.binom.isf(RARE, n_all, 1 - found[0].confidence)), n_sure, n_all


def _placebo(cells: pd.DataFrame, period: str) -> dict[str, Any]:
    name = f"placebo: every second day of the {period} period against the others"
    try:
        too_many, n_sure, n_all = _too_many([refit(other_days(cells, period))])
    except GBAnalysisError as error:
        return _row(name, None, np.nan, f"Could not be made: {error}.")
    said = "as it should be" if not too_many else "so the intervals are too narrow for these data"
    return _row(
        name,
        not too_many,
        n_sure,
        f"Nothing moved between these days, and {n_sure} of {n_all} mechanisms seem to: {said}.",
    )


def _shuffled(shuffles: list[ShiftAttribution]) -> dict[str, Any]:
    too_many, n_sure, n_all = _too_many(shuffles)
    said = "no more than chance gives" if not too_many else "more than chance gives: days differ more than allowed for"
    return _row(
        "permuted labels: days given to the periods by lot",
        not too_many,
        n_sure,
        f"In {len(shuffles)} drawings {n_sure} of {n_all} intervals of quality leave zero out, {said}.",
    )


def _left_out(shift: DatasetShift, cells: pd.DataFrame, real: ShiftAttribution) -> dict[str, Any]:
    """Leave out the suppliers that contribute or sell most, and see how far the other levels that stand out move."""
    levels = real.to_frame().query("mechanism == 'quality' and dimension == 'supplier_id'")
    by_size = levels.loc[levels["contribution"].abs().sort_values(ascending=False).index, "level"]
    by_lines = cells.groupby("supplier_id", observed=True)["n"].sum().sort_values(ascending=False).index
    half = N_LEFT_OUT // 2
    chosen = list(dict.fromkeys([*by_size[:half], *by_lines[:half]]))
    worst, who, what = 0.0, "", ""
    mechanisms = real.to_frame().query("level.isna()").set_index("mechanism")
    lines = cells.groupby(["period", "supplier_id"], observed=True)["n"].sum()
    for supplier in chosen:
        own = levels.set_index("level").loc[supplier, "contribution"]
        found = refit(without_supplier(cells, supplier)).to_frame().query("level.isna()").set_index("mechanism")
        kept = 1 - lines.xs(supplier, level="supplier_id").sum() / lines.sum()
        for name in mechanisms.index.intersection(found.index):
            before = mechanisms.loc[name, "contribution"] - (own if name == "quality" else 0.0)
            moved = abs(found.loc[name, "contribution"] * kept - before) / max(mechanisms.loc[name, "se"], 1e-12)
            if moved > worst:
                worst, who, what = float(moved), str(supplier), str(name)
    return _row(
        "leave one supplier out",
        worst <= STEADY_SES,
        worst,
        f"Without {', '.join(map(str, chosen))}, one at a time, no mechanism moves by more than {worst:.1f} standard "
        f"errors ({what} without {who})" + ("." if worst <= STEADY_SES else ": the answer hangs on one supplier."),
    )


def _hidden(shift: DatasetShift) -> dict[str, Any]:
    name = "hidden cause: how strong it would have to be"
    levels = shift.largest(20).query("mechanism == 'quality' and level != 'all'")
    if levels.empty:
        return _row(name, None, np.nan, "No level's quality stands out, so there is nothing to explain away.")
    row = levels.iloc[0]
    key = {"subcategory": "category", "grid_warehouse": "grid_id", "central_warehouse": "central_id",
           "shared_warehouse": "origin_id"}.get(row["dimension"], row["dimension"])  # fmt: skip
    here = shift.cells.frame[shift.cells.frame[key] == row["level"]]
    now = here[here["period"] == "current"]
    share = now["n"].sum() / shift.cells.frame.query("period == 'current'")["n"].sum()
    rate = now["refunded"].sum() / now["n"].sum()
    ratio, bound = (
        rate / max(rate - part / share, 1e-4)
        for part in (row["contribution"], min(row[["ci_lower", "ci_upper"]].astype(float), key=abs))
    )
    others = [each for each in ("category", "region", "grid_id", "central_id", "supplier_id") if each != key]
    seen, factor = strongest_seen(here, others)
    needed, least = e_value(ratio), e_value(bound)
    ratio_bound = max(bound, 1 / bound)
    return _row(
        name,
        bool(ratio_bound > factor),
        needed,
        f"To explain away the quality of {row['level']} ({max(ratio, 1 / ratio):.1f} times the expected refunds), "
        f"a cause that nobody recorded would have to go with refunds and with the period {needed:.1f}-fold each; "
        f"{least:.1f}-fold for the end of the interval. The strongest recorded one, {seen or 'none'}, would feign "
        f"{factor:.2f} times if it were left out.",
    )


def _kitagawa(shift: DatasetShift) -> dict[str, Any]:
    keys = ["category", "supplier_id", "grid_id"]
    composition, rates = kitagawa(shift.cells.frame, keys)
    totals = shift.to_frame().query("level.isna()").set_index("mechanism")
    ours = totals.loc[["mix", "allocation"]]
    gap, spread = composition - ours["contribution"].sum(), float(np.sqrt((ours["se"] ** 2).sum()))
    return _row(
        "agreement with Kitagawa",
        bool(abs(gap) <= 3 * spread),
        composition,
        f"Kitagawa's composition effect is {100 * composition:+.2f} pp, ours (mix and allocation) "
        f"{100 * ours['contribution'].sum():+.2f} pp; his rate effect, {100 * rates:+.2f} pp, is weather, hours, rules "
        "and quality in one.",
    )


def _dowhy(shift: DatasetShift, rng: np.random.Generator) -> dict[str, Any]:
    name = "agreement with dowhy.gcm on a sample"
    found = gcm_contributions(shift.cells.frame, rng)
    if found is None:
        return _row(name, None, np.nan, "dowhy is not installed or could not fit the sample.")
    totals = shift.to_frame().query("level.isna()").set_index("mechanism")
    ours = {
        "mix": totals.loc["mix"], "weather": totals.loc["weather"], "allocation": totals.loc["allocation"]
    }  # fmt: skip
    spread = found.noise
    agreed = [
        row["ci_lower"] - 2 * spread <= found.parts[part] <= row["ci_upper"] + 2 * spread for part, row in ours.items()
    ]
    said = ", ".join(f"{part} {100 * value:+.2f}" for part, value in found.parts.items())
    return _row(
        name,
        all(agreed),
        max(abs(found.parts[part] - row["contribution"]) for part, row in ours.items()),
        f"On {found.n_lines} drawn lines dowhy says, in pp: {said}. Its own sampling error is about "
        f"{100 * spread:.2f} pp, and it gives no interval; mix, allocation and weather "
        f"{'agree' if all(agreed) else 'do not all agree'} with ours within both errors.",
    )


def _shares_follow(cells: pd.DataFrame) -> dict[str, Any]:
    """Whether a supplier's share reacts to its refunds of the week before: allocation would then follow quality."""
    from scipy import stats

    place = np.unique(cells["day"].to_numpy(), return_inverse=True)[1]
    keys = [cells["period"], cells["category"], cells["supplier_id"], place // 7]
    sums = cells.groupby(keys, observed=True)[["n", "refunded"]].sum()
    sums.index.names = ["period", "category", "supplier_id", "week"]
    whole = sums.groupby(["period", "category", "week"], observed=True).transform("sum")
    share = ((sums["n"] + 0.5) / (whole["n"] + 1)).map(np.log)
    excess = (sums["refunded"] - sums["n"] * whole["refunded"] / whole["n"]) / sums["n"] ** 0.5
    own = ["period", "category", "supplier_id"]
    later = share.groupby(own, observed=True).shift(-1) - share
    pairs = np.column_stack([excess - excess.groupby(own, observed=True).transform("mean"), later])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    name = "lagged shares: does allocation react to quality"
    if len(pairs) < 20:
        return _row(name, None, np.nan, "Too few weeks to see whether shares react to last week's refunds.")
    found = stats.spearmanr(pairs[:, 0], pairs[:, 1])
    reacts = bool(found.pvalue < RARE)
    return _row(
        name,
        not reacts,
        float(found.statistic),
        f"A supplier's refunds of a week and the change of its share in the next go together by {found.statistic:+.2f} "
        + (
            "(rank correlation): shares react, so part of what allocation is credited with began as quality."
            if reacts
            else "(rank correlation), no more than chance gives: shares do not react to last week's refunds."
        ),
    )


def _residual(shift: DatasetShift) -> dict[str, Any]:
    return _row(
        "residual before the correction",
        None,
        shift.residual_change,
        f"The fitted model misses {100 * shift.residual_change:+.3f} of the change of {100 * shift.change:+.3f} pp; "
        "the correction to the observed rates shares this out among the mechanisms.",
    )


def _row(check: str, passed: bool | None, figure: float, sentence: str) -> dict[str, Any]:
    return {"check": check, "passed": passed, "figure": float(figure), "sentence": sentence}
