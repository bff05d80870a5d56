"""Lines of one period summed to the cells from which the saving of actions is learned.

`sum_to_action_cells` is an Ibis expression, one pass over the lines in the engine. `fill_course` works on the summed
frame and puts something in the place of hours and temperatures that are not known, counted in its notes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import NO_VALUE
from gbanalysis.quality.actions.savings import SEGMENTS
from gbanalysis.quality.stage_hours import stage_columns

if TYPE_CHECKING:
    import pandas as pd

LEAST_KNOWN = 0.5  # a stage whose hours are known for a smaller share of the lines is left out
BIN_HOURS = 2.0  # lines whose hours over all stages differ by more stand in different cells


def sum_to_action_cells(lines: Any) -> Any:
    """Sum picked-up lines to cells.

    Parameters
    ----------
    lines
        Lines with ``day``, ``category``, ``region``, the columns of `lines.with_refunds` and, where they are known,
        ``supplier_id``, ``central_id``, ``grid_id`` and those of `stage_hours.with_stage_hours`.

    Returns
    -------
    ibis.Table
        day, category, supplier_id, sku_id, central_id, grid_id, region; n, refunded, amount, refunded_amount,
        refunded_line_amount; the node, mean hours and mean temperature of each stage where flows are known.
    """
    named = {
        name: lines[name].cast("string").fill_null(NO_VALUE) if name in lines.columns else ibis.literal(NO_VALUE)
        for name in ("supplier_id", "central_id", "grid_id")
    }
    lines = lines.mutate(**named)
    keys, means = ["day", "category", "supplier_id", "sku_id", "central_id", "grid_id", "region"], {}
    if stage_columns(STAGES[0])[0] in lines.columns:
        hours = [lines[stage_columns(stage)[0]] for stage in STAGES]
        known = sum(each.notnull().cast("int64") * 2**place for place, each in enumerate(hours))
        total = sum(each.fill_null(0.0) for each in hours)
        nodes = [stage_columns(stage)[2] for stage in SEGMENTS]
        lines = lines.mutate(
            hours_known=known,
            hours_bin=(total / BIN_HOURS).floor(),
            **{node: lines[node].fill_null(NO_VALUE) for node in nodes},
        )
        keys += ["hours_known", "hours_bin", *nodes]
        means = {name: lines[name].mean() for stage in STAGES for name in stage_columns(stage)[:2]}
    amount = lines.amount.cast("float64")
    return lines.group_by(keys).aggregate(
        n=lines.count(),
        refunded=lines.refunded.sum(),
        amount=amount.sum(),
        refunded_amount=lines.refunded_amount.sum(),
        refunded_line_amount=(amount * lines.refunded).sum(),
        **means,
    )


def fill_course(cells: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out stages whose course is hardly known, and fill single gaps with the mean of the node, else of all.

    Returns
    -------
    tuple
        The cells without gaps, and what was filled or left out, in sentences.
    """
    if stage_columns(STAGES[0])[0] not in cells:
        return cells, ("no stage flows are tied to the lines, so hours and heat of the nodes are not known",)
    notes = []
    cells = cells.drop(columns=["hours_known", "hours_bin"])
    for stage in STAGES:
        hours, temperature, node = stage_columns(stage)
        for name in (hours, temperature):
            known = cells[name].notna()
            share = cells.loc[known, "n"].sum() / cells["n"].sum()
            if share < LEAST_KNOWN:
                gone = [name] if name == temperature else [hours, temperature, node]
                cells = cells.drop(columns=[each for each in gone if each in cells])
                notes.append(f"{name.replace('_', ' ')} is known for {share:.0%} of the lines and left out")
                if name == hours:
                    break
            elif not known.all():
                keys = cells[node] if node in cells else cells["supplier_id"]
                weight = cells["n"].where(known, 0)
                sums = (cells[name].fillna(0.0) * weight).groupby(keys).transform("sum")
                mean = (sums / weight.groupby(keys).transform("sum")).fillna(
                    (cells[name] * weight).sum() / weight.sum()
                )
                cells[name] = cells[name].where(known, mean)
                n_lines = int(cells.loc[~known, "n"].sum())
                notes.append(f"{name.replace('_', ' ')} is unknown for {n_lines} lines: their node's mean stands there")
    return cells, tuple(notes)
