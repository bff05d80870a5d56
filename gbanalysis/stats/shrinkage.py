"""Effects of which most are nothing and a few are large: how far each is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]

TAIL = 0.3  # degrees of freedom of the prior: 1 is Cauchy's law, less has longer tails and leaves large effects alone
PSEUDO_LEVELS = 2.0  # levels that the starting scale counts for
STEPS = 20
SPREADS = np.array([0.02, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2])  # of an effect: the first is none to speak of
USUAL, USUAL_COUNT = 0.9, 20.0  # share of effects that are none before the data, and the effects that this counts for
FIRM_SIZES = np.array([0.0, 1, 2, 4, 8, 16])  # of an effect in standard errors, for which intervals are made short
FIRM_SHARE = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
FARTHEST, CUTS = 20.0, 100  # true effects considered, in standard errors; ways to split the chance of a miss


@dataclass(frozen=True)
class Belief:
    """What is believed of each effect: it is none, or of one of several sizes.

    ``share`` is the chance of each size and ``kept`` the part of the estimate that is kept if it is the true one, both
    of shape (effects, sizes).
    """

    share: FloatArray
    kept: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Part of each estimate that is kept: the mean over sizes."""
        return np.asarray((self.share * self.kept).sum(axis=1))

    @property
    def doubt(self) -> FloatArray:
        """Variance of the part kept over sizes: what is not known of the size."""
        return np.asarray((self.share * (self.kept - self.mean[:, None]) ** 2).sum(axis=1))


def weigh_sizes(estimate: FloatArray, variance: FloatArray) -> Belief:
    """Tell from each effect's estimate how likely it is that there is one, and how large.

    An effect is drawn from one of several normal laws about nought: from the narrowest, which is as good as nothing, or
    from one of the others, each as likely. The share of effects that are none is learned from all of them.

    Parameters
    ----------
    estimate, variance
        Of each effect alone, without a prior, with a normal error.

    References
    ----------
    M. Stephens (2017), False discovery rates: a new deal, Biostatistics 18, 275-294.

    Examples
    --------
    >>> found = weigh_sizes(np.array([0.05, -0.1, 0.02, 0.08, 1.5]), np.full(5, 0.04))
    >>> found.mean.round(2).tolist()
    [0.04, 0.04, 0.04, 0.04, 0.98]
    """
    total = variance[:, None] + SPREADS**2
    likely = np.exp(-(estimate[:, None] ** 2) / (2 * total) + estimate[:, None] ** 2 / (2 * total[:, -1:]))
    likely = likely / np.sqrt(total)
    none = USUAL
    for _ in range(STEPS):
        prior = np.concatenate([[none], np.full(len(SPREADS) - 1, (1 - none) / (len(SPREADS) - 1))])
        share = prior * likely
        share /= share.sum(axis=1, keepdims=True)
        none = (share[:, 0].sum() + USUAL_COUNT * USUAL) / (len(share) + USUAL_COUNT)
    return Belief(share, SPREADS**2 / total)


def sparse_variances(squares: FloatArray, scale: float) -> FloatArray:
    """Prior variance of each effect under a Student law with a sharp middle and long tails.

    The law is a normal one whose precision differs by effect; its expected precision given the effect's square follows,
    and the common scale is set to the one most likely.

    Parameters
    ----------
    squares
        Expected square of each effect: its estimate squared plus its variance.
    scale
        Scale of the law before the data; it counts for two effects.

    References
    ----------
    K. L. Lange, R. J. A. Little and J. M. G. Taylor (1989), Journal of the American Statistical Association 84, 881-896
    (the expected weights of a t law); A. Gelman et al. (2008), Annals of Applied Statistics 2, 1360-1383.

    Examples
    --------
    >>> np.sqrt(sparse_variances(np.array([1e-4, 4e-4, 1.0]), 0.05)).round(2).tolist()
    [0.02, 0.02, 0.88]
    """
    level = scale**2
    for _ in range(STEPS):
        precision = ((1 + TAIL) / (TAIL * level + squares)).sum() + PSEUDO_LEVELS / scale**2
        level = (len(squares) + PSEUDO_LEVELS) / precision
    return np.asarray((TAIL * level + squares) / (1 + TAIL))


def sparse_interval(estimate: FloatArray, se: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Intervals that hold every true effect with the same chance, and are short where there is none.

    A true effect is accepted if the estimate lies within a range of the given chance. The usual range has equal tails;
    this one leaves more room on the side where estimates are rare when most effects are small. So the interval of a
    small estimate is a fifth shorter, that of an estimate of four standard errors a quarter longer, and the end next to
    nought leaves it slowly.

    Parameters
    ----------
    estimate, se
        Of each effect alone, without a prior, with a normal error.

    References
    ----------
    J. W. Pratt (1961), Journal of the American Statistical Association 56, 549-567; C. Yu and P. D. Hoff (2018),
    Adaptive multigroup confidence intervals with constant coverage, Biometrika 105, 319-335.

    Examples
    --------
    >>> lower, upper = sparse_interval(np.array([0.0, 2.0, -2.0, 30.0]), np.ones(4), 0.9)
    >>> lower.round(1).tolist(), upper.round(1).tolist()
    ([-1.3, 0.1, -3.3, 28.4], [1.3, 3.3, -0.1, 31.6])
    """
    effect, least, most = _accepted(confidence)
    size = np.minimum(np.abs(estimate), FARTHEST * se) / np.where(se > 0, se, 1.0)
    half = float(special.ndtri(0.5 + confidence / 2))
    far = size > 0.75 * FARTHEST
    beyond = np.where(size > half, np.interp(size, most, effect), -np.interp(-size, least, effect))
    beyond, end = np.where(far, size - half, beyond), np.where(far, size + half, np.interp(size, least, effect))
    sign = np.where(estimate < 0, -1.0, 1.0)
    ends = estimate + sign * se * np.stack([beyond - size, end - size])
    return ends.min(axis=0), ends.max(axis=0)


@lru_cache(maxsize=8)
def _accepted(confidence: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """True effects from nought up, and the least and the most estimate with which each is accepted."""
    effect = np.concatenate([[0.0], np.geomspace(1e-3, 1, 100), np.arange(1.02, FARTHEST, 0.02)])
    lower_tail = (1 - confidence) * np.linspace(0.5, 1, CUTS, endpoint=False)
    least, most = special.ndtri(lower_tail), special.ndtri(confidence + lower_tail)
    spread = np.sqrt(1 + FIRM_SIZES**2)
    reach = [special.ndtr((effect[:, None] + end)[:, :, None] / spread) @ FIRM_SHARE for end in (least, most)]
    best = np.argmin(reach[1] - reach[0], axis=1)
    best[0] = 0
    even = np.clip((FARTHEST / 2 - effect) / 4, 0, 1)  # large effects come to have equal tails
    tail = (1 - confidence) / 2 + even * (lower_tail[best] - (1 - confidence) / 2)
    least, most = special.ndtri(tail), special.ndtri(confidence + tail)
    return effect, np.maximum.accumulate(effect + least), np.maximum.accumulate(effect + most)
