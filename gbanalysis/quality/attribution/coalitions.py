"""The expected refund rate under any mixture of the two periods' mechanisms, and its Shapley values.

With every mechanism taken from the current period with probability t, each on its own, the expected rate V(t) is a
product of factors on each route. A mechanism's Shapley value is the mean over t from 0 to 1 of the effect of switching
it (G. Owen 1972, Management Science 18, P64-P79, the multilinear extension). The integrand is a polynomial in t, so a
Gauss rule gives the mean exactly, however many mechanisms there are; no coalition is listed. Beyond twelve mechanisms
the terms of the polynomial that a rule of six points misses, products of thirteen relative changes, are below rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.factors import MIX, Factor, RouteModel, base_product, list_factors

FloatArray = NDArray[np.float64]

CHUNK, END_CHUNK = 20_000, 60_000  # numbers an array holds while routes are worked through; without coalitions
MOST_NODES = 6  # points of the rule


@dataclass(frozen=True, eq=False)
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
    nodes, weights = np.polynomial.legendre.leggauss(min((model.n_players + 1) // 2, MOST_NODES))
    value = np.empty((size, model.tables.n_routes))
    slope = np.empty((size, model.tables.n_routes, model.slots.size))
    for part in _chunks(model, CHUNK):
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
                mean = mean * factor.on_routes(_mixed(factor.values, node, factor.players))
            meet = [each for factor in factors for each in _switch(factor, node, mean, by_player, by_slot)]
            moved = (by_player * mean[:, None]).reshape(shape[0], size, -1)
            found += moved.sum(axis=2)
            both = moved @ by_slot.reshape(shape[0], model.slots.size, -1).transpose(0, 2, 1)
            for row, slot, own in meet:
                both[:, row, slot] = own
            slopes += both
        value[:, part], slope[:, part] = found.T, slopes.transpose(1, 0, 2)
    return RouteWorth(value, slope)


def _chunks(model: RouteModel, most: int) -> list[slice]:
    """Cut the routes so that the arrays stay small."""
    points = 2 * model.tables.heat.shape[2] * len(model.exponents)
    step = max(most // points, 1)
    return [slice(first, first + step) for first in range(0, model.tables.n_routes, step)]


def _mixed(values: FloatArray, node: float, players: tuple[int, ...], switched: int | None = None) -> FloatArray:
    """Mean of a factor when each player is on with probability `node`; the difference, along a switched player."""
    for player in players:
        off, on = (1 - node, node) if player != switched else (-1.0, 1.0)
        values = off * values[0] + on * values[1]
    return values


def _switch(
    factor: Factor, node: float, mean: FloatArray, by_player: FloatArray, by_slot: FloatArray
) -> list[tuple[int, int, FloatArray]]:
    """Fill in a factor's relative effect of switching and its logarithmic derivatives.

    Returns
    -------
    meetings
        Player's row, slot and derivative by route, where the two meet in this factor and so are no product.
    """
    whole = _mixed(factor.values, node, factor.players)
    switches: list[tuple[int, int | None]] = [(player, player) for player in factor.players]
    if MIX in factor.players:
        switches.append((by_player.shape[1] - 1, None))
    for row, player in switches:
        by_player[:, row] = factor.on_routes(_switched(factor.values, node, factor.players, player) / whole)
    rest = mean / factor.on_routes(whole)
    meetings = []
    for slot, slope in factor.slopes:
        by_slot[:, slot] = factor.on_routes(_mixed(slope, node, factor.players) / whole)
        for row, player in switches:
            own = factor.on_routes(_switched(slope, node, factor.players, player))
            meetings.append((row, slot, np.einsum("znr,znr->z", rest, np.broadcast_to(own, rest.shape))))
    return meetings


def _switched(values: FloatArray, node: float, players: tuple[int, ...], player: int | None) -> FloatArray:
    """The difference along a player; with None, the mean over both sides of the first."""
    return np.asarray(values.mean(axis=0)) if player is None else _mixed(values, node, players, player)


def end_values(model: RouteModel) -> FloatArray:
    """Expected rate of each route, times its probability, in the base and the current period, shape (2, routes)."""
    value = np.empty((2, model.tables.n_routes))
    for part in _chunks(model, END_CHUNK):
        product = base_product(model, part)[0]
        factors = list_factors(model, part, slopes=False)
        for period in (0, 1):
            value[period, part] = _whole(product, factors, period).sum(axis=(1, 2))
    return value


def _whole(product: FloatArray, factors: list[Factor], period: int) -> FloatArray:
    """The product of all factors with every mechanism taken from one period."""
    for factor in factors:
        product = product * factor.on_routes(factor.values[(period,) * len(factor.players)])
    return product


def end_slopes(model: RouteModel) -> FloatArray:
    """Derivatives of `end_values` by the parameters, shape (2, routes, parameters).

    Shares of mix and allocation are taken as given.
    """
    slope = np.zeros((2, model.tables.n_routes, model.slots.size))
    for part in _chunks(model, END_CHUNK):
        product, fixed = base_product(model, part)
        factors = list_factors(model, part)
        for period in (0, 1):
            mean = _whole(product, factors, period)
            for slot, log_slope in fixed:
                slope[period, part, slot] = np.einsum("znr,znr->z", mean, log_slope)
            for factor in factors[3:]:  # after mix, allocation and weather
                at = (period,) * len(factor.players)
                for slot, by in factor.slopes:
                    ratio = np.broadcast_to(factor.on_routes(by[at] / factor.values[at]), mean.shape)
                    slope[period, part, slot] = np.einsum("znr,znr->z", mean, ratio)
    return slope
