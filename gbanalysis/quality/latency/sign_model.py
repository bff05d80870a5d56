"""The second stage: a learned prediction of the refunds still to come of a day, from its leading signs.

For each age, a Poisson regression with a ridge penalty on the signs of `signs`, over the refunds that usually come
after that age; the penalty is the one under which the days before predict the newest third best. What it leaves
unexplained, of the cell, of the day and of all open days together, is measured on past days and drawn with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality.latency.parts import excess_shape
from gbanalysis.quality.latency.signs import SignArrays, Signs, share_by_age, signs_at

FloatArray = NDArray[np.float64]

WARM_UP = 14
LEAST_DAYS = 14
PRECISIONS = (25.0, 100.0, 400.0, 2500.0, 1e6)
JUDGED_SHARE = 0.3
LARGEST_EFFECT = 1.5


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
        there = max(trained_to + 1, 0)
        raise NotEnoughDataError(f"leading signs need {needed} days to learn from, and there are {there}")
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
    split = days.start + round((days.stop - days.start) * (1 - JUDGED_SHARE))
    early, late = slice(days.start, split), slice(split, days.stop)
    losses = [_deviance(signs, late, _regress(signs, early, precision)[0]) for precision in PRECISIONS]
    factor, coefficients = _regress(signs, days, PRECISIONS[int(np.argmin(losses))])
    expected = signs.usual * factor
    seen, meant = signs.to_come[:, days], expected[:, days]
    whole, total = seen.sum(axis=0), meant.sum(axis=0)
    scaled = meant * np.divide(whole, total, out=np.ones_like(total), where=total > 0)
    return AgeModel(expected, excess_shape(seen, scaled), 1 / excess_shape(whole, total), coefficients)


def _regress(signs: Signs, days: slice, precision: float) -> tuple[FloatArray, FloatArray]:
    """Learn from some days; give the factor on what is usual, [n_cells, n_days] of all days, and the coefficients.

    `precision` is that of a normal prior on each coefficient, in standard deviations of its sign.
    """
    from sklearn.linear_model import PoissonRegressor  # type: ignore[import-untyped]

    known = signs.usual[:, days] > 0
    rows, usual, count = signs.values[:, days][known], signs.usual[:, days][known], signs.to_come[:, days][known]
    if not count.sum():
        raise NotEnoughDataError("no refund came late enough to learn from")
    centre, spread = np.average(rows, axis=0, weights=usual), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    # The library's penalty is on the mean over the weights, the prior's on their sum.
    model = PoissonRegressor(alpha=precision / usual.sum(), max_iter=300)
    model.fit((rows - centre) / spread, count / usual, sample_weight=usual)
    away = np.clip((signs.values - centre) / spread @ model.coef_, -LARGEST_EFFECT, LARGEST_EFFECT)
    return np.exp(model.intercept_ + away), np.asarray(model.coef_)


def _deviance(signs: Signs, days: slice, factor: FloatArray) -> float:
    """Half the Poisson deviance of some days, up to what does not depend on the factor."""
    known = signs.usual[:, days] > 0
    mean, count = (signs.usual * factor)[:, days][known], signs.to_come[:, days][known]
    return float((mean - count * np.log(mean)).sum())


def _gamma(variance: float, size: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Factors with mean one."""
    if variance < 1e-9:
        return np.ones(size)
    return np.asarray(rng.gamma(1 / variance, variance, size))
