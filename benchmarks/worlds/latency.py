"""Worlds of late refunds: lines by cell and day, refunds by a known rate, reports by a known delay law.

    cells       3 regions x 6 categories; lines a day ~ Poisson(5,000 x share), the shares drift to the slow categories
    rate        category 3 to 6 %, times region, times a day's weather (autoregressive), times the cell's own trend
    report at d ∝ (S(d) - S(d + 1)) x weight of the weekday of the report (each category has its own weekly habit)
    S(d)        exp(-(d / scale)^1.05); the scale differs by category and weekday of the pickup

Families: `plain`; `overdispersed` (a gamma batch effect of each cell and day, Dirichlet delays of each cell and day,
and a shock of each reporting day: the desk is short of people); `drift` (the scale grows through the series).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.latency.triangle import Triangle

Array = NDArray[np.float64]

FAMILIES = ("plain", "overdispersed", "drift")
N_DAYS, MAX_DELAY, LINES = 60, 14, 5_000
N_REGIONS, N_CATEGORIES = 3, 6
START = "2026-01-05"
WEEKDAY = np.array([1.15, 1.05, 1.0, 1.0, 1.0, 0.8, 0.75])


@dataclass(frozen=True, eq=False)
class World:
    """A triangle with all reports in it, and what the oracle knows: the share of each cell, day and delay."""

    triangle: Triangle
    delay_law: Array


def make_world(family: str, seed: int) -> World:
    """Draw one world."""
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    category = np.tile(np.arange(N_CATEGORIES), N_REGIONS)
    region = np.repeat(np.arange(N_REGIONS), N_CATEGORIES)
    days = np.arange(N_DAYS)
    scale = np.sort(rng.uniform(0.55, 1.5, N_CATEGORIES))
    lines = rng.poisson(LINES * _shares(rng, category, region, days, scale))
    rate = _rates(rng, category, region)
    law = _delay_law(rng, category, scale, drifts=family == "drift")
    used = law
    if family == "overdispersed":
        rate = rate * rng.gamma(12.0, 1 / 12.0, rate.shape)
        shock = np.exp(rng.normal(0, 0.25, N_DAYS + MAX_DELAY))
        used = law * shock[days[:, None] + np.arange(MAX_DELAY + 1)]
        used = rng.gamma(np.maximum(60 * used, 1e-9))
        used = used / used.sum(axis=2, keepdims=True)
    refunds = rng.binomial(lines, np.minimum(rate, 0.5))
    counts = rng.multinomial(refunds, used)
    triangle = Triangle(
        counts.astype(float),
        start=START,
        exposure=lines.astype(float),
        cells=tuple(f"region {r} category {c}" for r, c in zip(region, category, strict=True)),
        group=tuple(category.tolist()),
    )
    return World(triangle, law)


def _shares(rng: np.random.Generator, category: Array, region: Array, days: Array, scale: Array) -> Array:
    """[n_cells, n_days] share of lines; in the last weeks it moves to the slow categories."""
    size = rng.dirichlet(np.full(N_CATEGORIES, 8.0))[category] * rng.dirichlet(np.full(N_REGIONS, 8.0))[region]
    moved = np.clip((days - N_DAYS + 28) / 28, 0, 1)
    tilt = np.exp(0.8 * moved * (scale[category] - scale.mean())[:, None])
    share = size[:, None] * tilt
    return np.asarray(share / share.sum(axis=0))


def _rates(rng: np.random.Generator, category: Array, region: Array) -> Array:
    """[n_cells, n_days] chance that a line is refunded."""
    base = rng.uniform(0.03, 0.06, N_CATEGORIES)[category] * np.exp(rng.normal(0, 0.1, N_REGIONS))[region]
    weather = np.zeros(N_DAYS)
    for day in range(1, N_DAYS):
        weather[day] = 0.8 * weather[day - 1] + rng.normal(0, 0.06)
    trend = rng.normal(0, 0.15, len(category))[:, None] * np.linspace(-1, 1, N_DAYS)
    return np.asarray(base[:, None] * np.exp(weather + trend))


def _delay_law(rng: np.random.Generator, category: Array, scale: Array, *, drifts: bool) -> Array:
    """[n_cells, n_days, max_delay + 1] chance of each delay."""
    days, delay = np.arange(N_DAYS), np.arange(MAX_DELAY + 2)
    by_weekday = np.exp(rng.normal(0, 0.15, (N_CATEGORIES, 7)))
    habit = WEEKDAY * np.exp(rng.normal(0, 0.05, (N_CATEGORIES, 7)))
    grows = np.exp(rng.uniform(0.2, 0.5) * days / N_DAYS) if drifts else np.ones(N_DAYS)
    size = scale[category][:, None] * by_weekday[category][:, days % 7] * grows
    survival = np.exp(-((delay / size[:, :, None]) ** 1.05))
    weight = habit[category][:, (days[:, None] + delay[:-1]) % 7]
    mass = -np.diff(survival, axis=2) * weight
    return np.asarray(mass / mass.sum(axis=2, keepdims=True))
