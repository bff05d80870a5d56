"""Hours, temperature and node of every line at every stage of its way, from the stage flows.

The hours of a stage run from the departure at the stage before to its own departure (the leg in and the stay); a
missing departure counts as its arrival; the first stage of a way has the stay only. So a slow node is one number,
whether the lorry or the dock was slow.

Every function takes Ibis tables and gives back one; nothing here opens a table or runs a query.
"""

from __future__ import annotations

from typing import Any

import ibis

from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import flow_key

SECONDS = 3600.0


def stage_columns(stage: str) -> tuple[str, str, str]:
    """Names of the columns that a stage adds to the lines: hours, temperature (°C) and node.

    Examples
    --------
    >>> stage_columns("grid_warehouse")
    ('grid_warehouse_hours', 'grid_warehouse_temperature', 'grid_warehouse_node')
    """
    return f"{stage}_hours", f"{stage}_temperature", f"{stage}_node"


def ways(flows: Any) -> Any:
    """Give one row for each thing that stage flows carry (shipment, and SKU where split): its course, stage by stage.

    Returns
    -------
    ibis.Table
        The flow key and for each stage of `STAGES` its hours, temperature and node; null where the stage was not
        passed or its times are unknown. Hours below zero (a clock that runs wrong) are unknown.
    """
    has_departures = "departed_at" in flows.columns
    left = ibis.coalesce(flows.departed_at, flows.arrived_at) if has_departures else flows.arrived_at
    flows = flows.mutate(came=flows.arrived_at.epoch_seconds(), left=left.epoch_seconds())
    flows = flows.mutate(heat=flows.temperature_c if "temperature_c" in flows.columns else ibis.null("float64"))
    seen = {}
    for stage in STAGES:
        here = flows.stage == stage
        seen[f"{stage}_came"] = flows.came.max(where=here)
        seen[f"{stage}_left"] = flows.left.max(where=here)
        seen[f"{stage}_node"] = flows.node_id.max(where=here)
        seen[f"{stage}_temperature"] = flows.heat.max(where=here)
    wide = flows.group_by(flow_key(flows)).aggregate(**seen)
    columns: dict[str, Any] = {}
    for place, stage in enumerate(STAGES):
        hours, temperature, node = stage_columns(stage)
        before = [wide[f"{earlier}_left"] for earlier in STAGES[:place][::-1]]
        spent = (wide[f"{stage}_left"] - ibis.coalesce(*before, wide[f"{stage}_came"])) / SECONDS
        columns |= {hours: ibis.cases((spent >= 0, spent)), temperature: wide[temperature], node: wide[node]}
    return wide.select(*flow_key(flows), **columns)


def with_stage_hours(lines: Any, flows: Any) -> Any:
    """Add to each line `stage_columns` of every stage, from the shipment (and SKU) that carried it.

    Parameters
    ----------
    lines
        Order lines with ``shipment_id``; a line without one, or whose shipment has no flows, has nulls.
    flows
        The stage flows.
    """
    key = flow_key(flows)
    carried = lines.filter(lines.shipment_id.notnull()).select("shipment_id").distinct()
    passed = ways(flows.semi_join(carried, "shipment_id"))
    return lines.left_join(passed, key).drop(*(f"{name}_right" for name in key))
