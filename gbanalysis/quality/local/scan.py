"""A scan of all nodes of a hierarchy for those whose refunds moved beyond what moved around them.

What a node should have in the current period follows from its cells' usual rates and from the shifts found so far. The
statistic is the signed root of the likelihood ratio of a count against an expectation that is itself uncertain. Its
largest value over all nodes is held against the largest values in worlds drawn without any further shift.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from gbanalysis.quality.local.batches import largest_days, node_clumping, node_scatter, scatter_variances
from gbanalysis.quality.local.hierarchy import Hierarchy
from gbanalysis.quality.local.usual_rates import ROUNDS, UsualRates, learn_usual_rates

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

N_WORLDS, FEWER_WORLDS = 999, 399
MANY_NODES = 3000  # from so many nodes on, fewer worlds are drawn
ROUNDS_IN_WORLDS = 3
VALUES_AT_ONCE = 2_000_000
SWEEPS = 25
SETTLED = 1e-6
LEAST_EXPECTED = 1e-9
WIDEST = 10.0


@dataclass(frozen=True, eq=False)
class PeriodCounts:
    """Refunds and exposure (lines times the share of their refunds reported by now) of each cell: [n_cells] each.

    `scatter` [n_kinds] holds the relative variances of `batches.scatter_variances`, `clumping` [n_nodes] the factors of
    `batches.node_clumping`, `heaviest` [n_nodes] the refunds of `batches.largest_days`.
    """

    refunded: FloatArray
    exposure: FloatArray
    scatter: FloatArray
    clumping: FloatArray
    heaviest: FloatArray

    @classmethod
    def from_days(
        cls, hierarchy: Hierarchy, cell: IntArray, day: IntArray, refunded: FloatArray, exposure: FloatArray
    ) -> PeriodCounts:
        """Add up rows of one cell and day each; `day` counts from 0."""
        n_cells = len(hierarchy.codes)
        scatter = scatter_variances(hierarchy, cell, day, refunded, exposure)
        return cls(
            np.bincount(cell, refunded, n_cells).astype(float),
            np.bincount(cell, exposure, n_cells).astype(float),
            scatter,
            node_clumping(hierarchy, cell, day, refunded, exposure, scatter),
            largest_days(hierarchy, cell, day, refunded, exposure),
        )

    def inflation(self, hierarchy: Hierarchy, expected: FloatArray) -> FloatArray:
        """How many times Poisson's variance each node's count has [n_nodes], where [n_cells] are expected."""
        mean = hierarchy.members @ expected
        return np.asarray((1 + mean * node_scatter(hierarchy, self.scatter, expected)) * self.clumping)

    def cell_inflation(self, hierarchy: Hierarchy, expected: FloatArray) -> FloatArray:
        """The same for the cells [n_cells], whatever other name their nodes have."""
        return np.asarray((1 + expected * self.scatter.sum()) * self.clumping[hierarchy.node_of_cell])


class Expected(NamedTuple):
    """Mean and variance of the cells' counts [..., n_cells]; events behind the nodes' expectations [..., n_nodes]."""

    mean: FloatArray
    variance: FloatArray
    events: FloatArray


@dataclass(frozen=True, eq=False)
class Scan:
    """All that does not change while nodes are searched."""

    hierarchy: Hierarchy
    base: PeriodCounts
    current: PeriodCounts
    usual: UsualRates
    base_deflation: FloatArray = field(init=False)
    current_deflation: FloatArray = field(init=False)
    shared_variance: FloatArray = field(init=False)
    prior_events: FloatArray = field(init=False)
    is_in_both: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        mean = self.usual.means(self.base.refunded, self.base.exposure)
        rate, _ = self.usual.posterior(mean, self.base.refunded, self.base.exposure)
        shared = np.zeros(self.hierarchy.n_nodes)
        for name, period in (("base", self.base), ("current", self.current)):
            expected = rate * period.exposure
            inflation = period.cell_inflation(self.hierarchy, expected)
            object.__setattr__(self, f"{name}_deflation", inflation)
            with np.errstate(divide="ignore", invalid="ignore"):
                extra = (period.inflation(self.hierarchy, expected) - 1) / self.node_sums(expected)
                own = self.node_sums(expected * (inflation - 1)) / self.node_sums(expected) ** 2
            # Of the base's scatter a cell's own part is in the posterior of its rate; what cells share is added here.
            shared += np.nan_to_num(np.maximum(extra - own, 0.0) if name == "base" else extra)
        object.__setattr__(self, "shared_variance", shared)
        object.__setattr__(self, "prior_events", self.usual.events(self.hierarchy))
        offered = [self.node_sums(period.exposure) > 0 for period in (self.base, self.current)]
        object.__setattr__(self, "is_in_both", offered[0] & offered[1])

    def expect(self, refunded: FloatArray, *, rounds: int = ROUNDS) -> Expected:
        """What cells should have in the current period given base counts [..., n_cells], without any shift."""
        count, exposure = refunded / self.base_deflation, self.base.exposure / self.base_deflation
        mean = self.usual.means(count, exposure, rounds=rounds)
        rate, variance = self.usual.posterior(mean, count, exposure)
        events = self.node_sums(count) + self.prior_events
        return Expected(rate * self.current.exposure, variance * self.current.exposure**2, events)

    def node_sums(self, values: FloatArray) -> FloatArray:
        """Add up cells [..., n_cells] to nodes [..., n_nodes]."""
        return np.asarray((self.hierarchy.members @ values.T).T)

    def shifts(self, nodes: Sequence[int], count: FloatArray, mean: FloatArray) -> FloatArray:
        """Fit one factor a node so that the nodes' counts are met; give each cell's product, shaped like `mean`."""
        factor = np.ones_like(mean)
        cells = [self.hierarchy.members[node].indices for node in nodes]
        for _ in range(SWEEPS if len(nodes) > 1 else len(nodes)):
            largest = 0.0
            for inside in cells:
                due = (mean[..., inside] * factor[..., inside]).sum(axis=-1)
                step = count[..., inside].sum(axis=-1) / np.maximum(due, LEAST_EXPECTED)
                factor[..., inside] *= step[..., None]
                largest = max(largest, float(np.abs(step - 1).max()))
            if largest < SETTLED:
                break
        return factor

    def due(self, expected: Expected, factor: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of what the nodes should have: [..., n_nodes] each."""
        due = self.node_sums(expected.mean * factor)
        # A node's cells share the errors of what their levels suggest: the node knows no more than its own events.
        spread = np.maximum(self.node_sums(expected.variance * factor**2), due**2 / np.maximum(expected.events, 0.5))
        return due, spread + due**2 * self.shared_variance

    def strength(self, count: FloatArray, expected: Expected, factor: FloatArray) -> FloatArray:
        """Signed root of the likelihood ratio of each node [..., n_nodes]; 0 where a period has no lines."""
        root = signed_root(self.node_sums(count), *self.due(expected, factor))
        return np.where(self.is_in_both, root, 0.0)

    def without_heaviest(self, expected: Expected, factor: FloatArray) -> FloatArray:
        """Strength [n_nodes] of rises without the heaviest current day, and of falls without the heaviest base day."""
        count, (due, spread) = self.node_sums(self.current.refunded), self.due(expected, factor)
        rise = signed_root(np.maximum(count - self.current.heaviest, 0.0), due, spread)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.nan_to_num(1 - self.base.heaviest / self.node_sums(self.base.refunded))
        fall = signed_root(count, due * left, spread * left**2)
        return np.where(count > due, np.maximum(rise, 0.0), np.minimum(fall, 0.0))

    def worlds(self, factor: FloatArray, n_worlds: int, rng: np.random.Generator) -> Iterator[tuple[FloatArray, ...]]:
        """Draw base and current counts [n, n_cells] of worlds in which only `factor` shifts the cells."""
        counts = self.base.refunded / self.base_deflation + self.current.refunded / self.current_deflation
        exposure = self.base.exposure / self.base_deflation + factor * self.current.exposure / self.current_deflation
        mean, variance = self.usual.posterior(self.usual.means(counts, exposure), counts, exposure)
        at_once = max(1, VALUES_AT_ONCE // self.hierarchy.n_nodes)
        for start in range(0, n_worlds, at_once):
            n = min(at_once, n_worlds - start)
            rate = rng.gamma(mean**2 / variance, variance / mean, (n, len(mean)))
            yield tuple(
                rng.poisson(rate * period.exposure * shift * self._frailty(period, mean, n, rng)).astype(float)
                for period, shift in ((self.base, 1.0), (self.current, factor))
            )

    def _frailty(self, period: PeriodCounts, rate: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw what multiplies the cells' rates in a period: batches that nodes share, and the cells' own clumping."""
        frailty = np.ones((n, 1))
        for kind in np.flatnonzero(period.scatter):
            shape = 1 / period.scatter[kind]
            drawn = rng.gamma(shape, 1 / shape, (n, self.hierarchy.sizes[kind]))
            frailty = frailty * drawn[:, self.hierarchy.groups[kind]]
        clumping = period.clumping[self.hierarchy.node_of_cell]
        clumped = np.flatnonzero((clumping > 1) & (period.exposure > 0))
        if len(clumped):
            expected = (rate * period.exposure)[clumped]
            inflation = period.cell_inflation(self.hierarchy, rate * period.exposure)[clumped]
            variance = inflation * (1 - 1 / clumping[clumped]) / expected
            frailty = np.broadcast_to(frailty, (n, len(rate))).copy()
            frailty[:, clumped] *= rng.gamma(1 / variance, variance, (n, len(clumped)))
        return frailty

    def by_chance(self, nodes: Sequence[int], factor: FloatArray, rng: np.random.Generator) -> Chance:
        """Draw strengths where nothing but `nodes` moved."""
        starts = np.searchsorted(self.hierarchy.kind, np.unique(self.hierarchy.kind))
        largest, squares = [], np.zeros(len(starts))
        n_worlds = N_WORLDS if self.hierarchy.n_nodes < MANY_NODES else FEWER_WORLDS
        for then, now in self.worlds(factor, n_worlds, rng):
            expected = self.expect(then, rounds=ROUNDS_IN_WORLDS)
            strength = np.abs(self.strength(now, expected, self.shifts(nodes, now, expected.mean)))
            largest.append(np.maximum.reduceat(strength, starts, axis=1))
            squares += np.add.reduceat((strength**2).sum(axis=0), starts)
        sizes = np.diff([*starts, self.hierarchy.n_nodes])
        scale = np.maximum(np.sqrt(squares / sizes / n_worlds), 1.0)
        return Chance((np.concatenate(largest) / scale).max(axis=1), np.repeat(scale, sizes))


class Chance(NamedTuple):
    """What strengths chance gives: the largest of each world [n_worlds], in units of `scale` [n_nodes].

    The scale, of each kind of node, lets kinds whose expectations are less sure than taken be no easier to name.
    """

    largest: FloatArray
    scale: FloatArray

    def p_value(self, strength: float) -> float:
        """Chance that any node comes out as strong."""
        return float((1 + (self.largest >= strength).sum()) / (1 + len(self.largest)))


def prepare_scan(hierarchy: Hierarchy, base: PeriodCounts, current: PeriodCounts) -> Scan:
    """Learn the cells' usual rates from the base period; a node that clumps in one period may do so in the other."""
    clumping = np.maximum(base.clumping, current.clumping)
    base, current = (replace(period, clumping=clumping) for period in (base, current))
    deflation = base.cell_inflation(hierarchy, base.refunded)
    usual = learn_usual_rates(hierarchy, base.refunded / deflation, base.exposure / deflation)
    return Scan(hierarchy, base, current, usual)


def signed_root(count: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Signed root of twice the log likelihood ratio of a count against an uncertain expectation.

    The expectation counts as `mean`² / `variance` events seen on an exposure at which `mean` events were due: two
    Poisson counts are compared. Without uncertainty it is the root of a single Poisson count's ratio.

    Examples
    --------
    >>> signed_root(np.array([60.0]), np.array([24.0]), np.array([24.0])).round(2)
    array([3.99])
    >>> signed_root(np.array([60.0]), np.array([24.0]), np.array([0.0])).round(2)
    array([6.16])
    """
    mean = np.maximum(mean, LEAST_EXPECTED)
    events = mean**2 / np.maximum(variance, 1e-12 * mean**2)
    share = mean / (events + mean)  # of the events of both together that fall on the count
    pooled = share * (events + count)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(count > 0, count * np.log(count / pooled), 0.0)
    # events * log(events' fitted share) by log1p: it stays exact where the expectation is known.
    ratio = 2 * (own + events * -np.log1p((pooled / mean) - 1))
    return np.asarray(np.sign(count - mean) * np.sqrt(np.maximum(ratio, 0.0)))


def excess_bounds(count: float, mean: float, variance: float, critical: float) -> tuple[float, float]:
    """Bounds of what a count has beyond its expectation: all excesses that the two do not contradict.

    The likelihood is that of `signed_root`, and 0 lies outside where its strength passes `critical`.

    Examples
    --------
    >>> [round(bound, 1) for bound in excess_bounds(60.0, 24.0, 24.0, 1.96)]
    [18.4, 54.7]
    """
    events = mean**2 / variance
    exposure = events / mean

    def likelihood(excess: float) -> float:
        # The expectation that is most likely beside this excess solves a quadratic equation.
        linear = (1 + exposure) * excess - count - events
        due = (-linear + np.sqrt(linear**2 + 4 * (1 + exposure) * events * excess)) / (2 * (1 + exposure))
        now = max(due + excess, 0.0)
        return float(special.xlogy(count, now) - now + events * np.log(due) - exposure * due)

    best = count - mean
    most = special.xlogy(count, count) - count + events * np.log(mean) - events
    reach = WIDEST * (1 + critical**2 + np.sqrt(count + mean + variance) * critical)
    low, high = (
        float(optimize.brentq(lambda at: 2 * (most - likelihood(at)) - critical**2, best, best + side * reach))
        for side in (-1, 1)
    )
    return low, high
