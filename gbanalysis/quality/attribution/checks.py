"""Tests that an attribution must stand before anyone acts on it, each with a plain sentence of what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.attribution.cells import stages_of
from gbanalysis.quality.attribution.peer_checks import (
    COLUMNS,
    check_dowhy,
    check_hidden_cause,
    check_kitagawa,
    check_reactions,
    check_residual,
    check_row,
)
from gbanalysis.quality.attribution.permutations import N_DRAWN, Permuted, permute_days
from gbanalysis.quality.attribution.refits import (
    coarse_cells,
    earlier_spans,
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

N_SHUFFLES, N_LEFT_OUT, N_EARLIER, LEAST_EARLIER = 4, 6, 5, 3
RARE = 0.01  # chance that a check fails although all is well
STEADY_SES = 2.0  # standard errors by which a figure may move when a supplier is left out
USUAL = 0.1  # share of earlier pairs of periods that may have moved as much


@dataclass(frozen=True, eq=False)
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
    shuffles = [refit(shuffled_days(cells, rng)) for _ in range(N_SHUFFLES)]
    rows: list[dict[str, Any]] = [
        check_days(cells, "base"),
        check_days(cells, "current"),
        check_earlier(real, earlier_refits(shift)),
        check_shuffles(shuffles),
        check_permuted(
            shift.largest(20), permute_days(shift.cells.frame, stages_of(shift.cells), rng), shift.confidence
        ),
        check_left_out(cells, real),
        check_hidden_cause(shift),
        check_kitagawa(shift),
        check_dowhy(shift, rng),
        check_reactions(cells, "allocation", "supplier_id", ["category", "central_id"]),
        check_reactions(cells, "mix", "category", []),
        check_residual(shift),
    ]
    rows += [
        check_row(f"fit: {row.check}", bool(row.passed), float(str(row.statistic)), _sentence(str(row.sentence)))
        for row in shift.diagnostics.itertuples()
    ]
    drawn = [_totals(found).assign(shuffle=place) for place, found in enumerate(shuffles)]
    return Checks(pd.DataFrame(rows).astype({"passed": object}), pd.concat(drawn, ignore_index=True), _totals(real))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def _totals(found: ShiftAttribution) -> pd.DataFrame:
    frame = found.to_frame()
    return frame.loc[frame["level"].isna(), ["mechanism", "contribution", "ci_lower", "ci_upper"]].reset_index(
        drop=True
    )


def _too_many(found: list[ShiftAttribution]) -> tuple[bool, int, int]:
    """Whether parts of quality leave zero out, in number or by distance, as chance hardly makes them; how many do.

    Mix, allocation, weather and rules are taken as they were, so that they differ between any two sets of days.
    """
    import pandas as pd
    from scipy import stats

    tables = [each.table.query("view == 'player' and mechanism.str.startswith('quality') and se > 0") for each in found]
    players = pd.concat(tables)
    n_sure = int(((players["ci_lower"] > 0) | (players["ci_upper"] < 0)).sum())
    most = stats.binom.isf(RARE / 2, len(players), 1 - found[0].confidence)
    farthest = (players["contribution"].abs() / players["se"]).max()
    return bool(n_sure > most or farthest > stats.norm.isf(RARE / 4 / len(players))), n_sure, len(players)


def check_days(cells: pd.DataFrame, period: str) -> dict[str, Any]:
    """Compare every second day of one period with the others: nothing moved between them."""
    name = f"placebo: every second day of the {period} period against the others"
    try:
        too_many, n_sure, n_all = _too_many([refit(other_days(cells, period))])
    except GBAnalysisError as error:
        return check_row(name, None, np.nan, f"Could not be made: {error}.")
    said = "so the intervals are too narrow for these data" if too_many else "as it should be"
    return check_row(
        name,
        not too_many,
        n_sure,
        f"Nothing moved between these days, and {n_sure} of {n_all} parts of quality seem to: {said}.",
    )


def earlier_refits(shift: DatasetShift) -> list[ShiftAttribution]:
    """Attribute pairs of earlier periods, as long and as far apart as those compared, and all before them.

    The latest first, `N_EARLIER` at most, as far back as the lines go; none where the data set is not known.
    """
    from gbanalysis.quality.attribution.shift import read_cells

    found: list[ShiftAttribution] = []
    data = shift.question.dataset
    for question in earlier_spans(shift.question, N_EARLIER):
        if data is None:
            break
        first = min(question.base[0], question.current[0])
        try:
            cells = read_cells(data, question)
            if str(cells.frame["day"].min())[:10] > str(first):
                break
            found.append(refit(coarse_cells(cells)))
        except GBAnalysisError:
            break
    return found


def check_earlier(real: ShiftAttribution, earlier: list[ShiftAttribution]) -> dict[str, Any]:
    """Hold the level whose quality moved most, or all of quality, against what it did in earlier pairs of periods.

    References
    ----------
    A. Abadie, A. Diamond and J. Hainmueller (2015), American Journal of Political Science 59, 495-510 (placebos in
    time).
    """
    name = "placebo: earlier pairs of periods"
    levels = real.largest(20).query("mechanism == 'quality' and level != 'all'")
    wanted = "level.isna() and mechanism == 'quality'"
    what = "all of quality"
    if len(levels):
        row = levels.iloc[0]
        wanted = f"mechanism == 'quality' and dimension == {row['dimension']!r} and level == {row['level']!r}"
        what = f"the quality of {row['level']}"
    now = abs(float(real.to_frame().query(wanted)["contribution"].iloc[0]))
    moves = [abs(float(part.iloc[0])) for each in earlier if len(part := each.to_frame().query(wanted)["contribution"])]
    if len(moves) < LEAST_EARLIER:
        return check_row(
            name,
            None,
            len(moves),
            f"The lines go back far enough for {len(moves)} earlier pairs of periods as long and as far apart; "
            f"{LEAST_EARLIER} are needed.",
        )
    n_larger = sum(move >= now for move in moves)
    passed = n_larger <= USUAL * len(moves)
    said = "more than it usually does" if passed else "moves of this size are usual"
    return check_row(
        name,
        passed,
        n_larger / len(moves),
        f"In {n_larger} of {len(moves)} earlier pairs of periods as long and as far apart, {what} moved the rate by as "
        f"much as the {100 * now:.2f} pp of now (the largest: {100 * max(moves):.2f}): {said}.",
    )


def check_shuffles(shuffles: list[ShiftAttribution]) -> dict[str, Any]:
    """See whether the intervals hold zero when whole days are given to the periods by lot."""
    too_many, n_sure, n_all = _too_many(shuffles)
    said = "more than chance gives: days differ more than allowed for" if too_many else "no more than chance gives"
    return check_row(
        "shuffled days: do intervals hold zero",
        not too_many,
        n_sure,
        f"Fitted anew to {len(shuffles)} shuffles of the days, {n_sure} of {n_all} intervals of quality leave zero "
        f"out, {said}.",
    )


def check_permuted(largest: pd.DataFrame, permuted: Permuted, confidence: float) -> dict[str, Any]:
    """See how often the level that stands out most would seem to change as much with the days drawn by lot."""
    name = f"permuted labels: {N_DRAWN} drawings of the days"
    levels = largest.query("mechanism == 'quality'")
    if levels.empty:
        return check_row(
            name, None, np.nan, "No level's quality stands out, so there is nothing that chance could feign."
        )
    row = levels.iloc[0]
    key = "all" if row["level"] == "all" else COLUMNS.get(row["dimension"], row["dimension"])
    p_value = permuted.p_value(key, str(row["level"]))
    said = "chance alone hardly does that" if p_value <= 1 - confidence else "chance alone may do that"
    who = "quality common to all" if key == "all" else f"any level as much as {row['level']}"
    return check_row(
        name,
        bool(p_value <= 1 - confidence),
        p_value,
        f"With the days given to the periods by lot, {who} seems to change in {p_value:.1%} of {N_DRAWN} drawings "
        f"of all lines: {said}.",
    )


def check_left_out(cells: pd.DataFrame, real: ShiftAttribution) -> dict[str, Any]:
    """Leave out the suppliers that contribute or sell most, one at a time, and see how far the other figures move."""
    table = real.table.query("view == 'who' and mechanism == 'quality' and dimension == 'supplier_id'")
    levels = table.set_index("level")["contribution"]
    lines = cells.groupby("supplier_id", observed=True)["n"].sum().sort_values(ascending=False)
    half = N_LEFT_OUT // 2
    chosen = list(dict.fromkeys([*levels.abs().sort_values(ascending=False).index[:half], *lines.index[:half]]))
    stable, worst, who, what = _figures(real), 0.0, "", ""
    for supplier in chosen:
        try:
            rest = _figures(refit(without_supplier(cells, supplier)))
        except GBAnalysisError as error:
            return check_row("leave one supplier out", None, np.nan, f"Without {supplier} it cannot be made: {error}.")
        kept = 1 - lines[supplier] / lines.sum()
        for name, (value, se) in stable.items():
            if name not in rest or name[-1] == supplier:
                continue
            before = value - (float(levels[supplier]) if name == ("quality", "", "") else 0.0)
            moved = float(abs(rest[name][0] * kept - before) / max(se, 1e-12))
            if moved > worst:
                worst, who, what = moved, str(supplier), " ".join(part for part in name if part)
    return check_row(
        "leave one supplier out",
        worst <= STEADY_SES,
        worst,
        f"Without {', '.join(map(str, chosen))}, one at a time, no mechanism and no level that stands out moves by "
        f"more than {worst:.1f} standard errors ({what.replace('_id', '')} without {who})"
        + ("." if worst <= STEADY_SES else ": the answer hangs on one supplier."),
    )


def _figures(found: ShiftAttribution) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Contribution and standard error of the mechanisms, and of the levels of quality that stand out.

    Under mechanism, dimension and level; both are empty for a mechanism.
    """
    table = found.table
    is_level = (table["view"] == "who") & (table["mechanism"] == "quality") & table["stands_out"]
    rows = table[(table["view"] == "mechanism") | is_level].fillna({"dimension": "", "level": ""})
    return {
        (str(row["mechanism"]), str(row["dimension"]), str(row["level"])): (row["contribution"], row["se"])
        for row in rows.to_dict("records")
    }
