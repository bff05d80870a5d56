"""How long events take to be reported: the reverse hazard of the delay, pooled over cells, weekdays and days.

The reverse hazard g(d) is the chance that an event reported within d days was reported on day d itself. It is seen
without bias on every reference day that is at least d days old, however few reports are in, and gives the share
reported within a days as the product of 1 - g(d) over d > a.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality.latency.triangle import Triangle
from gbanalysis.stats.crossed_effects import CrossedFit, Term, add_up, fit_crossed

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BAND_EDGES = (1, 2, 3, 4, 6, 9, 13, 19, 28)
BASE_VARIANCE = 1.0
LARGEST_STRETCH = 5.0


@dataclass(frozen=True, eq=False)
class DelayModel:
    """A fitted delay law of one triangle, cut at its last known day.

    Attributes
    ----------
    triangle
        The triangle as it stood on that day.
    last
        The index of that day; it may lie after the last reference day.
    base
        [max_delay] the pooled logit of the reverse hazard of delays 1, 2, ...
    fit
        The posterior of the effects.
    """

    triangle: Triangle
    last: int
    base: FloatArray
    fit: CrossedFit

    def effect_sizes(self) -> dict[str, float]:
        """Give the standard deviation of each effect on the logit, and of the overdispersion."""
        sizes = {term.name: float(np.sqrt(v)) for term, v in zip(self.fit.terms, self.fit.variance, strict=True)}
        return {**sizes, "overdispersion": float(np.sqrt(self.fit.extra))}

    def draw_shares(self, n_draws: int, rng: np.random.Generator) -> FloatArray:
        """Draw the share reported so far of each immature reference day.

        The draws hold the uncertainty of all effects, shared by cells and days as they share the effects, the shocks
        of the reporting days to come, and the overdispersion.

        Returns
        -------
        numpy.ndarray
            [n_draws, n_cells, n_immature] for the newest reference days, oldest first.
        """
        triangle, first = self.triangle, first_immature(self.triangle, self.last)
        effects = self.fit.draw(n_draws, rng)
        spread = np.sqrt(self.fit.extra)
        shares = np.empty((n_draws, triangle.n_cells, triangle.n_days - first))
        for day in range(first, triangle.n_days):
            delay = np.arange(max(self.last - day, 0) + 1, triangle.max_delay + 1)
            cell, ahead = (axis.ravel() for axis in np.indices((triangle.n_cells, len(delay))))
            delay = delay[ahead]
            levels = levels_of(triangle, self.fit.terms, cell, np.full_like(cell, day), delay)
            eta = self.base[delay - 1][:, None] + add_up(levels, effects)
            if spread > 0:
                eta += spread * rng.standard_normal(eta.shape) - self.fit.extra / 2
            missed = -np.logaddexp(0.0, eta).reshape(triangle.n_cells, -1, n_draws).sum(axis=1)
            shares[:, :, day - first] = np.exp(missed).T
        return shares


def first_immature(triangle: Triangle, last: int) -> int:
    """Give the first reference day that may still get reports after day `last`."""
    return min(max(last - triangle.max_delay + 1, 0), triangle.n_days)


def terms_of(triangle: Triangle, base: FloatArray) -> list[Term]:
    """Give the effects on the logit of the reverse hazard."""
    groups, bands, cycle = len(set(triangle.group)), len(bands_of(triangle.max_delay)), triangle.cycle
    shocks = shock_mix(triangle.n_days, base)
    stretched = np.kron(np.eye(triangle.n_days), stretch(base)[:, None]).astype(float)
    terms = [
        Term("delay", triangle.max_delay, variance=BASE_VARIANCE),
        Term("level_drift", triangle.n_days, walk=True),
        Term("stretch_drift", triangle.n_days, walk=True, mix=stretched),
        Term("report_day", shocks.shape[1], mix=shocks),
    ]
    if cycle > 1:
        weekday = np.eye(cycle)[np.arange(shocks.shape[1]) % cycle]
        terms += [Term("report_weekday", cycle, mix=shocks @ weekday), Term("weekday_delay", cycle * bands)]
    if groups > 1:
        terms += [Term("group", groups), Term("group_delay", groups * bands)]
        terms += [Term("group_weekday", groups * cycle)] if cycle > 1 else []
    if groups < triangle.n_cells:
        terms.append(Term("cell", triangle.n_cells))
    return terms


def delay_shares(base: FloatArray) -> FloatArray:
    """[max_delay + 1] the share of events reported at each delay, from the logits of the reverse hazard.

    Examples
    --------
    >>> delay_shares(special.logit(np.array([0.375, 0.2]))).round(3)
    array([0.5, 0.3, 0.2])
    """
    hazard = np.concatenate([[1.0], special.expit(base)])
    after = np.cumprod((1 - hazard)[:0:-1])[::-1]
    return np.asarray(hazard * np.append(after, 1.0))


def shock_mix(n_days: int, base: FloatArray) -> FloatArray:
    """How a shock that multiplies all reports of one day moves the logit of each reference day and delay.

    A shock u of day s moves g of reference day t at delay s - t by u, and at each later delay by u times minus the
    share of the reports so far that came on day s: the numerator holds that day, or the denominator does.

    Returns
    -------
    numpy.ndarray
        [n_days x max_delay, n_days + max_delay]
    """
    shares = delay_shares(base)
    n_delays = len(base)
    mix = np.zeros((n_days, n_delays, n_days + n_delays))
    days = np.arange(n_days)
    for delay in range(1, n_delays + 1):
        mix[days, delay - 1, days + delay] = 1.0
        before = shares[:delay] / shares[:delay].sum()
        for earlier in range(delay):
            mix[days, delay - 1, days + earlier] = -before[earlier]
    return mix.reshape(n_days * n_delays, -1)


def stretch(base: FloatArray) -> FloatArray:
    """How a small stretch of time (all delays longer by one factor) moves the logit at each delay; 1 at the first.

    The survival S of the delay has cumulative hazard H = -log S; where H is a power of time, a stretch moves S in
    proportion to H S, and with it the share of each delay and of all before it.
    """
    survival = np.append(1 - np.cumsum(delay_shares(base))[:-1], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(survival > 0, -np.log(survival) * survival, 0.0)
    share = np.maximum(survival[:-1] - survival[1:], 1e-12)
    slope = (moved[:-1] - moved[1:]) / share + moved[:-1] / (1 - survival[:-1])
    return np.asarray(np.clip(slope / slope[0], -LARGEST_STRETCH, LARGEST_STRETCH))


def bands_of(max_delay: int) -> tuple[int, ...]:
    """Give the first delay of each band: delays of one band share their interactions."""
    return tuple(edge for edge in BAND_EDGES if edge <= max_delay)


def levels_of(
    triangle: Triangle, terms: Sequence[Term], cell: IntArray, day: IntArray, delay: IntArray
) -> list[IntArray]:
    """Give the level of each row in each of the terms; `delay` is 1 or more."""
    codes = {name: code for code, name in enumerate(dict.fromkeys(triangle.group))}
    group = np.array([codes[name] for name in triangle.group])[cell]
    cycle, edges = triangle.cycle, bands_of(triangle.max_delay)
    bands, band = len(edges), np.searchsorted(edges, delay, side="right") - 1
    place = day * triangle.max_delay + delay - 1
    levels = {
        "delay": delay - 1,
        "level_drift": day,
        "stretch_drift": place,
        "report_day": place,
        "report_weekday": place,
        "weekday_delay": day % cycle * bands + band,
        "group": group,
        "group_delay": group * bands + band,
        "group_weekday": group * cycle + day % cycle,
        "cell": cell,
    }
    return [levels[term.name] for term in terms]


def pooled_logits(successes: FloatArray, trials: FloatArray) -> FloatArray:
    """Give the logit of each delay's pooled reverse hazard; one trial of the delay before stands in where none is seen.

    Examples
    --------
    >>> special.expit(pooled_logits(np.array([30.0, 0.0]), np.array([100.0, 0.0]))).round(3)
    array([0.302, 0.302])
    """
    hazards, hazard = np.empty(len(trials)), 0.5
    for delay, (k, n) in enumerate(zip(successes, trials, strict=True)):
        hazard = (k + hazard) / (n + 1)
        hazards[delay] = hazard
    return np.asarray(special.logit(hazards))


def fit_delays(
    triangle: Triangle, *, last: int | None = None, without: Collection[str] = (), like: DelayModel | None = None
) -> DelayModel:
    """Fit the delay law to a triangle as it stood on one day.

    Parameters
    ----------
    triangle
        From `Triangle.as_of`: no count in it is reported after that day.
    last
        The index of that day among the reference days; the last of them by default.
    without
        Names of effects to leave out; `delay_choice` finds out which are worth having.
    like
        A model of the same triangle, on a later day perhaps, whose sizes of effects are taken instead of learned.

    Raises
    ------
    NotEnoughDataError
        Where no event was reported after a delay of one day or more that could be seen, so no delay is known.

    Notes
    -----
    Effects on the logit: the delay; the group at each band of delays and weekday; the reference weekday at each band
    and the reporting weekday; the cell; a shock of each reporting day; and two random walks over reference days, the
    drift of the delay itself, one that moves all delays alike and one that stretches time. Each but the first is shrunk
    towards zero as far as the data ask, which also sets how fast old days are forgotten: the variances of the walks are
    those that predict best step by step, since the marginal likelihood is the product of the one-step predictions.

    References
    ----------
    S. W. Lagakos, L. M. Barraj and V. De Gruttola (1988), Biometrika 75, 515-523 (reverse hazard); J. D. Kalbfleisch
    and J. F. Lawless (1991), Statistica Sinica 1, 19-32.
    """
    last = triangle.n_days - 1 if last is None else last
    so_far = triangle.counts.cumsum(axis=2)
    day_grid, delay_grid = np.indices(triangle.counts.shape[1:])
    known = (day_grid + delay_grid <= last) & (delay_grid > 0)
    pooled_k, pooled_n = ((part * known).sum(axis=(0, 1))[1:] for part in (triangle.counts, so_far))
    if pooled_n.sum() <= 0:
        raise NotEnoughDataError("no reference day with events is older than one step, so no delay is known yet")
    base = pooled_logits(pooled_k, pooled_n)
    cell, day, delay = np.nonzero((so_far > 0) & known)
    terms = [term for term in terms_of(triangle, base) if term.name not in without]
    if like is not None:
        sizes = {term.name: float(v) for term, v in zip(like.fit.terms, like.fit.variance, strict=True)}
        terms = [replace(term, variance=sizes[term.name]) for term in terms]
    fit = fit_crossed(
        triangle.counts[cell, day, delay],
        so_far[cell, day, delay],
        base[delay - 1],
        levels_of(triangle, terms, cell, day, delay),
        terms,
    )
    return DelayModel(triangle, last, base, fit)
