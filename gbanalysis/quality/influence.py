"""Contributions of all accounts with their variances, from one influence function.

A contribution is a smooth function of the model's effects and of the tables of mix, allocation and transit. Its error
is the sum of four parts that are uncorrelated, each the derivative times the error of what it is taken by:

- outcomes: residuals of the refund model, summed over supplier x day and grid x day (two-way clusters);
- shrinkage: the prior's own uncertainty, which stands for the bias of shrunken effects (D. Nychka 1988, Journal of the
  American Statistical Association 83, 1134-1143);
- mix and allocation: lines drawn from their tables; the days' volumes are taken as they were;
- hours: each segment's mean and the slope on temperature, with segment x day as clusters.

The weather is given: the days that happened are not redrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.quality.accounts import Account
from gbanalysis.quality.coalitions import RouteRates, gradients, route_weights
from gbanalysis.quality.mechanisms import CodedCells
from gbanalysis.quality.refund_model import RefundModel
from gbanalysis.quality.tables import Tables

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Derivatives:
    """Values of some figures (rows) and their derivatives.

    ``effects`` by the model's effects; ``mix`` by the probability of each pair, ``allocation`` of each choice, one
    array a period; ``hours`` by the mean of each segment, one (period, figure, segment) array a stage; ``slope`` by the
    slope of a stage's hours on temperature at fixed means (figures, stages).
    """

    value: FloatArray
    effects: FloatArray
    mix: tuple[FloatArray, FloatArray]
    allocation: tuple[FloatArray, FloatArray]
    hours: tuple[FloatArray, ...]
    slope: FloatArray

    def __add__(self, other: Derivatives) -> Derivatives:
        """Put the rows of two lists of figures under each other."""
        return Derivatives(
            np.concatenate([self.value, other.value]),
            np.concatenate([self.effects, other.effects]),
            (np.concatenate([self.mix[0], other.mix[0]]), np.concatenate([self.mix[1], other.mix[1]])),
            (
                np.concatenate([self.allocation[0], other.allocation[0]]),
                np.concatenate([self.allocation[1], other.allocation[1]]),
            ),
            tuple(np.concatenate(pair, axis=1) for pair in zip(self.hours, other.hours, strict=True)),
            np.concatenate([self.slope, other.slope]),
        )


def indicator(code: IntArray, size: int) -> sparse.csr_matrix:
    """Matrix of shape (size, rows) that sums rows by code."""
    rows = len(code)
    return sparse.csr_matrix((np.ones(rows), (code, np.arange(rows))), shape=(size, rows))


def weighted(
    model: RefundModel, tables: Tables, rates: RouteRates, weights: FloatArray, levels: sparse.csr_matrix
) -> Derivatives:
    """The sum of weights times the coalitions' rates, split by level of routes, with its derivatives.

    Parameters
    ----------
    weights
        Weight of each coalition, in the order of their numbers.
    levels
        Which routes belong to each level, shape (levels, routes).
    """
    by_outer = weights.reshape(-1, 4)
    shares = by_outer @ route_weights(tables)
    inner_sum = by_outer.T @ rates.rate  # (4, routes): what each choice of mix and allocation is worth
    value = levels @ np.einsum("cz,cz->z", shares, rates.rate)
    effects = levels @ gradients(model.design, tables, rates, shares)
    pair, choice = tables.pair, tables.choice
    mix, allocation = [], []
    for period in (0, 1):
        worth = sum(
            inner_sum[outer] * tables.allocation[outer >> 1, choice] for outer in range(4) if outer & 1 == period
        )
        mix.append(_by(levels, worth, pair, tables.mix.shape[1]))
        worth = sum(inner_sum[outer] * tables.mix[outer & 1, pair] for outer in range(4) if outer >> 1 == period)
        allocation.append(_by(levels, worth, choice, tables.allocation.shape[1]))
    hours, slope = [], np.empty((len(value), len(tables.transit)))
    for stage, transit in enumerate(tables.transit):
        on = rates.inner >> (1 + stage) & 1
        size = transit.points.shape[1]
        worths = [
            np.einsum("c,cz,cz->z", (on == period).astype(float), shares, rates.by_hours[:, :, stage])
            for period in (0, 1)
        ]
        hours.append(np.stack([_by(levels, worth, transit.segment, size) for worth in worths]))
        tilt = levels @ np.einsum("cz,cz->z", shares, rates.by_slope[:, :, stage])
        slope[:, stage] = tilt - np.einsum("pls,ps->l", hours[stage], transit.mean_heat)
    return Derivatives(value, effects, (mix[0], mix[1]), (allocation[0], allocation[1]), tuple(hours), slope)


def _by(levels: sparse.csr_matrix, worth: FloatArray, code: IntArray, size: int) -> FloatArray:
    """Sum route values by level and code."""
    return np.asarray((levels @ sparse.diags(worth) @ indicator(code, size).T).toarray())


def derive(model: RefundModel, tables: Tables, rates: RouteRates, account: Account, size: int) -> Derivatives:
    """All levels of one account."""
    code = np.zeros(tables.n_routes, dtype=np.int64) if account.key is None else tables.codes[account.key]
    levels = indicator(code, size)
    found = weighted(model, tables, rates, account.weights, levels)
    if not account.centred:
        return found
    centre = weighted(model, tables, rates, np.abs(account.weights) / 2, indicator(np.zeros_like(code), 1))
    weight = route_weights(tables)
    growth = (levels @ (weight[1] - weight[0]))[:, None]
    belongs = (_by(levels, np.ones(len(code)), tables.pair, tables.mix.shape[1]) > 0) * centre.value[0]
    return Derivatives(
        found.value - growth[:, 0] * centre.value,
        found.effects - growth * centre.effects,
        (found.mix[0] + belongs, found.mix[1] - belongs),
        (found.allocation[0] - growth * centre.allocation[0], found.allocation[1] - growth * centre.allocation[1]),
        tuple(mine - growth * other for mine, other in zip(found.hours, centre.hours, strict=True)),
        found.slope - growth * centre.slope,
    )


def derive_all(
    cells: CodedCells, model: RefundModel, tables: Tables, rates: RouteRates, accounts: Sequence[Account]
) -> Derivatives:
    """All levels of all accounts, under each other in their order."""
    parts = [derive(model, tables, rates, item, 1 if item.key is None else cells.size(item.key)) for item in accounts]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
