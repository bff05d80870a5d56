"""Lines of two periods summed to the cells that an attribution rests on (their format: `mechanisms`).

`sum_to_cells` is an Ibis expression, one pass over the lines in the engine. `complete_cells` works on the summed
frame: it adds weather and refund rules, and puts something in the place of what is not known, counted in its notes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
from scipy import sparse

from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import NO_VALUE
from gbanalysis.quality.attribution.mechanisms import Stage
from gbanalysis.quality.attribution.node_heat import excess_heat, outside_heat
from gbanalysis.quality.stage_hours import stage_columns

if TYPE_CHECKING:
    import pandas as pd

Span = tuple[dt.date, dt.date]

BIN_HOURS = 4.0  # lines whose hours over all stages differ by more stand in different cells
LEAST_WEATHER = 0.95  # a stage whose nodes' weather is known for a smaller share of lines has no node temperature
LEAST_KNOWN = 0.5  # a stage whose hours are known for a smaller share of lines in a period is left out
WAY = ("supplier_id", "origin_id", "central_id", "grid_id", "region")
KEYS = ("period", "day", "category", "parent_category", *WAY)
NODES = dict(zip(STAGES, ("supplier_id", "origin_id", "central_id", "grid_id", "grid_id"), strict=True))
EVERYWHERE = "all"


@dataclass(frozen=True, eq=False)
class ShiftCells:
    """Cells of two periods, ready for `attribute_cells`.

    Attributes
    ----------
    frame
        The cells: besides what `mechanisms` asks for, ``amount``, ``quantity`` and what was refunded of them with the
        sums of their squares. ``category`` is the finest kind of goods known, ``parent_category`` the products' own.
    stages
        The stages whose hours are known, in the order of the chain.
    notes
        What is not in the data, and what stands in its place.
    goods
        The column of products that ``category`` holds: subcategory, or category where there is none.
    size
        What one line stands for in ``n``: 1 for lines, else units or money.
    shared_error
        [n_rows, n_errors], sparse: errors of ``refunded`` that rows share (those of the delay law), each one standard
        deviation.
    """

    frame: pd.DataFrame
    stages: tuple[str, ...]
    notes: tuple[str, ...]
    goods: str = "category"
    size: float = 1.0
    shared_error: sparse.csr_matrix | None = field(default=None, repr=False)


def stages_of(cells: ShiftCells) -> tuple[Stage, ...]:
    """Give the stages of the chain whose hours the cells hold."""
    before = dict(zip(STAGES[1:], STAGES, strict=False))
    return tuple(
        Stage(name, stage_columns(name)[0], NODES[name], NODES[before.get(name, name)]) for name in cells.stages
    )


def sum_to_cells(lines: Any, *, base: Span, current: Span) -> Any:
    """Sum the lines of both periods to cells.

    Parameters
    ----------
    lines
        Picked-up lines with ``day``, ``category``, ``region``, the columns of `with_refunds` and, where they are known,
        ``subcategory``, ``supplier_id``, ``central_id``, ``grid_id`` and those of `with_stage_hours`. Within a category
        the goods differ, and so does their season: what shifts there would else be taken for quality.
    base, current
        First and last day of each period, both included.

    Returns
    -------
    ibis.Table
        `KEYS`; ``n``, ``refunded``, ``quantity``, ``refunded_quantity``, ``amount``, ``refunded_amount``,
        ``quantity_squared``, ``amount_squared``; for each stage of the chain, where flows are known, mean hours and
        temperature (null where they are not known for any line of the cell).
    """
    lines = lines.filter(lines.day.between(*base) | lines.day.between(*current))
    goods = lines.subcategory if "subcategory" in lines.columns else lines.category
    lines = lines.mutate(
        period=ibis.ifelse(lines.day.between(*current), "current", "base"),
        category=goods,
        parent_category=lines.category,
        **_way(lines),
    )
    keys, means = list(KEYS), {}
    if stage_columns(STAGES[0])[0] in lines.columns:
        hours = [lines[stage_columns(stage)[0]] for stage in STAGES]
        known = sum(each.notnull().cast("int64") * 2**place for place, each in enumerate(hours))
        total = sum(each.fill_null(0.0) for each in hours)
        lines = lines.mutate(hours_known=known, hours_bin=(total / BIN_HOURS).floor())
        keys += ["hours_known", "hours_bin"]
        means = {name: lines[name].mean() for stage in STAGES for name in stage_columns(stage)[:2]}
    amount, quantity = lines.amount.cast("float64"), lines.quantity.cast("float64")
    return lines.group_by(keys).aggregate(
        n=lines.count(),
        refunded=lines.refunded.sum(),
        quantity=quantity.sum(),
        refunded_quantity=lines.refunded_quantity.sum(),
        quantity_squared=(quantity * quantity).sum(),
        amount=amount.sum(),
        refunded_amount=lines.refunded_amount.sum(),
        amount_squared=(amount * amount).sum(),
        **means,
    )


def observed_weather(weather: Any, *, first: dt.date, last: dt.date) -> Any:
    """Give ``region``, ``date``, ``temperature_c``: what was measured, else the latest forecast of the day."""
    weather = weather.filter(weather.date.between(first, last))
    issued = weather.issued_on.fill_null(ibis.literal(last)) if "issued_on" in weather.columns else weather.date
    return weather.group_by("region", "date").aggregate(temperature_c=weather.temperature_c.argmax(issued))


def _way(lines: Any) -> dict[str, Any]:
    """The nodes that a line passes: as its line and site say, else as the flows say, else the node before it."""

    def node(column: str, stage: str, otherwise: Any) -> Any:
        if column in lines.columns:
            return lines[column].cast("string")
        told = stage_columns(stage)[2]
        return lines[told].fill_null(otherwise) if told in lines.columns else otherwise

    supplier = node("supplier_id", STAGES[0], ibis.literal(NO_VALUE))
    return {
        "supplier_id": supplier,
        "origin_id": node("", STAGES[1], supplier),
        "central_id": node("central_id", STAGES[2], ibis.literal(NO_VALUE)),
        "grid_id": node("grid_id", STAGES[3], lines.region),
    }


def complete_cells(
    cells: pd.DataFrame,
    *,
    goods: str = "category",
    regions: dict[str, str] | None = None,
    weather: pd.DataFrame | None = None,
    policies: pd.DataFrame | None = None,
) -> ShiftCells:
    """Add weather and refund rules to the cells of `sum_to_cells`, and fill what is not known.

    Parameters
    ----------
    cells
        As `sum_to_cells` gives them.
    goods
        The column of products that ``category`` holds.
    regions
        The region of each node, where it is known; other nodes are taken to lie in the region of the line.
    weather
        ``region``, ``date``, ``temperature_c``, one row each; None where there is none.
    policies
        The contract's table; None where there is none.
    """
    if cells.empty:
        return ShiftCells(cells, (), (), goods)
    cells, notes = _one_way_a_grid(_one_category_a_kind(cells))
    notes += [f"{key} is not known: one level stands for all" for key in WAY[:4] if (cells[key] == NO_VALUE).all()]
    stages, found = _fill_hours(cells)
    notes += found + _add_weather(cells, weather) + _add_rules(cells, policies)
    notes += _take_out_weather(cells, stages, regions or {}, weather)
    if goods == "category":
        notes.append("no subcategory is known: what shifts within a category is part of quality")
    left_out = set(STAGES) - set(stages)
    spare = ["hours_known", "hours_bin", *(name for stage in left_out for name in stage_columns(stage)[:2])]
    return ShiftCells(cells.drop(columns=spare, errors="ignore"), stages, tuple(notes), goods)


def _one_category_a_kind(cells: pd.DataFrame) -> pd.DataFrame:
    """Name kinds of goods that stand in several categories, such as "other", with their category."""
    kinds = cells[["category", "parent_category"]].drop_duplicates()
    split = cells["category"].isin(kinds.loc[kinds["category"].duplicated(), "category"])
    name = cells["parent_category"] + " " + cells["category"]
    return cells.assign(category=cells["category"].mask(split, name))


def _one_way_a_grid(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Split grids that belong to several central warehouses or regions, as one grid must belong to one of each."""
    ways = cells[["grid_id", "central_id", "region"]].drop_duplicates()
    split = ways.loc[ways["grid_id"].duplicated(), "grid_id"].unique()
    if len(split) == 0:
        return cells, []
    here = cells["grid_id"].isin(split)
    name = cells["grid_id"] + " of " + cells["central_id"] + " in " + cells["region"]
    return cells.assign(grid_id=name.where(here, cells["grid_id"])), [
        f"{len(split)} grids (such as {split[0]}) belong to more than one central warehouse or region: "
        "each of their parts is a level"
    ]


def _fill_hours(cells: pd.DataFrame) -> tuple[tuple[str, ...], list[str]]:
    """Choose the stages whose hours are known, and give lines without them the mean of their segment and period."""
    if stage_columns(STAGES[0])[0] not in cells:
        return (), ["no stage flows tied to the lines: transit and node temperature are part of quality"]
    stages, notes = [], []
    filled = []
    for place, name in enumerate(STAGES):
        hours, temperature, _ = stage_columns(name)
        node, before = NODES[name], NODES[STAGES[max(place - 1, 0)]]
        share = _known_share(cells, hours)
        if share < LEAST_KNOWN:
            notes.append(f"hours of the stage {name} are known for {share:.0%} of the lines: they are part of quality")
            continue
        stages.append(name)
        if n_filled := _fill(cells, hours, (["period", before, node], ["period", node], ["period"])):
            filled.append(f"hours at {name} {n_filled}")
        if _known_share(cells, temperature) < LEAST_KNOWN:
            cells.drop(columns=temperature, inplace=True)
            notes.append(f"temperature at the stage {name} is not known for most lines: it is part of quality")
        elif n_filled := _fill(
            cells, temperature, (["day", node, "category"], ["period", node, "category"], ["period"])
        ):
            filled.append(f"temperature at {name} {n_filled}")
    if filled:
        notes.append(f"unknown for some lines, and the mean of their way put there: {', '.join(filled)} lines")
    return tuple(stages), notes


def _take_out_weather(
    cells: pd.DataFrame, stages: Sequence[str], regions: dict[str, str], weather: pd.DataFrame | None
) -> list[str]:
    """Turn node temperatures into what is left of them beside the weather at the node, where that is known."""
    import pandas as pd

    n, goods = cells["n"].to_numpy(dtype=float), np.asarray(pd.factorize(cells["category"])[0], dtype=np.int64)
    left_out = []
    for stage in stages:
        column, node = stage_columns(stage)[1], NODES[stage]
        if column not in cells:
            continue
        outside = np.full(len(cells), np.nan) if weather is None else outside_heat(cells, node, regions, weather)
        if n[np.isfinite(outside)].sum() < LEAST_WEATHER * n.sum():
            left_out.append(stage)
            cells.drop(columns=column, inplace=True)
            continue
        outside = np.where(np.isfinite(outside), outside, cells["temperature_c"])
        way = np.asarray(cells.groupby([node, "category"], sort=False, observed=True).ngroup(), dtype=np.int64)
        cells[column] = excess_heat(cells[column].to_numpy(dtype=float), outside, n, goods, way)
    if not left_out:
        return []
    return [
        f"the weather at the nodes of {', '.join(left_out)} is not known: node temperature there is part of quality"
    ]


def _known_share(cells: pd.DataFrame, column: str) -> float:
    """Share of the lines for which a column is known, in the period in which it is smaller."""
    known = cells["n"].where(cells[column].notna(), 0).groupby(cells["period"]).sum()
    return float((known / cells.groupby("period")["n"].sum()).min())


def _fill(cells: pd.DataFrame, column: str, groups: Sequence[list[str]]) -> int:
    """Put the lines' mean over the first group that knows one where a column is unknown; give the lines filled."""
    n, values = cells["n"].to_numpy(dtype=float), cells[column].to_numpy(dtype=float, copy=True)
    unknown = ~np.isfinite(values)
    weight, weighted = np.where(unknown, 0.0, n), np.where(unknown, 0.0, n * values)
    for keys in groups:
        missing = ~np.isfinite(values)
        if not missing.any():
            break
        group = cells.groupby(keys, sort=False, observed=True).ngroup().to_numpy()
        lines, total = np.bincount(group, weights=weight), np.bincount(group, weights=weighted)
        mean = np.divide(total, lines, out=np.full(len(total), np.nan), where=lines > 0)
        values[missing] = mean[group[missing]]
    cells[column] = values
    return int(n[unknown].sum())


def _add_weather(cells: pd.DataFrame, weather: pd.DataFrame | None) -> list[str]:
    """Add ``temperature_c`` of the region and day; a day without one has the mean of its region and period."""
    cells["temperature_c"] = np.nan
    if weather is None:
        return ["no weather is known: its effect is part of quality"]
    cells["temperature_c"] = outside_heat(cells, "region", {}, weather)
    if cells["temperature_c"].isna().all():
        return ["no weather is known in these periods: its effect is part of quality"]
    filled = _fill(cells, "temperature_c", (["period", "region"], ["day"], ["period"]))
    return [f"weather unknown for {filled} lines: a mean of their region or day stands there"] if filled else []


def _add_rules(cells: pd.DataFrame, policies: pd.DataFrame | None) -> list[str]:
    """Add ``policy``: 1 where an easier refund rule is in force for the region, category and day, else 0."""
    import pandas as pd

    if policies is None or policies.empty:
        return []
    day, in_force = pd.to_datetime(cells["day"]), np.zeros(len(cells))
    for rule in policies.to_dict("records"):
        holds = day >= pd.Timestamp(rule["starts_on"])
        for key in ("region", "category"):
            where = rule.get(key)
            if where is not None and not pd.isna(where) and where != EVERYWHERE:
                holds &= cells["parent_category" if key == "category" else key] == where
        in_force += holds
    cells["policy"] = np.minimum(in_force, 1.0)
    if (in_force > 1).any():
        return ["several refund rules hold at one place and time: they count as one"]
    return []
