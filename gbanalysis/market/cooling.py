"""Temperatures at each node: chilled goods feel what the cooling lets through, others feel the weather.

    chilled (shelf life up to 21 days)   T_k = 4 + leak[node] * max(0, outside - 4) + u[day, node] + cooling fault
    others                               T_k = max(outside, 2) + u[day, node]

A supplier leaks about a third of the outside heat, a central warehouse 8 %, a site half.

Which naive estimator it fools: the regression of refunds on temperature. What is chilled is what spoils, so over
all lines a warmer central warehouse seems to LOWER the refund rate, by 19 basis points per °C; the intervention
raises it by 18. (Measured by tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.parameters import TEMPERATURE, View
from gbanalysis.market.shocks import CoolingFault, of_kind

CHILLED_C = 4.0
LOWEST_AMBIENT_C = 2.0


def temperatures(view: View) -> NDArray[np.float64]:
    """Give the temperature (°C) of every line at each stage, [5, n], under the view's weather and cooling days."""
    routes, parameters = view.routes, view.parameters
    chilled = routes.chilled[view.items.sku]
    degrees = np.empty((5, len(view.items)))
    for k, node in enumerate(view.nodes):
        outside = view.outside[k]
        cold = CHILLED_C + routes.leak_share[k][node] * np.maximum(outside - CHILLED_C, 0.0)
        degrees[k] = np.where(chilled, cold, np.maximum(outside, LOWEST_AMBIENT_C))
        degrees[k] += parameters.cooling[k][view.position[TEMPERATURE[k]], node]
        degrees[k] += view.nudge.get(TEMPERATURE[k], 0.0)
        for place, shock in of_kind(parameters.shocks, CoolingFault):
            struck = (node == routes.node_index[k].get(shock.node_id, -1)) & chilled
            degrees[k] += shock.size * (struck & view.shock_holds(place, TEMPERATURE[k]))
    return degrees
