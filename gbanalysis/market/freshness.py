"""Arrival quality: a start deficit, bruises at the nodes, ageing by hours and temperature. It is never written out.

    age_k   = h_k * 2.3^((T_k - T_ref) / 10) / (24 * shelf life)               T_ref: 4 °C chilled, 20 °C others
    ln d_0  = supplier[day] + category[day] + b_s * max(0, T_supplier - 18) / 10 + shocks
    deficit = 1 - (1 - d_0) * prod_k (1 - bruise_k * fragility) * exp(-0.35 * (sum_k age_k)^1.3)

b_s is zero but in family ``interaction``. The logarithm of the deficit meets a lognormal tolerance in `tolerance`,
so neither hours, nor temperature, nor the supplier enters the refund probability on a logit or any other additive
scale.

Which naive estimator it fools: a logistic regression with supplier and hours as additive terms. An hour costs leafy
greens 25 basis points and apples 0.6, a factor of 44, so a supplier of leafy goods behind a slow node is blamed for
the node. (Measured by tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.families import HEAT_FROM_C
from gbanalysis.market.parameters import QUALITY_NODE, View
from gbanalysis.market.shocks import BadCrop, SupplierQuality, of_kind

Array = NDArray[np.float64]

Q10 = 2.3
REFERENCE_CHILLED_C, REFERENCE_AMBIENT_C = 4.0, 20.0
AGEING, AGEING_POWER = 0.35, 1.3
WORST_START = 0.9


@dataclass(frozen=True, eq=False)
class Freshness:
    """What became of the quality of every line.

    Attributes
    ----------
    age
        [5, n] share of the shelf life used at each stage.
    start, bruise, ageing, deficit
        [n] deficit at the supplier, quality left after handling (as a loss), quality lost by age, and all together.
    """

    age: Array
    start: Array
    bruise: Array
    ageing: Array
    deficit: Array


def ages(view: View, hours: Array, degrees: Array) -> Array:
    """Give the share of the shelf life that each stage uses, [5, n]."""
    sku = view.items.sku
    reference = np.where(view.routes.chilled[sku], REFERENCE_CHILLED_C, REFERENCE_AMBIENT_C)
    speed = np.exp((np.log(Q10) / 10) * (degrees - reference))
    used: Array = hours * speed / (24.0 * view.world.sku_shelf_days[sku])
    return used


def start_deficit(view: View) -> Array:
    """Give the deficit with which each line leaves its supplier."""
    world, routes, parameters, items = view.world, view.routes, view.parameters, view.items
    category = world.sku_category[items.sku]
    log_deficit = (
        parameters.supplier_log[view.position["quality_supplier"], items.supplier]
        + parameters.category_log[view.position["quality_category"], category]
        + parameters.heat_sensitivity[items.supplier] * np.maximum(view.outside[0] - HEAT_FROM_C, 0.0) / 10
    )
    for place, shock in of_kind(parameters.shocks, SupplierQuality):
        struck = items.supplier == routes.node_index[0].get(shock.supplier_id, -1)
        log_deficit += np.log(shock.size) * (struck & view.shock_holds(place, "quality_supplier"))
    for place, crop in of_kind(parameters.shocks, BadCrop):
        sold_there = world.site_region[items.site] == world.regions.index(crop.region)
        struck = sold_there & crop_skus(view, crop)[items.sku]
        log_deficit += np.log(crop.size) * (struck & view.shock_holds(place, "quality_category"))
    start: Array = np.minimum(np.exp(log_deficit), WORST_START)
    return start


def crop_skus(view: View, shock: BadCrop) -> NDArray[np.bool_]:
    """Say for each SKU whether a bad crop strikes it."""
    world = view.world
    struck: NDArray[np.bool_] = (view.routes.origin == shock.origin) & (
        world.sku_category == world.category.index(shock.category)
    )
    if shock.sku_id is not None:
        struck &= np.array(world.sku_id) == shock.sku_id
    return struck


def bruises(view: View) -> Array:
    """Give the handling damage of every line at each stage, [5, n]; the supplier's own is the start deficit."""
    routes, parameters = view.routes, view.parameters
    fragile = routes.fragility[view.items.sku]
    damage = np.zeros((5, len(view.items)))
    for k, node in enumerate(view.nodes):
        if k > 0:
            day_noise = parameters.bruise_log[k][view.position[QUALITY_NODE[k]], node]
            damage[k] = np.minimum(routes.bruise[k][node] * np.exp(day_noise) * fragile, 0.5)
    return damage


def freshness(view: View, hours: Array, degrees: Array, damage: Array) -> Freshness:
    """Give the arrival quality of every line."""
    age = ages(view, hours, degrees)
    start = start_deficit(view)
    whole = np.prod(1.0 - damage, axis=0)
    kept = np.exp(-AGEING * age.sum(axis=0) ** AGEING_POWER)
    return Freshness(age, start, 1.0 - whole, 1.0 - kept, 1.0 - (1.0 - start) * whole * kept)
