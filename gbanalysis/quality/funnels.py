"""Funnel limits and shrunken ratios of observed to expected counts, when units differ by more than chance.

All is done on the square root of the ratio, whose variance 1/(4 expected) does not depend on the ratio.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]

WINSORISED = 0.1
WARNING, ACTION = 0.95, 0.998  # levels of the two pairs of limits, about two and three standard deviations


class Spread(NamedTuple):
    """How far ratios of units differ beyond chance.

    Attributes
    ----------
    dispersion
        Mean square of the winsorised z-scores; 1 where there is nothing but chance.
    tau2
        Variance between units of the square root of the ratio.
    """

    dispersion: float
    tau2: float


def z_scores(observed: ArrayLike, expected: ArrayLike, *, within: float = 1.0) -> FloatArray:
    """Distance of each unit's ratio from one, in standard deviations of chance; `within` widens a count's variance."""
    observed, expected = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    return np.asarray(2 * (np.sqrt(observed) - np.sqrt(expected)) / np.sqrt(within))


def spread_between(observed: ArrayLike, expected: ArrayLike, *, within: float = 1.0) -> Spread:
    """Estimate the spread between units from their winsorised z-scores, so that few bad ones do not hide themselves.

    References
    ----------
    D. J. Spiegelhalter (2005), Quality and Safety in Health Care 14, 347-351, eqs. 3 and 5.

    Examples
    --------
    >>> spread_between([90, 100, 110, 100], [100, 100, 100, 100]).tau2
    0.0
    """
    z = z_scores(observed, expected, within=within)
    low, high = np.quantile(z, [WINSORISED, 1 - WINSORISED])
    dispersion = float(np.mean(np.clip(z, low, high) ** 2))
    weight = 4 * np.asarray(expected, dtype=float) / within
    excess = len(z) * dispersion - (len(z) - 1)
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    return Spread(dispersion, float(max(excess / scale, 0.0)) if scale > 0 else 0.0)


def limits(expected: ArrayLike, tau2: float, *, level: float, within: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """Lower and upper limit of the ratio of a unit that is like the others, at each expected count.

    Examples
    --------
    >>> low, high = limits([25.0, 100.0], 0.0, level=0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.646, 0.814], [1.43, 1.206])
    """
    expected = np.asarray(expected, dtype=float)
    half = special.ndtri(0.5 + level / 2) * np.sqrt(within / (4 * expected) + tau2)
    return np.maximum(1 - half, 0.0) ** 2, (1 + half) ** 2


def shrunken_ratios(
    observed: ArrayLike, expected: ArrayLike, tau2: float, *, within: float = 1.0, confidence: float = 0.9
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ratio of each unit drawn towards one as far as chance and `tau2` ask, with its interval.

    The interval also holds what is not known of the overall level, a unit's share of its own weight.

    References
    ----------
    C. N. Morris (1983), Journal of the American Statistical Association 78, 47-55.
    """
    root = np.sqrt(np.asarray(observed, dtype=float) / np.asarray(expected, dtype=float))
    variance = within / (4 * np.asarray(expected, dtype=float))
    if tau2 <= 0:
        tau2 = 1e-12
    pull = variance / (variance + tau2)
    precision = 1 / (variance + tau2)
    centre = float((precision * root).sum() / precision.sum())
    n = len(root)
    spread_of_tau = 2 / max(n - 3, 1) * pull**2 * (root - centre) ** 2  # tau2 is itself an estimate
    middle = centre + (1 - pull) * (root - centre)
    deviation = np.sqrt(variance * (1 - pull) + pull**2 / precision.sum() + spread_of_tau)
    half = special.ndtri(0.5 + confidence / 2) * deviation
    return middle**2, np.maximum(middle - half, 0.0) ** 2, (middle + half) ** 2
