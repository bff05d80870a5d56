"""Small shares drawn towards their parents in a tree: partial pooling by empirical Bayes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.stats.intervals import Interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROOTS = (np.arange(24) + 0.5) / 24
SHRINKAGES, STEPS = _ROOTS**2, _ROOTS  # how far a typical share is drawn to its parent, and the grid's relative steps
ROUNDS = 3
FIRST_SPREAD = 0.1
SMALLEST_SIZE = 1e-3  # of a beta law: below it the law is all at 0 and 1


class Pooled(NamedTuple):
    """Shares drawn towards their parents: mean and interval of each leaf, and the spread found at each level."""

    share: FloatArray
    interval: Interval
    spread: FloatArray


def pool_shares(
    share: FloatArray, trials: FloatArray, parents: Sequence[IntArray], *, confidence: float = 0.9
) -> Pooled:
    """Draw each share towards its parent, that towards its own, and so on up to the roots.

    The law is the beta-binomial's in its first two moments, level upon level: a share of n trials scatters about its
    leaf with variance p (1 - p) / n, and a child about its parent p with spread x (p (1 - p))², so that the odds of
    children differ by the same factors where rates are high and where they are low. How far a share is drawn follows
    from the spread of its level, which is learned from all leaves; what is not known of it is kept by averaging over
    a uniform law of the shrinkage.

    Parameters
    ----------
    share, trials
        The leaves' shares, and the number of independent trials that each is worth; a share without trials (NaN, 0) is
        its parent's.
    parents
        From the leaves upwards, for each node of a level the place of its parent in the next; the last level holds the
        roots.
    confidence
        Two-sided level of the intervals, which are a beta law's with the mean and variance found.

    References
    ----------
    C. N. Morris (1983), Journal of the American Statistical Association 78, 47-55 (intervals of empirical Bayes);
    M. J. Daniels (1999), Canadian Journal of Statistics 27, 567-578 (the uniform law of the shrinkage).

    Examples
    --------
    >>> found = pool_shares(np.array([0.0, 0.5, 0.1]), np.array([5.0, 4.0, 1000.0]), [np.zeros(3, dtype=int)])
    >>> bool(found.share[0] > 0), bool(found.share[1] < 0.5), bool(abs(found.share[2] - 0.1) < 0.005)
    (True, True, True)
    """
    tree = _Tree.of(share, trials, parents)
    centres, spread = tree.start(), np.full(len(parents), FIRST_SPREAD)
    for _ in range(ROUNDS):
        for level in reversed(range(len(parents))):
            grid, weight = tree.spread_posterior(centres, spread, level)
            spread[level] = grid @ weight if level else 1 / ((1 / grid) @ weight)
        centres = [tree.inside(mean) for mean in tree.posterior(centres, spread)[0]]
    grid, weight = tree.spread_posterior(centres, spread, 0)
    found = [tree.posterior(centres, np.concatenate([[value], spread[1:]])) for value in grid]
    means = np.stack([mean[0] for mean, _ in found])
    variances = np.stack([variance[0] for _, variance in found])
    mean = tree.inside(weight @ means)
    variance = weight @ variances + weight @ (means - mean) ** 2
    about = centres[1][parents[0]]
    variance *= mean * (1 - mean) / (about * (1 - about))
    return Pooled(mean, beta_interval(mean, variance, confidence=confidence), spread)


def beta_interval(mean: FloatArray, variance: FloatArray, *, confidence: float) -> Interval:
    """Interval of the beta law with this mean and variance; it always holds the mean."""
    size = np.maximum(mean * (1 - mean) / variance - 1, SMALLEST_SIZE)
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    lower, upper = (special.betaincinv(mean * size, (1 - mean) * size, tail) for tail in tails)
    return Interval(np.asarray(np.minimum(lower, mean)), np.asarray(np.maximum(upper, mean)))


@dataclass(frozen=True)
class _Laws:
    """Precision of each leaf's share, variance of each level's nodes about their parents, worth of a root's trial."""

    precision: FloatArray
    scatter: list[FloatArray]
    one_trial: FloatArray


@dataclass(frozen=True)
class _Tree:
    """Shares and trials of the leaves, and who is whose parent."""

    share: FloatArray
    trials: FloatArray
    parents: Sequence[IntArray]
    sizes: list[int]

    @classmethod
    def of(cls, share: FloatArray, trials: FloatArray, parents: Sequence[IntArray]) -> _Tree:
        """Make a tree; leaves without trials say nothing."""
        worth = np.where(np.isfinite(share), trials, 0.0)
        sizes = [len(share), *(int(parent.max()) + 1 for parent in parents)]
        return cls(np.where(worth > 0, share, 0.0), worth, parents, sizes)

    def inside(self, mean: FloatArray) -> FloatArray:
        """Keep means off 0 and 1, by less than half a success in all trials."""
        floor = 0.5 / (self.trials.sum() + 1)
        return np.asarray(np.clip(mean, floor, 1 - floor))

    def start(self) -> list[FloatArray]:
        """Every node at the share of the whole."""
        whole = (self.share @ self.trials + 0.5) / (self.trials.sum() + 1)
        return [np.full(size, whole) for size in self.sizes]

    def laws(self, centres: Sequence[FloatArray], spread: FloatArray) -> _Laws:
        """The laws of leaves and nodes, given where their parents are thought to be."""
        about = [centre[parent] for centre, parent in zip(centres[1:], self.parents, strict=True)]
        scatter = [np.asarray(width * (mean * (1 - mean)) ** 2) for width, mean in zip(spread, about, strict=True)]
        return _Laws(self.trials / (about[0] * (1 - about[0])), scatter, 1 / (centres[-1] * (1 - centres[-1])))

    def upward(self, laws: _Laws) -> tuple[list[FloatArray], list[FloatArray], float]:
        """Gather what the leaves say: precision of each node, precision x mean, and twice the log-likelihood.

        A root knows half a success in one trial beforehand.
        """
        told = laws.precision[laws.precision > 0]
        precisions, pulls = [laws.precision], [laws.precision * self.share]
        likelihood = np.log(told).sum() - laws.precision @ self.share**2
        for parent, width, size in zip(self.parents, laws.scatter, self.sizes[1:], strict=True):
            damped = 1 + precisions[-1] * width
            likelihood += (pulls[-1] ** 2 * width / damped - np.log(damped)).sum()
            precisions.append(np.asarray(np.bincount(parent, precisions[-1] / damped, size), dtype=float))
            pulls.append(np.asarray(np.bincount(parent, pulls[-1] / damped, size), dtype=float))
        precisions[-1], pulls[-1] = precisions[-1] + laws.one_trial, pulls[-1] + laws.one_trial / 2
        likelihood += (pulls[-1] ** 2 / precisions[-1] - np.log(precisions[-1])).sum()
        return precisions, pulls, float(likelihood)

    def posterior(self, centres: Sequence[FloatArray], spread: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
        """Mean and variance of every node given all leaves, level by level from the leaves."""
        laws = self.laws(centres, spread)
        precisions, pulls, _ = self.upward(laws)
        means, variances = [pulls[-1] / precisions[-1]], [1 / precisions[-1]]
        for level in reversed(range(len(self.parents))):
            parent, width = self.parents[level], laws.scatter[level]
            damped = 1 + precisions[level] * width
            means.append((pulls[level] * width + means[-1][parent]) / damped)
            variances.append(width / damped + variances[-1][parent] / damped**2)
        return means[::-1], variances[::-1]

    def spread_posterior(
        self, centres: Sequence[FloatArray], spread: FloatArray, level: int
    ) -> tuple[FloatArray, FloatArray]:
        """Grid of the spread at one level, the others given, and each point's weight under a uniform shrinkage."""
        laws = self.laws(centres, spread)
        worth = self.upward(laws)[0][level] * (centres[level + 1] * (1 - centres[level + 1]))[self.parents[level]] ** 2
        typical = worth[worth > 0].mean() if (worth > 0).any() else 1.0
        grid = (1 - SHRINKAGES) / SHRINKAGES / typical
        tried = np.tile(spread, (len(grid), 1))
        tried[:, level] = grid
        scores = np.array([self.upward(self.laws(centres, row))[2] for row in tried]) / 2
        weight = STEPS * np.exp(scores - scores.max())
        return np.asarray(grid), np.asarray(weight / weight.sum())
