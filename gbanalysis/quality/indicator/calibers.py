"""The refund rate in each of its calibers: what is counted, and by which date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.dataset.arguments import checked, known_day
from gbanalysis.dataset.expressions import Period
from gbanalysis.dataset.periods import all_periods, period_end
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError
from gbanalysis.quality import facts
from gbanalysis.quality.indicator.ancestry import place_in_tree
from gbanalysis.quality.indicator.caliber_rates import COLUMNS, SHRUNK, RefundRate
from gbanalysis.quality.indicator.share_intervals import clustered_shares, independent_trials
from gbanalysis.quality.indicator.units import DATE_BASES, UNIT, UNITS, DateBasis, Unit, ways_of_unit
from gbanalysis.stats.intervals import ClusterSums
from gbanalysis.stats.pooling import pool_shares

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

_ONE_PERSON = ("line_id", "order_id", "group_id")
DAYS_TO_PICKUP = 1


def refund_rate(
    dataset: Dataset,
    *,
    unit: Unit = "line",
    date: DateBasis = "fulfilled",
    by: Sequence[str] | str = (),
    period: Period = "D",
    as_of: dt.date | str | None = None,
    confidence: float = 0.9,
    shrink: bool = False,
    approved_only: bool = False,
) -> RefundRate:
    """Answer: which share of what was sold was asked back, counted how, and how sure is it?

    Parameters
    ----------
    dataset
        The data; needs the table refunds.
    unit
        What is counted. "line": refunded lines / lines. "order", "user", "sku": those with a refunded line / all,
        distinct within the period and group. "value", "quantity": money and units asked back (at most the line's) /
        sold.
    date
        The day a line belongs to: "fulfilled", its pickup (lines never picked up are left out, and those of them that
        were refunded counted apart), or "ordered", its selling day.
    by
        Columns of sites, products or order lines to group by, such as region, city, city_tier, central_id, grid_id,
        site_id, category, subcategory, sku_id, origin, supplier_id.
    period
        "D", "W" (from Monday) or "M".
    as_of
        The last day whose refunds are known; by default the data set's. What became known later is not seen.
    confidence
        Two-sided confidence level of the intervals.
    shrink
        Also draw small cells towards their parent: a site to its grid, that to its central warehouse and region, a SKU
        to its subcategory and category, all at last to the whole of the period. How far is learned from the cells.
    approved_only
        Count only refunds that were granted by `as_of`.

    Returns
    -------
    RefundRate
        Its ``to_frame()`` has ``period``, `by`, ``n_units``, ``n_refunded``, ``rate``, ``ci_lower``, ``ci_upper`` and
        ``mature`` (the refund window has closed for every day of the period); with `shrink` also ``shrunk_rate``,
        ``shrunk_lower``, ``shrunk_upper``.

    Raises
    ------
    ContractError
        Where the table refunds or a column of `by` is not there, or `by` names persons or single lines and orders.
    NotEnoughDataError
        Where no line belongs to a day up to `as_of`, or `as_of` lies after the last day of the data.
    GBAnalysisError
        Where an argument is none of those allowed.

    Notes
    -----
    Every caliber is a ratio of sums over lines. Lines of one site and day, and of one supplier and day, hang together:
    the interval is Wilson's, with the number of independent trials that the clusters are worth; where a row has few
    clusters the design effect of all rows steadies its own. A user's cluster is the site, a SKU's the SKU. A row that
    is one supplier's one day is estimated for that very batch. By selling day a period is mature a day and a refund
    window after its end, and a refund window after the last pickup seen.

    References
    ----------
    E. L. Korn and B. I. Graubard (1998), Survey Methodology 24, 193-201; A. C. Cameron, J. B. Gelbach and D. L. Miller
    (2011), Journal of Business & Economic Statistics 29, 238-249; C. N. Morris (1983), Journal of the American
    Statistical Association 78, 47-55.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> weekly = gb.quality.refund_rate(gb.load_sample(), period="W")
    >>> list(weekly.to_frame())
    ['period', 'n_units', 'n_refunded', 'rate', 'ci_lower', 'ci_upper', 'mature']
    >>> by_order = gb.quality.refund_rate(gb.load_sample(), unit="order", period="W")
    >>> by_order.overall() > weekly.overall()  # an order has several lines
    True
    """
    by = _checked(dataset, unit=unit, date=date, by=by, confidence=confidence, approved_only=approved_only)
    last = known_day(dataset, as_of)
    sums = facts.caliber_facts(dataset, unit=unit, date=date, by=by, period=period, as_of=last, approved=approved_only)
    if sums.empty:
        raise NotEnoughDataError(f"No line was {'picked up' if date == 'fulfilled' else 'sold'} by {last}.")
    keys = ["period", *by]
    rows = estimate_rates(sums, keys, unit=unit, confidence=confidence)
    rows = rows if by else _every_period(rows, period)
    rows["mature"] = _mature(rows, period=period, date=date, window=dataset.settings.refund_window_days, as_of=last)
    columns = list(COLUMNS)
    if shrink:
        rows = add_shrunk(rows, by, partial(facts.ancestor_facts, dataset), confidence=confidence)
        columns += SHRUNK
    return RefundRate(
        frame=rows[[*keys, *columns]],
        n_users=rows["n_users"],
        trials=rows["trials"],
        unit=unit,
        date=date,
        by=by,
        period=period,
        as_of=last,
        confidence=confidence,
        approved_only=approved_only,
        n_refunded_unfulfilled=facts.unfulfilled_refunds(dataset, as_of=last, approved=approved_only),
    )


def _checked(
    dataset: Dataset, *, unit: str, date: str, by: Sequence[str] | str, confidence: float, approved_only: bool
) -> tuple[str, ...]:
    """Check the arguments before anything is read, and give the columns of `by`."""
    for name, value, allowed in (("unit", unit, UNITS), ("date", date, DATE_BASES)):
        if value not in allowed:
            raise GBAnalysisError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    columns = checked(by, confidence=confidence)
    single = [name for name in columns if name in _ONE_PERSON]
    if single:
        raise ContractError(f"by={single[0]!r} gives single orders, which are persons' own; group by something larger")
    dataset.require("refunds", *(("approved",) if approved_only else ()))
    return columns


def estimate_rates(sums: pd.DataFrame, keys: list[str], *, unit: Unit, confidence: float) -> pd.DataFrame:
    """Give each period and group its counts, rate and interval, and the independent trials that it is worth."""
    tables = {str(way): part.sort_values(keys, ignore_index=True) for way, part in sums.groupby("way")}
    of_units = _cluster_sums(tables[UNIT])
    ways = [_cluster_sums(tables[way]) for way in ways_of_unit(unit, has_suppliers=len(tables) > 2)]
    lower, upper = clustered_shares(of_units, ways, confidence=confidence)
    with np.errstate(invalid="ignore"):
        rate = of_units.y / of_units.x
    is_count = unit not in ("value", "quantity")
    counts = [np.rint(total).astype(np.int64) if is_count else total for total in (of_units.x, of_units.y)]
    return tables[UNIT][[*keys, "n_users", "last_pickup_on"]].assign(
        n_units=counts[0],
        n_refunded=counts[1],
        rate=rate,
        ci_lower=lower,
        ci_upper=upper,
        trials=independent_trials(of_units, ways),
    )


def add_shrunk(
    rows: pd.DataFrame, by: Sequence[str], ancestors: Callable[[str, Sequence[str]], pd.DataFrame], *, confidence: float
) -> pd.DataFrame:
    """Add to each rate the one drawn to its parent, with its interval; see `place_in_tree` for `ancestors`."""
    parents = place_in_tree(rows, by, ancestors) if by else [np.arange(len(rows))]
    found = pool_shares(rows["rate"].to_numpy(), rows["trials"].to_numpy(), parents, confidence=confidence)
    return rows.assign(**dict(zip(SHRUNK, (found.share, *found.interval), strict=True)))


def _cluster_sums(table: pd.DataFrame) -> ClusterSums:
    names = ("n", "x", "y_y", "xx", "xy_y", "yy_y")
    return ClusterSums(*(table[name].to_numpy(dtype=float) for name in names))


def _mature(rows: pd.DataFrame, *, period: Period, date: DateBasis, window: int, as_of: dt.date) -> Any:
    """Say for each row whether nobody can ask for a refund of its period any more."""
    import pandas as pd

    end = period_end(rows["period"], period)
    if date == "ordered":
        last_pickup = pd.to_datetime(rows["last_pickup_on"]).groupby(rows["period"]).transform("max")
        end = np.maximum(end + pd.Timedelta(days=DAYS_TO_PICKUP), last_pickup.fillna(end))
    return end + pd.Timedelta(days=window) <= pd.Timestamp(as_of)


def _every_period(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Give a row of zeros to each period without lines; it has no rate."""
    span = all_periods(rows["period"], period)
    if len(span) == len(rows):
        return rows
    filled = rows.set_index("period").reindex(span).reset_index()
    counts = ["n_units", "n_refunded", "n_users", "trials"]
    return filled.fillna(dict.fromkeys(counts, 0)).astype({name: rows[name].dtype for name in counts})
