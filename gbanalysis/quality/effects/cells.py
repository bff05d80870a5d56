"""Lines summed to cells for the estimation of effects: alike in goods, way and day, and in the treatment's step.

Estimators of effects are linear in the outcome. Lines of one cell have the same goods, way, day and (to a step) the
same treatment, so that a cell with `n` lines, weighted by `n`, stands for its lines without loss but the step's.

Every function takes Ibis tables or pandas frames and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd

from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import NO_VALUE, flow_key, selling_lines
from gbanalysis.quality.stage_hours import stage_columns

STEP_HOURS, STEP_DEGREES = 0.25, 0.25
SHELF_DAYS = (7, 21, 60)  # goods whose shelf life lies between the same two are alike
WAY = ("supplier_id", "region", "central_id", "grid_id")
MEASURES = (
    "transit_hours",
    "temperature",
    *(name for stage in STAGES for name in stage_columns(stage)[:2]),
    "units_lost",
    "rating",
)
"""Nodes of the graph that are numbers of a line."""


def step_of(measure: str) -> float:
    """Give the width of a treatment's steps: hours or degrees."""
    return STEP_HOURS if measure.endswith("hours") else STEP_DEGREES


def with_due_day(lines: Any, *, cutoff: dt.time | None, as_of: dt.date) -> Any:
    """Add ``due_on``, the day after the selling day: unlike the day of the pickup, nothing on the way can move it."""
    lines = selling_lines(lines, cutoff=cutoff, as_of=as_of)
    return lines.mutate(due_on=(lines.selling_on + ibis.interval(days=1)).cast("date"))


def with_measures(lines: Any, names: tuple[str, ...]) -> Any:
    """Add to lines that have `stage_columns` the measures of the whole way: ``transit_hours`` and ``temperature``.

    The hours of the way are known where those of all stages are that any line knows; its temperature is the mean over
    the stages, weighted by their hours.
    """
    hours, heat = ([lines[stage_columns(stage)[part]] for stage in STAGES] for part in (0, 1))
    if "transit_hours" in names:
        known = sum(each.notnull().cast("int64") for each in hours)
        most = known.max().over(ibis.window())
        total = sum(each.fill_null(0.0) for each in hours)
        lines = lines.mutate(transit_hours=ibis.cases(((known == most) & (known > 0), total)))
    if "temperature" in names:
        weights = [
            ibis.ifelse(each.isnull(), 0.0, spent.fill_null(0.0)) for each, spent in zip(heat, hours, strict=True)
        ]
        total = sum(weight * each.fill_null(0.0) for weight, each in zip(weights, heat, strict=True))
        lines = lines.mutate(temperature=total / sum(weights).nullif(0.0))
    return lines


def with_lost_units(lines: Any, flows: Any) -> Any:
    """Add ``units_lost``: the share of a shipment's units that went missing on its way."""
    key = flow_key(flows)
    lost = flows.group_by(key).aggregate(
        units_lost=(flows.quantity_in - flows.quantity_out).sum() / flows.quantity_in.max().nullif(0)
    )
    return lines.left_join(lost, key).drop(*(f"{name}_right" for name in key))


def with_ratings(lines: Any, reviews: Any) -> Any:
    """Add ``rating``: the stars of the line's review, 0 without one."""
    lines = lines.left_join(reviews.select("line_id", "rating"), "line_id").drop("line_id_right")
    return lines.mutate(rating=lines.rating.fill_null(0).cast("float64"))


def sum_to_effect_cells(lines: Any, *, treatment: str | None, measures: tuple[str, ...], site: bool) -> Any:
    """Sum lines to cells.

    Parameters
    ----------
    lines
        Picked-up lines with ``due_on`` (the day after the selling day), ``refunded``, ``category``, ``region`` and,
        where they are known, ``subcategory``, ``shelf_life_days``, `WAY` and the `measures`.
    treatment
        One of `MEASURES`, whose steps tell cells apart; None where the treatment is the supplier.
    measures
        Further measures, to be held fixed: their means over the lines of a cell; lines of unlike rating stay apart.
    site
        Whether the lines of different sites stay apart.

    Returns
    -------
    ibis.Table
        ``category``, ``goods``, `WAY`, ``due_on``, (``site_id``), ``treatment``, `measures`, ``n``, ``refunded``.
        ``treatment`` is null for the lines for which it is not known.
    """
    shelf = lines.shelf_life_days if "shelf_life_days" in lines.columns else ibis.literal(NO_VALUE)
    shelf = shelf.cast("string").try_cast("float64")
    band = ibis.cases(*((shelf <= days, str(days)) for days in SHELF_DAYS), else_="more")
    kind = lines.subcategory.fill_null("") if "subcategory" in lines.columns else ibis.literal("")
    columns: dict[str, Any] = {"goods": lines.category.concat("/", kind, "/", band)}
    columns |= {name: ibis.literal(NO_VALUE) for name in WAY if name not in lines.columns}
    if treatment is not None:
        step = step_of(treatment)
        columns["treatment"] = (lines[treatment] / step).round() * step
    lines = lines.mutate(**columns)
    apart = (["site_id"] if site else []) + (["treatment"] if treatment else [])
    apart += [name for name in measures if name == "rating"]
    return lines.group_by(["category", "goods", *WAY, "due_on", *apart]).aggregate(
        n=lines.count().cast("float64"),
        refunded=lines.refunded.sum().cast("float64"),
        **{name: lines[name].mean() for name in measures if name != "rating"},
    )


def add_weather(cells: pd.DataFrame, weather: pd.DataFrame | None, homes: pd.Series[str] | None) -> pd.DataFrame:
    """Add the day's ``outside`` temperature where the lines go, and ``at_supplier`` where they come from.

    Parameters
    ----------
    cells
        With ``region``, ``supplier_id`` and ``due_on``.
    weather
        ``region``, ``date``, ``temperature_c``; None where it is not known (both columns are then NaN).
    homes
        The region of each supplier; one without has the weather of the place of sale.
    """
    if weather is None:
        return cells.assign(outside=np.nan, at_supplier=np.nan)
    table = weather.assign(date=pd.to_datetime(weather["date"])).set_index(["region", "date"])["temperature_c"]
    day = pd.to_datetime(cells["due_on"])
    outside = table.reindex(pd.MultiIndex.from_arrays([cells["region"], day])).set_axis(cells.index)
    outside = outside.fillna(outside.groupby(day).transform("mean")).fillna(outside.mean())
    home = cells["region"] if homes is None else cells["supplier_id"].map(homes).fillna(cells["region"])
    there = table.reindex(pd.MultiIndex.from_arrays([home, day])).set_axis(cells.index).fillna(outside)
    return cells.assign(outside=outside, at_supplier=there)
