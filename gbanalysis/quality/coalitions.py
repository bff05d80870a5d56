"""The expected refund rate under any mixture of the two periods' mechanisms, and its Shapley values.

With every mechanism taken from the current period with probability t, each on its own, the expected rate V(t) is a
product of factors on each route. A mechanism's Shapley value is the mean over t from 0 to 1 of the effect of switching
it (G. Owen 1972, Management Science 18, P64-P79, the multilinear extension). The integrand is a polynomial in t, so a
Gauss rule gives the mean exactly, however many mechanisms there are; no coalition is listed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.factors import MIX, Factor, RouteModel, base_product, list_factors
from gbanalysis.quality.tables import Tables

FloatArray = NDArray[np.float64]

CHUNK = 20_000  # numbers an array holds while routes are worked through


@dataclass(frozen=True)
class RouteWorth:
    """Shapley value of each player on each route, shape (players + 1, routes), and derivatives by the parameters.

    The last row is the mean rate over both sides of the mix's switch, in the same average over coalitions.
    ``slope`` has shape (players + 1, routes, parameters).
    """

    value: FloatArray
    slope: FloatArray


def shapley_routes(model: RouteModel) -> RouteWorth:
    """Work out every player's value on every route."""
    size = model.n_players + 1
    nodes, weights = np.polynomial.legendre.leggauss((model.n_players + 1) // 2)
    value = np.empty((size, model.tables.n_routes))
    slope = np.empty((size, model.tables.n_routes, model.slots.size))
    for part in _chunks(model):
        product, fixed = base_product(model, part)
        factors = list_factors(model, part)
        shape = product.shape
        by_player = np.zeros((shape[0], size, *shape[1:]))
        by_slot = np.zeros((shape[0], model.slots.size, *shape[1:]))
        for slot, log_slope in fixed:
            by_slot[:, slot] = log_slope
        found, slopes = np.zeros((shape[0], size)), np.zeros((shape[0], size, model.slots.size))
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            mean = weight * product
            for factor in factors:
                mean = mean * _mixed(factor.values, node, factor.players)
            for factor in factors:
                _switch(factor, node, mean, by_player, by_slot, slopes)
            moved = (by_player * mean[:, None]).reshape(shape[0], size, -1)
            found += moved.sum(axis=2)
            slopes += moved @ by_slot.reshape(shape[0], model.slots.size, -1).transpose(0, 2, 1)
        value[:, part], slope[:, part] = found.T, slopes.transpose(1, 0, 2)
    return RouteWorth(value, slope)


def _chunks(model: RouteModel) -> list[slice]:
    """Cut the routes so that the arrays stay small."""
    points = 2 * model.tables.heat.shape[2] * len(model.exponents)
    step = max(CHUNK // points, 1)
    return [slice(first, first + step) for first in range(0, model.tables.n_routes, step)]


def _mixed(values: FloatArray, node: float, players: tuple[int, ...], switched: int | None = None) -> FloatArray:
    """Mean of a factor when each player is on with probability `node`; the difference, along a switched player.

    For the row after the last player, which belongs to the mix, both sides count the same.
    """
    for player in players:
        off, on = (1 - node, node) if player != switched else (-1.0, 1.0)
        values = off * values[0] + on * values[1]
    return values


def _switch(
    factor: Factor, node: float, mean: FloatArray, by_player: FloatArray, by_slot: FloatArray, slopes: FloatArray
) -> None:
    """Fill in a factor's relative effect of switching and its logarithmic derivatives, and add how the two meet."""
    whole = _mixed(factor.values, node, factor.players)
    for slot, slope in factor.slopes:
        by_slot[:, slot] = _mixed(slope, node, factor.players) / whole
    switches = [(player, player) for player in factor.players]
    if MIX in factor.players:
        switches.append((by_player.shape[1] - 1, -1))
    for row, player in switches:
        change = factor.values.mean(axis=0) if player < 0 else _mixed(factor.values, node, factor.players, player)
        by_player[:, row] = change / whole
        for slot, slope in factor.slopes:
            moved = slope.mean(axis=0) if player < 0 else _mixed(slope, node, factor.players, player)
            meet = moved / whole - by_slot[:, slot] * by_player[:, row]
            slopes[:, row, slot] += np.einsum("znr,znr->z", mean, np.broadcast_to(meet, mean.shape))


def end_rates(model: RouteModel) -> tuple[FloatArray, FloatArray]:
    """Expected rate of each route, times its probability, in the base and the current period, and its derivatives.

    Returns
    -------
    value, slope
        Shapes (2, routes) and (2, routes, parameters); shares of mix and allocation are taken as given.
    """
    value = np.empty((2, model.tables.n_routes))
    slope = np.zeros((2, model.tables.n_routes, model.slots.size))
    for part in _chunks(model):
        product, fixed = base_product(model, part)
        factors = list_factors(model, part)
        for period in (0, 1):
            mean = product
            for factor in factors:
                mean = mean * factor.values[(period,) * len(factor.players)]
            value[period, part] = mean.sum(axis=(1, 2))
            for slot, log_slope in fixed:
                slope[period, part, slot] = np.einsum("znr,znr->z", mean, log_slope)
            for factor in factors[3:]:  # after mix, allocation and weather
                at = (period,) * len(factor.players)
                for slot, by in factor.slopes:
                    ratio = np.broadcast_to(by[at] / factor.values[at], mean.shape)
                    slope[period, part, slot] = np.einsum("znr,znr->z", mean, ratio)
    return value, slope


def route_weights(tables: Tables) -> FloatArray:
    """Probability of each route in the base and the current period, shape (2, routes)."""
    return np.stack([tables.probability(period, period) for period in (0, 1)])
