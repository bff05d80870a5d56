"""How long after pickup a refund is asked for.

    P(age = a | category, weekday of pickup) ∝ (S(a / s) - S((a + 1) / s)) * w[weekday of pickup + a],   a = 0 .. window
    S(x) = exp(-x^0.9),   s = scale of the category * drift(day),   w: fewer requests at the weekend

The scale is about 1.7 days for what spoils and up to 2.6 days for what keeps. In family ``drift`` it grows through
time.

Which naive estimator it fools: the refund rate of the newest days as it stands. Of the complaints about the last
day about two in five are known; the last seven days together show 85 % of what will come. (Measured by
tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market import families
from gbanalysis.market.world import Places

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SHAPE = 0.9
SHORTEST_SCALE, KEEPING_SCALE, KEEPING_DAYS = 1.7, 0.9, 30.0
# Monday to Sunday
WEEKDAY_WEIGHT = np.array([1.15, 1.05, 1.0, 1.0, 1.0, 0.8, 0.75])


def delay_scales(world: Places) -> Array:
    """Give each category's delay scale in days, longer for goods that keep."""
    n_categories = len(world.category)
    count = np.maximum(np.bincount(world.sku_category, minlength=n_categories), 1)
    keeping = 1.0 - np.exp(-world.sku_shelf_days / KEEPING_DAYS)
    scale: Array = SHORTEST_SCALE + KEEPING_SCALE * np.bincount(world.sku_category, keeping, n_categories) / count
    return scale


def delay_distribution(world: Places, pickup_day: Ints) -> Array:
    """Give the chances of each age of a refund request, by the day of pickup.

    Parameters
    ----------
    world
        The market; its refund window bounds the age.
    pickup_day
        [n] day indices of pickup.

    Returns
    -------
    numpy.ndarray
        [n, n_categories, window + 1]; the last axis sums to one.
    """
    window = world.config.refund_window_days
    age = np.arange(window + 2)
    scale = delay_scales(world)[None, :] * families.delay_scale(world.config, pickup_day)[:, None]
    survival = np.exp(-((age / scale[:, :, None]) ** SHAPE))
    # 1970-01-01 was a Thursday
    weekday = (world.dates[0].astype("datetime64[D]").astype(np.int64) + 3 + pickup_day) % 7
    weight = WEEKDAY_WEIGHT[(weekday[:, None] + age[:-1]) % 7]
    mass = -np.diff(survival, axis=2) * weight[:, None, :]
    chances: Array = mass / mass.sum(axis=2, keepdims=True)
    return chances


def draw_delays(world: Places, pickup_day: Ints, category: Ints, u: Array) -> Ints:
    """Give the age in days at which each refund is asked for, by inversion with the uniforms ``u``."""
    days, place = np.unique(pickup_day, return_inverse=True)
    steps = np.cumsum(delay_distribution(world, days), axis=2)[place, category]
    age: Ints = np.minimum((u[:, None] >= steps).sum(axis=1), steps.shape[1] - 1)
    return age
