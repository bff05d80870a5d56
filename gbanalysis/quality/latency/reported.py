"""Which share of each day's refunds is known by now, by category: what corrects counts that are still coming in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import known_day, known_days
from gbanalysis.quality import facts
from gbanalysis.quality.latency.delay_arrays import DelayArrays, to_arrays
from gbanalysis.quality.latency.delays import first_immature, fit_delays
from gbanalysis.quality.latency.projection import HISTORY_DAYS, HISTORY_DELAYS, N_DRAWS

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReportedShares:
    """The share of the refunds of each category and day of pickup that is asked for by `as_of`.

    Refunds known, divided by the share, are without bias what there will be in the end: the share is learned from how
    late refunds come, not from how many there are.

    Attributes
    ----------
    categories, days
        Names of the categories; the days of the period.
    share
        [n_categories, n_days] mean share; 1 on days whose refund window has closed.
    draws
        [n_draws, n_categories, n_days] joint draws of it: categories and days share what is not known of the delay law.
    as_of
        The last day whose refunds are known.
    """

    categories: tuple[str, ...]
    days: NDArray[np.datetime64]
    share: FloatArray
    draws: FloatArray
    as_of: dt.date

    def to_frame(self) -> pd.DataFrame:
        """One row a category and day: category, day, share_reported, se, mature; in the order of `covariance`."""
        import pandas as pd

        share = self.share.ravel()
        return pd.DataFrame(
            {
                "category": np.repeat(np.array(self.categories, dtype=object), len(self.days)),
                "day": np.tile(self.days, len(self.categories)).astype("datetime64[ns]"),
                "share_reported": share,
                "se": self.draws.std(axis=0).ravel(),
                "mature": (self.draws == 1).all(axis=0).ravel(),
            }
        )

    def covariance(self) -> FloatArray:
        """[n, n] covariance of the shares, in the order of `to_frame`."""
        flat = self.draws.reshape(len(self.draws), -1)
        return np.atleast_2d(np.cov(flat, rowvar=False))


def reported_shares(
    dataset: Dataset,
    *,
    first: dt.date | str,
    last: dt.date | str,
    as_of: dt.date | str | None = None,
    rng: np.random.Generator | int | None = None,
) -> ReportedShares:
    """Give the share of the refunds of each category and day of pickup that is known by `as_of`.

    Parameters
    ----------
    dataset
        With ``refunds``.
    first, last
        The period, both days included.
    as_of
        The last day whose refunds are known; by default the data set's own.
    rng
        A generator or a seed for the draws.

    Raises
    ------
    NotEnoughDataError
        The period lies in the future, or nothing can be told of the delay yet.
    ContractError
        There are no refunds.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> shares = reported_shares(gb.load_sample(), first="2024-03-17", last="2024-03-30", rng=1)
    >>> frame = shares.to_frame()
    >>> bool((frame.loc[frame["day"] < "2024-03-23", "share_reported"] == 1).all())
    True
    """
    day = known_day(dataset, as_of)
    first, last = known_days((first, last), name="the period", as_of=day)
    rng = np.random.default_rng(rng)
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    arrays = category_arrays(dataset, as_of=day)
    categories = tuple(category for category, _ in arrays.cells)
    triangle = arrays.triangle()
    open_from = first_immature(triangle, triangle.n_days - 1)
    shares = fit_delays(triangle).draw_shares(N_DRAWS, rng)
    place = {str(name): k for k, name in enumerate(triangle.reference[open_from:])}
    draws = np.ones((N_DRAWS, len(categories), len(days)))
    for k, name in enumerate(days):
        if str(name) in place:
            draws[:, :, k] = shares[:, :, place[str(name)]]
    return ReportedShares(categories, days, draws.mean(axis=0), draws, day)


def category_arrays(dataset: Dataset, *, as_of: dt.date) -> DelayArrays:
    """Lay out the lines picked up in the days that the delay law is learned from, by category."""
    max_delay = dataset.settings.refund_window_days
    first = as_of - dt.timedelta(days=max(HISTORY_DAYS, HISTORY_DELAYS * max_delay) - 1)
    frame = facts.delay_facts(
        dataset, by=("category",), unit="line", date="fulfilled", max_delay=max_delay, recent_from=first, as_of=as_of
    )
    return to_arrays(frame.assign(region=""), by=(), max_delay=max_delay, first=first, as_of=as_of)
