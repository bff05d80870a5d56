"""What a triangle's own past says of its projections: which effects to keep, and how wide intervals must be.

Shocks of single reporting days and a drift that stretches time are real in some triangles and, in others, noise that
a projection carries on into the future. And some triangles scatter in ways that no law here knows of. So the
triangle is projected as it stood on some past days, over delays short enough that the outcome is known by now: an
effect is kept where it brought the projections clearly nearer, and draws are spread as far as the outcomes lay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality.latency import levels
from gbanalysis.quality.latency.delays import DelayModel, first_immature, fit_delays
from gbanalysis.quality.latency.triangle import Triangle

FloatArray = NDArray[np.float64]

OPTIONAL = ("report_day", "stretch_drift")
CHOICES = tuple(frozenset(left_out) for size in range(3) for left_out in combinations(OPTIONAL, size))
LONGEST_DELAY = 14
HISTORY = 60
N_PAST_DAYS = 6
PAST_STEP = 4  # steps between the past days: not a whole cycle, so that weekdays differ
N_DRAWS = 200
CLEARLY = 0.06  # share of the score that an effect must save to be kept
CONFIDENCE, LEAST_WIDTH = 0.9, 3.0  # intervals narrower than so many events say little about the spread
DOUBT = 4.0  # past days that the model's own spread is worth
NARROWEST, WIDEST = 0.7, 3.0
LEVELS = np.linspace(0.05, 0.95, 19)


def choose_effects(triangle: Triangle, *, last: int, rng: np.random.Generator) -> frozenset[str]:
    """Give the optional effects to leave out of the delay law of a triangle as it stood on day `last`.

    All cells are judged together, for the optional effects are common to them. Without enough past to judge by, all
    effects are kept.

    References
    ----------
    A. P. Dawid (1984), Journal of the Royal Statistical Society A 147, 278-292 (judging a forecaster by its forecasts,
    made one after another); N. I. Bosse et al. (2023), PLOS Computational Biology 19 (scores on the log scale).
    """
    past = _shortened(triangle.over_cells([None] * triangle.n_cells))
    days = past_days(past, last)
    if len(days) < N_PAST_DAYS // 2:
        return CHOICES[0]
    parameters = level_parameters(past, last)
    scores = [
        np.mean(list(_scores(past, parameters, left_out, last, days, rng)))
        * (1 + CLEARLY * (len(OPTIONAL) - len(left_out)))
        for left_out in CHOICES
    ]
    return CHOICES[int(np.argmin(scores))]


def spread_factor(triangle: Triangle, *, without: frozenset[str], last: int, rng: np.random.Generator) -> float:
    """Give the factor by which draws must be spread, on the log scale, to hold the outcomes of past days.

    The factor is the 90 % quantile of how far outcomes lay from the median, in half-widths of their 90 % interval, over
    cells and the whole, drawn towards 1 as far as past days are few.
    """
    past = _shortened(triangle)
    days = past_days(past, last)
    try:
        like = fit_delays(_as_of(past, last), last=_place(past, last), without=without)
    except NotEnoughDataError:
        return 1.0
    parameters, found = level_parameters(past, last), []
    for day in days:
        known = _as_of(past, day)
        model = fit_delays(known, last=_place(past, day), without=without, like=like)
        remaining = draw_recent(model, parameters, rng)
        start = day + 1 - remaining.shape[2]
        final = past.ultimate()[:, start : day + 1] - known.ultimate()[:, -remaining.shape[2] :]
        found += [distances(remaining, final), distances(remaining.sum(axis=1), final.sum(axis=0))]
    ratios = np.concatenate(found) if found else np.empty(0)
    if len(ratios) == 0:
        return 1.0
    factor = np.log(np.clip(np.quantile(ratios, CONFIDENCE), NARROWEST, WIDEST))
    return float(np.exp(factor * len(days) / (len(days) + DOUBT)))


def distances(draws: FloatArray, final: FloatArray) -> FloatArray:
    """How far outcomes lie from the median of their draws, in half-widths of the interval, on the log scale.

    Intervals that hold few events are left out. Half an event is spread evenly to each side, as elsewhere.
    """
    even = (np.arange(len(draws)) * 0.618034) % 1 - 0.5
    tail = (1 - CONFIDENCE) / 2
    spread = np.maximum(draws + even.reshape(-1, *[1] * (draws.ndim - 1)), 0.0)
    low, middle, high = np.quantile(spread, (tail, 0.5, 1 - tail), axis=0)
    wide = high - low >= LEAST_WIDTH
    low, middle, high, value = (np.log1p(part[wide]) for part in (low, middle, high, final))
    return np.asarray(np.abs(value - middle) / np.where(value < middle, middle - low, high - middle))


def spread_draws(remaining: FloatArray, factor: float) -> FloatArray:
    """Spread draws [n_draws, ...] of events still to come about their median, on the log scale."""
    logs = np.log1p(remaining)
    middle = np.median(logs, axis=0)
    return np.asarray(np.maximum(np.expm1(middle + factor * (logs - middle)), 0.0))


def past_days(triangle: Triangle, last: int) -> list[int]:
    """Give the past days to judge by: their outcomes are known on day `last`."""
    days = (last - triangle.max_delay - PAST_STEP * k for k in range(N_PAST_DAYS))
    return [day for day in days if triangle.max_delay < day < triangle.n_days and day >= 2 * triangle.cycle]


def _shortened(triangle: Triangle) -> Triangle:
    return replace(triangle, counts=triangle.counts[:, :, : min(triangle.max_delay, LONGEST_DELAY) + 1])


def _scores(
    whole: Triangle,
    parameters: levels.LevelParameters,
    left_out: frozenset[str],
    last: int,
    days: list[int],
    rng: np.random.Generator,
) -> Iterator[float]:
    """Score the projections made on some past days with one choice of effects."""
    try:
        like = fit_delays(_as_of(whole, last), last=_place(whole, last), without=left_out)
    except NotEnoughDataError:
        yield float("inf")
        return
    final = whole.ultimate()[0]
    for day in days:
        known = _as_of(whole, day)
        model = fit_delays(known, last=_place(whole, day), without=left_out, like=like)
        remaining = draw_recent(model, parameters, rng)
        start = day + 1 - remaining.shape[2]
        yield log_score(known.ultimate()[0, -remaining.shape[2] :] + remaining[:, 0], final[start : day + 1])


def _as_of(whole: Triangle, day: int) -> Triangle:
    return whole.as_of(whole.reference[min(day, whole.n_days - 1)], history=HISTORY)


def _place(whole: Triangle, day: int) -> int:
    known = _as_of(whole, day)
    return day - int((known.reference[0] - whole.reference[0]).astype(int)) // whole.step


def draw_recent(model: DelayModel, parameters: levels.LevelParameters, rng: np.random.Generator) -> FloatArray:
    """[n_draws, n_cells, n_immature] draws of the events still to come, by the delay law of `model`."""
    known = model.triangle
    shares = model.draw_shares(N_DRAWS, rng)
    first, offered = first_immature(known, model.last), known.offered()
    return levels.draw_final(known.ultimate(), offered, shares, known.cycle, first, rng, parameters)


def level_parameters(past: Triangle, last: int) -> levels.LevelParameters:
    """Learn from the mature days how fast levels forget and how far days scatter."""
    first = first_immature(past, last)
    count, offered = past.ultimate()[:, :first], past.offered()[:, :first]
    start = levels.start_state((count.sum() + levels.PRIOR_EVENTS) / (offered.sum() + 1), len(count))
    return levels.learn_parameters(count, offered, start)


def log_score(draws: FloatArray, final: FloatArray) -> float:
    """Mean weighted interval score of the logarithms, which counts a growing series' small days as much as its large.

    Examples
    --------
    >>> near, far = np.tile([9.0, 10.0, 11.0], (1, 1)).T, np.tile([4.0, 5.0, 6.0], (1, 1)).T
    >>> log_score(near, np.array([10.0])) < log_score(far, np.array([10.0]))
    True
    """
    quantiles, value = np.quantile(np.log1p(draws), LEVELS, axis=0), np.log1p(final)
    return float((2 * ((value < quantiles) - LEVELS[:, None]) * (quantiles - value)).mean())
