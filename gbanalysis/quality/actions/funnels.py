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
WINSORISED_SQUARE = 0.6787  # mean square of a standard normal cut at its tenth and ninetieth percentile
SPREADS = np.linspace(0.0, 0.6, 121)  # what the spread of square roots between units may be, all alike likely before
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
    D. J. Spiegelhalter (2005), Quality and Safety in Health Care 14, 347-351.

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
    observed: ArrayLike, expected: ArrayLike, *, within: float = 1.0, confidence: float = 0.9
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ratio of each unit drawn towards the others' as far as chance and their spread ask, with its interval.

    The spread between units is not taken as known: estimates and intervals are averaged over what it may be. Few units
    far out do not widen it for all: their distance counts up to the tenth and ninetieth percentile only.

    References
    ----------
    C. N. Morris (1983), Journal of the American Statistical Association 78, 47-55; D. B. Rubin (1981), Journal of
    Educational Statistics 6, 377-401 (averaging over the spread).
    """
    expected = np.asarray(expected, dtype=float)
    root = np.sqrt(np.asarray(observed, dtype=float) / expected)
    variance = within / (4 * expected)
    total = variance + (SPREADS**2)[:, None]
    precision = 1 / total
    centre = (precision * root).sum(axis=1, keepdims=True) / precision.sum(axis=1, keepdims=True)
    z = (root - centre) / np.sqrt(total)
    ends = np.quantile(z, [WINSORISED, 1 - WINSORISED], axis=1)[..., None]
    likelihood = -0.5 * (np.log(total) + np.clip(z, ends[0], ends[1]) ** 2 / WINSORISED_SQUARE).sum(axis=1)
    weight = np.exp(likelihood - likelihood.max())[:, None] / np.exp(likelihood - likelihood.max()).sum()
    pull = variance / total
    middles = centre + (1 - pull) * (root - centre)
    middle = (weight * middles).sum(axis=0)
    spread = variance * (1 - pull) + pull**2 / precision.sum(axis=1, keepdims=True) + (middles - middle) ** 2
    half = special.ndtri(0.5 + confidence / 2) * np.sqrt((weight * spread).sum(axis=0))
    return middle**2, np.maximum(middle - half, 0.0) ** 2, (middle + half) ** 2
