"""What the counts and rates of days that are still being reported will be in the end, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import checked, generator
from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.latency import levels
from gbanalysis.quality.latency.clumps import clump_size, in_clumps
from gbanalysis.quality.latency.delay_choice import OPTIONAL, choose_effects, spread_draws, spread_factor
from gbanalysis.quality.latency.delays import first_immature, fit_delays
from gbanalysis.quality.latency.triangle import Day, Triangle
from gbanalysis.results import Result, require_sum

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

N_DRAWS = 1000
HISTORY_DAYS = 90
HISTORY_DELAYS = 3
GOLDEN = (5**0.5 - 1) / 2
RATES = {
    "observed_rate": "n_observed",
    "rate": "estimate",
    "rate_ci_lower": "ci_lower",
    "rate_ci_upper": "ci_upper",
}
QUANTILE_LEVELS = (0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99)


@dataclass(frozen=True, eq=False)
class Projection(Result):
    """Final counts of each cell and reference day, and of the whole.

    Attributes
    ----------
    cells, reference
        Names of the cells; the reference days.
    observed
        [n_cells, n_days] events reported so far.
    exposure
        [n_cells, n_days], or None.
    share_reported
        [n_cells, n_days] mean share of the events that are reported by now; 1 on mature days.
    estimate
        [n_cells, n_days] expected final counts; the cells' add up to the whole's.
    draws
        [n_draws, n_cells, n_immature] joint draws of the final counts of the newest days: sums over them, of any cells
        and days, have the right spread.
    confidence
        Level of the intervals.
    """

    cells: tuple[object, ...]
    reference: NDArray[np.datetime64]
    observed: FloatArray
    exposure: FloatArray | None
    share_reported: FloatArray
    estimate: FloatArray
    draws: FloatArray
    confidence: float

    def __post_init__(self) -> None:
        immature = self.estimate[:, self.n_mature :]
        require_sum([self.draws.mean(axis=0).sum()], float(immature.sum()), what="mean of the draws and the estimate")
        if not np.array_equal(self.estimate[:, : self.n_mature], self.observed[:, : self.n_mature]):
            raise GBAnalysisError("a mature day's final count is not what was observed")

    @property
    def n_mature(self) -> int:
        """How many reference days are complete."""
        return len(self.reference) - int(self.draws.shape[2])

    def over_cells(self, labels: Sequence[object]) -> Projection:
        """Sum the cells that have one label; their draws are joint, so the sums have the right spread."""
        names = tuple(dict.fromkeys(labels))
        member = np.array([[label == name for label in labels] for name in names], dtype=float)
        estimate = member @ self.estimate
        with np.errstate(divide="ignore", invalid="ignore"):
            share = member @ (self.estimate * self.share_reported) / estimate
        plain = (member / member.sum(axis=1, keepdims=True)) @ self.share_reported
        return replace(
            self,
            cells=names,
            observed=member @ self.observed,
            exposure=None if self.exposure is None else member @ self.exposure,
            share_reported=np.where(estimate > 0, share, plain),
            estimate=estimate,
            draws=np.einsum("kc,sct->skt", member, self.draws),
        )

    def whole(self) -> Projection:
        """Give the sum of all cells, as a projection of one cell named None."""
        return self.over_cells([None] * len(self.cells))

    def quantiles(self, probabilities: Sequence[float] = QUANTILE_LEVELS) -> FloatArray:
        """[n_cells, n_days, n_probabilities] quantiles of the final counts.

        They are those of the mid-distribution, which does not overstate the spread of small counts as plain quantiles
        of whole numbers do; never below what is reported, never above the exposure.

        References
        ----------
        Y. Ma, M. G. Genton and E. Parzen (2011), Annals of the Institute of Statistical Mathematics 63, 227-243.
        """
        return self._bounded(self._newest_quantiles(probabilities))

    def interval(self) -> FloatArray:
        """[n_cells, n_days, 2] the interval of the final counts at `confidence`.

        Its tails are equal, but for days where the lower tail is empty because the final count may well be what is
        reported already: there the upper tail holds all that the interval leaves out.
        """
        tail = (1 - self.confidence) / 2
        lower, upper, one_sided = np.moveaxis(self._newest_quantiles((tail, 1 - tail, self.confidence)), -1, 0)
        may_be_final = lower < self.observed[:, self.n_mature :]
        return self._bounded(np.stack([lower, np.where(may_be_final, one_sided, upper)], axis=-1))

    def _newest_quantiles(self, probabilities: Sequence[float]) -> FloatArray:
        """Quantiles of the draws spread evenly by half a count to each side."""
        even = (np.arange(len(self.draws)) * GOLDEN) % 1 - 0.5
        spread = np.quantile(self.draws + even[:, None, None], probabilities, axis=0)
        return np.asarray(np.moveaxis(spread, 0, -1))

    def _bounded(self, newest: FloatArray) -> FloatArray:
        found = np.repeat(self.observed[:, :, None], newest.shape[2], axis=2)
        found[:, self.n_mature :] = np.maximum(newest, found[:, self.n_mature :])
        return found if self.exposure is None else np.minimum(found, self.exposure[:, :, None])

    def to_frame(self) -> pd.DataFrame:
        """One row a cell and reference day, then those of the whole, whose cell is null.

        Columns: reference, cell, n_observed, share_reported, estimate, ci_lower, ci_upper, mature; with an exposure
        also exposure, observed_rate, rate, rate_ci_lower, rate_ci_upper (not a number where the exposure is zero).
        """
        import pandas as pd

        return pd.concat([self._rows(), self.whole()._rows()], ignore_index=True)

    def _rows(self) -> pd.DataFrame:
        import pandas as pd

        n_cells, n_days = self.observed.shape
        interval = self.interval()
        frame = pd.DataFrame(
            {
                "reference": np.tile(self.reference, n_cells),
                "cell": pd.Series([name for name in self.cells for _ in range(n_days)], dtype=object),
                "n_observed": self.observed.ravel(),
                "share_reported": self.share_reported.ravel(),
                "estimate": self.estimate.ravel(),
                "ci_lower": interval[..., 0].ravel(),
                "ci_upper": interval[..., 1].ravel(),
                "mature": np.tile(np.arange(n_days) < self.n_mature, n_cells),
            }
        )
        if self.exposure is not None:
            n = np.where(self.exposure > 0, self.exposure, np.nan).ravel()
            frame["exposure"] = self.exposure.ravel()
            for rate, count in RATES.items():
                frame[rate] = frame[count] / n
        return frame

    def text(self) -> str:
        """One paragraph: how many days are still open, and what the newest one will come to."""
        newest = self.whole()._rows().iloc[-1]
        open_days = self.draws.shape[2]
        if not open_days:
            return f"All {len(self.reference)} reference days are complete; nothing is projected."
        sentence = (
            f"{open_days} of {len(self.reference)} reference days are still open. Of the newest, "
            f"{newest['reference']:%Y-%m-%d}, about {newest['share_reported']:.0%} is reported: "
            f"{newest['n_observed']:,.0f} events so far, {newest['estimate']:,.0f} expected in the end "
            f"({self.confidence:.0%} interval {newest['ci_lower']:,.0f} to {newest['ci_upper']:,.0f})"
        )
        if self.exposure is None:
            return sentence + "."
        return sentence + (
            f", a rate of {newest['rate']:.2%} ({newest['rate_ci_lower']:.2%} to {newest['rate_ci_upper']:.2%}) "
            f"where {newest['observed_rate']:.2%} is seen today."
        )

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the whole's final counts, or rates, with the open days hatched."""
        from gbanalysis.plots import plot_series

        frame = self.whole()._rows()
        label, unit, columns = "Final count", "", ["estimate", "ci_lower", "ci_upper"]
        if self.exposure is not None:
            label, unit, columns = "Final rate", "share", ["rate", "rate_ci_lower", "rate_ci_upper"]
        chart = frame[["reference", *columns, "mature"]].set_axis(
            ["period", "value", "ci_lower", "ci_upper", "is_final"], axis=1
        )
        return plot_series(chart, label=label, unit=unit, ax=ax)

    def alt_text(self) -> str:
        """Say what the chart shows."""
        what = "count" if self.exposure is None else "rate"
        return f"Line of the final {what} by reference day with its interval, the open days hatched. {self.text()}"


def project_triangle(
    triangle: Triangle, *, as_of: Day, confidence: float = 0.9, rng: np.random.Generator | int | None = None
) -> Projection:
    """Project the final counts of every cell and reference day, and of the whole, from what is reported so far.

    Parameters
    ----------
    triangle
        Counts by cell, reference day and delay; nothing reported after `as_of` is read.
    as_of
        The last day whose reports are known.
    confidence
        Level of the intervals.
    rng
        A seed or a generator for the draws; by default one fixed stream, so that two calls agree.

    Raises
    ------
    NotEnoughDataError
        Where `as_of` lies before the first reference day, or no delay of any event can be seen yet.
    GBAnalysisError
        Where `as_of` is no day, or `confidence` does not lie between 0 and 1.

    Notes
    -----
    The delay law (`delays.fit_delays`) gives draws of the share reported of each cell and day, the levels
    (`levels`) draws of what is still to come, both in units of the clumps that events come in (`clumps`). At most the
    newest 90 reference days, or three times the longest delay, are used; older days are complete and stay as they are.

    Examples
    --------
    >>> world = np.random.default_rng(1)
    >>> shares = np.array([0.5, 0.3, 0.2])
    >>> counts = world.poisson(200 * shares, size=(2, 28, 3)).astype(float)
    >>> triangle = Triangle(counts, start="2026-03-02")
    >>> found = project_triangle(triangle, as_of="2026-03-29", rng=1)
    >>> found.share_reported[:, -2:].round(1)
    array([[0.8, 0.5],
           [0.8, 0.5]])
    """
    checked((), confidence=confidence)
    rng = generator(rng)
    known = triangle.as_of(as_of)
    last = triangle.index_of(as_of)
    observed = known.ultimate()
    start = first_immature(known, last)
    n_immature = known.n_days - start
    share, estimate = np.ones_like(observed), observed.copy()
    draws = np.zeros((N_DRAWS, known.n_cells, n_immature))
    if n_immature:
        recent = known.as_of(as_of, history=max(HISTORY_DAYS, HISTORY_DELAYS * known.max_delay))
        shares, remaining = _simulate(recent, last - (known.n_days - recent.n_days), rng)
        if recent.exposure is not None:
            left = (recent.exposure - recent.ultimate())[:, -n_immature:]
            remaining = np.minimum(remaining, left)
        draws = observed[:, start:] + remaining
        share[:, start:], estimate[:, start:] = shares.mean(axis=0), draws.mean(axis=0)
    return Projection(tuple(known.cells), known.reference, observed, known.exposure, share, estimate, draws, confidence)


def _simulate(recent: Triangle, last: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw the shares reported and the events still to come of the immature days."""
    size = clump_size(fit_delays(recent, last=last, without=OPTIONAL))
    recent = in_clumps(recent, size)
    without = choose_effects(recent, last=last, rng=rng)
    shares = fit_delays(recent, last=last, without=without).draw_shares(N_DRAWS, rng)
    count, start = recent.ultimate(), recent.n_days - shares.shape[2]
    remaining = levels.draw_final(count, recent.offered(), shares, recent.cycle, start, rng)
    return shares, size * spread_draws(remaining, spread_factor(recent, without=without, last=last, rng=rng))
