"""Which share of each day's refunds is known by now, by category: what corrects counts that are still coming in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.dataset.arguments import generator, known_day, known_days
from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality import facts
from gbanalysis.quality.latency.delay_arrays import DelayArrays, to_arrays
from gbanalysis.quality.latency.delays import first_immature, fit_delays
from gbanalysis.quality.latency.projection import HISTORY_DAYS, HISTORY_DELAYS, N_DRAWS

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]

LEAST_SHARE = 0.02  # days of which less is reported hold no news and would only add noise
MOST_NAMED = 3


@dataclass(frozen=True, eq=False)
class JoinedShares:
    """The shares of the rows of a frame.

    Attributes
    ----------
    share
        [n] share of each row's refunds that is known.
    pairs
        [n, n_pairs] the weight of each category and day, in the order of `ReportedShares.to_frame`, in the share of
        each row; nothing in rows of days whose window has closed.
    notes
        For how many lines the share of their category is not known.
    """

    share: FloatArray
    pairs: sparse.csr_matrix
    notes: tuple[str, ...]


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
    open_from
        The first day whose refund window is still open then.
    """

    categories: tuple[str, ...]
    days: NDArray[np.datetime64]
    share: FloatArray
    draws: FloatArray
    as_of: dt.date
    open_from: dt.date

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

    def joined(self, frame: pd.DataFrame, *, category: str = "category") -> JoinedShares:
        """Give the share of each row of a frame with the columns `category`, ``day`` and ``n``.

        A day whose refund window has closed is whole. On an open day a category that the delay law does not know has
        the mean share of all categories, and a note says for how many lines. No share is below `LEAST_SHARE`.

        Raises
        ------
        GBAnalysisError
            An open day lies outside the period of the shares.
        """
        import pandas as pd

        names, days = frame[category].to_numpy(dtype=object), frame["day"].to_numpy().astype("datetime64[D]")
        at = pd.Index(self.days.astype("datetime64[s]")).get_indexer(pd.Index(days.astype("datetime64[s]")))
        goods = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(names, dtype=object))
        is_open = days >= np.datetime64(self.open_from)
        if (is_open & (at < 0)).any():
            raise GBAnalysisError(f"no share is known for {days[is_open & (at < 0)][0]}: it is not in the period")
        n_goods, n_days = len(self.categories), len(self.days)
        own, pooled = np.flatnonzero(is_open & (goods >= 0)), np.flatnonzero(is_open & (goods < 0))
        row = np.concatenate([own, np.repeat(pooled, n_goods)])
        column = np.concatenate(
            [goods[own] * n_days + at[own], (at[pooled, None] + n_days * np.arange(n_goods)).ravel()]
        )
        weight = np.repeat([1.0, 1 / n_goods], [len(own), len(pooled) * n_goods])
        pairs = sparse.csr_matrix((weight, (row, column)), shape=(len(frame), n_goods * n_days))
        share = np.where(is_open, np.maximum(pairs @ self.share.ravel(), LEAST_SHARE), 1.0)
        return JoinedShares(share, pairs, _unknown(names[pooled], int(frame["n"].to_numpy()[pooled].sum())))


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
        A seed or a generator for the draws; by default one fixed stream, so that two calls agree.

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
    rng = generator(rng)
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
    first_open = day - dt.timedelta(days=dataset.settings.refund_window_days - 1)
    return ReportedShares(categories, days, draws.mean(axis=0), draws, day, first_open)


def _unknown(names: NDArray[np.object_], n_lines: int) -> tuple[str, ...]:
    """Say which categories have the share of all."""
    if n_lines == 0:
        return ()
    told = sorted({str(name) for name in names})
    more = f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    return (
        f"how late refunds come is not known for {', '.join(told[:MOST_NAMED])}{more}: the mean of all categories "
        f"stands for it in {n_lines:,} lines whose refunds are still coming in",
    )


def category_arrays(dataset: Dataset, *, as_of: dt.date) -> DelayArrays:
    """Lay out the lines picked up in the days that the delay law is learned from, by category."""
    max_delay = dataset.settings.refund_window_days
    first = as_of - dt.timedelta(days=max(HISTORY_DAYS, HISTORY_DELAYS * max_delay) - 1)
    frame = facts.delay_facts(
        dataset, by=("category",), unit="line", date="fulfilled", max_delay=max_delay, recent_from=first, as_of=as_of
    )
    return to_arrays(frame.assign(region=""), by=(), max_delay=max_delay, first=first, as_of=as_of)
