"""Which users ask for refunds without a cause: a mixture of honest users, strict or mild, and of abusers.

    honest user:  P(refund of line i) = 1 - exp(-h_i exp(b_k s + c_k)),   s ~ Normal(mu, sd),   h_i = -log(1 - p_i)
    abuser:       P(refund of line i) = 1 - (1 - a)(1 - p_i),   a ~ Beta, at least 0.1

`p_i` is the rate of the line's kind whoever buys it (`difficulty`), and k its class of risk. A strict user complains
more of what is bad, an abuser also of what is good: that, and not the number of refunds alone, tells them apart. Of
very bad goods everybody complains, so strictness `s` may weigh less there: the loadings `b_k` are learned too.

What a refund says of itself (its reason and the like) is a mark: its law given category and supplier is learned for
refunds with a cause, and one law for those without. All laws are fitted by expectation and maximisation on the users'
likelihoods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ABUSE = np.array([0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9])
ABUSE_WIDTH = np.gradient(ABUSE)
LOG_FRAILTY = np.linspace(-3.5, 3.5, 21)
RISK_EDGES = (0.02, 0.05, 0.1, 0.2, 0.4)
N_RISKS = len(RISK_EDGES) + 1
LOADINGS, OFFSETS, LOADING_SD = np.linspace(0, 1.4, 15), np.linspace(-1, 1, 41), 0.5
ROUNDS, STEPS, TOLERANCE = 3, 60, 1e-3
PSEUDO_ABUSERS, PSEUDO_MARKS = 1.0, 20.0
GRADIENT_STEP = 1e-4
LEAST_SPREAD, SMALLEST_SIZE, LARGEST_SIZE = 0.3, 0.5, 60.0


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of users and of their refunded lines.

    Attributes
    ----------
    n_lines
        [n_users] lines.
    hazard
        [n_users, n_risks] sum of ``h_i`` over the lines that were not refunded, by their class of risk.
    user, rate
        [n_claims] for each refunded line: its user's place, and ``p_i``.
    category, source
        [n_claims] codes of its category, and of its category and supplier.
    marks
        For each kind of mark [n_claims] its code.
    """

    n_lines: FloatArray
    hazard: FloatArray
    user: IntArray
    rate: FloatArray
    category: IntArray
    source: IntArray
    marks: tuple[IntArray, ...] = ()

    @property
    def n_refunded(self) -> FloatArray:
        """Refunded lines of each user."""
        return np.bincount(self.user, minlength=len(self.n_lines)).astype(np.float64)


class Law(NamedTuple):
    """The laws of the mixture: log odds of an abuser, mean and log spread of log g, logit mean and log size of a."""

    log_odds: float
    frailty_mean: float
    frailty_log_sd: float
    abuse_logit_mean: float
    abuse_log_size: float

    def frailty_weights(self) -> FloatArray:
        """The chance of each of `LOG_FRAILTY` among honest users."""
        weight = np.exp(-0.5 * ((LOG_FRAILTY - self.frailty_mean) / np.exp(self.frailty_log_sd)) ** 2)
        return np.asarray(weight / weight.sum())

    def abuse_weights(self) -> FloatArray:
        """The chance of each of `ABUSE` among abusers."""
        mean, size = special.expit(self.abuse_logit_mean), np.exp(self.abuse_log_size)
        log = (mean * size - 1) * np.log(ABUSE) + ((1 - mean) * size - 1) * np.log1p(-ABUSE)
        weight = np.exp(log - log.max()) * ABUSE_WIDTH
        return np.asarray(weight / weight.sum())


START = Law(-4.6, -0.3, -0.4, -0.6, 1.5)


@dataclass(frozen=True, eq=False)
class Mixture:
    """The fitted mixture and what it says of each user and of each refunded line.

    Attributes
    ----------
    law, loading, offset
        The fitted laws, and how strictness weighs in each class of risk.
    probability, log_ratio
        [n_users] chance of an abuser, and the log of the likelihoods' ratio, abuser over honest.
    excess, excess_variance
        [n_users] expected refunds without a cause, and their variance.
    without_cause
        [n_claims] chance that the refund had no cause.
    scores
        [n_users, 5] derivatives of the users' log likelihoods by the laws.
    slopes
        [n_users, 5] derivatives of `probability` by the laws.
    """

    law: Law
    loading: FloatArray
    offset: FloatArray
    probability: FloatArray
    log_ratio: FloatArray
    excess: FloatArray
    excess_variance: FloatArray
    without_cause: FloatArray
    scores: FloatArray
    slopes: FloatArray

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the laws, from the outer product of the scores; a unit's worth of prior keeps it regular."""
        return np.asarray(np.linalg.inv(self.scores.T @ self.scores + np.eye(len(self.law))))


class _Fixed(NamedTuple):
    """What does not change from step to step."""

    honest: FloatArray  # [n_users, n_frailties] likelihoods over the largest of each user
    top: FloatArray  # [n_users] log of that largest one
    quiet: FloatArray  # [n_users, n_abuse] log likelihood of the lines that were not refunded
    own_chance: FloatArray  # [n_claims, n_abuse] (1 - p) a


def risk_of(rate: FloatArray) -> IntArray:
    """Give the class of risk of each rate, from 0."""
    return np.digitize(rate, RISK_EDGES).astype(np.int64)


def _sum_claims(evidence: Evidence, values: FloatArray) -> FloatArray:
    """Sum [n_claims, m] to [n_users, m]."""
    n_users = len(evidence.n_lines)
    return np.stack([np.bincount(evidence.user, column, minlength=n_users) for column in values.T], axis=1)


def _prepare(evidence: Evidence, loading: FloatArray, offset: FloatArray) -> _Fixed:
    """Work out the likelihoods of all frailties, whose logs weigh by `loading` and are moved by `offset` [n_risks]."""
    factor = np.exp(loading[:, None] * LOG_FRAILTY + offset[:, None])
    hazard = -np.log1p(-evidence.rate)
    logs = _sum_claims(evidence, np.log(-np.expm1(-hazard[:, None] * factor[risk_of(evidence.rate)])))
    logs -= evidence.hazard @ factor
    top = logs.max(axis=1)
    quiet = (evidence.n_lines - evidence.n_refunded)[:, None] * np.log1p(-ABUSE)
    quiet = quiet - evidence.hazard.sum(axis=1, keepdims=True)
    return _Fixed(np.exp(logs - top[:, None]), top, quiet, (1 - evidence.rate)[:, None] * ABUSE)


def _law_of(mark: IntArray, group: IntArray, weight: FloatArray, prior: FloatArray) -> FloatArray:
    """Law [n_claims, n_marks] of each refunded line's group, drawn to `prior`, the law of what is around the group."""
    size, n_groups = prior.shape[1], int(group.max(initial=-1)) + 1
    counts = np.bincount(group * size + mark, weight, minlength=n_groups * size).reshape(n_groups, size)[group]
    return np.asarray((counts + PSEUDO_MARKS * prior) / (counts.sum(axis=1, keepdims=True) + PSEUDO_MARKS))


def _mark_ratio(evidence: Evidence, without: FloatArray) -> FloatArray:
    """Give for each refunded line how much likelier its marks are without a cause than with one.

    `without` [n_claims] is how much each counts as having no cause. The marks of a line are taken as independent.
    """
    ratio = np.ones(len(evidence.user))
    for mark in evidence.marks:
        size = int(mark.max(initial=-1)) + 1
        overall = np.bincount(mark, minlength=size) / max(len(mark), 1)
        abusive = np.bincount(mark, without, minlength=size) + PSEUDO_MARKS * overall
        wide = _law_of(mark, evidence.category, 1 - without, np.broadcast_to(overall, (len(mark), size)))
        near = _law_of(mark, evidence.source, 1 - without, wide)
        ratio *= (abusive / abusive.sum())[mark] / near[np.arange(len(mark)), mark]
    return ratio


class _Split(NamedTuple):
    """What a law says of the users."""

    plain: FloatArray  # [n_users] likelihood of an honest user over `_Fixed.top`
    log_ratio: FloatArray  # [n_users] log likelihood, abuser over honest
    kinds: FloatArray  # [n_users, n_abuse] share of each rate of abuse, were the user an abuser
    probability: FloatArray  # [n_users] chance of an abuser


def _split(law: Law, fixed: _Fixed, abusive: FloatArray) -> _Split:
    """Weigh the users' likelihoods by the laws; `abusive` [n_users, n_abuse] holds log likelihoods."""
    plain = fixed.honest @ law.frailty_weights()
    top = abusive.max(axis=1)
    part = np.exp(abusive - top[:, None]) * law.abuse_weights()
    whole = part.sum(axis=1)
    log_ratio = np.log(whole) + top - np.log(plain) - fixed.top
    return _Split(plain, log_ratio, part / whole[:, None], special.expit(law.log_odds + log_ratio))


def _abusive(evidence: Evidence, fixed: _Fixed, ratio: FloatArray) -> FloatArray:
    """Log likelihoods under each rate of abuse, beside the marks' likelihood with a cause."""
    told = np.log(evidence.rate[:, None] + fixed.own_chance * ratio[:, None])
    return fixed.quiet + _sum_claims(evidence, told)


def _update(law: Law, fixed: _Fixed, split: _Split) -> Law:
    """The laws that fit the shares best; a pseudo-abuser of every kind keeps them from the edge."""
    weight = law.frailty_weights() * (fixed.honest.T @ ((1 - split.probability) / split.plain))
    weight /= weight.sum()
    mean = float(weight @ LOG_FRAILTY)
    spread = float(np.sqrt(weight @ (LOG_FRAILTY - mean) ** 2))
    kinds = split.probability @ split.kinds + PSEUDO_ABUSERS * ABUSE_WIDTH / ABUSE_WIDTH.sum()
    kinds /= kinds.sum()
    rate = float(kinds @ ABUSE)
    size = rate * (1 - rate) / max(float(kinds @ (ABUSE - rate) ** 2), 1e-4) - 1
    share = (split.probability.sum() + PSEUDO_ABUSERS) / (len(split.probability) + 2 * PSEUDO_ABUSERS)
    return Law(
        float(special.logit(share)),
        mean,
        float(np.log(max(spread, LEAST_SPREAD))),
        float(special.logit(rate)),
        float(np.log(np.clip(size, SMALLEST_SIZE, LARGEST_SIZE))),
    )


def _fit_loadings(evidence: Evidence, law: Law, fixed: _Fixed, split: _Split) -> tuple[FloatArray, FloatArray]:
    """Loading and offset of each class of risk that make its honest refunds likeliest, on a grid.

    The class with most refunds has loading 1 and offset 0: there the law of frailty is told.
    """
    share = fixed.honest * law.frailty_weights() * ((1 - split.probability) / split.plain)[:, None]
    quiet, risk = evidence.hazard.T @ share, risk_of(evidence.rate)
    loading, offset = np.ones(len(quiet)), np.zeros(len(quiet))
    usual = int(np.bincount(risk).argmax())
    tilt, move = LOADINGS[:, None, None], OFFSETS[:, None]
    factor = np.exp(tilt * LOG_FRAILTY + move)
    for k in set(np.unique(risk).tolist()) - {usual}:
        inside = risk == k
        hazard = float(np.exp(np.log(-np.log1p(-evidence.rate[inside])).mean()))
        asked = np.log(-np.expm1(-hazard * factor)) @ share[evidence.user[inside]].sum(axis=0)
        gain = asked - factor @ quiet[k] - 0.5 * ((LOADINGS[:, None] - 1) / LOADING_SD) ** 2
        best = np.unravel_index(int(gain.argmax()), gain.shape)
        loading[k], offset[k] = LOADINGS[best[0]], OFFSETS[best[1]]
    return loading, offset


def fit_mixture(evidence: Evidence) -> Mixture:
    """Fit the mixture by expectation and maximisation.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin (1977), Journal of the Royal Statistical Society B 39, 1-22;
    B. Efron and C. Morris (1973), Journal of the American Statistical Association 68, 117-130 (empirical Bayes).

    Examples
    --------
    Of two hundred users with ten lines each four ask for refunds of half of what they buy:

    >>> claims = np.repeat(np.arange(8), [5, 5, 5, 5, 1, 1, 1, 1])
    >>> lines = np.full(200, 10.0)
    >>> quiet = np.outer(0.02 * (lines - np.bincount(claims, minlength=200)), [0, 1, 0, 0, 0, 0])
    >>> seen = Evidence(lines, quiet, claims, np.full(24, 0.02), 0 * claims, 0 * claims)
    >>> fit_mixture(seen).probability[[0, 4, 100]].round(1).tolist()
    [1.0, 0.0, 0.0]
    """
    law, without = START, np.zeros(len(evidence.user))
    loading, offset = np.ones(N_RISKS), np.zeros(N_RISKS)
    for turn in range(ROUNDS):
        fixed = _prepare(evidence, loading, offset)
        for _ in range(STEPS):
            ratio = _mark_ratio(evidence, without)
            abusive = _abusive(evidence, fixed, ratio)
            split = _split(law, fixed, abusive)
            alone = fixed.own_chance * ratio[:, None]
            alone /= evidence.rate[:, None] + alone
            without = split.probability[evidence.user] * (split.kinds[evidence.user] * alone).sum(axis=1)
            before, law = law, _update(law, fixed, split)
            if np.abs(np.array(law) - np.array(before)).max() < TOLERANCE:
                break
        if turn < ROUNDS - 1:
            loading, offset = _fit_loadings(evidence, before, fixed, split)
    counts = _sum_claims(evidence, alone)
    spreads = _sum_claims(evidence, alone * (1 - alone))
    excess = split.probability * (split.kinds * counts).sum(axis=1)
    second = split.probability * (split.kinds * (spreads + counts**2)).sum(axis=1)
    scores, slopes = _derivatives(before, fixed, abusive)
    return Mixture(
        before, loading, offset, split.probability, split.log_ratio, excess, second - excess**2, without, scores, slopes
    )


def _derivatives(law: Law, fixed: _Fixed, abusive: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Derivatives by the laws of each user's log likelihood and of the chance of an abuser, by central differences."""
    scores, slopes = [], []
    for name in law._fields:
        likelihood, chance = [], []
        for side in (-1, 1):
            near = law._replace(**{name: getattr(law, name) + side * GRADIENT_STEP})
            split = _split(near, fixed, abusive)
            share = special.expit(near.log_odds)
            likelihood.append(np.log(split.plain) + np.logaddexp(np.log1p(-share), np.log(share) + split.log_ratio))
            chance.append(split.probability)
        scores.append((likelihood[1] - likelihood[0]) / (2 * GRADIENT_STEP))
        slopes.append((chance[1] - chance[0]) / (2 * GRADIENT_STEP))
    return np.stack(scores, axis=1), np.stack(slopes, axis=1)
