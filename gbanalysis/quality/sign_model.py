"""The second stage: a learned prediction of the refunds still to come of a day, from its leading signs.

For each age, a Poisson regression with a ridge penalty on the signs of `signs`, over the refunds that usually come
after that age; what it leaves unexplained, of the cell, of the day and of all open days together, is measured on past
days and drawn with the prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality.parts import excess_shape
from gbanalysis.quality.signs import SignArrays, Signs, share_by_age, signs_at

FloatArray = NDArray[np.float64]

WARM_UP = 14
LEAST_DAYS = 14
PENALTY = 0.03


@dataclass(frozen=True, eq=False)
class AgeModel:
    """What is expected of all days at one age, and how far days of the past lay from it.

    Attributes
    ----------
    expected
        [n_cells, n_days] refunds still to come.
    own_shape, day_variance
        The gamma shape of a cell's scatter on a day, and the relative variance of a whole day.
    coefficients
        Of the signs, each in standard deviations.
    """

    expected: FloatArray
    own_shape: float
    day_variance: float
    coefficients: FloatArray


@dataclass(frozen=True, eq=False)
class SignModel:
    """Predictions by age, learned from the days whose window had closed on day `trained_to`.

    Attributes
    ----------
    ages
        One model for each age from 0 up.
    shared_variance
        The part of the days' relative variance that all open days have in common.
    names
        The signs.
    """

    ages: tuple[AgeModel, ...]
    shared_variance: float
    names: tuple[str, ...]

    def draw(self, last: int, n_draws: int, rng: np.random.Generator) -> FloatArray:
        """[n_draws, n_cells, n_ages] refunds still to come of the days open on day `last`, oldest first."""
        common = _gamma(self.shared_variance, (n_draws, 1), rng)
        found = []
        for age in range(len(self.ages) - 1, -1, -1):
            model = self.ages[age]
            day = common * _gamma(model.day_variance - self.shared_variance, (n_draws, 1), rng)
            mean = model.expected[:, last - age] * day
            found.append(rng.poisson(mean * rng.gamma(model.own_shape, 1 / model.own_shape, mean.shape)))
        return np.stack(found, axis=2).astype(float)


def all_signs(signs: SignArrays) -> list[Signs]:
    """Give the signs at every age before the last delay."""
    ages = range(signs.max_delay)
    shares = [share_by_age(signs, age) for age in ages]
    return [signs_at(signs, age, shares=shares) for age in ages]


def fit_signs(by_age: Sequence[Signs], *, trained_to: int) -> SignModel:
    """Learn from the days whose window has closed on day `trained_to`; later days are predicted, not learned from.

    Raises
    ------
    NotEnoughDataError
        Fewer than two weeks of such days, after the two that the signs themselves need, or no refund in them.
    """
    wait = len(by_age)
    days = slice(wait + WARM_UP, trained_to - wait + 1)
    if days.stop - days.start < LEAST_DAYS:
        needed = 2 * wait + WARM_UP + LEAST_DAYS
        raise NotEnoughDataError(f"leading signs need {needed} days to learn from, and there are {trained_to + 1}")
    models = tuple(_fit_age(signs, days) for signs in by_age)
    open_sums = np.zeros((2, days.stop - days.start - wait))
    for age, (signs, model) in enumerate(zip(by_age, models, strict=True)):
        part = slice(days.start + wait - age, days.stop - age)
        open_sums += [signs.to_come[:, part].sum(axis=0), model.expected[:, part].sum(axis=0)]
    sizes = np.array([model.expected[:, days].sum() for model in models])
    weight = (sizes / sizes.sum()) ** 2
    of_days = float(weight @ [model.day_variance for model in models])
    smallest = min(model.day_variance for model in models)
    shared = (1 / excess_shape(open_sums[0], open_sums[1]) - of_days) / (1 - float(weight.sum()))
    return SignModel(models, float(np.clip(shared, 0.0, smallest)), by_age[0].names)


def _fit_age(signs: Signs, days: slice) -> AgeModel:
    from sklearn.linear_model import PoissonRegressor  # type: ignore[import-untyped]

    known = signs.usual[:, days] > 0
    rows, usual, count = signs.values[:, days][known], signs.usual[:, days][known], signs.to_come[:, days][known]
    if not count.sum():
        raise NotEnoughDataError("no refund came late enough to learn from")
    centre, spread = np.average(rows, axis=0, weights=usual), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    fitted = PoissonRegressor(alpha=PENALTY, max_iter=300).fit(
        (rows - centre) / spread, count / usual, sample_weight=usual
    )
    factor = np.exp(fitted.intercept_ + (signs.values - centre) / spread @ fitted.coef_)
    expected = signs.usual * factor
    seen, meant = signs.to_come[:, days], expected[:, days]
    whole, total = seen.sum(axis=0), meant.sum(axis=0)
    scaled = meant * np.divide(whole, total, out=np.ones_like(total), where=total > 0)
    return AgeModel(expected, excess_shape(seen, scaled), 1 / excess_shape(whole, total), np.asarray(fitted.coef_))


def _gamma(variance: float, size: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Factors with mean one."""
    if variance < 1e-9:
        return np.ones(size)
    return np.asarray(rng.gamma(1 / variance, variance, size))
