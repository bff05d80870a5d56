"""Families of worlds: each changes one law of the market and nothing else.

====================  ===============================================================================================
family                what it says
====================  ===============================================================================================
standard              none of the below
batch                 a supplier's goods of one day share a batch effect of sd 0.45 on ln(start deficit)
link                  tolerances are not lognormal: 85 % a power law of low ones (shape 1.6), 15 % a hard threshold
interaction           ln(start deficit) of supplier s grows by b_s per 10 °C above 18 °C where it sits
confounder            an unrecorded glut u(supplier, day) adds 0.8 u to log share and 0.45 u to ln(start deficit)
drift                 refund delays lengthen: their scale goes from 0.7 to 1.7 of standard over the market
====================  ===============================================================================================

A family's own random numbers come from streams of its own, so switching it on leaves every other draw where it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.config import Config
from gbanalysis.market.streams import stream

Array = NDArray[np.float64]

BATCH_SD = 0.45
HEAT_SD = 0.5
HEAT_FROM_C = 18.0
GLUT_ON_SHARE = 0.8
GLUT_ON_QUALITY = 0.45
DRIFT_FROM, DRIFT_TO = 0.7, 1.7
POWER_SHARE, POWER_SHAPE, POWER_AT_MEDIAN = 0.85, 1.6, 0.05
THRESHOLD_GAP, THRESHOLD_SD = 1.0, 0.12


def batch_effect(config: Config, n_suppliers: int, day: int) -> Array:
    """Give each supplier's batch effect of one day on ln(start deficit); zeros outside family ``batch``."""
    if config.family != "batch":
        return np.zeros(n_suppliers)
    return BATCH_SD * stream(config.seed, "families.batch", day).standard_normal(n_suppliers)


def heat_sensitivity(config: Config, n_suppliers: int) -> Array:
    """Give each supplier's rise of ln(start deficit) per 10 °C of heat; zeros outside family ``interaction``."""
    if config.family != "interaction":
        return np.zeros(n_suppliers)
    return np.abs(HEAT_SD * stream(config.seed, "families.heat").standard_normal(n_suppliers))


def glut(config: Config, n_suppliers: int) -> Array:
    """Give the unrecorded glut, standard normal and smooth over about two weeks.

    Returns
    -------
    numpy.ndarray
        Shape (n_days + 1, n_suppliers), by selling day; zeros outside family ``confounder``.
    """
    n_days = config.n_days + 1
    if config.family != "confounder":
        return np.zeros((n_days, n_suppliers))
    n_knots = n_days // 14 + 3
    knots = stream(config.seed, "families.glut").standard_normal((n_knots, n_suppliers))
    place = np.arange(n_days) / 14
    left = place.astype(np.int64)
    part = (place - left)[:, None]
    mixed = (1 - part) * knots[left] + part * knots[left + 1]
    smooth: Array = mixed / np.sqrt((1 - part) ** 2 + part**2)
    return smooth


def allocation_tilt(config: Config, n_suppliers: int) -> Array:
    """Give what is added to the suppliers' log shares, shape (n_days + 1, n_suppliers)."""
    return GLUT_ON_SHARE * glut(config, n_suppliers)


def quality_tilt(config: Config, n_suppliers: int) -> Array:
    """Give what the glut adds to ln(start deficit), shape (n_days + 1, n_suppliers)."""
    return GLUT_ON_QUALITY * glut(config, n_suppliers)


def delay_scale(config: Config, day: NDArray[np.int64]) -> Array:
    """Give the factor on the delay scale for pickups on the days given; ones outside family ``drift``."""
    if config.family != "drift":
        return np.ones(len(day))
    share = np.clip(np.asarray(day) / max(config.n_days - 1, 1), 0.0, 1.0)
    return DRIFT_FROM + (DRIFT_TO - DRIFT_FROM) * share


def complaint_cdf(config: Config, log_deficit: Array, log_median: Array, spread: float) -> Array:
    """Give the chance that a deficit exceeds a random personal tolerance.

    Parameters
    ----------
    config
        Its family chooses the law of the tolerance.
    log_deficit, log_median
        Natural logarithms of the deficit and of the median tolerance.
    spread
        Standard deviation of the log tolerance in the standard family.

    Returns
    -------
    numpy.ndarray
        Φ((ln deficit − ln median) / spread); in family ``link`` a mixture of a power law and a narrow threshold.
    """
    from scipy.special import ndtr

    gap = log_deficit - log_median
    if config.family != "link":
        smooth: Array = ndtr(gap / spread)
        return smooth
    power = np.minimum(POWER_AT_MEDIAN * np.exp(np.minimum(POWER_SHAPE * gap, 20.0)), 1.0)
    threshold = ndtr((gap + THRESHOLD_GAP) / THRESHOLD_SD)
    mixed: Array = POWER_SHARE * power + (1 - POWER_SHARE) * threshold
    return mixed
