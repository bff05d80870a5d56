"""Checks of an attribution beside its refits: hidden causes, shares that react, other methods, the residual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.quality.attribution.gcm_peer import gcm_contributions
from gbanalysis.quality.attribution.hidden_cause import e_value, strongest_seen
from gbanalysis.quality.attribution.reactions import find_reaction
from gbanalysis.quality.attribution.refits import kitagawa
from gbanalysis.results import number

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.quality.attribution.result import DatasetShift

RARE = 0.01  # chance that a check fails although all is well
COLUMNS = {
    "subcategory": "category",
    "grid_warehouse": "grid_id",
    "central_warehouse": "central_id",
    "shared_warehouse": "origin_id",
}


def check_hidden_cause(shift: DatasetShift) -> dict[str, Any]:
    """Say how strong an unrecorded cause would have to be to explain the largest change of a level's quality away."""
    name = "hidden cause: how strong it would have to be"
    levels = shift.largest(20).query("mechanism == 'quality' and level != 'all'")
    if levels.empty:
        return check_row(name, None, np.nan, "No level's quality stands out, so there is nothing to explain away.")
    row = levels.iloc[0]
    key = COLUMNS.get(row["dimension"], row["dimension"])
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
    return check_row(
        name,
        bool(ratio_bound > factor),
        needed,
        f"To explain away the quality of {row['level']} ({max(ratio, 1 / ratio):.1f} times the expected refunds), "
        f"a cause that nobody recorded would have to go with refunds and with the period {needed:.1f}-fold each; "
        f"{least:.1f}-fold for the end of the interval. The strongest recorded one, {seen or 'none'}, would feign "
        f"{factor:.2f} times if it were left out.",
    )


def check_kitagawa(shift: DatasetShift) -> dict[str, Any]:
    """Hold mix and allocation against Kitagawa's composition effect over goods, supplier and grid."""
    keys = ["category", "supplier_id", "grid_id"]
    composition, rates = kitagawa(shift.cells.frame, keys)
    totals = shift.table.query("view == 'mechanism'").set_index("mechanism")
    ours = totals.loc[["mix", "allocation"]]
    gap, spread = composition - ours["contribution"].sum(), float(np.sqrt((ours["se"] ** 2).sum()))
    return check_row(
        "agreement with Kitagawa",
        bool(abs(gap) <= 3 * spread),
        composition,
        f"Kitagawa's composition effect is {100 * composition:+.2f} pp, ours (mix and allocation) "
        f"{100 * ours['contribution'].sum():+.2f} pp; his rate effect, {100 * rates:+.2f} pp, is weather, hours, rules "
        "and quality in one.",
    )


def check_dowhy(shift: DatasetShift, rng: np.random.Generator) -> dict[str, Any]:
    """Hold mix, allocation and weather against dowhy.gcm's, on all lines where there are not too many."""
    name = "agreement with dowhy.gcm"
    found = gcm_contributions(shift.cells.frame, rng)
    if found is None:
        return check_row(name, None, np.nan, "dowhy is not installed.")
    totals = shift.to_frame().query("level.isna()").set_index("mechanism")
    ours = {
        "mix": totals.loc["mix"], "weather": totals.loc["weather"], "allocation": totals.loc["allocation"]
    }  # fmt: skip
    spread = found.noise
    agreed = [
        row["ci_lower"] - 2 * spread <= found.parts[part] <= row["ci_upper"] + 2 * spread for part, row in ours.items()
    ]
    seen = f"all {number(found.n_lines)}" if found.is_all else f"{number(found.n_lines)} drawn"
    said = ", ".join(f"{part} {100 * value:+.2f}" for part, value in found.parts.items())
    return check_row(
        name,
        all(agreed),
        max(abs(found.parts[part] - row["contribution"]) for part, row in ours.items()),
        f"On {seen} lines dowhy says, in pp: {said}. Its own sampling error is about "
        f"{100 * spread:.2f} pp, and it gives no interval; mix, allocation and weather "
        f"{'agree' if all(agreed) else 'do not all agree'} with ours within both errors.",
    )


def check_reactions(cells: pd.DataFrame, mechanism: str, unit: str, within: list[str]) -> dict[str, Any]:
    """Say whether shares follow the refunds of the week before, and how much of the change came about by that."""
    name = f"lagged shares: does {mechanism} react to quality"
    found = find_reaction(cells, unit, within)
    if found is None:
        return check_row(name, None, np.nan, "Too few weeks to see whether shares react to last week's refunds.")
    what = {"supplier_id": "A supplier's", "category": "A category's"}[unit]
    reacts = found.p_value < RARE
    return check_row(
        name,
        not reacts,
        found.correlation,
        f"{what} refunds of a week and the change of its share in the next go together by {found.correlation:+.2f} "
        f"(rank correlation over {number(found.n_pairs)} weeks), "
        + (
            f"more than chance gives: shares react. About {100 * found.induced:+.2f} pp of what {mechanism} is "
            "credited with began as quality."
            if reacts
            else "no more than chance gives: shares do not react to last week's refunds."
        ),
    )


def check_residual(shift: DatasetShift) -> dict[str, Any]:
    """Show what the model missed before the correction to the observed rates."""
    return check_row(
        "residual before the correction",
        None,
        shift.residual_change,
        f"The fitted model misses {100 * shift.residual_change:+.3f} of the change of {100 * shift.change:+.3f} pp; "
        "the correction to the observed rates shares this out among the mechanisms.",
    )


def check_row(check: str, passed: bool | None, figure: float, sentence: str) -> dict[str, Any]:
    """One row of the table of checks."""
    return {"check": check, "passed": passed, "figure": float(figure), "sentence": sentence}
