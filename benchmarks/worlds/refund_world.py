"""Worlds of cells in which the cause of a change of the refund rate is known.

Twelve suppliers ship six categories from five origin warehouses through three central and twenty grid warehouses.
Between two periods of thirty days one supplier's goods get worse, one grid's transit gets longer, the mix moves to a
category that spoils, and the weather warms. How good the goods arrive is never seen: a line is refunded when its latent
damage passes a threshold. The truth is exact: Shapley values by brute force over the orders of the four interventions,
each expectation by quadrature over hours and batches and by the days' own weather. Nothing is shared with the
estimator.

Families: ``own`` meets the estimator's assumptions; ``batch`` adds effects of supplier x day; ``link`` has a normal
threshold for the logistic one; in ``heat`` suppliers differ in how they bear heat; in ``confounder`` a rush at a grid
makes both hours and refunds higher and is never seen.
"""

from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SUPPLIERS, ORIGINS, CENTRALS, GRIDS, CATEGORIES, DAYS = 12, 5, 3, 20, 6, 30
FAMILIES = ("own", "batch", "link", "heat", "confounder")
INTERVENTIONS = ("mix", "weather", "transit", "supplier")
BATCH, RUSH, RUSH_HOURS = 0.5, 0.25, 1.2  # what the families batch and confounder add
SPREAD = {"central": 0.18, "grid": 0.28}  # log standard deviation of a lorry's hours
HOURS_PER_DEGREE = 0.004
ROUTES = [code.ravel() for code in np.indices((CATEGORIES, GRIDS, SUPPLIERS, ORIGINS))]


@dataclass(frozen=True)
class RefundWorld:
    """One world: what is fixed in it, and the two periods' settings (index 0 base, 1 current)."""

    family: str
    central_of_grid: IntArray
    mix: FloatArray  # period, category, grid
    allocation: FloatArray  # central, category, supplier, origin
    temperature: FloatArray  # period, central, day
    central_hours: FloatArray  # origin, central: median hours
    grid_hours: FloatArray  # period, grid: median hours
    supplier_effect: FloatArray  # period, supplier
    category_effect: FloatArray
    hour_slope: FloatArray  # category
    heat_slope: FloatArray  # category
    supplier_heat: FloatArray
    intercept: float
    shocked_supplier: int
    shocked_grid: int
    bad_category: int
    batch: float = 0.0  # standard deviation of the supplier x day effects
    rush: float = 0.0  # what a hidden rush at a grid adds to the log-odds; it also adds hours
    current_days: int = DAYS  # the current period is the last of its days only

    def logit(
        self, quality: int, category: IntArray, supplier: IntArray, temperature: FloatArray, hours: FloatArray
    ) -> FloatArray:
        """Log-odds of a refund before batches and hidden causes, under the supplier quality of a period."""
        warm = temperature - 15.0
        return (
            self.intercept
            + self.supplier_effect[quality, supplier]
            + self.category_effect[category]
            + self.hour_slope[category] * (hours - 20.0)
            + (self.heat_slope[category] + self.supplier_heat[supplier]) * warm
        )


def draw_world(rng: np.random.Generator, family: str = "own") -> RefundWorld:
    """Draw the fixed part of a world and plant the four shocks."""
    central_of_grid = np.arange(GRIDS) % CENTRALS
    share = rng.permutation(np.array([0.26, 0.20, 0.17, 0.14, 0.12, 0.11]))
    effect = rng.permutation(np.array([-0.7, -0.4, -0.1, 0.1, 0.4, 1.0]))
    bad = int(np.argmax(effect))
    size = rng.dirichlet(np.full(GRIDS, 25.0))
    local = np.exp(0.15 * rng.normal(size=(CATEGORIES, GRIDS)))
    mix = np.repeat((share[:, None] * size * local)[None], 2, axis=0)
    mix /= mix.sum(axis=(1, 2), keepdims=True)
    gain = 0.13
    others = 1 - mix[1, bad].sum()
    mix[1] *= (others - gain) / others
    mix[1, bad] = mix[0, bad] * (1 + gain / mix[0, bad].sum())

    allocation = np.zeros((CENTRALS, CATEGORIES, SUPPLIERS, ORIGINS))
    for supplier in range(SUPPLIERS):
        for category in (supplier % CATEGORIES, (supplier + 1 + supplier // CATEGORIES) % CATEGORIES):
            allocation[:, category, supplier, supplier % ORIGINS] += 0.8 * rng.gamma(8.0, size=CENTRALS)
            allocation[:, category, supplier, (supplier + 2) % ORIGINS] += 0.2 * rng.gamma(8.0, size=CENTRALS)
    absent = int(rng.integers(SUPPLIERS))
    allocation[0, :, absent] = 0.0
    allocation /= allocation.sum(axis=(2, 3), keepdims=True)

    weather = np.empty((2, CENTRALS, DAYS))
    shared, own = rng.normal(size=2), rng.normal(size=(2, CENTRALS))
    for day in range(DAYS):
        shared = 0.7 * shared + np.sqrt(1 - 0.49) * rng.normal(size=2)
        own = 0.7 * own + np.sqrt(1 - 0.49) * rng.normal(size=(2, CENTRALS))
        weather[:, :, day] = 3.2 * shared[:, None] + 3.2 * own
    weather += np.array([11.0, 14.0, 17.0])[None, :, None] + np.array([-2.5, 3.5])[:, None, None]

    grid_hours = np.repeat(rng.uniform(5.0, 11.0, GRIDS)[None], 2, axis=0)
    shocked_grid = int(np.argmin(np.abs(size - np.quantile(size, 0.7))))
    grid_hours[1, shocked_grid] += 12.0
    supplier_effect = np.repeat(0.3 * rng.normal(size=SUPPLIERS)[None], 2, axis=0)
    volume = np.einsum("cgso,gc->s", allocation, _by_central(mix[0], central_of_grid))
    shocked = int(np.argmin(np.abs(volume - np.median(volume))))
    supplier_effect[:, shocked] = 0.1
    supplier_effect[1, shocked] += 1.6
    return RefundWorld(
        family, central_of_grid, mix, allocation, weather, rng.uniform(6.0, 16.0, (ORIGINS, CENTRALS)), grid_hours,
        supplier_effect, effect, rng.permutation(np.linspace(0.035, 0.085, CATEGORIES)),
        rng.permutation(np.linspace(0.009, 0.029, CATEGORIES)),
        0.035 * rng.normal(size=SUPPLIERS) if family == "heat" else np.zeros(SUPPLIERS),
        -3.62, shocked, shocked_grid, bad, BATCH * (family == "batch"), RUSH * (family == "confounder"),
    )  # fmt: skip


def with_small_change(rng: np.random.Generator, world: RefundWorld) -> RefundWorld:
    """The same world, but the supplier's odds of a refund grow by 1.1 to 1.6 only."""
    effect = world.supplier_effect.copy()
    effect[1, world.shocked_supplier] = effect[0, world.shocked_supplier] + rng.uniform(np.log(1.1), np.log(1.6))
    return replace(world, supplier_effect=effect)


def _by_central(mix: FloatArray, central_of_grid: IntArray) -> FloatArray:
    return np.stack([mix[:, central_of_grid == c].sum(axis=1) for c in range(CENTRALS)], axis=1)


def probability(world: RefundWorld, logit: FloatArray) -> FloatArray:
    """Refund probability from the log-odds scale, through the link of the family."""
    if world.family == "link":  # a normal threshold that meets the logistic in value and slope at -3.2
        at = special.expit(-3.2)
        centre = special.ndtri(at)
        slope = at * (1 - at) / (np.exp(-(centre**2) / 2) / np.sqrt(2 * np.pi))
        return np.asarray(special.ndtr(centre + slope * (logit + 3.2)))
    return np.asarray(special.expit(logit))


def _median_grid_hours(hours: FloatArray, temperature: FloatArray) -> FloatArray:
    return hours * (1 + HOURS_PER_DEGREE * (temperature - 15.0))


def draw_cells(rng: np.random.Generator, world: RefundWorld, n_lines: int) -> pd.DataFrame:
    """Draw both periods as cells: one row a day, category, supplier, origin and grid, lines of one lorry together."""
    parts = []
    for period, name in enumerate(("base", "current")):
        joint = world.mix[period][:, :, None, None] * world.allocation[world.central_of_grid].transpose(1, 0, 2, 3)
        full = day_shares(world, period)[:, None] * joint.reshape(1, -1)
        counts = rng.multinomial(n_lines // 2, full.ravel())
        kept = np.flatnonzero(counts)
        day, category, grid, supplier, origin = np.unravel_index(kept, (DAYS, *joint.shape))
        central = world.central_of_grid[grid]
        temperature = world.temperature[period, central, day]
        rush = rng.normal(size=(DAYS, GRIDS)) if world.rush else np.zeros((DAYS, GRIDS))
        lorry = np.exp(SPREAD["central"] * rng.normal(size=(DAYS, ORIGINS, CENTRALS)))
        van = np.exp(SPREAD["grid"] * rng.normal(size=(DAYS, GRIDS)))
        first = world.central_hours[origin, central] * lorry[day, origin, central]
        second = _median_grid_hours(world.grid_hours[period, grid], temperature) * van[day, grid]
        second = second + RUSH_HOURS * rush[day, grid]
        logit = world.logit(period, category, supplier, temperature, first + second) + world.rush * rush[day, grid]
        if world.batch:
            logit = logit + world.batch * rng.normal(size=(DAYS, SUPPLIERS))[day, supplier]
        n = counts[kept]
        parts.append(
            pd.DataFrame({
                "period": name, "day": day + period * DAYS, "category": category, "supplier_id": supplier,
                "origin_id": origin, "central_id": central, "grid_id": grid, "region": central,
                "temperature_c": temperature, "central_warehouse_hours": first, "grid_warehouse_hours": second,
                "n": n, "hidden_rush": rush[day, grid], "refunded": rng.binomial(n, probability(world, logit)),
            })
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def route_rates(world: RefundWorld, weather: int, transit: int, supplier: int) -> FloatArray:
    """E[refund] of each category, grid, supplier and origin (flat), three mechanisms taken from the periods given."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    weights = weights / weights.sum()
    category, grid, s, origin = ROUTES
    central = world.central_of_grid[grid]
    served = world.allocation[central, category, s, origin] > 0
    category, grid, s, origin, central = (code[served] for code in (category, grid, s, origin, central))
    heat = world.temperature[weather, central]  # route, day
    first = world.central_hours[origin, central][:, None] * np.exp(SPREAD["central"] * nodes)
    second = _median_grid_hours(world.grid_hours[transit, grid][:, None], heat)
    hidden = zip(nodes, weights, strict=True) if world.batch or world.rush else [(0.0, 1.0)]
    hidden = [(u * world.batch + u * world.rush, u * RUSH_HOURS * (world.rush != 0), w) for u, w in hidden]
    total = np.zeros(heat.shape)
    for i, w1 in enumerate(weights):
        for j, w2 in enumerate(weights):
            hours = first[:, i, None] + second * np.exp(SPREAD["grid"] * nodes[j])
            logit = world.logit(supplier, category[:, None], s[:, None], heat, hours)
            slope = world.hour_slope[category][:, None]
            for shift, more_hours, w3 in hidden:
                total += w1 * w2 * w3 * probability(world, logit + shift + slope * more_hours)
    rate = np.zeros(len(ROUTES[0]))
    rate[served] = total @ day_shares(world, weather)
    return rate


def day_shares(world: RefundWorld, period: int) -> FloatArray:
    """Share of the lines on each day of a period; each day's weather weighs as much."""
    week = 1 + 0.2 * np.sin(2 * np.pi * np.arange(DAYS) / 7)
    if period:
        week[: DAYS - world.current_days] = 0.0
    return np.asarray(week / week.sum())


def true_contributions(world: RefundWorld) -> dict[str, float]:
    """Exact Shapley value of each intervention: the mean of its effect over all 24 orders."""
    rate = {}
    for on in product((0, 1), repeat=3):
        routes = route_rates(world, *on)
        for mix in (0, 1):
            joint = world.mix[mix][:, :, None, None] * world.allocation[world.central_of_grid].transpose(1, 0, 2, 3)
            rate[mix, *on] = float(joint.ravel() @ routes)
    effect = np.zeros(4)
    orders = list(permutations(range(4)))
    for order in orders:
        on = [0, 0, 0, 0]
        for player in order:
            before = rate[tuple(on)]
            on[player] = 1
            effect[player] += rate[tuple(on)] - before
    found = dict(zip(INTERVENTIONS, effect / len(orders), strict=True))
    return found | {"base": rate[0, 0, 0, 0], "current": rate[1, 1, 1, 1]}
