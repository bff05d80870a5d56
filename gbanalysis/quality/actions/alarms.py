"""Sequential alarms on refunds as they are asked for: what was reported today against what was to be expected today.

A refund asked for today belongs to a pickup of today or of the days before. The expected count of a day is therefore
the lines picked up, times the rate, times the share that asks after so many days:

    E[s, t] = common[c, t] rate[s] sum_a delay[c, a] lines[s, t - a]

so that nothing is immature: a day's reports are all there in the evening. The score is Page's cumulative sum of the log
likelihood ratio of a rate `ratio` times as high, S_t = max(0, S_{t-1} + Y_t log(ratio) - E_t (ratio - 1)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

REFIT_DAYS = 7  # the expectation is learned again so often
MEMORY = 7.0  # days after which news of what all nodes share counts for a third: a season must not look local
COMMON_WEIGHT = 15.0  # refunds that "the category changed as all do" counts for
DELAY_WEIGHT = 50.0  # refunds that the delays of all categories count for in one category's
HOLD_DAYS = 14  # a series that has rung keeps silent so long
YEAR = 364
LEAST_DISPERSION = 1e-4
REPLICATES = 24
LARGEST_SCORE = 60.0
BISECTIONS = 14


@dataclass(frozen=True, eq=False)
class Reports:
    """Counts by series, day of pickup and delay.

    Attributes
    ----------
    lines
        [n_series, n_days] lines picked up.
    refunds
        [n_series, n_days, n_delays] first requests, by the day of pickup and the days until they came.
    group
        [n_series] code of the category whose delays and common changes a series has.
    """

    lines: FloatArray
    refunds: FloatArray
    group: IntArray

    def by_report(self) -> FloatArray:
        """[n_series, n_days] requests by the day on which they came."""
        asked = np.zeros_like(self.lines)
        for delay in range(self.refunds.shape[2]):
            asked[:, delay:] += self.refunds[:, : asked.shape[1] - delay, delay]
        return asked


@dataclass(frozen=True, eq=False)
class Baseline:
    """What is usual, as it was known on one day.

    Attributes
    ----------
    rate, shape
        [n_series] the refund rate, and the shape of its gamma posterior.
    delay
        [n_series, n_delays] share of the refunds that is asked for after so many days.
    """

    rate: FloatArray
    shape: FloatArray
    delay: FloatArray


def learn_baseline(reports: Reports, today: int, history: int) -> Baseline:
    """Learn rates and delays from the pickups of `history` days whose refunds are complete before `today`.

    Rates are drawn towards their category's by a gamma law whose spread is learned by moments.
    """
    n_delays = reports.refunds.shape[2]
    end = today - n_delays + 1
    days = slice(max(end - history, 0), end)
    counts, lines = reports.refunds[:, days].sum(axis=1), reports.lines[:, days].sum(axis=1)
    size = int(reports.group.max()) + 1
    pooled = np.zeros((size, n_delays))
    np.add.at(pooled, reports.group, counts)
    overall = (pooled.sum(axis=0) + 1e-3) / (pooled.sum() + 1e-3 * n_delays)
    delay = (pooled + DELAY_WEIGHT * overall) / (pooled.sum(axis=1, keepdims=True) + DELAY_WEIGHT)
    at = np.bincount(reports.group, lines, minlength=size)
    base = (pooled.sum(axis=1) + 1.0) / (at + 1.0 / max(pooled.sum() / max(at.sum(), 1.0), 1e-6))
    usual, seen = lines * base[reports.group], counts.sum(axis=1)
    excess = ((seen - usual) ** 2 - usual).sum() / max((usual**2).sum(), 1e-9)
    weight = 1 / np.clip(excess, 0.005, 1.0)
    return Baseline(base[reports.group] * (seen + weight) / (usual + weight), seen + weight, delay[reports.group])


def expected_reports(reports: Reports, baseline: Baseline, days: IntArray) -> FloatArray:
    """[n_series, n_days] requests to be expected on each day, before what all nodes share."""
    total = np.zeros((len(reports.lines), len(days)))
    for delay in range(baseline.delay.shape[1]):
        seen = days >= delay
        total[:, seen] += baseline.delay[:, delay, None] * reports.lines[:, days[seen] - delay]
    return total * baseline.rate[:, None]


def common_changes(asked: FloatArray, usual: FloatArray, group: IntArray) -> tuple[FloatArray, FloatArray]:
    """What all nodes share, foretold for each day from the days before it: requests over what was usual.

    Older days count less and less. A category leans on all categories, and no series on itself, so that a single bad
    node does not become the standard that it is held to.

    Returns
    -------
    tuple
        [n_series, n_days] the factor on what is usual, and its variance by chance.
    """
    size, keep = int(group.max()) + 1, np.exp(-1 / MEMORY)
    factor, doubt = np.ones_like(usual), np.zeros_like(usual)
    seen, was = np.zeros(len(asked)), np.zeros(len(asked))
    for day in range(usual.shape[1]):
        others, due = (np.bincount(group, each, minlength=size)[group] - each for each in (seen, was))
        whole = (seen.sum() - seen + COMMON_WEIGHT) / (was.sum() - was + COMMON_WEIGHT)
        factor[:, day] = (others + COMMON_WEIGHT * whole) / (due + COMMON_WEIGHT)
        # Weights that fall by `keep` add up squares half as large as themselves.
        doubt[:, day] = others * (1 + keep) / 2 / (due + COMMON_WEIGHT) ** 2
        seen, was = (keep * (total + each[:, day]) for total, each in ((seen, asked), (was, usual)))
    return factor, doubt


def daily_dispersion(asked: FloatArray, usual: FloatArray, group: IntArray) -> FloatArray:
    """[n_series] variance of daily counts beyond a Poisson count's over the squared mean, by category; at least 0."""
    size = int(group.max()) + 1
    excess = np.bincount(group, ((asked - usual) ** 2 - usual).sum(axis=1), minlength=size)
    squares = np.bincount(group, (usual**2).sum(axis=1), minlength=size)
    return np.asarray(np.clip(excess / np.maximum(squares, 1e-9), LEAST_DISPERSION, None)[group])


def run_scores(step: FloatArray, threshold: float | FloatArray) -> tuple[FloatArray, BoolArray]:
    """Run the cumulative sums day by day; a series that passes the threshold rings, starts again and holds still.

    Parameters
    ----------
    step
        [n_series, n_days] what each day adds.
    threshold
        One for all days, or [n_days].

    Returns
    -------
    tuple
        [n_series, n_days] scores (before they start again), and where they rang.
    """
    n_series, n_days = step.shape
    limit = np.broadcast_to(np.asarray(threshold, dtype=float), (n_days,))
    score, held = np.zeros(n_series), np.zeros(n_series, dtype=np.int64)
    scores, rang = np.zeros_like(step), np.zeros(step.shape, dtype=bool)
    for day in range(n_days):
        score = np.where(held > 0, 0.0, np.maximum(score + step[:, day], 0.0))
        held = np.maximum(held - 1, 0)
        scores[:, day], rang[:, day] = score, score > limit[day]
        held[rang[:, day]] = HOLD_DAYS
        score = np.where(rang[:, day], 0.0, score)
    return scores, rang


def find_threshold(
    usual: FloatArray,
    shape: FloatArray,
    dispersion: FloatArray,
    *,
    ratio: float,
    alarms_per_year: float,
    rng: np.random.Generator,
) -> float:
    """Find the threshold at which all series together ring so often in a year in which nothing changes.

    Parameters
    ----------
    usual
        [n_series, n_days] expected counts of the past, which the simulated years repeat.
    shape
        [n_series] of the gamma law of what is not known of each rate; drawn anew for each span of `usual`.
    dispersion
        [n_series] from `daily_dispersion`.
    ratio, alarms_per_year
        The rise that is looked for, and the alarms that are allowed.
    rng
        Draws the years.

    Notes
    -----
    A parametric bootstrap of the series' own past: counts are negative binomial around the expectation, and the
    expectation is itself off by as much as it is uncertain.
    """
    n_series, span = usual.shape
    repeats = -(-YEAR // span)
    # Replicated series stand below each other: the alarms of all are those of as many years.
    error = rng.gamma(shape[:, None], 1 / shape[:, None], (REPLICATES, n_series, repeats))
    mean = np.repeat(error, span, axis=2)[..., :YEAR] * np.tile(usual, repeats)[None, :, :YEAR]
    mean = mean * rng.gamma(1 / dispersion[:, None], dispersion[:, None], mean.shape)
    step = rng.poisson(mean) * np.log(ratio) - np.tile(usual, repeats)[None, :, :YEAR] * (ratio - 1)
    step = step.reshape(-1, YEAR)
    low, high = 0.0, LARGEST_SCORE
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        _, rang = run_scores(step, middle)
        too_many = rang.sum() / REPLICATES > alarms_per_year
        low, high = (middle, high) if too_many else (low, middle)
    return high


@dataclass(frozen=True, eq=False)
class Watch:
    """A watch over days: all [n_series, n_days] but the threshold [n_days]."""

    asked: FloatArray
    expected: FloatArray
    scores: FloatArray
    rang: BoolArray
    threshold: FloatArray


def watch(
    reports: Reports,
    *,
    first: int,
    history: int,
    ratio: float,
    alarms_per_year: float,
    recalibrate_days: int,
    rng: np.random.Generator,
) -> Watch:
    """Go through the days from `first` on, each with what was known in its evening.

    The expectation is learned again every week from complete days only; the threshold every `recalibrate_days`.
    """
    asked, n_days = reports.by_report(), reports.lines.shape[1]
    expected = np.zeros((len(asked), n_days - first))
    threshold = np.zeros(n_days - first)
    for start in range(first, n_days, REFIT_DAYS):
        days = np.arange(start, min(start + REFIT_DAYS, n_days))
        baseline = learn_baseline(reports, start, history)
        past = np.arange(max(start - history, 0), start)
        usual = expected_reports(reports, baseline, np.concatenate([past, days]))
        known, span = asked[:, past], len(past)
        # A day's factor is made of the days before it, so that nothing is used before it was known.
        common, doubt = common_changes(asked[:, [*past, *days]], usual, reports.group)
        expected[:, days - first] = usual[:, span:] * common[:, span:]
        if (start - first) % recalibrate_days < REFIT_DAYS:
            was = usual[:, :span] * common[:, :span]
            limit = find_threshold(
                was,
                1 / (1 / baseline.shape + doubt[:, span]),
                daily_dispersion(known, was, reports.group),
                ratio=ratio,
                alarms_per_year=alarms_per_year,
                rng=rng,
            )
        threshold[days - first] = limit
    asked = asked[:, first:]
    scores, rang = run_scores(asked * np.log(ratio) - expected * (ratio - 1), threshold)
    return Watch(asked, expected, scores, rang, threshold)
