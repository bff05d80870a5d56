"""Crossed random effects on counts out of trials, with the size of each effect learned from the data.

    successes_i ~ (trials_i, g_i),   logit g_i = offset_i + sum over terms k of b_k[level_ik] + e_i
    b_k ~ Normal(0, variance_k K_k^-1),   e_i with variance `extra`

The rows enter through their levels only (a term may spread a level over several effects), so the normal equations are
sums over pairs of levels and need no design matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, special

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LOGIT_BOUND = 20.0
LARGEST_STEP = 2.0
SMALLEST_VARIANCE, LARGEST_VARIANCE = 1e-6, 4.0
FIRST_VARIANCE = 0.01
MAX_ROUNDS = 60
TOLERANCE = 2e-3
LEAST_RANK_LEFT = 1e-3


@dataclass(frozen=True, eq=False)
class Term:
    """One random effect.

    Attributes
    ----------
    name
        What it is.
    size
        Number of levels; more than the data show is allowed, the rest follow from the prior.
    walk
        Whether neighbouring levels are neighbours in time (a random walk) instead of exchangeable.
    variance
        A fixed prior variance; None to learn it.
    mix
        [n_levels, size] how a row's level adds up the effects; None where level and effect are one.
    """

    name: str
    size: int
    walk: bool = False
    variance: float | None = None
    mix: FloatArray | None = None

    @property
    def n_levels(self) -> int:
        """How many levels rows can have."""
        return self.size if self.mix is None else len(self.mix)

    def at_levels(self, effects: FloatArray) -> FloatArray:
        """Give each level's sum of effects; `effects` is [size] or [size, n_draws]."""
        return effects if self.mix is None else np.asarray(self.mix @ effects)

    def to_effects(self, sums: FloatArray) -> FloatArray:
        """Carry sums over levels back to the effects: the transpose of `at_levels`."""
        return sums if self.mix is None else np.asarray(self.mix.T @ sums)

    def precision(self) -> FloatArray:
        """Give the prior's precision at variance 1; a walk's level is held by a weak prior on its sum of steps."""
        if not self.walk:
            return np.eye(self.size)
        steps = np.diff(np.eye(self.size), axis=0)
        return np.asarray(steps.T @ steps + 1e-6 * np.eye(self.size))


@dataclass(frozen=True, eq=False)
class CrossedFit:
    """The posterior, taken as normal at its mode: `mean` [p], `root` [p, p] with root root' its covariance."""

    terms: tuple[Term, ...]
    mean: FloatArray
    root: FloatArray
    variance: FloatArray
    extra: float
    converged: bool

    def draw(self, n_draws: int, rng: np.random.Generator) -> list[FloatArray]:
        """Draw all effects together; give for each term [n_levels, n_draws]."""
        effects = self.mean[:, None] + self.root @ rng.standard_normal((len(self.mean), n_draws))
        return by_level(self.terms, effects)


def places_of(terms: Sequence[Term]) -> list[slice]:
    """Give the place of each term's effects in the vector of all."""
    ends = np.cumsum([term.size for term in terms])
    return [slice(int(end) - term.size, int(end)) for term, end in zip(terms, ends, strict=True)]


def by_level(terms: Sequence[Term], effects: FloatArray) -> list[FloatArray]:
    """Give for each term the sum of effects at each of its levels."""
    return [term.at_levels(effects[place]) for term, place in zip(terms, places_of(terms), strict=True)]


def add_up(levels: Sequence[IntArray], parts: Sequence[FloatArray]) -> FloatArray:
    """Add up the parts that `by_level` gives at each row's levels."""
    total = np.take(parts[0], levels[0], axis=0)
    for level, part in zip(levels[1:], parts[1:], strict=True):
        total += np.take(part, level, axis=0)
    return np.asarray(total)


def fit_crossed(
    successes: FloatArray,
    trials: FloatArray,
    offset: FloatArray,
    levels: Sequence[IntArray],
    terms: Sequence[Term],
) -> CrossedFit:
    """Fit by penalised iteratively reweighted least squares, and learn the variances on the way.

    Parameters
    ----------
    successes, trials, offset
        [n] counts, their trials (above zero), and the known part of the logit.
    levels
        For each term [n] the level of each row.
    terms
        The terms.

    Notes
    -----
    Each term's variance follows the update of Fellner and Schall, which climbs the Laplace approximation of the
    marginal likelihood; `extra` is Williams' overdispersion on the logit scale, by the method of moments.

    References
    ----------
    R. Schall (1991), Biometrika 78, 719-727; S. N. Wood and M. Fasiolo (2017), Biometrics 73, 1071-1081; D. A.
    Williams (1982), Journal of the Royal Statistical Society C 31, 144-148, model III.

    Examples
    --------
    >>> trials, cell = np.full(30, 1e4), np.arange(30) % 3
    >>> fit = fit_crossed(0.2 * trials, trials, np.zeros(30), [cell], [Term("cell", 3, variance=1.0)])
    >>> special.expit(fit.mean).round(3)
    array([0.2, 0.2, 0.2])
    """
    terms = tuple(terms)
    places = places_of(terms)
    kernels = [term.precision() for term in terms]
    variance = np.array([FIRST_VARIANCE if term.variance is None else term.variance for term in terms])
    mean, extra, converged = np.zeros(places[-1].stop), 0.0, False
    root = np.zeros((len(mean), len(mean)))
    for _ in range(MAX_ROUNDS):
        prior = linalg.block_diag(*(kernel / v for kernel, v in zip(kernels, variance, strict=True)))
        eta = np.clip(offset + add_up(levels, by_level(terms, mean)), -LOGIT_BOUND, LOGIT_BOUND)
        share = special.expit(eta)
        information = trials * share * (1 - share)
        weight = information / (1 + extra * information)
        residual = (successes - trials * share) / information
        precision = _cross(levels, terms, weight) + prior
        gradient = _sums(levels, terms, weight * residual) - prior @ mean
        factor = linalg.cholesky(precision, lower=True)
        step = linalg.cho_solve((factor, True), gradient)
        mean = mean + step * min(1.0, LARGEST_STEP / max(np.abs(step).max(), 1e-12))
        root = linalg.solve_triangular(factor, np.eye(len(mean)), lower=True).T
        covariance = root @ root.T
        freedom = len(mean) - float(np.sum(covariance * prior))
        learned = np.array(
            [
                v if term.variance is not None else _learn(v, term, kernel, mean[place], covariance[place, place])
                for v, term, kernel, place in zip(variance, terms, kernels, places, strict=True)
            ]
        )
        moved = max(np.abs(np.sqrt(learned) - np.sqrt(variance)).max(), np.abs(step).max() * 0.1)
        wider = _extra_variance(information, residual, freedom)
        moved = max(moved, abs(np.sqrt(wider) - np.sqrt(extra)))
        variance, extra = learned, wider
        if moved < TOLERANCE:
            converged = True
            break
    return CrossedFit(terms, mean, root, variance, extra, converged)


def _learn(variance: float, term: Term, kernel: FloatArray, mean: FloatArray, covariance: FloatArray) -> float:
    left = term.size - float(np.sum(covariance * kernel)) / variance
    found = float(mean @ kernel @ mean) / max(left, LEAST_RANK_LEFT)
    return float(np.clip(found, SMALLEST_VARIANCE, LARGEST_VARIANCE))


def _extra_variance(information: FloatArray, residual: FloatArray, freedom: float) -> float:
    """Give the variance on the logit scale that brings the weighted squares down to their degrees of freedom."""
    target = max(len(residual) - freedom, 1.0)
    squares = information * residual**2

    def excess(extra: float) -> float:
        return float(np.sum(squares / (1 + extra * information)) - target)

    if excess(0.0) <= 0:
        return 0.0
    if excess(LARGEST_VARIANCE) >= 0:
        return LARGEST_VARIANCE
    return float(optimize.brentq(excess, 0.0, LARGEST_VARIANCE, xtol=1e-6))


def _counts(level: IntArray, weight: FloatArray, size: int) -> FloatArray:
    return np.bincount(level, weight, minlength=size).astype(float)


def _sums(levels: Sequence[IntArray], terms: Sequence[Term], values: FloatArray) -> FloatArray:
    parts = [term.to_effects(_counts(level, values, term.n_levels)) for level, term in zip(levels, terms, strict=True)]
    return np.concatenate(parts)


def _cross(levels: Sequence[IntArray], terms: Sequence[Term], weight: FloatArray) -> FloatArray:
    """Weighted products of all pairs of effects; terms that share one array of levels meet on its diagonal only."""
    places = places_of(terms)
    total = np.zeros((places[-1].stop, places[-1].stop))
    for i, first in enumerate(terms):
        alone = _counts(levels[i], weight, first.n_levels)
        for j in range(i, len(terms)):
            second = terms[j]
            if levels[j] is levels[i]:
                other = np.eye(second.size) if second.mix is None else second.mix
                block = first.to_effects(alone[:, None] * other)
            else:
                pairs = levels[i] * second.n_levels + levels[j]
                block = _counts(pairs, weight, first.n_levels * second.n_levels).reshape(first.n_levels, -1)
                block = second.to_effects(first.to_effects(block).T).T
            total[places[i], places[j]] = block
            total[places[j], places[i]] = block.T
    return total
