"""The reported figures and their derivatives by everything that was estimated.

A contribution is a smooth function of the model's effects and of the tables of mix, allocation, hours and temperatures;
it is a sum over routes. So the derivatives are found route by route and summed by level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.quality.attribution.accounts import Account
from gbanalysis.quality.attribution.coalitions import RouteWorth, shapley_routes
from gbanalysis.quality.attribution.design import Design
from gbanalysis.quality.attribution.factors import RouteModel
from gbanalysis.quality.attribution.mechanisms import CodedCells
from gbanalysis.quality.attribution.tables import Tables

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Values of some figures (rows) and their derivatives.

    ``effects`` by the model's effects; ``mix`` by the probability of each pair, one sparse matrix a period, for a level
    has few pairs; ``allocation`` of each choice, one array a period; ``means`` by the mean of each segment, one
    (period, figure, segment) array an exposure; ``slopes`` by an exposure's slope on the weather at fixed means
    (figures, exposures).
    """

    value: FloatArray
    effects: FloatArray
    mix: tuple[sparse.csr_matrix, ...]
    allocation: FloatArray
    means: tuple[FloatArray, ...]
    slopes: FloatArray


def indicator(code: IntArray, size: int) -> sparse.csr_matrix:
    """Matrix of shape (size, rows) that sums rows by code."""
    rows = len(code)
    return sparse.csr_matrix((np.ones(rows), (code, np.arange(rows))), shape=(size, rows))


def sum_by(level: IntArray, code: IntArray | int, values: FloatArray, size: int, width: int) -> FloatArray:
    """Sum values to a table of levels and codes."""
    sums = np.bincount(level * width + code, weights=values, minlength=size * width)
    return np.asarray(sums, dtype=float).reshape(size, width)


def effect_slopes(
    design: Design, codes: dict[str, IntArray], slope: FloatArray, level: IntArray, size: int
) -> FloatArray:
    """Derivatives by the model's effects, shape (size, effects), from those by the parameters of each route."""
    result = np.zeros((size, design.n_columns))
    for place, term in enumerate(design.terms):
        code = 0 if term.key is None else codes[term.key]
        slots = list(term.powers) if term.player is None else [design.basis.size + term.player]
        result[:, design.columns(place)] += sum_by(level, code, slope[:, slots].sum(axis=1), size, design.sizes[place])
    return result


def derive_all(cells: CodedCells, model: RouteModel, accounts: Sequence[Account]) -> Derivatives:
    """All levels of all accounts, under each other in their order."""
    worth = shapley_routes(model)
    parts = [_derive(model, worth, account, cells) for account in accounts]
    return Derivatives(
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.effects for part in parts]),
        tuple(sparse.vstack([part.mix[period] for part in parts], format="csr") for period in (0, 1)),
        np.concatenate([part.allocation for part in parts], axis=1),
        tuple(np.concatenate(means, axis=1) for means in zip(*(part.means for part in parts), strict=True)),
        np.concatenate([part.slopes for part in parts]),
    )


def _derive(model: RouteModel, worth: RouteWorth, account: Account, cells: CodedCells) -> Derivatives:
    """All levels of one account."""
    nobody = np.zeros(model.tables.n_routes, dtype=np.int64)
    size = 1 if account.key is None else cells.size(account.key)
    level = nobody if account.key is None else model.tables.codes[account.key]
    rows = list(account.players)
    found = _sum_levels(model, worth.value[rows].sum(axis=0), worth.slope[rows].sum(axis=0), level, size)
    if not account.centred or account.key is None:
        return found
    centre = _sum_levels(model, worth.value[-1], worth.slope[-1], nobody, 1)
    growth = _growth(model.tables, level, size)[:, None]
    pairs = model.tables.mix.shape[1]
    own = np.unique(level * pairs + model.tables.pair)
    belongs = sparse.csr_matrix((np.full(len(own), centre.value[0]), np.divmod(own, pairs)), shape=(size, pairs))
    return Derivatives(
        found.value - growth[:, 0] * centre.value,
        found.effects - growth * centre.effects,
        tuple(
            mine - sparse.csr_matrix(growth) @ other + sign * belongs
            for mine, other, sign in zip(found.mix, centre.mix, (1.0, -1.0), strict=True)
        ),
        found.allocation - growth * centre.allocation,
        tuple(mine - growth * other for mine, other in zip(found.means, centre.means, strict=True)),
        found.slopes - growth * centre.slopes,
    )


def _growth(tables: Tables, level: IntArray, size: int) -> FloatArray:
    """How much each level's share of the mix grew, under the base period's allocation."""
    weight = [tables.probability(period, 0) for period in (0, 1)]
    return np.asarray(np.bincount(level, weights=weight[1] - weight[0], minlength=size))


def _sum_levels(model: RouteModel, value: FloatArray, slope: FloatArray, level: IntArray, size: int) -> Derivatives:
    """Sum the routes by level."""
    tables, slots = model.tables, model.slots
    by_mix, by_choice = np.split(slope[:, slots.shares : slots.shares + 4].T, 2)
    means, tilts = [], []
    for place, exposure in enumerate(tables.exposures):
        slot = slots.exposure(place)
        by_mean = np.stack([sum_by(level, exposure.segment, slope[:, slot + t], size, exposure.size) for t in (0, 1)])
        means.append(by_mean)
        tilt = np.bincount(level, weights=slope[:, slot + 2], minlength=size)
        tilts.append(tilt - np.einsum("pls,ps->l", by_mean, exposure.mean_heat))
    return Derivatives(
        np.asarray(np.bincount(level, weights=value, minlength=size), dtype=float),
        effect_slopes(model.design, tables.codes, slope, level, size),
        tuple(
            sparse.csr_matrix((values, (level, tables.pair)), shape=(size, tables.mix.shape[1])) for values in by_mix
        ),
        np.stack([sum_by(level, tables.choice, values, size, tables.allocation.shape[1]) for values in by_choice]),
        tuple(means),
        np.array(tilts).reshape(len(tilts), size).T,
    )
