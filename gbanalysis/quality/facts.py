"""From rows to small frames of sums: the one module of quality that opens tables.

Each question reads the lines in one expression, where the data are (DuckDB, Postgres, Spark), and gives back a pandas
frame of counts and sums, ordered by its keys. The expressions stand in modules of their own, such as `lines`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ibis

from gbanalysis.dataset.contract import STAGES
from gbanalysis.dataset.expressions import (
    Period,
    count_unfulfilled,
    described,
    run,
    selling_lines,
    truncate,
    written,
)
from gbanalysis.quality.abuse.claims import KINDS, flagged_days, like_lines, refunded_rows, user_sums, with_cells
from gbanalysis.quality.abuse.model import N_RISKS
from gbanalysis.quality.actions.cells import sum_to_action_cells
from gbanalysis.quality.attribution.cells import ShiftCells, Span, complete_cells, observed_weather, sum_to_cells
from gbanalysis.quality.effects.cells import (
    add_weather,
    sum_to_effect_cells,
    with_due_day,
    with_lost_units,
    with_measures,
    with_ratings,
)
from gbanalysis.quality.indicator.units import DateBasis, Unit, caliber_sums, weighted
from gbanalysis.quality.latency.delay_rows import delay_cells, pickup_lags, refund_events
from gbanalysis.quality.latency.sign_rows import known_flows, reviews_by_line, sign_cells, with_transit
from gbanalysis.quality.lines import fulfilled_lines, with_refunds
from gbanalysis.quality.stage_hours import with_stage_hours

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset


def _picked_up(
    dataset: Dataset,
    by: Sequence[str],
    *,
    first: dt.date | None,
    last: dt.date,
    as_of: dt.date,
    approved_only: bool = False,
) -> Any:
    """Lines picked up from `first` to `last` with the columns of `by`, and what was asked back of them by `as_of`."""
    lines = described(dataset, fulfilled_lines(dataset.table("order_lines"), first, last), by)
    return with_refunds(lines, dataset.table("refunds"), as_of=as_of, approved_only=approved_only)


def _in_order(cells: Any) -> Any:
    """Order cells by their keys, the columns before ``n``, so that two calls give the same rows in the same places."""
    return cells.order_by(cells.columns[: cells.columns.index("n")])


def _weather(dataset: Dataset, *, first: dt.date, last: dt.date) -> pd.DataFrame:
    """Give the temperature of each region and day; see `observed_weather`."""
    weather: pd.DataFrame = observed_weather(dataset.table("weather"), first=first, last=last).to_pandas()
    return weather.sort_values(["region", "date"], ignore_index=True)


def _with_hours(dataset: Dataset, lines: Any) -> Any:
    """Add hours, temperature and node of every stage to the lines (`stage_hours`); unchanged where no flow is tied."""
    if not (dataset.has("stage_flows") and dataset.has("order_lines", "shipment_id")):
        return lines
    return with_stage_hours(lines, dataset.table("stage_flows"))


def shift_cells(
    dataset: Dataset, *, base: Span, current: Span, as_of: dt.date, without_users: Sequence[str] = ()
) -> ShiftCells:
    """Sum the lines picked up in two periods to cells, with what was refunded of them by `as_of`."""
    first, last = min(base[0], current[0]), max(base[1], current[1])
    known = [name for name in ("central_id", "grid_id") if dataset.has("sites", name)]
    goods = "subcategory" if dataset.has("products", "subcategory") else "category"
    by = tuple(dict.fromkeys(("category", goods, "region", *known)))
    lines = _picked_up(dataset, by, first=first, last=last, as_of=as_of)
    if without_users:
        lines = lines.anti_join(ibis.memtable({"user_id": list(without_users)}), "user_id")
    cells = _in_order(sum_to_cells(_with_hours(dataset, lines), base=base, current=current)).to_pyarrow().to_pandas()
    nodes = dataset.to_frame("nodes") if dataset.has("nodes", "region") else None
    return complete_cells(
        cells,
        goods=goods,
        regions=None if nodes is None else dict(zip(nodes["node_id"], nodes["region"], strict=True)),
        weather=_weather(dataset, first=first, last=last) if dataset.has("weather") else None,
        policies=dataset.to_frame("policies") if dataset.has("policies") else None,
    )


def _referred(dataset: Dataset, *, date: str, as_of: dt.date) -> Any:
    """Lines whose reference day, pickup or selling day, lies no later than `as_of`; that day as ``day``."""
    lines = dataset.table("order_lines")
    if date == "fulfilled":
        return fulfilled_lines(lines, None, as_of)
    lines = selling_lines(lines, cutoff=dataset.settings.presale_cutoff, as_of=as_of)
    return lines.filter(lines.selling_on <= as_of).mutate(day=lines.selling_on)


def lag_facts(dataset: Dataset, *, as_of: dt.date) -> pd.DataFrame:
    """Count the lines picked up by `as_of` by ``lag``, the days from the selling day to the pickup."""
    return run(pickup_lags(_referred(dataset, date="ordered", as_of=as_of), as_of=as_of), ["lag"])


def delay_facts(
    dataset: Dataset,
    *,
    by: Sequence[str],
    unit: str,
    date: str,
    max_delay: int,
    recent_from: dt.date,
    as_of: dt.date,
) -> pd.DataFrame:
    """Sum lines and what was asked back of them by `as_of` to `by`, reference day and delay; see `delay_cells`."""
    lines = described(dataset, _referred(dataset, date=date, as_of=as_of), by)
    events = refund_events(lines, dataset.table("refunds"), unit=unit, as_of=as_of)
    cells = delay_cells(lines, events, keys=list(by), unit=unit, max_delay=max_delay, recent_from=recent_from)
    frame: pd.DataFrame = _in_order(cells).to_pandas()
    return frame.assign(day=frame["day"].to_numpy().astype("datetime64[D]"))


def action_cells(dataset: Dataset, *, first: dt.date, last: dt.date, as_of: dt.date) -> pd.DataFrame:
    """Sum the lines picked up in a period to the cells that the saving of actions is learned from."""
    known = [name for name in ("central_id", "grid_id") if dataset.has("sites", name)]
    lines = _picked_up(dataset, ("category", "region", *known), first=first, last=last, as_of=as_of)
    frame: pd.DataFrame = _in_order(sum_to_action_cells(_with_hours(dataset, lines))).to_pandas()
    return frame


def caliber_facts(
    dataset: Dataset, *, unit: Unit, date: DateBasis, by: Sequence[str], period: Period, as_of: dt.date, approved: bool
) -> pd.DataFrame:
    """Add up units and refunded units by period; refunds and pickups after `as_of` are not seen.

    Returns
    -------
    pandas.DataFrame
        ``period``, `by`, ``way`` (how the clusters are cut), ``n``, ``x``, ``y_y`` and their squares and products (see
        `caliber_sums`); ``n_users``; ``last_pickup_on``, of the lines picked up by `as_of`.
    """
    lines = described(dataset, _referred(dataset, date=date, as_of=as_of), by)
    lines = with_refunds(lines, dataset.table("refunds"), as_of=as_of, approved_only=approved)
    keys = ["period", *by]
    lines = weighted(lines.mutate(period=truncate(lines.day, period)), unit=unit, keys=keys)
    pickup = ibis.ifelse(lines.fulfilled_on <= as_of, lines.fulfilled_on, ibis.null("date"))
    people = lines.group_by(keys).aggregate(n_users=lines.user_id.nunique(), last_pickup_on=pickup.max())
    sums = caliber_sums(lines, unit=unit, keys=keys)
    return run(sums.left_join(people, keys).drop(*(f"{key}_right" for key in keys)), [*keys, "way"])


def ancestor_facts(dataset: Dataset, column: str, ancestors: Sequence[str]) -> pd.DataFrame:
    """Pair the values of a column of sites or products with those of its `ancestors` that the same table has."""
    import pandas as pd

    for name in ("sites", "products"):
        known = [column, *(other for other in ancestors if dataset.has(name, other))]
        if len(known) > 1 and dataset.has(name, column):
            rows = dataset.table(name)
            return run(rows.select(*(written(rows, other) for other in known)).distinct(), known)
    return pd.DataFrame({column: pd.Series(dtype=str)})


def unfulfilled_refunds(dataset: Dataset, *, as_of: dt.date, approved: bool) -> int:
    """Count lines refunded by `as_of` and not picked up by then; the fulfilled basis leaves them out."""
    return count_unfulfilled(dataset.table("order_lines"), dataset.table("refunds"), as_of=as_of, approved=approved)


def _like_lines(dataset: Dataset, *, first: dt.date | None, last: dt.date, as_of: dt.date) -> tuple[Any, list[str]]:
    """Lines picked up with what was asked back of them, and those of `KINDS` that they have."""
    homes = ("order_lines", "products", "sites")
    keys = [name for name in KINDS if any(dataset.has(home, name) for home in homes)]
    return _picked_up(dataset, keys, first=first, last=last, as_of=as_of), keys


def difficulty_cells(dataset: Dataset, *, first: dt.date | None, last: dt.date, as_of: dt.date) -> pd.DataFrame:
    """Count lines picked up and those refunded by SKU, supplier, place and week; see `claims.like_lines`."""
    lines, keys = _like_lines(dataset, first=first, last=last, as_of=as_of)
    return run(like_lines(lines, keys), [*keys, "week"])


def user_claims(
    dataset: Dataset, cells: pd.DataFrame, *, first: dt.date | None, last: dt.date, as_of: dt.date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum the lines of each user at each site, and list the refunded lines, with the rates of their `cells`."""
    lines, keys = _like_lines(dataset, first=first, last=last, as_of=as_of)
    lines = with_cells(lines, cells, keys)
    refunds = dataset.table("refunds")
    rows = refunded_rows(lines, refunds.filter(refunds.requested_on <= as_of))
    return run(user_sums(lines, N_RISKS), ["user_id", "site_id"]), run(rows, ["line_id"])


def flagged_facts(
    dataset: Dataset, bands: pd.DataFrame, *, first: dt.date, last: dt.date, as_of: dt.date
) -> pd.DataFrame:
    """Sum the lines of a window by the band of their user, day, site and supplier; see `claims.flagged_days`."""
    lines = _picked_up(dataset, (), first=first, last=last, as_of=as_of)
    return run(flagged_days(lines, bands), ["band", "day", "site_id", "supplier_id"])


def day_counts(dataset: Dataset, by: Sequence[str], *, base: Span, current: Span, as_of: dt.date) -> pd.DataFrame:
    """Count the lines picked up in two periods, and those refunded by `as_of`: `by`, category, day, n, refunded."""
    keys = list(dict.fromkeys([*by, "category", "day"]))
    first, last = min(base[0], current[0]), max(base[1], current[1])
    lines = _picked_up(dataset, [key for key in keys if key != "day"], first=first, last=last, as_of=as_of)
    lines = lines.filter(lines.day.between(*base) | lines.day.between(*current))
    counts = lines.group_by(keys).aggregate(n=lines.count(), refunded=lines.refunded.sum())
    return run(counts, keys)


def effect_cells(
    dataset: Dataset,
    *,
    treatment: str | None,
    measures: tuple[str, ...],
    first: dt.date | None,
    last: dt.date,
    as_of: dt.date,
) -> pd.DataFrame:
    """Sum the lines picked up from `first` to `last` to the cells of `sum_to_effect_cells`, with the weather."""
    wanted = {"sites": ("central_id", "grid_id"), "products": ("subcategory", "shelf_life_days")}
    known = [name for table, names in wanted.items() for name in names if dataset.has(table, name)]
    lines = _picked_up(dataset, ("category", "region", *known), first=first, last=last, as_of=as_of)
    lines = with_due_day(lines, cutoff=dataset.settings.presale_cutoff, as_of=as_of)
    names = measures if treatment is None else (treatment, *measures)
    if set(names) - {"rating"}:
        lines = with_measures(_with_hours(dataset, lines), names)
    if "units_lost" in names:
        lines = with_lost_units(lines, dataset.table("stage_flows"))
    if "rating" in names:
        reviews = dataset.table("reviews")
        lines = with_ratings(lines, reviews.filter(reviews.reviewed_on <= as_of))
    site = any(name.startswith(f"{STAGES[-1]}_") for name in names)
    cells = sum_to_effect_cells(lines, treatment=treatment, measures=measures, site=site)
    frame: pd.DataFrame = _in_order(cells).to_pandas()
    if frame.empty:
        return frame
    days = {"first": frame["due_on"].min(), "last": frame["due_on"].max()}
    weather = _weather(dataset, **days) if dataset.has("weather") else None
    has_homes = dataset.has("suppliers", "region")
    homes = dataset.to_frame("suppliers").set_index("supplier_id")["region"].dropna() if has_homes else None
    return add_weather(frame, weather, homes)


def sign_facts(dataset: Dataset, *, max_delay: int, first: dt.date, as_of: dt.date) -> pd.DataFrame:
    """Sum what is known by `as_of` of the lines picked up from `first` on, before refunds and with them; `sign_cells`.

    The weather of the region on the day comes as ``weather`` where the data have it.
    """
    lines = described(dataset, fulfilled_lines(dataset.table("order_lines"), first, as_of), ("category", "region"))
    if dataset.has("stage_flows") and dataset.has("order_lines", "shipment_id"):
        lines = with_transit(lines, known_flows(dataset.table("stage_flows"), as_of=as_of))
    asked = refund_events(lines, dataset.table("refunds"), unit="line", as_of=as_of)
    reviews = reviews_by_line(dataset.table("reviews"), as_of=as_of) if dataset.has("reviews") else None
    frame: pd.DataFrame = _in_order(sign_cells(lines, asked, reviews=reviews, max_delay=max_delay)).to_pandas()
    frame = frame.assign(day=frame["day"].to_numpy().astype("datetime64[D]"))
    if not dataset.has("weather"):
        return frame
    weather = _weather(dataset, first=first, last=as_of)
    weather = weather.assign(day=weather["date"].to_numpy().astype("datetime64[D]"), weather=weather["temperature_c"])
    return frame.merge(weather[["region", "day", "weather"]], on=["region", "day"], how="left", validate="many_to_one")


def supplier_cells(dataset: Dataset, *, first: dt.date, last: dt.date, as_of: dt.date) -> pd.DataFrame:
    """Count lines and refunded lines by day of pickup, category, supplier and region, with the region's temperature."""
    import pandas as pd

    lines = _picked_up(dataset, ("category", "region", "supplier_id"), first=first, last=last, as_of=as_of)
    keys = ["day", "category", "supplier_id", "region"]
    cells = run(lines.group_by(keys).aggregate(n=lines.count(), refunded=lines.refunded.sum()), keys)
    if not dataset.has("weather"):
        return cells.assign(temperature_c=float("nan"))
    weather = _weather(dataset, first=first, last=last)
    weather = weather.rename(columns={"date": "day"}).assign(day=lambda frame: pd.to_datetime(frame["day"]))
    return cells.assign(day=pd.to_datetime(cells["day"])).merge(weather, on=["region", "day"], how="left")


def supplier_users(dataset: Dataset, *, first: dt.date, last: dt.date, as_of: dt.date) -> pd.DataFrame:
    """Count the users who picked up lines of each supplier."""
    lines = _picked_up(dataset, ("supplier_id",), first=first, last=last, as_of=as_of)
    return run(lines.group_by("supplier_id").aggregate(n_users=lines.user_id.nunique()), ["supplier_id"])


def inspection_lots(dataset: Dataset, *, first: dt.date, last: dt.date) -> pd.DataFrame:
    """Give the inspected lots of a period that name their supplier."""
    lots = dataset.table("inspections")
    lots = lots.filter(lots.inspected_on.between(first, last) & lots.supplier_id.notnull())
    columns = ["supplier_id", "inspected_on", "n_sampled", "n_defective"]
    return run(lots.select(*columns), columns)
