"""The expected refund rate under any mixture of the two periods' mechanisms, by exact contraction.

A coalition is the set of mechanisms taken from the current period, as a number whose bit i is player i of
`mechanisms.players`. Its low two bits (mix, allocation) only weigh routes; the rest, its *inner* part, sets the rate of
each route. So the rate of all coalitions is two small products: rates of routes by inner part, times route weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.quality.design import Design, hour_slopes, monomials
from gbanalysis.quality.mechanisms import QUALITY
from gbanalysis.quality.tables import Tables

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class RouteRates:
    """Expected refund rate of every route by inner coalition, and its derivatives.

    ``rate`` has shape (inner, routes); ``by_monomial`` (inner, routes, monomials): the derivative by a coefficient of a
    monomial; ``by_hours`` (inner, routes, stages): by a shift of a stage's hours; ``by_slope``: by the slope of a
    stage's hours on temperature.
    """

    inner: IntArray
    rate: FloatArray
    by_monomial: FloatArray
    by_hours: FloatArray
    by_slope: FloatArray


def route_rates(effects: FloatArray, design: Design, tables: Tables, inner: IntArray | None = None) -> RouteRates:
    """Average the model's probability over temperature and hours for each route.

    Parameters
    ----------
    effects, design
        The fitted model.
    tables
        Routes, and the points that stand for temperature and hours in each period.
    inner
        The inner coalitions wanted (coalition >> 2); all by default.
    """
    n_stages, n_quality = len(tables.transit), len(QUALITY) + 1
    if inner is None:
        inner = np.arange(2 ** (1 + n_stages + n_quality))
    coefficients, changes = route_coefficients(effects, design, tables)
    n_basis = coefficients.shape[1]
    rate = np.empty((len(inner), tables.n_routes))
    by_monomial = np.empty((*rate.shape, n_basis))
    by_hours, by_slope = np.empty((*rate.shape, n_stages)), np.empty((*rate.shape, n_stages))
    timing = inner & (2 ** (1 + n_stages) - 1)
    for pattern in np.unique(timing):
        rows = np.flatnonzero(timing == pattern)
        bits = [pattern >> place & 1 for place in range(1 + n_stages)]
        basis, weight = _points(tables, bits)
        level = np.einsum("zk,zkp->zp", coefficients, basis)
        for row in rows:
            on = (inner[row] >> (1 + n_stages) >> np.arange(n_quality) & 1) - 0.5
            p = special.expit(level + (changes @ on)[:, None])
            slope = weight * p * (1 - p)
            rate[row] = np.einsum("zp,zp->z", weight, p)
            by_monomial[row] = (basis @ slope[:, :, None])[:, :, 0]
    for stage in range(n_stages):
        source = hour_slopes(n_stages, stage)
        by_hours[:, :, stage] = sum(coefficients[:, one] * by_monomial[:, :, other] for one, other, _ in source)
        by_slope[:, :, stage] = sum(coefficients[:, one] * by_monomial[:, :, other] for one, _, other in source)
    return RouteRates(inner, rate, by_monomial, by_hours, by_slope)


def route_coefficients(effects: FloatArray, design: Design, tables: Tables) -> tuple[FloatArray, FloatArray]:
    """Coefficient of each monomial on each route, and each quality player's change of the log-odds there."""
    n_basis = 3 + 2 * len(tables.transit)
    coefficients = np.zeros((tables.n_routes, n_basis))
    changes = np.zeros((tables.n_routes, len(QUALITY) + 1))
    for place, term in enumerate(design.terms):
        own = effects[design.columns(place)]
        values = own[0] if term.key is None else own[tables.codes[term.key]]
        if term.player is not None:
            changes[:, term.player] += values
        else:
            for power in term.powers:
                coefficients[:, power] += values
    return coefficients, changes


def _points(tables: Tables, bits: list[int]) -> tuple[FloatArray, FloatArray]:
    """Monomials at all combinations of points of a route, shape (routes, monomials, points), and their weights."""
    n_axes = len(bits)
    region = tables.codes["region"]

    def along(values: FloatArray, axis: int) -> FloatArray:
        shape = [len(values)] + [1] * n_axes
        shape[1 + axis] = values.shape[1]
        return values.reshape(shape)

    heat = along(tables.heat[bits[0]][region], 0)
    weight = along(tables.heat_shares[bits[0]][region], 0)
    hours = []
    for stage, transit in enumerate(tables.transit):
        period = bits[1 + stage]
        hours.append(along(transit.points[period][transit.segment], 1 + stage) + transit.slope * heat)
        weight = weight * along(transit.shares[period][transit.segment], 1 + stage)
    basis = monomials(heat, hours)
    shape = np.broadcast_shapes(*(value.shape for value in basis))
    stacked = np.stack([np.broadcast_to(value, shape).reshape(shape[0], -1) for value in basis], axis=1)
    return stacked, weight.reshape(shape[0], -1)


def route_weights(tables: Tables) -> FloatArray:
    """Probability of each route for the four choices of periods of mix and allocation, shape (4, routes)."""
    return np.stack([tables.probability(outer & 1, outer >> 1) for outer in range(4)])


def coalition_rates(rates: RouteRates, weights: FloatArray) -> FloatArray:
    """Expected refund rate of every coalition, in the order of their numbers."""
    return np.asarray((rates.rate @ weights.T).ravel())


def gradients(design: Design, tables: Tables, rates: RouteRates, shares: FloatArray) -> FloatArray:
    """Derivative of sum(shares * rate) by every effect, route by route: shape (routes, effects).

    Parameters
    ----------
    shares
        Weight of each inner coalition and route, shape (inner, routes).
    """
    n_stages = len(tables.transit)
    plain = np.einsum("cz,czk->zk", shares, rates.by_monomial)
    halves = (rates.inner >> (1 + n_stages) >> np.arange(len(QUALITY) + 1)[:, None] & 1) - 0.5
    changed = halves @ (shares * rates.by_monomial[:, :, 0])
    result = np.zeros((tables.n_routes, design.n_columns))
    rows = np.arange(tables.n_routes)
    for place, term in enumerate(design.terms):
        level = 0 if term.key is None else tables.codes[term.key]
        value = plain[:, list(term.powers)].sum(axis=1) if term.player is None else changed[term.player]
        result[rows, design.offsets[place] + level] += value
    return result
