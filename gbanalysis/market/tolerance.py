"""Who complains: the deficit meets a personal tolerance, set so that categories complain at planned rates.

    P(complaint) = P(ln tolerance < ln deficit + strictness[user] + leniency[region, category, day])

The tolerance is lognormal (probit in the log deficit) with a standard deviation of 0.69, or what family ``link``
says. The medians by category are solved once on typical lines over the whole market without shocks and families, so
a category's level is planned (1.1 % for what keeps, up to 6.1 % for what does not) and everything else about its
refunds follows from the mechanics.

Which naive estimator it fools: a rate taken as proportional to what was wrong with the goods. Fruit with twice the
deficit (0.2 for 0.1) is complained of nine times as often, so a small gain in quality where it is worst is worth
far more than the same gain elsewhere. (Measured by tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.cooling import temperatures
from gbanalysis.market.families import complaint_cdf
from gbanalysis.market.freshness import bruises, freshness
from gbanalysis.market.parameters import PLAYERS, Items, View, make_parameters
from gbanalysis.market.per_world import per_world
from gbanalysis.market.routes import CREWS, routes_of
from gbanalysis.market.shocks import Leniency, of_kind
from gbanalysis.market.streams import stream
from gbanalysis.market.transit import transit
from gbanalysis.market.world import World

Array = NDArray[np.float64]

TOLERANCE_SD = 0.69
LEAST_RATE, PERISHABLE_RATE, PERISHABLE_DAYS = 0.011, 0.05, 12.0
SAMPLE_PER_CATEGORY, SAMPLE_DAYS = 1500, 24


def planned_rates(world: World) -> Array:
    """Give the planned complaint rate of each category from its SKUs' shelf lives, weighted by their sales."""
    rate = LEAST_RATE + PERISHABLE_RATE * np.exp(-world.sku_shelf_days / PERISHABLE_DAYS)
    weight = np.bincount(world.sku_category, world.sku_base_weight, minlength=len(world.category))
    total = np.bincount(world.sku_category, world.sku_base_weight * rate, minlength=len(world.category))
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), LEAST_RATE)


def leniency(view: View) -> Array:
    """Give the shift of the log tolerance by the refund rules in force for each line."""
    world, items = view.world, view.items
    shift = np.zeros(len(items))
    for place, shock in of_kind(view.parameters.shocks, Leniency):
        struck = world.site_region[items.site] == world.regions.index(shock.region)
        if shock.category is not None:
            struck = struck & (world.sku_category[items.sku] == world.category.index(shock.category))
        shift += shock.size * (struck & view.shock_holds(place, "policy"))
    return shift


def complaint_chance(view: View, deficit: Array, log_median: Array) -> Array:
    """Give the chance that each line is complained of for its quality.

    Parameters
    ----------
    view, deficit
        The lines and their deficits.
    log_median
        [n_categories] log median tolerance, from `log_medians`.
    """
    items = view.items
    felt = np.log(deficit) + view.routes.user_strictness[items.user] + leniency(view)
    category = view.world.sku_category[items.sku]
    return complaint_cdf(view.parameters.config, felt, log_median[category], TOLERANCE_SD)


def _typical_items(world: World, rng: np.random.Generator) -> Items:
    """Draw lines of every category by the SKUs' and sites' weights, from suppliers that serve them."""
    n_categories = len(world.category)
    skus = []
    for category in range(n_categories):
        members = np.flatnonzero(world.sku_category == category)
        if len(members):
            weight = world.sku_base_weight[members]
            skus.append(rng.choice(members, SAMPLE_PER_CATEGORY, p=weight / weight.sum()))
    sku = np.concatenate(skus)
    n = len(sku)
    user = rng.integers(0, len(world.user_site), n)
    site = world.user_site[user].astype(np.int64)
    serves = world.supplier_serves[:, world.site_region[site]].T & world.supplier_category[:, world.sku_category[sku]].T
    supplier = np.argmax(rng.random(serves.shape) * np.where(serves, world.supplier_size, 1e-9), axis=1)
    return Items(
        user=user,
        site=site,
        sku=sku,
        supplier=supplier,
        quantity=np.ones(n, dtype=np.int64),
        spare=np.zeros(n, dtype=np.int64),
        z_hours=rng.standard_normal((5, n)),
        crew=rng.integers(0, len(CREWS), (5, n)),
    )


@per_world
def log_medians(world: World) -> Array:
    """Solve the median log tolerance of each category by bisection on typical lines (once for each World object)."""
    routes = routes_of(world)
    rng = stream(world.seed, "tolerance.calibration")
    items = _typical_items(world, rng)
    days = np.unique(np.linspace(1, world.n_days, SAMPLE_DAYS).astype(np.int64))
    plain = replace(world.config, family="standard")
    parameters = make_parameters(world, routes, days, config=plain, shocks=())
    day = rng.integers(0, len(days), len(items))
    view = View(world, routes, parameters, items, dict.fromkeys(PLAYERS, day))
    hours = transit(view).hours
    felt = (
        np.log(freshness(view, hours, temperatures(view), bruises(view)).deficit) + routes.user_strictness[items.user]
    )
    category = world.sku_category[items.sku]
    n_categories = len(world.category)
    count = np.maximum(np.bincount(category, minlength=n_categories), 1)
    target = planned_rates(world)
    low, high = np.full(n_categories, -12.0), np.full(n_categories, 12.0)
    for _ in range(40):
        middle = (low + high) / 2
        chance = complaint_cdf(world.config, felt, middle[category], TOLERANCE_SD)
        too_many = np.bincount(category, chance, minlength=n_categories) / count > target
        low, high = np.where(too_many, middle, low), np.where(too_many, high, middle)
    solved: Array = (low + high) / 2
    return solved
