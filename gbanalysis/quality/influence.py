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


@dataclass(frozen=True)
class RouteWorth:
    """What one weighting of the coalitions is worth on each route, and its derivatives there, not yet summed."""

    value: FloatArray
    effects: FloatArray
    mix: FloatArray
    allocation: FloatArray
    hours: FloatArray
    slope: FloatArray


def route_worth(model: RefundModel, tables: Tables, rates: RouteRates, weights: FloatArray) -> RouteWorth:
    """The sum of weights times the coalitions' rates, route by route.

    Parameters
    ----------
    weights
        Weight of each coalition, in the order of their numbers.
    """
    by_outer = weights.reshape(-1, 4)
    shares = by_outer @ route_weights(tables)
    inner_sum = by_outer.T @ rates.rate  # (4, routes): what each choice of mix and allocation is worth
    chosen, drawn = tables.allocation[:, tables.choice], tables.mix[:, tables.pair]
    current = (rates.inner[:, None] >> (1 + np.arange(len(tables.transit))) & 1).astype(float)
    hours = shares[:, :, None] * rates.by_hours
    late = np.einsum("cs,czs->sz", current, hours)
    return RouteWorth(
        np.einsum("cz,cz->z", shares, rates.rate),
        gradients(model.design, tables, rates, shares),
        np.stack([inner_sum[mix] * chosen[0] + inner_sum[2 + mix] * chosen[1] for mix in (0, 1)]),
        np.stack([inner_sum[2 * period] * drawn[0] + inner_sum[2 * period + 1] * drawn[1] for period in (0, 1)]),
        np.stack([hours.sum(axis=0).T - late, late]),
        np.einsum("cz,czs->sz", shares, rates.by_slope),
    )


def sum_levels(tables: Tables, worth: RouteWorth, level: IntArray, size: int) -> Derivatives:
    """Sum the routes by level."""

    def by(values: FloatArray, code: IntArray, width: int) -> FloatArray:
        sums = np.bincount(level * width + code, weights=values, minlength=size * width)
        return np.asarray(sums, dtype=float).reshape(size, width)

    n_pairs, n_choices = tables.mix.shape[1], tables.allocation.shape[1]
    nothing = np.zeros_like(level)
    hours = tuple(
        np.stack([by(worth.hours[period, stage], transit.segment, transit.points.shape[1]) for period in (0, 1)])
        for stage, transit in enumerate(tables.transit)
    )
    tilt = [
        by(worth.slope[stage], nothing, 1)[:, 0] - np.einsum("pls,ps->l", hours[stage], transit.mean_heat)
        for stage, transit in enumerate(tables.transit)
    ]
    return Derivatives(
        by(worth.value, nothing, 1)[:, 0],
        indicator(level, size) @ worth.effects,
        (by(worth.mix[0], tables.pair, n_pairs), by(worth.mix[1], tables.pair, n_pairs)),
        (by(worth.allocation[0], tables.choice, n_choices), by(worth.allocation[1], tables.choice, n_choices)),
        hours,
        np.array(tilt).reshape(len(hours), size).T,
    )


def derive(
    tables: Tables, account: Account, size: int, worth: RouteWorth, average: RouteWorth | None = None
) -> Derivatives:
    """All levels of one account; a centred one needs the `average` worth over both sides of its switch."""
    nobody = np.zeros(tables.n_routes, dtype=np.int64)
    level = nobody if account.key is None else tables.codes[account.key]
    found = sum_levels(tables, worth, level, size)
    if average is None:
        return found
    centre = sum_levels(tables, average, nobody, 1)
    weight = route_weights(tables)
    growth = np.bincount(level, weights=weight[1] - weight[0], minlength=size)[:, None]
    belongs = np.zeros_like(found.mix[0])
    belongs[level, tables.pair] = centre.value[0]
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
    worths: dict[bytes, RouteWorth] = {}

    def worth(weights: FloatArray) -> RouteWorth:
        key = weights.tobytes()
        if key not in worths:
            worths[key] = route_worth(model, tables, rates, weights)
        return worths[key]

    total = None
    for account in accounts:
        size = 1 if account.key is None else cells.size(account.key)
        average = worth(np.abs(account.weights) / 2) if account.centred and account.key else None
        part = derive(tables, account, size, worth(account.weights), average)
        total = part if total is None else total + part
    if total is None:
        raise ValueError("there are no accounts to derive")
    return total
