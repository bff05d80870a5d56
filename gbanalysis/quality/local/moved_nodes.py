"""From the lines of two periods to the places of a crossed hierarchy whose refund rate moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import generator, known_day, known_periods
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality import facts
from gbanalysis.quality.latency.reported import reported_shares
from gbanalysis.quality.local.hierarchy import ALL, Hierarchy, build_hierarchy
from gbanalysis.quality.local.local_shifts import COUNTS, FIGURES, LocalShifts, Span
from gbanalysis.quality.local.scan import PeriodCounts, Scan, excess_bounds, prepare_scan
from gbanalysis.quality.local.shift_search import Found, search

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]

MOST_DIMENSIONS = 4
PERIODS = ("base", "current")


def find_local_shifts(
    dataset: Dataset,
    *,
    base: tuple[Any, Any],
    current: tuple[Any, Any],
    hierarchy: Sequence[str] = ("category", "origin", "region"),
    as_of: dt.date | str | None = None,
    fdr: float = 0.05,
    rng: np.random.Generator | int | None = None,
) -> LocalShifts:
    """Answer where the refund rate moved between two periods, beyond what moved around it.

    Places are all crossings of the hierarchy's dimensions: everything, each level, each pair of levels, each cell. The
    answer is the smallest set of places that leaves no other one moved beyond chance. A shift everywhere is named once,
    as everything; a place that moved as its surroundings is not named at all.

    Parameters
    ----------
    dataset
        With ``refunds``.
    base, current
        First and last day of pickup of each period, both included.
    hierarchy
        One to four columns of products, sites or order lines, such as category, sku_id, origin, region, city,
        supplier_id.
    as_of
        The last day whose refunds are known; by default the data set's own. Counts of days whose refund window is still
        open are held against the share of their category's refunds that is known by then.
    fdr
        The chance that any place is named that did not move (the familywise error, which bounds the false discovery
        rate too).
    rng
        A seed or a generator for the worlds without shifts; by default one fixed stream, so that two calls agree.

    Returns
    -------
    LocalShifts
        See `LocalShifts.to_frame`.

    Raises
    ------
    ContractError
        There is no table refunds, or no such column, or one that names persons.
    NotEnoughDataError
        A period is empty or lies in the future, nothing was refunded in the base, or nothing can be told of the delay.
    NotIdentifiedError
        All lines lie in one cell.
    GBAnalysisError
        The periods overlap, or an argument makes no sense.

    Notes
    -----
    A cell's usual rate is learned from its base count and from the cells that share its levels, so that small cells
    have a base of more than their own few refunds. How far counts scatter beyond chance, because lines of one day share
    a batch, is learned from the days. A place's strength is the likelihood ratio of the scan statistic; the critical
    strength is that of the strongest place in worlds without a shift.

    References
    ----------
    M. Kulldorff (1997), Communications in Statistics 26, 1481-1496 (the scan statistic and its simulated null);
    D. Yekutieli (2008), Journal of the American Statistical Association 103, 309-316 (errors on trees of hypotheses).

    Examples
    --------
    >>> import gbanalysis as gb
    >>> days = {"base": ("2024-02-12", "2024-03-06"), "current": ("2024-03-07", "2024-03-30")}
    >>> found = gb.quality.find_local_shifts(gb.load_sample(), **days, rng=1)
    >>> found.name_of(found.to_frame().iloc[0])
    'Shaanxi, Guangdong'
    """
    day = known_day(dataset, as_of)
    then, now = known_periods(base, current, as_of=day)
    names = _checked_hierarchy(hierarchy)
    if not isinstance(fdr, Real) or not 0 < fdr < 1:
        raise GBAnalysisError(f"fdr must lie between 0 and 1, such as 0.05, not {fdr!r}")
    rng = generator(rng)
    dataset.require("refunds")
    rows = facts.day_counts(dataset, names, base=then, current=now, as_of=day)
    spans = {"base": then, "current": now}
    rows, notes = _with_exposure(dataset, rows, spans, as_of=day, rng=rng)
    _check_rows(rows, spans)
    keys = rows[list(names)].drop_duplicates(ignore_index=True)
    codes = np.stack([np.unique(keys[name], return_inverse=True)[1] for name in names], axis=1)
    if len(keys) < 2:
        raise NotIdentifiedError(f"All lines lie in one cell of {', '.join(names)}: it has no surroundings.")
    nodes = build_hierarchy(codes)
    rows = rows.merge(keys.assign(cell=np.arange(len(keys))), on=list(names), validate="many_to_one")
    scan = prepare_scan(nodes, *(_period_counts(nodes, rows[rows["period"] == name]) for name in PERIODS))
    found = search(scan, level=fdr, rng=rng)
    cells = _cells(keys, rows, scan, found)
    frame = _table(keys, nodes, cells, scan, found)
    return LocalShifts(frame, cells, names, then, now, day, fdr, nodes.n_nodes, (*notes, *_notes(cells, names)))


def _checked_hierarchy(hierarchy: Sequence[str] | str) -> tuple[str, ...]:
    names = (hierarchy,) if isinstance(hierarchy, str) else tuple(hierarchy)
    if not 1 <= len(names) <= MOST_DIMENSIONS or len(set(names)) < len(names):
        raise GBAnalysisError(f"hierarchy must name one to {MOST_DIMENSIONS} different columns, not {names!r}")
    return names


def _with_exposure(
    dataset: Dataset, rows: pd.DataFrame, spans: dict[str, Span], *, as_of: dt.date, rng: np.random.Generator
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Add ``period``, and ``exposure``: the lines times the share of their refunds that is known by `as_of`."""
    import pandas as pd

    rows = rows.assign(day=pd.to_datetime(rows["day"]))
    first, last = (pd.Timestamp(day) for day in spans["base"])
    rows["period"] = np.where(rows["day"].between(first, last), "base", "current")
    mature_until = pd.Timestamp(as_of) - pd.Timedelta(days=dataset.settings.refund_window_days)
    late = rows.loc[rows["day"] > mature_until, "day"]
    if late.empty:
        return rows.assign(exposure=rows["n"].astype(float)), ()
    first_open, last_open = late.min().date(), late.max().date()
    known = reported_shares(dataset, first=first_open, last=last_open, as_of=as_of, rng=rng).joined(rows)
    return rows.assign(exposure=rows["n"] * known.share), known.notes


def _check_rows(rows: pd.DataFrame, spans: dict[str, Span]) -> None:
    for name, (first, last) in spans.items():
        part = rows[rows["period"] == name]
        if part["n"].sum() == 0:
            raise NotEnoughDataError(f"No line was picked up in the {name} period, {first} to {last}.")
        if name == "base" and part["refunded"].sum() == 0:
            raise NotEnoughDataError(f"No line of the base period, {first} to {last}, was refunded.")


def _period_counts(nodes: Hierarchy, rows: pd.DataFrame) -> PeriodCounts:
    day = np.unique(rows["day"], return_inverse=True)[1]
    refunded, exposure = (rows[name].to_numpy(dtype=float) for name in ("refunded", "exposure"))
    return PeriodCounts.from_days(nodes, rows["cell"].to_numpy(), day, refunded, exposure)


def _cells(keys: pd.DataFrame, rows: pd.DataFrame, scan: Scan, found: Found) -> pd.DataFrame:
    """One row a finest cell: counts, rates, and the rate to be expected with the shifts found."""
    cells = keys.copy()
    for name in PERIODS:
        part = rows[rows["period"] == name]
        cells[f"n_{name}"] = np.bincount(part["cell"], part["n"], len(cells)).astype(int)
    for name, period in zip(PERIODS, (scan.base, scan.current), strict=True):
        cells[f"n_refunded_{name}"] = period.refunded.astype(int)
        cells[f"{name}_rate"] = _ratio(period.refunded, period.exposure)
    expected = scan.expect(scan.base.refunded).mean
    factor = scan.shifts(found.nodes, scan.current.refunded, expected)
    cells["expected_rate"] = _ratio(expected * factor, scan.current.exposure)
    rates = [f"{name}_rate" for name in PERIODS]
    return cells[[*keys, *COUNTS, rates[0], "expected_rate", rates[1]]]


def _ratio(count: FloatArray, exposure: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(exposure > 0, count / exposure, np.nan))


def _table(keys: pd.DataFrame, nodes: Hierarchy, cells: pd.DataFrame, scan: Scan, found: Found) -> pd.DataFrame:
    """One row a place that moved."""
    import pandas as pd

    rows = []
    for node, p_adjusted in zip(found.nodes, found.p_adjusted, strict=True):
        inside = nodes.members[node].indices
        levels = [
            None if code == ALL else keys[name].iloc[inside[0]]
            for name, code in zip(keys, nodes.levels[node], strict=True)
        ]
        counts = [int(cells[name].to_numpy()[inside].sum()) for name in COUNTS]
        rows.append((*levels, *counts, *_figures(node, scan, found), float(p_adjusted)))
    types = {**dict.fromkeys(COUNTS, int), **dict.fromkeys(FIGURES, float)}  # of an empty table too
    return pd.DataFrame(rows, columns=[*keys, *COUNTS, *FIGURES]).astype(types)


def _figures(node: int, scan: Scan, found: Found) -> tuple[float, ...]:
    """Rates and change of one place, with an interval that holds for all places together."""
    periods = (scan.base, scan.current)
    refunds, exposures = (
        [float(scan.node_sums(getattr(period, name))[node]) for period in periods] for name in ("refunded", "exposure")
    )
    before, after = (refund / exposure for refund, exposure in zip(refunds, exposures, strict=True))
    critical = float(found.critical[node])
    expected = scan.expect(scan.base.refunded)
    others = [other for other in found.nodes if other != node]
    due, spread = (part[node] for part in scan.due(expected, scan.shifts(others, scan.current.refunded, expected.mean)))
    usual = due / exposures[1]
    lower, upper = (bound / exposures[1] for bound in excess_bounds(refunds[1], due, spread, critical))
    return (before, usual, after, after - usual, lower, min(upper, 1 - usual))


def _notes(cells: pd.DataFrame, names: Sequence[str]) -> tuple[str, ...]:
    """Say what has no surroundings or no base."""
    alone = cells[cells["n_base"] == 0]
    if alone.empty:
        return ()
    share = alone["n_current"].sum() / cells["n_current"].sum()
    return (
        f"{len(alone)} of {len(cells)} cells of {', '.join(names)} have no line in the base period ({share:.1%} of the "
        "current lines): what is new cannot have moved, and only counts in the places around it.",
    )
