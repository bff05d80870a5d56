"""How near projections came in the past: every method as it would have spoken then, against what came of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.dataset.arguments import checked, generator, known_day
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.latency.chain_ladder import mack_chain_ladder
from gbanalysis.quality.latency.leading_signs import LEAST_PAST_DAYS, Stages, blend, judge_draws, read_stages, weigh
from gbanalysis.quality.latency.maturity import read_delays
from gbanalysis.quality.latency.projection import QUANTILE_LEVELS, Projection
from gbanalysis.quality.latency.sign_model import fit_signs
from gbanalysis.results import Result, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]

REPORTED, CHAIN_LADDER = "reported so far", "chain ladder"
DELAYS, SIGNS, BLEND = "delay law", "leading signs", "blend"
METHODS = (REPORTED, CHAIN_LADDER, DELAYS, SIGNS, BLEND)
LEVELS = np.array(QUANTILE_LEVELS)


@dataclass(frozen=True, eq=False)
class ProjectionBacktest(Result):
    """Errors of the projection of refund rates by method and age; made by `backtest_projection`.

    Attributes
    ----------
    frame
        ``level`` ("whole", "cell"), ``method``, ``age`` (days since pickup), ``n`` forecasts, ``mae`` and ``bias``
        (absolute and mean error of refunded lines over lines), ``wis`` (weighted interval score, in the same unit),
        ``coverage`` of the interval. The chain ladder speaks of the whole only.
    weights
        The weight of the signs by age, as judged by all of the cutoffs.
    cutoffs
        The days on which the methods spoke.
    confidence
        Level of the intervals.
    """

    frame: pd.DataFrame
    weights: pd.DataFrame
    cutoffs: tuple[dt.date, ...]
    confidence: float

    def __post_init__(self) -> None:
        figures = self.frame[["mae", "wis", "coverage"]].to_numpy(dtype=float)
        if not np.isfinite(figures).all() or (figures < 0).any():
            raise GBAnalysisError("an error of a backtest is negative or not a number")

    def to_frame(self) -> pd.DataFrame:
        """Give all errors, one row a level, method and age."""
        return self.frame.copy()

    def overall(self, level: str = "whole") -> pd.DataFrame:
        """Give the errors of each method over all ages, the nearest first: method, mae, wis, coverage."""
        part = self.frame[self.frame["level"] == level]
        return part.groupby("method", as_index=False)[["mae", "wis", "coverage"]].mean().sort_values("wis")

    def text(self) -> str:
        """Say which method came nearest, and by how much."""
        table = self.overall()
        missed = {name: f"{100 * value:.2f}" for name, value in zip(table["method"], table["mae"], strict=True)}
        days = f"{number(len(self.cutoffs))} days of the past, {self.cutoffs[0]} to {self.cutoffs[-1]}"
        peers = f"the chain ladder by {missed[CHAIN_LADDER]}, the delay law by {missed[DELAYS]}"
        return (
            f"On {days}, the rate reported so far missed the final one of the open days by {missed[REPORTED]} "
            f"percentage points on average, {peers} and its blend with leading signs by {missed[BLEND]}. "
            f"By the weighted interval score the best is: {table['method'].iloc[0]}."
        )

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the mean error of the whole's rate by age, one line a method."""
        from gbanalysis.plots import plot_ages

        part = self.frame[self.frame["level"] == "whole"]
        return plot_ages(part, value="mae", group="method", label="mean absolute error", unit="share", ax=ax)

    def alt_text(self) -> str:
        """Say what the chart shows."""
        return f"Lines of the mean absolute error by age, one a method, falling with age. {self.text()}"


def backtest_projection(
    dataset: Dataset,
    *,
    n_cutoffs: int = 10,
    step: int = 10,
    as_of: dt.date | str | None = None,
    confidence: float = 0.9,
    rng: np.random.Generator | int | None = None,
) -> ProjectionBacktest:
    """Project the open days as they stood on days of the past, and compare with what came of them.

    Parameters
    ----------
    dataset
        With ``refunds``, and the tables that hold leading signs as far as they are there.
    n_cutoffs
        On how many days the methods speak and are scored.
    step
        Days between them; at least the refund window, so that the weights of a day are judged by days known then.
    as_of
        The last day whose data are used; the last cutoff lies a refund window before it.
    confidence
        Level of the intervals.
    rng
        A seed or a generator for the draws; by default one fixed stream, so that two calls agree.

    Raises
    ------
    NotEnoughDataError
        The history is too short for so many cutoffs.
    GBAnalysisError
        `step` is shorter than the refund window, or `n_cutoffs` below 1.

    Notes
    -----
    Three cutoffs before the first scored one, and all that are scored, judge the weights of those that follow.

    References
    ----------
    J. Bracher, E. L. Ray, T. Gneiting and N. G. Reich (2021), PLOS Computational Biology 17, e1008618 (the weighted
    interval score).

    Examples
    --------
    ``backtest_projection(data, n_cutoffs=10).overall()`` ranks the methods. Cutoffs must not lie too near together:

    >>> import gbanalysis as gb
    >>> backtest_projection(gb.load_sample(), step=3)
    Traceback (most recent call last):
        ...
    gbanalysis.errors.GBAnalysisError: step must be 7 days or more, not 3
    """
    checked((), confidence=confidence)
    day = known_day(dataset, as_of)
    if step < dataset.settings.refund_window_days:
        raise GBAnalysisError(f"step must be {dataset.settings.refund_window_days} days or more, not {step}")
    if n_cutoffs < 1:
        raise GBAnalysisError(f"n_cutoffs must be 1 or more, not {n_cutoffs}")
    rng = generator(rng)
    _, arrays = read_delays(dataset, unit="line", date="fulfilled", by=(), as_of=day)
    stages = read_stages(dataset, cells=arrays.cells, as_of=day)
    places = [stages.last - stages.signs.max_delay - step * k for k in range(n_cutoffs + LEAST_PAST_DAYS)][::-1]
    chances: list[FloatArray] = []
    scores: list[dict[tuple[str, str], FloatArray]] = []
    for k, place in enumerate(places):
        try:
            model = fit_signs(stages.by_age, trained_to=place)
        except NotEnoughDataError as error:
            raise NotEnoughDataError(f"{n_cutoffs} cutoffs {step} days apart are too many: {error}") from error
        first = stages.first(place, rng, confidence)
        signs = stages.second(model, place, len(first.draws), rng)
        if k >= LEAST_PAST_DAYS:
            weights = weigh(chances)["weight"].to_numpy()
            scores.append(_score(stages, place, first, signs, weights, rng))
        chances.append(judge_draws(stages, place, first.draws, signs))
    days = tuple(stages.triangle.reference[place].astype(object) for place in places[LEAST_PAST_DAYS:])
    return ProjectionBacktest(_sum_up(scores), weigh(chances), days, confidence)


def _score(
    stages: Stages, place: int, first: Projection, signs: FloatArray, weights: FloatArray, rng: np.random.Generator
) -> dict[tuple[str, str], FloatArray]:
    """[n_figures, n_ages] of each level and method: error, its size, score, hits, forecasts, lines; youngest first."""
    newest = slice(first.n_mature, place + 1)
    final, lines = stages.signs.refunded.sum(axis=2)[:, newest], stages.signs.n[:, newest]
    spoken = {
        DELAYS: first,
        SIGNS: blend(first, signs, np.ones(signs.shape[2]), rng),
        BLEND: blend(first, signs, weights, rng),
    }
    found = {}
    for level in ("cell", "whole"):
        for name, projected in spoken.items():
            taken = projected if level == "cell" else projected.whole()
            truth, n = (final, lines) if level == "cell" else (final.sum(axis=0)[None], lines.sum(axis=0)[None])
            quantiles = np.moveaxis(np.quantile(taken.draws, LEVELS, axis=0), 0, -1)
            found[level, name] = _figures(taken.estimate[:, newest], quantiles, taken.interval()[:, newest], truth, n)
        now = taken.observed[:, newest] if level == "whole" else first.observed[:, newest]
        same = np.repeat(now[..., None], len(LEVELS), axis=2)
        found[level, REPORTED] = _figures(now, same, same[..., :2], truth, n)
    found["whole", CHAIN_LADDER] = _by_chain_ladder(stages, place, first, final.sum(axis=0)[None], lines.sum(axis=0))
    return found


def _by_chain_ladder(stages: Stages, place: int, first: Projection, final: FloatArray, lines: FloatArray) -> FloatArray:
    """The chain ladder of all cells together, with a normal law, over the days that the delay law learns from."""
    as_of = stages.triangle.reference[place]
    ladder = mack_chain_ladder(stages.triangle.as_of(as_of, history=90), as_of=as_of)
    n_open = final.shape[1]
    mean, error = ladder.ultimate[-n_open:], ladder.standard_error[-n_open:]
    least = first.whole().observed[:, -n_open:, None]
    tail = (1 - first.confidence) / 2
    spread = [
        np.maximum(mean[None, :, None] + error[None, :, None] * special.ndtri(levels), least)
        for levels in (LEVELS, np.array([tail, 1 - tail]))
    ]
    return _figures(mean[None], spread[0], spread[1], final, lines[None])


def _figures(
    estimate: FloatArray, quantiles: FloatArray, interval: FloatArray, final: FloatArray, lines: FloatArray
) -> FloatArray:
    """[6, n_ages] sums over cells of error, its size, interval score, hits, forecasts and lines; youngest first."""
    below = final[..., None] < quantiles
    score = (2 * (below - LEVELS) * (quantiles - final[..., None])).mean(axis=2)
    hit = (interval[..., 0] <= final) & (final <= interval[..., 1])
    error, sold = estimate - final, lines > 0
    parts = (error, np.abs(error), score, hit & sold, sold, lines)
    return np.stack([part.sum(axis=0) for part in parts])[:, ::-1].astype(float)


def _sum_up(scores: list[dict[tuple[str, str], FloatArray]]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for level, method in scores[0]:
        error, size, score, hits, n, lines = np.sum([each[level, method] for each in scores], axis=0)
        rows.append(
            pd.DataFrame(
                {
                    "level": level, "method": method, "age": np.arange(len(n)), "n": n.astype(int),
                    "mae": size / lines, "bias": error / lines, "wis": score / lines, "coverage": hits / n,
                }
            )
        )  # fmt: skip
    frame = pd.concat(rows, ignore_index=True)
    order = pd.Categorical(frame["method"], METHODS)
    return frame.assign(order=order).sort_values(["level", "order", "age"]).drop(columns="order").reset_index(drop=True)
