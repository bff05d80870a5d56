"""How many events a reference day has in the end, given what is reported and how many the days before it had.

    final count of cell c on day t ~ Poisson(size_ct)
    size_ct  = base_c(t) * offered_ct * day_t * own_ct,   day_t and own_ct gamma with mean level_t and 1
    reported ~ Poisson(size_ct * share_ct)

`base` and `level` are gamma states that forget at a steady rate (the power discount), so that all steps have closed
forms; how fast they forget and how far days scatter are those that predict the mature days best, one step ahead. On
a day of which much is reported this is count / share; the less is reported, the more the days before it speak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]

BASE_MEMORY = (0.9, 0.95, 0.98, 0.99)
LEVEL_MEMORY = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
SCATTER = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 250.0, 1000.0, 1e5)
SLOWEST_ALONE = 0.98
PRIOR_EVENTS = 0.5
SMALLEST_FACTOR = 0.01
CYCLES_NEEDED = 3


@dataclass(frozen=True)
class LevelParameters:
    """How fast the cells' base rates and the common level forget, and the gamma shapes of day and own scatter."""

    base_memory: float
    level_memory: float
    day_shape: float
    own_shape: float


@dataclass(frozen=True, eq=False)
class LevelState:
    """Gamma states after some day: the cells' base rates [..., n_cells] and the common level [...]."""

    base_shape: FloatArray
    base_rate: FloatArray
    level_shape: FloatArray
    level_rate: FloatArray

    def repeated(self, times: int) -> LevelState:
        """Give the same state once for each draw."""
        return LevelState(*(np.repeat(value[None], times, axis=0) for value in vars(self).values()))


def negative_binomial_log(count: FloatArray, mean: ArrayLike, shape: ArrayLike) -> FloatArray:
    """Log chance of a count with this mean and variance mean + mean² / shape."""
    mean, shape = np.maximum(mean, 1e-9), np.asarray(shape, dtype=float)
    return np.asarray(
        special.gammaln(count + shape) - special.gammaln(shape) - special.gammaln(count + 1)
        - shape * np.log1p(mean / shape) + count * (np.log(mean) - np.log(mean + shape))
    )  # fmt: skip


def cycle_factors(count: FloatArray, offered: FloatArray, cycle: int) -> FloatArray:
    """How the rate of each day of the cycle compares with the cycle's mean, shrunk to 1 as far as days scatter.

    Parameters
    ----------
    count, offered
        [n_days] final counts and exposures, summed over cells.
    cycle
        Days a cycle.

    Returns
    -------
    numpy.ndarray
        [cycle]; ones where there are fewer than three cycles.

    Examples
    --------
    >>> cycle_factors(np.tile([10.0, 20.0], 20), np.full(40, 100.0), 2).round(2)
    array([0.67, 1.33])
    """
    flat = np.ones(cycle)
    if cycle == 1 or len(count) < CYCLES_NEEDED * cycle + cycle:
        return flat
    window = np.ones(cycle) if cycle % 2 else np.concatenate([[0.5], np.ones(cycle - 1), [0.5]])
    half = len(window) // 2
    near, near_offered = (np.convolve(values, window, mode="valid") for values in (count, offered))
    inside = slice(half, len(count) - half)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = count[inside] / (offered[inside] * near / near_offered)
    place = np.arange(len(count))[inside] % cycle
    seen = np.isfinite(ratio)
    n = np.bincount(place[seen], minlength=cycle)
    if (n < 2).all():
        return flat
    mean = np.bincount(place[seen], ratio[seen], minlength=cycle) / np.maximum(n, 1)
    scatter = np.sum((ratio[seen] - mean[place[seen]]) ** 2) / max(seen.sum() - (n > 0).sum(), 1)
    error = scatter / np.maximum(n, 1)
    usual = mean[n > 0].mean()
    between = max(mean[n > 0].var(ddof=1) - error[n > 0].mean(), 0.0) if (n > 0).sum() > 1 else 0.0
    shrunk = np.where(n > 0, 1 + (mean - usual) * between / (between + error + 1e-12), 1.0)
    return np.maximum(shrunk, SMALLEST_FACTOR)


def start_state(pooled_rate: float, n_cells: int) -> LevelState:
    """Give the state before the first day: half an event at the pooled rate in each cell, and a level of 1."""
    return LevelState(
        np.full(n_cells, PRIOR_EVENTS),
        np.full(n_cells, PRIOR_EVENTS / pooled_rate),
        np.array(1.0),
        np.array(1.0),
    )


def advance(
    state: LevelState, parameters: LevelParameters, count: FloatArray, seen: FloatArray, start: LevelState
) -> LevelState:
    """Move the states over one day with `count` events reported out of `seen` (exposure times share reported)."""
    base, level = parameters.base_memory, parameters.level_memory
    mean = state.base_shape / state.base_rate * seen
    weight = 1 / (1 + mean / parameters.own_shape)
    return LevelState(
        base * state.base_shape + (1 - base) * start.base_shape + count,
        base * state.base_rate + (1 - base) * start.base_rate + seen,
        level * state.level_shape + (1 - level) * start.level_shape + (weight * count).sum(axis=-1),
        level * state.level_rate + (1 - level) * start.level_rate + (weight * mean).sum(axis=-1),
    )


def run_mature(
    count: FloatArray, offered: FloatArray, parameters: LevelParameters, start: LevelState
) -> tuple[LevelState, FloatArray, FloatArray]:
    """Run the states over mature days; also give the cells' base means [n_days, n_cells] and the level's shape, mean.

    The means are those before each day, so they are one-step predictions; the level comes as [2, n_days].
    """
    state, means, levels = start, [], []
    for day in range(count.shape[1]):
        means.append(state.base_shape / state.base_rate * offered[:, day])
        shape = parameters.level_memory * state.level_shape
        levels.append((shape, state.level_shape / state.level_rate))
        state = advance(state, parameters, count[:, day], offered[:, day], start)
    return state, np.array(means).reshape(-1, count.shape[0]), np.array(levels).reshape(-1, 2).T


def learn_parameters(count: FloatArray, offered: FloatArray, start: LevelState) -> LevelParameters:
    """Choose memories and scatter by the likelihood of mature days, each predicted from those before it.

    Parameters
    ----------
    count, offered
        [n_cells, n_days] final counts of mature days and what they were offered.
    start
        The state before the first of them.

    Notes
    -----
    The cells' memory and own scatter are judged on the cells given the day's total, the common level's memory and
    the days' scatter on the totals. With one cell, the two levels are one.
    """
    found = LevelParameters(SLOWEST_ALONE, 0.9, SCATTER[-1], SCATTER[-1])
    n_days = count.shape[1]
    judged = slice(min(n_days // 3, 14), n_days)
    if n_days < 4:
        return found
    totals = count.sum(axis=0)
    if count.shape[0] > 1:
        best = -np.inf
        for memory in BASE_MEMORY:
            _, mean, _ = run_mature(count, offered, replace(found, base_memory=memory), start)
            scaled = (mean * (totals / np.maximum(mean.sum(axis=1), 1e-9))[:, None])[judged]
            scores = [negative_binomial_log(count.T[judged], scaled, shape).sum() for shape in SCATTER]
            if max(scores) > best:
                best = max(scores)
                found = replace(found, base_memory=memory, own_shape=SCATTER[int(np.argmax(scores))])
    best, chosen = -np.inf, found
    for memory in LEVEL_MEMORY:
        _, mean, (shape, level) = run_mature(count, offered, replace(found, level_memory=memory), start)
        expected = (mean.sum(axis=1) * level)[judged]
        for scatter in SCATTER:
            joint = 1 / (1 / shape[judged] + 1 / scatter)
            score = float(negative_binomial_log(totals[judged], expected, joint).sum())
            if score > best:
                best, chosen = score, replace(found, level_memory=memory, day_shape=scatter)
    return chosen


def draw_remaining(
    count: FloatArray,
    offered: FloatArray,
    shares: FloatArray,
    state: LevelState,
    parameters: LevelParameters,
    start: LevelState,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw the events of immature days that are still to be reported.

    Parameters
    ----------
    count, offered
        [n_cells, n_immature] events reported, and exposures, oldest day first.
    shares
        [n_draws, n_cells, n_immature] draws of the share reported.
    state
        The state after the last mature day.

    Returns
    -------
    numpy.ndarray
        [n_draws, n_cells, n_immature]
    """
    remaining = np.zeros_like(shares)
    state = state.repeated(len(shares))
    for day in range(shares.shape[2]):
        share, reported = shares[:, :, day], count[:, day]
        mean = state.base_shape / state.base_rate * offered[:, day]
        level = state.level_shape / state.level_rate
        joint = 1 / (1 / (parameters.level_memory * state.level_shape) + 1 / parameters.day_shape)
        weight = 1 / (1 + level[:, None] * mean * share / parameters.own_shape)
        seen = (weight * mean * share).sum(axis=1)
        factor = rng.gamma(joint + (weight * reported).sum(axis=1)) / (joint / level + seen)
        prior = factor[:, None] * mean
        own = parameters.own_shape
        size = rng.gamma(own + reported, size=share.shape) * prior / (own + prior * share)
        remaining[:, :, day] = rng.poisson(size * (1 - share))
        state = advance(state, parameters, reported, offered[:, day] * share, start)
    return remaining


def draw_final(
    count: FloatArray,
    offered: FloatArray,
    shares: FloatArray,
    cycle: int,
    first: int,
    rng: np.random.Generator,
    parameters: LevelParameters | None = None,
) -> FloatArray:
    """Draw the events still to be reported of the days from `first` on, learning the levels from the days before.

    Parameters
    ----------
    count, offered
        [n_cells, n_days] events reported so far, and exposures (ones where there are none).
    shares
        [n_draws, n_cells, n_days - first] draws of the share reported.
    cycle
        Days after which the calendar repeats.
    parameters
        Memories and scatter, where they are known already; learned otherwise.

    Returns
    -------
    numpy.ndarray
        [n_draws, n_cells, n_days - first]
    """
    factors = cycle_factors(count[:, :first].sum(axis=0), offered[:, :first].sum(axis=0), cycle)
    usual = offered * factors[np.arange(count.shape[1]) % cycle]
    seen = np.concatenate([usual[:, :first], usual[:, first:] * shares.mean(axis=0)], axis=1)
    start = start_state((count.sum() + PRIOR_EVENTS) / (seen.sum() + 1), len(count))
    parameters = parameters or learn_parameters(count[:, :first], usual[:, :first], start)
    state, _, _ = run_mature(count[:, :first], usual[:, :first], parameters, start)
    return draw_remaining(count[:, first:], usual[:, first:], shares, state, parameters, start, rng)
