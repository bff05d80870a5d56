"""What the refund rate of days that are still open will be in the end, for the whole and for any grouping."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.dataset.arguments import checked, generator, known_day
from gbanalysis.errors import GBAnalysisError, NotIdentifiedError
from gbanalysis.quality import facts
from gbanalysis.quality.latency.delay_arrays import DelayArrays, to_arrays
from gbanalysis.quality.latency.leading_signs import add_signs
from gbanalysis.quality.latency.parts import Parts, split_cells
from gbanalysis.quality.latency.projected_rate import REPORTED, ProjectedRate
from gbanalysis.quality.latency.projection import HISTORY_DAYS, HISTORY_DELAYS, Projection, project_triangle

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]

UNITS = ("line", "value", "quantity")
DATES = ("fulfilled", "ordered")
NOT_ADDITIVE = {
    "order": "an order counts once however many of its lines are refunded, so its delay is that of its first refund",
    "user": "a user counts once within a period, so days do not add up to it",
    "sku": "a SKU counts once within a period, and nearly every SKU has a refund in the end",
}
RATES = {"observed_rate": "observed", "rate": "final", "ci_lower": "lower", "ci_upper": "upper"}
USUAL_WAIT = 0.999
DELAY_LAW, BLEND = "delay law", "delay law and signs"


def project_refund_rate(
    dataset: Dataset,
    *,
    unit: str = "line",
    date: str = "fulfilled",
    by: Sequence[str] | str = (),
    as_of: dt.date | str | None = None,
    confidence: float = 0.9,
    signs: bool = False,
    rng: np.random.Generator | int | None = None,
) -> ProjectedRate:
    """Project the refund rate of every day to what it will be when all refunds are in.

    Parameters
    ----------
    dataset
        With ``refunds``.
    unit
        ``"line"``: refunded lines over lines. ``"value"``, ``"quantity"``: money or units asked back over those sold.
    date
        The day that a line belongs to: ``"fulfilled"``, its pickup, or ``"ordered"``, its selling day.
    by
        Columns that make groups, such as ``"region"`` or ``("category", "supplier_id")``.
    as_of
        The last day whose data are used; by default the data set's own.
    confidence
        Level of the intervals.
    signs
        Whether to blend in what leading signs foretell: hours and temperatures on the way, the weather, the suppliers'
        records, reviews and early refunds, each as far as the data have it. For lines by day of pickup.
    rng
        A seed or a generator for the draws; by default one fixed stream, so that two calls agree. From one
        stream, the groups of any `by` add up to the whole.

    Returns
    -------
    ProjectedRate

    Raises
    ------
    NotIdentifiedError
        `unit` is order, user or sku: these are not sums over lines. Or leading signs are wanted for another caliber
        than lines by day of pickup.
    NotEnoughDataError
        `as_of` lies in the future, no line or refund is known, or no delay can be seen yet.
    ContractError
        There are no refunds, or `by` names no column.

    Notes
    -----
    The delay law and the levels are those of `project_triangle`, on cells of category and region (fewer where there
    would be more than 64). A refund before pickup has delay 0; one after the refund window counts once it is there and
    is not foreseen. On the ordered basis the last delay that counts is the window and the longest usual wait for the
    pickup. Money and units are projected in units of one refund of the cell, as a quasi-Poisson count.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> found = gb.quality.project_refund_rate(gb.load_sample(), rng=1)
    >>> newest = found.to_frame().iloc[-1]
    >>> bool(newest["observed_rate"] < newest["ci_lower"] < newest["rate"] < newest["ci_upper"])
    True
    """
    by = checked(by, confidence=confidence)
    _check_caliber(unit, date, signs=signs)
    day = known_day(dataset, as_of)
    rng = generator(rng)
    rows, arrays = read_delays(dataset, unit=unit, date=date, by=by, as_of=day)
    projected = project_triangle(arrays.triangle(), as_of=day, confidence=confidence, rng=rng)
    method, weights = DELAY_LAW, None
    if signs:
        projected, weights = add_signs(dataset, arrays, projected, rng)
        method = BLEND
    groups, scale = project_groups(arrays, projected, rng)
    frame = _table(rows, arrays, groups, scale, by, unit=unit, method=method)
    return ProjectedRate(frame, by, unit, date, day, confidence, arrays.groups, groups, scale, weights)


def _check_caliber(unit: str, date: str, *, signs: bool) -> None:
    if unit in NOT_ADDITIVE:
        raise NotIdentifiedError(f"the refund rate by {unit} cannot be projected: {NOT_ADDITIVE[unit]}")
    if unit not in UNITS:
        raise GBAnalysisError(f"unit must be one of {', '.join(UNITS)}, not {unit!r}")
    if date not in DATES:
        raise GBAnalysisError(f"date must be one of {', '.join(DATES)}, not {date!r}")
    if signs and (unit, date) != ("line", "fulfilled"):
        raise NotIdentifiedError("leading signs foretell refunded lines by day of pickup, and no other caliber")


def read_delays(
    dataset: Dataset, *, unit: str, date: str, by: Sequence[str], as_of: dt.date
) -> tuple[pd.DataFrame, DelayArrays]:
    """Read all days up to `as_of`; also as arrays, the recent ones that the projection learns from."""
    max_delay = dataset.settings.refund_window_days
    if date == "ordered":
        max_delay += _longest_wait(facts.lag_facts(dataset, as_of=as_of))
    first = as_of - dt.timedelta(days=max(HISTORY_DAYS, HISTORY_DELAYS * max_delay) - 1)
    keys = dict.fromkeys(("category", "region", *by))
    rows = facts.delay_facts(
        dataset, by=tuple(keys), unit=unit, date=date, max_delay=max_delay, recent_from=first, as_of=as_of
    )
    return rows, to_arrays(rows, by=by, max_delay=max_delay, first=first, as_of=as_of)


def _longest_wait(lags: pd.DataFrame) -> int:
    """Give the days from sale to pickup within which all but one line in a thousand are picked up."""
    if lags.empty:
        return 0
    lags = lags.sort_values("lag")
    reached = lags["n"].cumsum() >= USUAL_WAIT * lags["n"].sum()
    return int(lags.loc[reached.idxmax(), "lag"])


def project_groups(
    arrays: DelayArrays, projected: Projection, rng: np.random.Generator
) -> tuple[Projection, FloatArray]:
    """Split the cells' projection among the parts and sum it to the groups; also the size of one refund of each group.

    The draws of the groups of any grouping add up to the cells' draws.
    """
    n_groups, n_open = len(arrays.groups), projected.draws.shape[2]
    size = arrays.scale[arrays.cell]
    share = projected.share_reported[arrays.cell]
    remaining = projected.draws - projected.observed[:, projected.n_mature :]
    parts = Parts(arrays.cell, arrays.group, arrays.offered / size[:, None], arrays.reported / size[:, None], share)
    draws, expected = np.zeros((len(remaining), n_groups, n_open)), np.zeros((len(size), n_open))
    for own, still in split_cells(parts, remaining, rng):
        expected[own] = still.mean(axis=0) * size[own, None]
        for k, part in enumerate(own):
            draws[:, arrays.group[part]] += still[:, k] * size[part]
    offered, observed = (arrays.over_groups(values) for values in (arrays.offered, arrays.reported))
    final = arrays.reported.copy()
    final[:, final.shape[1] - n_open :] += expected
    weight = final + 1e-9 * arrays.offered
    total = arrays.over_groups(weight)
    mean_share = np.divide(arrays.over_groups(weight * share), total, out=np.ones_like(total), where=total > 0)
    sold = offered.sum(axis=1)
    scale = arrays.over_groups(arrays.offered * size[:, None]).sum(axis=1) / sold
    draws = (observed[:, observed.shape[1] - n_open :] + draws) / scale[:, None]
    estimate = observed / scale[:, None]
    estimate[:, estimate.shape[1] - n_open :] = draws.mean(axis=0)
    names = tuple(arrays.groups.itertuples(index=False, name=None)) if len(arrays.groups.columns) else ("all",)
    groups = Projection(
        names, projected.reference, observed / scale[:, None], np.maximum(offered, observed) / scale[:, None],
        mean_share, estimate, draws, projected.confidence,
    )  # fmt: skip
    return groups, scale


def _table(
    rows: pd.DataFrame,
    arrays: DelayArrays,
    groups: Projection,
    scale: FloatArray,
    by: Sequence[str],
    *,
    unit: str,
    method: str,
) -> pd.DataFrame:
    """One row a day and group with lines: the older days as reported, the recent ones as projected."""
    import pandas as pd

    late, offered = arrays.over_groups(arrays.late), arrays.over_groups(arrays.offered)
    interval = groups.interval() * scale[:, None, None]
    mature = np.arange(len(arrays.days)) < groups.n_mature
    amounts = {
        "observed": groups.observed * scale[:, None] + late,
        "final": groups.estimate * scale[:, None] + late,
        "lower": interval[..., 0] + late,
        "upper": interval[..., 1] + late,
    }
    # Rounding apart, no amount lies below what is observed or above what was offered.
    least, most = amounts["observed"], np.maximum(offered, amounts["observed"])
    amounts = {name: np.where(mature, least, np.clip(value, least, most)) for name, value in amounts.items()}
    n_groups = len(arrays.groups)
    recent = arrays.groups.loc[np.repeat(arrays.groups.index, len(arrays.days))].reset_index(drop=True)
    recent = recent.assign(
        period=np.tile(arrays.days, n_groups).astype("datetime64[ns]"),
        n_units=offered.ravel(),
        **{name: value.ravel() for name, value in amounts.items()},
        share_reported=groups.share_reported.ravel(),
        mature=np.tile(mature, n_groups),
    )
    keys = ["period", *by]
    older = rows[rows["day"].to_numpy().astype("datetime64[D]") < arrays.days[0]]
    older = older.assign(period=older["day"].to_numpy().astype("datetime64[ns]"))
    older = older.groupby(keys, as_index=False)[["n", "reported"]].sum().rename(columns={"n": "n_units"})
    older = older.assign(**dict.fromkeys(amounts, older["reported"]), share_reported=1.0, mature=True)
    table = pd.concat([older, recent], ignore_index=True)
    table = table[table["n_units"] > 0].sort_values(keys, ignore_index=True)
    for name, amount in RATES.items():
        table[name] = table[amount] / table["n_units"]
    if unit == "line":
        table["n_units"] = table["n_units"].round().astype("int64")
    table["method"] = np.where(table["mature"], REPORTED, method)
    return table[[*keys, "n_units", *RATES, "share_reported", "mature", "method"]]
