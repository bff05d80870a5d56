"""Worlds of counts for the alert: lines by node, category and day, refunds by delay; some nodes turn worse on a day.

Rates differ between series, days are overdispersed, all share a season, and the delay has a weekday; the expectation of
the alert knows none of it. In quiet worlds nothing happens to single nodes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.harness import Measure
from gbanalysis.quality.actions.alarms import Reports, watch

FloatArray = NDArray[np.float64]

NODES, CATEGORIES, HISTORY, WATCHED = 16, 4, 70, 112
DELAY = np.array([0.30, 0.25, 0.17, 0.12, 0.08, 0.05, 0.03, 0.0])
ALARMS_A_YEAR, LIFTS = 12.0, (1.6, 2.0, 3.0)
QUIET_WORLDS, SHOCKED_WORLDS = 240, 80
SETTLED = 14  # days at the start in which the alert and its peer are not judged
DAY_SD = 0.25


def draw_reports(rng: np.random.Generator, lift: float = 1.0, day: int = 0, node: int = 0) -> Reports:
    """Draw a world whose node's rate is `lift` times as high from `day` on."""
    n_days, n = HISTORY + WATCHED, NODES * CATEGORIES
    owner, group = np.repeat(np.arange(NODES), CATEGORIES), np.tile(np.arange(CATEGORIES), NODES)
    size = rng.gamma(3.0, 3.0, n)
    week = 1 + 0.2 * np.sin(2 * np.pi * np.arange(n_days) / 7)
    lines = rng.poisson(size[:, None] * week).astype(float)
    season = 1 + 0.15 * np.sin(2 * np.pi * np.arange(n_days) / 120 + rng.uniform(0, 6))
    rate = 0.04 * np.exp(0.3 * rng.normal(size=n) + 0.3 * rng.normal(size=CATEGORIES)[group])
    chance = rate[:, None] * season * np.exp(DAY_SD * rng.normal(size=(n, n_days)) - DAY_SD**2 / 2)
    if lift != 1:
        chance[owner == node, day:] *= lift
    total = rng.binomial(lines.astype(int), np.clip(chance, 0, 0.9))
    tilt = np.where(np.arange(n_days)[:, None] % 7 < 2, 1.3, 0.9) ** np.arange(len(DELAY))
    share = DELAY * tilt / (DELAY * tilt).sum(axis=1, keepdims=True)
    refunds = rng.multinomial(total, np.broadcast_to(share, (n, n_days, len(DELAY)))).astype(float)
    known = np.add.outer(np.arange(n_days), np.arange(len(DELAY))) < n_days
    refunds *= known
    whole = np.eye(NODES)[:, owner]
    return Reports(
        np.vstack([lines, whole @ lines]),
        np.concatenate([refunds, np.einsum("ks,sda->kda", whole, refunds)]),
        np.concatenate([group, np.full(NODES, CATEGORIES)]),
    )


def ring(reports: Reports, rng: np.random.Generator) -> NDArray[np.bool_]:
    """[n_series, WATCHED] where our alert rings."""
    found = watch(
        reports, first=HISTORY, history=56, ratio=2.0, alarms_per_year=ALARMS_A_YEAR, recalibrate_days=56, rng=rng
    )
    return found.rang


def raw_scores(reports: Reports) -> FloatArray:
    """[n_series, WATCHED] how many standard deviations the last week's pickups, as known that evening, lie above usual.

    The peer at its best known settings: a moving week, mean and deviation of the same figure over the past 56 days,
    which is as immature as the newest one.
    """
    n_days = reports.lines.shape[1]
    so_far = np.cumsum(reports.refunds, axis=2)
    figure = np.full(reports.lines.shape, np.nan)
    for day in range(6, n_days):
        week = np.arange(day - 6, day + 1)
        seen = so_far[:, week, np.minimum(day - week, so_far.shape[2] - 1)].sum(axis=1)
        figure[:, day] = seen / np.maximum(reports.lines[:, week].sum(axis=1), 1.0)
    scores = np.zeros((len(figure), WATCHED))
    for day in range(HISTORY, n_days):
        past = figure[:, max(day - 63, 6) : day - 7]
        scores[:, day - HISTORY] = (figure[:, day] - past.mean(axis=1)) / np.maximum(past.std(axis=1), 1e-3)
    return scores


def first_ring(rang: NDArray[np.bool_], scope: NDArray[np.bool_], day: int) -> float:
    """Days from the change to the first alarm of a struck series; infinite without one."""
    after = np.flatnonzero(rang[scope][:, day:].any(axis=0))
    return float(after[0]) if len(after) else np.inf


def with_rest(above: NDArray[np.bool_], rest: int = 14) -> NDArray[np.bool_]:
    """Alarms of a series that passes its limit, none within `rest` days of the last."""
    rang, quiet = np.zeros_like(above), np.zeros(len(above), dtype=int)
    for day in range(above.shape[1]):
        rang[:, day] = above[:, day] & (quiet <= 0)
        quiet = np.where(rang[:, day], rest, quiet - 1)
    return rang


def tune(scores: list[FloatArray], wanted: float) -> float:
    """Find the peer's limit at which it rings as often as ours does in the same quiet worlds."""
    low, high = 1.0, 15.0
    for _ in range(18):
        middle = (low + high) / 2
        rings = np.mean([with_rest(each > middle)[:, SETTLED:].sum() for each in scores])
        low, high = (middle, high) if rings > wanted else (low, middle)
    return high


def compare_alerts(seed: int, *, quiet: int = QUIET_WORLDS, shocked: int = SHOCKED_WORLDS) -> list[Measure]:
    """False alarms of our alert in quiet worlds, and delays beside the peer's, tuned to as many false alarms."""
    rngs = [np.random.default_rng(seed + place) for place in range(quiet)]
    worlds = [draw_reports(rng) for rng in rngs]
    ours = np.array([ring(world, rng)[:, SETTLED:].sum() for world, rng in zip(worlds, rngs, strict=True)])
    scores = [raw_scores(world) for world in worlds]
    limit = tune(scores, float(ours.mean()))
    year = 365.25 / (WATCHED - SETTLED)
    raw = np.mean([with_rest(each > 3.0)[:, SETTLED:].sum() for each in scores])
    error = stats.norm.ppf(0.995) * float(ours.std(ddof=1)) / np.sqrt(quiet)
    measures = [
        Measure(
            "false alarms a year (12 wanted); peer: 3 standard deviations", "alarms", ours.mean() * year, raw * year
        ),
        Measure("false alarms a year: lower end at 99 %", "alarms", (ours.mean() - error) * year),
        Measure("false alarms a year: upper end at 99 %", "alarms", (ours.mean() + error) * year),
    ]
    for lift in LIFTS:
        waits, theirs = [], []
        for place in range(shocked):
            rng = np.random.default_rng(seed + 1000 * int(10 * lift) + place)
            node, day = int(rng.integers(NODES)), 28
            world = draw_reports(rng, lift, HISTORY + day, node)
            struck = np.concatenate([np.repeat(np.arange(NODES), CATEGORIES) == node, np.arange(NODES) == node])
            waits.append(first_ring(ring(world, rng), struck, day))
            theirs.append(first_ring(with_rest(raw_scores(world) > limit), struck, day))
        within = [float(np.mean(np.array(each) <= 28)) for each in (waits, theirs)]
        middle = [float(np.median(np.minimum(each, WATCHED - 28))) for each in (waits, theirs)]
        measures.append(Measure(f"median days until it rings, a node {lift:g} times as high", "days", *middle))
        measures.append(Measure(f"rings within 28 days, a node {lift:g} times as high", "share", *within))
    return measures
