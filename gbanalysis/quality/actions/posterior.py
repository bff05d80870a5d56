"""Draws of many pooled effects on counts, with the sizes of the groups' differences drawn along.

    refunded_i ~ (n_i, reported_i p_i),   logit p_i = x_i b,   b_j ~ a Student law of its block

Rows of one cluster (a supplier's day) share luck, which is no effect but makes their counts vary more. How large the
differences of a block are, how long their tails, and whether a single level lies in the tail is not taken as known: it
is drawn with the effects, so that an interval also holds what is not known about the pooling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, special

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SPREADS = np.geomspace(0.01, 3.0, 30)  # standard deviations of a block's effects that are thought of
USUAL_SPREAD = 0.5  # half of the prior's weight lies below
TAILS = np.array([1.0, 2.0, 4.0, 8.0])  # degrees of freedom of a long-tailed block
ROUNDS, STATES_A_ROUND, MOST_STATES = 8, 20, 250
LARGEST_STEP, LOGIT_BOUND = 1.0, 15.0
WORK = 2.5e11  # operations that the factors of all states may take together
LARGEST_LUCK = 4.0
LEAST_STATES = 20
CHUNK = 50_000


@dataclass(frozen=True)
class Block:
    """Effects of one kind: how many, with a known prior variance (None: learned), and whether their tails are long."""

    name: str
    size: int
    variance: float | None = None
    long_tailed: bool = False


@dataclass(frozen=True, eq=False)
class Normal:
    """The log-likelihood near a point as a normal one: precision `gram`; `linear` is that times the centre."""

    gram: FloatArray
    linear: FloatArray


def draw_posterior(
    design: csr_matrix,
    *,
    n: FloatArray,
    refunded: FloatArray,
    reported: FloatArray,
    cluster: IntArray,
    blocks: Sequence[Block],
    n_nested: int,
    n_draws: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw the effects.

    Parameters
    ----------
    design
        [n_rows, n_effects] what each effect adds to a row's log-odds, the blocks side by side.
    n, refunded, reported
        [n_rows] lines, those refunded so far, and the share of all refunds that is known so far.
    cluster
        [n_rows] rows that share their luck.
    blocks
        The blocks, in the order of the design's columns.
    n_nested
        Effects that are constant in clusters (one a supplier): degrees of freedom that the clusters lose.
    n_draws, rng
        How many draws, and their generator.

    Returns
    -------
    numpy.ndarray
        [n_effects, 1 + n_draws]; the first is the mean of the posterior.

    Notes
    -----
    The likelihood is taken as normal at the mean, moved by its own skewness; what rows of a cluster share enters as a
    variance between clusters, so that effects speak of the rate with the luck averaged out (marginal quasi-likelihood).
    Effects and spreads are then drawn in turn (Gibbs): effects from their joint normal law, a block's spread and tail
    from a grid, the levels' own variances from inverse gamma laws.

    References
    ----------
    N. E. Breslow and D. G. Clayton (1993), Journal of the American Statistical Association 88, 9-25; K. L.
    Lange, R. J. A. Little and J. M. G. Taylor (1989), the same 84, 881-896; A. Gelman (2006), Bayesian Analysis 1,
    515-534 (the prior of a spread).
    """
    size = design.shape[1]
    precision = np.concatenate([np.full(each.size, 1 / (each.variance or USUAL_SPREAD**2)) for each in blocks])
    mean, skew = np.zeros(size), np.zeros(len(n))
    mean[0] = special.logit(refunded.sum() / (n * reported).sum())
    for _ in range(ROUNDS):
        likelihood = _near(mean, design, n, refunded, reported, cluster, skew, n_nested)
        means, _, precision = _states(likelihood, blocks, precision, STATES_A_ROUND, 1, rng)
        mean = mean + np.clip(means.mean(axis=1) - mean, -LARGEST_STEP, LARGEST_STEP)
        skew = _variances(design, likelihood.gram, precision)
    likelihood = _near(mean, design, n, refunded, reported, cluster, skew, n_nested)
    n_states = int(np.clip(WORK / size**3, LEAST_STATES, min(MOST_STATES, n_draws)))
    means, draws, _ = _states(likelihood, blocks, precision, n_states, -(-n_draws // n_states), rng)
    return np.hstack([means.mean(axis=1, keepdims=True), draws[:, :n_draws]])


def _near(
    mean: FloatArray,
    design: csr_matrix,
    n: FloatArray,
    refunded: FloatArray,
    reported: FloatArray,
    cluster: IntArray,
    skew: FloatArray,
    n_nested: int,
) -> Normal:
    """Take the log-likelihood as normal near `mean`, with the clusters' luck as it is learned there."""
    from scipy import sparse

    eta = design @ mean
    share = special.expit(np.clip(eta, -LOGIT_BOUND, LOGIT_BOUND))
    seen = reported * share
    slope = (1 - share) / (1 - seen)  # 1 where all is reported
    weight, missed = n * seen * (1 - share) * slope, (refunded - n * seen) * slope
    # A count's log-likelihood falls more steeply on one side: its mean lies beside its top by half of this.
    pulled = weight * eta + missed - weight * (1 - 2 * seen) * skew / 2
    size = int(cluster.max()) + 1
    held, off = (np.bincount(cluster, each, minlength=size).astype(np.float64) for each in (weight, missed))
    luck = _luck(off, held, n_nested)
    weighted = sparse.diags_array(weight) @ design
    member = sparse.csr_matrix((np.ones(len(n)), (cluster, np.arange(len(n)))), shape=(size, len(n)))
    sums = (member @ weighted).tocsr()
    shrunk = luck / (1 + luck * held)
    gram = (design.T @ weighted).toarray() - (sums.T @ (sparse.diags_array(shrunk) @ sums)).toarray()
    return Normal(gram, design.T @ pulled - sums.T @ (shrunk * np.bincount(cluster, pulled, minlength=size)))


def _luck(missed: FloatArray, weight: FloatArray, n_nested: int) -> float:
    """Variance on the log-odds that brings the clusters' squares down to their degrees of freedom, by moments."""
    missed, weight = missed[weight > 0], weight[weight > 0]
    target = max(len(weight) - n_nested, 1)

    def excess(luck: float) -> float:
        return float(np.sum(missed**2 / (weight * (1 + luck * weight))) - target)

    if excess(0.0) <= 0:
        return 0.0
    return float(optimize.brentq(excess, 0.0, LARGEST_LUCK)) if excess(LARGEST_LUCK) < 0 else LARGEST_LUCK


def _variances(design: csr_matrix, gram: FloatArray, precision: FloatArray) -> FloatArray:
    """[n_rows] variance of each row's log-odds."""
    factor = linalg.cholesky(gram + np.diag(precision), lower=True)
    root = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).T
    rows = range(0, design.shape[0], CHUNK)
    return np.concatenate([np.sum((design[start : start + CHUNK] @ root) ** 2, axis=1) for start in rows])


def _states(
    likelihood: Normal,
    blocks: Sequence[Block],
    precision: FloatArray,
    n_states: int,
    draws_a_state: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw effects and their prior precision in turn: mean of the effects in each state, draws, the last precision."""
    places = np.cumsum([0, *(block.size for block in blocks)])
    size = len(precision)
    means, draws = np.empty((size, n_states)), np.empty((size, n_states, draws_a_state))
    for state in range(n_states):
        factor = linalg.cholesky(likelihood.gram + np.diag(precision), lower=True)
        means[:, state] = linalg.cho_solve((factor, True), likelihood.linear)
        noise = rng.standard_normal((size, draws_a_state))
        draws[:, state] = means[:, state, None] + linalg.solve_triangular(factor, noise, lower=True, trans="T")
        precision = np.concatenate(
            [
                _precision(block, draws[first:last, state, 0], rng)
                for block, first, last in zip(blocks, places[:-1], places[1:], strict=True)
            ]
        )
    return means, draws.transpose(0, 2, 1).reshape(size, -1), precision


def _precision(block: Block, effects: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw the prior precision of each effect of a block, given the effects."""
    if block.variance is not None:
        return np.full(block.size, 1 / block.variance)
    squares = effects**2
    prior = np.log(SPREADS) - np.log1p((SPREADS / USUAL_SPREAD) ** 2)  # a half Cauchy law, on a grid of logarithms
    ratio = squares[:, None] / SPREADS**2
    if not block.long_tailed:
        weight = prior - block.size * np.log(SPREADS) - ratio.sum(axis=0) / 2
        return np.full(block.size, 1 / SPREADS[_pick(weight, rng)] ** 2)
    constant = special.gammaln((TAILS + 1) / 2) - special.gammaln(TAILS / 2) - np.log(TAILS) / 2
    far = np.stack([np.log1p(ratio / tail).sum(axis=0) for tail in TAILS])
    fits = block.size * (constant[:, None] - np.log(SPREADS)) - (TAILS[:, None] + 1) / 2 * far
    tail, spread = np.unravel_index(_pick((prior + fits).ravel(), rng), fits.shape)
    rate = TAILS[tail] * SPREADS[spread] ** 2 + squares
    return np.asarray(rng.gamma((TAILS[tail] + 1) / 2, 2 / rate))


def _pick(log_weight: FloatArray, rng: np.random.Generator) -> int:
    """Draw a place with these weights."""
    return int(np.argmax(log_weight + rng.gumbel(size=len(log_weight))))
