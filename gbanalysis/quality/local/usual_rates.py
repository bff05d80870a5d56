"""What rate a cell usually has: its own base count, and what the other cells of its levels say.

    rate_c = exposure-free mean_c * gamma_c,   gamma_c with mean 1 and shape drawn from a few, near and far

`mean_c` multiplies factors of the cell's levels and pairs of levels, each learned without the cell and shrunk as far
as such factors are alike. How near cells keep to it is learned too: the mixture of shapes has long tails, so that a
cell far from what its neighbours suggest is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from gbanalysis.quality.local.hierarchy import Hierarchy

FloatArray = NDArray[np.float64]

SHAPES = np.array([1.5, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0])
OWN_WAY = (0.01, 0.03, 0.1, 0.25)
LEAST_WEIGHT = 0.01
ROUNDS = 12
WIDEST, NARROWEST = 2.0, 1e-4
LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class Factors:
    """How the levels of some kinds of nodes multiply the overall rate: one indicator and one gamma shape a kind."""

    kinds: tuple[int, ...]
    members: tuple[sparse.csr_matrix, ...]
    shapes: FloatArray

    def means(self, count: FloatArray, exposure: FloatArray, *, rounds: int = ROUNDS) -> FloatArray:
        """Predict each cell's rate [..., n_cells] from the other cells that share its levels.

        Every cell is left out of the factors that predict it.
        """
        overall = (count.sum(axis=-1) / exposure.sum())[..., None]
        expected = exposure * overall
        factors = [np.ones_like(count) for _ in self.kinds]
        for _ in range(rounds):
            for place, (member, shape) in enumerate(zip(self.members, self.shapes, strict=True)):
                without = expected / factors[place]
                seen, due = spread_sums(member, count), spread_sums(member, without)
                factors[place] = (seen + shape) / (due + shape)
                expected = without * factors[place]
        alone = np.broadcast_to(overall, count.shape).copy()
        for place, (member, shape) in enumerate(zip(self.members, self.shapes, strict=True)):
            without = expected / factors[place]
            seen, due = spread_sums(member, count) - count, spread_sums(member, without) - without
            alone *= (seen + shape) / (due + shape)
        return alone


def spread_sums(member: sparse.csr_matrix, values: FloatArray) -> FloatArray:
    """Give each cell [..., n_cells] the sum over all cells of its node."""
    return np.asarray((member.T @ (member @ values.T)).T)


@dataclass(frozen=True, eq=False)
class UsualRates:
    """The law of the cells' rates: factors of their levels, and the weight of each shape of the mixture."""

    factors: Factors
    weights: FloatArray
    shapes: FloatArray

    def means(self, count: FloatArray, exposure: FloatArray, *, rounds: int = ROUNDS) -> FloatArray:
        """Rates [..., n_cells] that the other cells suggest."""
        return self.factors.means(count, exposure, rounds=rounds)

    def events(self, hierarchy: Hierarchy) -> FloatArray:
        """Events that other nodes are worth for each node's rate [n_nodes]; what cells know is in `posterior`."""
        events = np.zeros(len(hierarchy.kinds))
        events[-1] = np.inf
        events[list(self.factors.kinds)] = self.factors.shapes
        return events[hierarchy.kind]

    def posterior(self, mean: FloatArray, count: FloatArray, exposure: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give mean and variance of the rates given counts [..., n_cells] on exposures [n_cells]."""
        expected = exposure * mean
        logs = np.stack([_log_marginal(count, expected, shape) for shape in self.shapes])
        logs += np.log(self.weights).reshape(-1, *[1] * count.ndim)
        logs -= logs.max(axis=0)
        chance = np.exp(logs)
        chance /= chance.sum(axis=0)
        first, second = np.zeros_like(count), np.zeros_like(count)
        for weight, shape in zip(chance, self.shapes, strict=True):
            factor = (shape + count) / (shape + expected)
            first += weight * factor
            second += weight * factor**2 * (1 + 1 / (shape + count))
        return mean * first, mean**2 * (second - first**2)


def _log_marginal(count: FloatArray, expected: FloatArray, shape: float) -> FloatArray:
    """Log chance of a gamma-Poisson count, less what does not depend on the shape; counts may be fractions."""
    return np.asarray(
        special.gammaln(count + shape)
        - special.gammaln(shape)
        + shape * np.log(shape)
        - (count + shape) * np.log(expected + shape)
    )


def learn_usual_rates(hierarchy: Hierarchy, count: FloatArray, exposure: FloatArray) -> UsualRates:
    """Learn the law of the cells' rates from the base period.

    Parameters
    ----------
    count, exposure
        [n_cells] refunds and lines, both divided by how far the counts scatter beyond chance.
    """
    factors = learn_factors(hierarchy, count, exposure)
    mean = factors.means(count, exposure)
    weights = learn_weights(count, exposure * mean)
    kept = weights > LEAST_WEIGHT
    return UsualRates(factors, weights[kept] / weights[kept].sum(), SHAPES[kept])


def learn_weights(count: FloatArray, expected: FloatArray) -> FloatArray:
    """Weigh `SHAPES`: one for most cells, the widest for those that go their own way.

    All pairs of a shape and a share of cells on their own are taken as equally likely before the data.
    """
    logs = np.stack([_log_marginal(count, expected, shape) for shape in SHAPES], axis=1)
    chance = np.exp(logs - logs.max(axis=1, keepdims=True))
    own = np.array(OWN_WAY)[:, None, None]
    joint = np.log((1 - own) * chance + own * chance[:, :1]).sum(axis=1)  # share on their own, shape
    joint = np.exp(joint - joint.max())
    joint /= joint.sum()
    weights = ((1 - own[:, :, 0]) * joint).sum(axis=0)
    weights[0] += (own[:, :, 0] * joint).sum()
    return np.asarray(weights)


def learn_factors(hierarchy: Hierarchy, count: FloatArray, exposure: FloatArray) -> Factors:
    """Learn how far the factors of levels, and of pairs of levels, differ from 1."""
    last = len(hierarchy.kinds) - 1
    kinds = [k for k, bits in enumerate(hierarchy.kinds) if 1 <= bits.bit_count() <= 2 and k != last]
    n_cells = len(count)
    members = [
        sparse.csr_matrix(
            (np.ones(n_cells), (hierarchy.groups[k], np.arange(n_cells))), shape=(hierarchy.sizes[k], n_cells)
        )
        for k in kinds
    ]
    expected = exposure * count.sum() / exposure.sum()
    factors, shapes = [np.ones(n_cells) for _ in kinds], np.ones(len(kinds))
    for _ in range(ROUNDS):
        for place, member in enumerate(members):
            without = expected / factors[place]
            seen, due = member @ count, member @ without
            squares = max(due @ due, LEAST)
            spread = ((seen - due) @ (seen - due) - seen.sum()) / squares
            error = np.sqrt(2 * squares + due.sum()) / squares
            shapes[place] = 1 / np.clip(spread + error, NARROWEST, WIDEST)
            factors[place] = member.T @ ((seen + shapes[place]) / (due + shapes[place]))
            expected = without * factors[place]
    return Factors(tuple(kinds), tuple(members), shapes)
