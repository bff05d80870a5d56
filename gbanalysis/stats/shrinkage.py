"""Variances of effects of which most are nothing and a few are large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

TAIL = 0.3  # degrees of freedom of the prior: 1 is Cauchy's law, less has longer tails and leaves large effects alone
PSEUDO_LEVELS = 2.0  # levels that the starting scale counts for
STEPS = 20


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
