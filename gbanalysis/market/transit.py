"""Hours at each node: lorries and docks of a day are shared by all shipments that pass, so their delays come together.

    h_k = (leg_k * (1 + 0.003 * min(rain, 40)) + stay_k * (1 + 0.012 * max(0, temperature - 30)))
          * exp(e[day, node] + 0.05 z[shipment]) + slow-node shock

k counts the five stages; a stage's hours run from the departure at the stage before to its own departure (the
supplier's is the stay only). The day noise e has a standard deviation of 0.08 to 0.12. A shipment that reaches its
site more than `SLACK_HOURS` after plan is picked up the next day and waits `OVERNIGHT_HOURS` more.

Which naive estimator it fools: an interval that takes lines as independent. Lines of one node and day share e: the
true standard error of a central warehouse's mean hours is 11 times the naive one. (Measured by
tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.parameters import TRANSIT, View
from gbanalysis.market.shocks import SlowNode, of_kind

Array = NDArray[np.float64]

RAIN_PER_MM, RAIN_CAP_MM = 0.003, 40.0
HEAT_PER_C, HEAT_FROM_C = 0.012, 30.0
SHIPMENT_SD = 0.05
SLACK_HOURS = 8.0
OVERNIGHT_HOURS = 16.0


@dataclass(frozen=True, eq=False)
class Transit:
    """Hours of every line at each stage, and what of them was the leg in.

    Attributes
    ----------
    hours, leg_hours, planned_hours
        [5, n]; the site's hours include the night of a late shipment.
    late
        [n] picked up a day after the promised one.
    """

    hours: Array
    leg_hours: Array
    planned_hours: Array
    late: NDArray[np.bool_]


def transit(view: View) -> Transit:
    """Give the hours of every line under the view's weather and transit days."""
    routes, parameters, nodes = view.routes, view.parameters, view.nodes
    supplier, shared, central, grid, site = nodes
    legs = (
        np.zeros(len(supplier)),
        routes.first_leg_hours[supplier],
        routes.long_leg_hours[shared, central],
        routes.grid_leg_hours[grid],
        routes.site_leg_hours[site],
    )
    n = len(supplier)
    hours, leg_hours, planned = np.empty((5, n)), np.empty((5, n)), np.empty((5, n))
    for k, (node, leg) in enumerate(zip(nodes, legs, strict=True)):
        region = routes.weather_region[k][node]
        rain = parameters.rain[view.position["weather"], region]
        stay = routes.stay_hours[k][node]
        factor = np.exp(parameters.hours_log[k][view.position[TRANSIT[k]], node] + SHIPMENT_SD * view.items.z_hours[k])
        leg_hours[k] = leg * (1 + RAIN_PER_MM * np.minimum(rain, RAIN_CAP_MM)) * factor
        hours[k] = leg_hours[k] + stay * (1 + HEAT_PER_C * np.maximum(view.outside[k] - HEAT_FROM_C, 0.0)) * factor
        hours[k] += view.nudge.get(TRANSIT[k], 0.0)
        planned[k] = leg + stay
        for place, shock in of_kind(parameters.shocks, SlowNode):
            struck = node == routes.node_index[k].get(shock.node_id, -1)
            hours[k] += shock.size * (struck & view.shock_holds(place, TRANSIT[k]))
    delay = hours[:4].sum(axis=0) - planned[:4].sum(axis=0) + leg_hours[4] - legs[4]
    late = delay > SLACK_HOURS
    hours[4] += OVERNIGHT_HOURS * late
    return Transit(hours, leg_hours, planned, late)
