"""The delay law and the leading signs together: each counts as much as it was worth at that age in the past.

Both stages predict days of the past whose outcome is known by now, as they stood at that time. At each age the weight
of the signs is the one under which the mixture of the two predictions gives the outcomes the highest chance. A weight
of zero says that the signs add nothing at that age.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality import facts
from gbanalysis.quality.latency.delay_arrays import DelayArrays
from gbanalysis.quality.latency.levels import negative_binomial_log
from gbanalysis.quality.latency.projection import Projection, project_triangle
from gbanalysis.quality.latency.sign_model import SignModel, all_signs, fit_signs
from gbanalysis.quality.latency.signs import SignArrays, Signs, lay_out
from gbanalysis.quality.latency.triangle import Triangle

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]

HISTORY_DAYS = 400
PAST_DAYS = 6
LEAST_PAST_DAYS = 3
PAST_STEP = 5  # days between them: not a whole week, so that weekdays differ
WEIGHTS = np.linspace(0.0, 1.0, 41)
NEIGHBOUR = 0.5


@dataclass(frozen=True, eq=False)
class Stages:
    """What both stages need, read once; nothing of it later than the last day.

    Attributes
    ----------
    triangle
        The first stage's, over all days.
    signs, by_age
        The second stage's.
    """

    triangle: Triangle
    signs: SignArrays
    by_age: list[Signs]

    @property
    def last(self) -> int:
        """The index of the last day."""
        return self.triangle.n_days - 1

    def first(self, day: int, rng: np.random.Generator, confidence: float = 0.9) -> Projection:
        """Project by the delay law, as it stood at the end of a day."""
        return project_triangle(self.triangle, as_of=self.triangle.reference[day], confidence=confidence, rng=rng)

    def second(self, model: SignModel, day: int, n_draws: int, rng: np.random.Generator) -> FloatArray:
        """[n_draws, n_cells, n_open] final counts of the days open at the end of a day, drawn from their signs."""
        to_come = model.draw(day, n_draws, rng)
        newest = slice(day + 1 - to_come.shape[2], day + 1)
        observed = self.triangle.observed(self.triangle.reference[day])[:, newest]
        return np.asarray(np.minimum(observed + to_come, self.signs.n[:, newest]))


def read_stages(dataset: Dataset, *, cells: tuple[tuple[str, str], ...], as_of: dt.date) -> Stages:
    """Read what both stages need of the days up to `as_of`, in the cells of a projection."""
    max_delay = dataset.settings.refund_window_days
    first = as_of - dt.timedelta(days=HISTORY_DAYS - 1)
    frame = facts.sign_facts(dataset, max_delay=max_delay, first=first, as_of=as_of)
    signs = lay_out(frame, cells=cells, as_of=as_of, max_delay=max_delay)
    triangle = Triangle(
        signs.refunded, start=signs.days[0], exposure=signs.n, cells=cells, group=tuple(name for name, _ in cells)
    )
    return Stages(triangle, signs, all_signs(signs))


def add_signs(
    dataset: Dataset, arrays: DelayArrays, projected: Projection, rng: np.random.Generator
) -> tuple[Projection, pd.DataFrame]:
    """Blend a projection of lines by day of pickup with the prediction from leading signs.

    Returns
    -------
    tuple
        The blend; and by age the weight of the signs and how it was found: ``age``, ``weight``, ``n`` (forecasts
        judged), ``score_delays``, ``score_signs`` (mean log chance of the outcome; higher is better).

    Raises
    ------
    NotEnoughDataError
        The history is too short to learn from and to judge by.
    """
    as_of = arrays.days[-1].astype(object)
    stages = read_stages(dataset, cells=arrays.cells, as_of=as_of)
    days = past_days(stages.last, stages.signs.max_delay)
    model = fit_signs(stages.by_age, trained_to=days[0])
    chances = [judge(stages, model, day, rng) for day in days]
    weights = weigh(chances)
    newest = fit_signs(stages.by_age, trained_to=stages.last)
    signs = stages.second(newest, stages.last, len(projected.draws), rng)
    return blend(projected, signs, weights["weight"].to_numpy(), rng), weights


def past_days(last: int, max_delay: int) -> list[int]:
    """Give days of the past to judge both stages by, oldest first; the window of the newest has closed on `last`."""
    days = [last - max_delay - PAST_STEP * k for k in range(PAST_DAYS)]
    enough = [day for day in days if day >= 2 * max_delay + 28]
    if len(enough) < LEAST_PAST_DAYS:
        raise NotEnoughDataError(f"{last + 1} days are too few to learn leading signs and to judge them")
    return enough[::-1]


def judge(stages: Stages, model: SignModel, day: int, rng: np.random.Generator) -> FloatArray:
    """Judge both stages by a day of the past; see `judge_draws`."""
    first = stages.first(day, rng).draws
    return judge_draws(stages, day, first, stages.second(model, day, len(first), rng))


def judge_draws(stages: Stages, day: int, first: FloatArray, second: FloatArray) -> FloatArray:
    """[2, n_ages, n_cells + 1] log chance that each stage gave the outcome of each cell, and of the whole."""
    final = stages.signs.refunded.sum(axis=2)[:, day + 1 - first.shape[2] : day + 1]
    return np.stack([log_chance(draws, final)[:, ::-1].T for draws in (first, second)])


def log_chance(draws: FloatArray, final: FloatArray) -> FloatArray:
    """[n_cells + 1, n_days] log chance of final counts, of cells and the whole, by a negative binomial."""
    draws = np.concatenate([draws, draws.sum(axis=1, keepdims=True)], axis=1)
    final = np.concatenate([final, final.sum(axis=0, keepdims=True)])
    low = draws.min(axis=0)
    mean, variance = (draws - low).mean(axis=0) + 0.01, draws.var(axis=0)
    shape = mean**2 / np.maximum(variance - mean, 1e-6 * mean**2)
    return negative_binomial_log(np.maximum(final - low, 0.0), mean, shape)


def weigh(chances: list[FloatArray]) -> pd.DataFrame:
    """Give the weight of the signs at each age; the ages beside it count for a half."""
    import pandas as pd

    logs = np.stack(chances)  # days, stages, ages, forecasts
    n_ages = logs.shape[2]
    best = logs.max(axis=1, keepdims=True)
    odds = np.exp(logs - best)
    mixed = np.log(WEIGHTS[:, None, None, None] * odds[:, 1] + (1 - WEIGHTS[:, None, None, None]) * odds[:, 0] + 1e-300)
    score = mixed.sum(axis=(1, 3))
    near = score.copy()
    near[:, 1:] += NEIGHBOUR * score[:, :-1]
    near[:, :-1] += NEIGHBOUR * score[:, 1:]
    return pd.DataFrame(
        {
            "age": np.arange(n_ages),
            "weight": WEIGHTS[near.argmax(axis=0)],
            "n": logs.shape[0] * logs.shape[3],
            "score_delays": logs[:, 0].mean(axis=(0, 2)),
            "score_signs": logs[:, 1].mean(axis=(0, 2)),
        }
    )


def blend(projected: Projection, signs: FloatArray, weights: FloatArray, rng: np.random.Generator) -> Projection:
    """Mix the draws of the two stages: those of age a come from the signs in a share ``weights[a]`` of the draws."""
    n_draws, _, n_open = projected.draws.shape
    taken = rng.random((n_draws, 1)) < weights[:n_open][::-1]
    draws = np.where(taken[:, None, :], signs, projected.draws)
    estimate = projected.estimate.copy()
    estimate[:, estimate.shape[1] - n_open :] = draws.mean(axis=0)
    return replace(projected, draws=draws, estimate=estimate)
