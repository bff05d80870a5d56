"""Leading signs as arrays: what is known, at each age of a day, of the refunds that are still to come.

Everything at age a of reference day t is known at the end of day t + a. Rates of the past are those of days whose
window had closed on day t, so a sign means the same on a day long gone as on the newest one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.latency.delay_arrays import OTHER

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MEMORY_DAYS = 56
FEW = 3.0
PRIOR_EVENTS = 10.0
MEASURES = ("hours", "heat", "weather")


@dataclass(frozen=True, eq=False)
class SignArrays:
    """Counts and measurements by cell and day, from `facts.sign_facts`.

    Attributes
    ----------
    days
        [n_days] reference days.
    category, region
        [n_cells] codes.
    n
        [n_cells, n_days] lines.
    part_supply, part_cell, part_n
        [n_parts] the supply (a supplier of a category) and the cell of each part, and its [n_parts, n_days] lines.
    supply_category, supply_n, supply_refunded
        [n_supplies] the category of each supply; its lines, and its refunds within the delays that count.
    refunded, reviewed, complained
        [n_cells, n_days, max_delay + 1] lines by the delay of their first refund, review, complaining review.
    measures
        Mean of each measurement by cell and day, not a number where it is unknown; those without any are left out.
    """

    days: NDArray[np.datetime64]
    category: IntArray
    region: IntArray
    n: FloatArray
    part_supply: IntArray
    part_cell: IntArray
    part_n: FloatArray
    supply_category: IntArray
    supply_n: FloatArray
    supply_refunded: FloatArray
    refunded: FloatArray
    reviewed: FloatArray
    complained: FloatArray
    measures: dict[str, FloatArray]

    @property
    def max_delay(self) -> int:
        """The last delay that counts."""
        return int(self.refunded.shape[2]) - 1


def lay_out(frame: pd.DataFrame, *, cells: Sequence[tuple[str, str]], as_of: dt.date, max_delay: int) -> SignArrays:
    """Lay the rows of `facts.sign_facts` out by the cells of a projection; rows of cells that are gone are left out."""
    import pandas as pd

    first = frame["day"].to_numpy().astype("datetime64[D]").min()
    day = (frame["day"].to_numpy().astype("datetime64[D]") - first).astype(np.int64)
    days = np.arange(first, np.datetime64(as_of) + 1)
    place = {name: code for code, name in enumerate(cells)}
    names = zip(frame["category"], frame["region"], strict=True)
    cell = np.array([place.get((c, r), place.get((c, OTHER), place.get((OTHER, OTHER), -1))) for c, r in names])
    kept = cell >= 0
    frame, cell, day = frame[kept], cell[kept], day[kept]
    category, _ = pd.factorize(np.array([name[0] for name in cells], dtype=object))
    region, _ = pd.factorize(np.array([name[1] for name in cells], dtype=object))
    suppliers, _ = pd.factorize(frame["supplier_id"])
    supply, pairs = pd.factorize(category[cell] * (int(suppliers.max()) + 1) + suppliers, sort=True)
    part, keys = pd.factorize(supply * len(cells) + cell, sort=True)
    n = frame["n"].to_numpy(dtype=float)

    def total(code: IntArray, size: int, values: FloatArray) -> FloatArray:
        found = np.zeros((size, len(days)))
        np.add.at(found, (code, day), values)
        return found

    def by_delay(name: str, code: IntArray, size: int) -> FloatArray:
        columns = [f"{name}_{delay}" for delay in range(max_delay + 1)]
        if columns[0] not in frame:
            return np.zeros((size, len(days), max_delay + 1))
        return np.stack([total(code, size, frame[c].to_numpy(dtype=float)) for c in columns], axis=2)

    measures = {}
    for name in MEASURES:
        if name not in frame:
            continue
        if name == "weather":
            known = frame["weather"].notna().to_numpy() * n
            value = frame["weather"].fillna(0.0).to_numpy(dtype=float) * n
        else:
            value, known = (frame[column].to_numpy(dtype=float) for column in (name, f"n_{name}"))
        weight = total(cell, len(cells), known)
        if weight.any():
            mean = np.divide(total(cell, len(cells), value), weight, out=np.full_like(weight, np.nan), where=weight > 0)
            measures[name] = mean
    refunded, reviewed, complained = (by_delay(k, cell, len(cells)) for k in ("refunded", "reviewed", "complained"))
    return SignArrays(
        days, category, region, total(cell, len(cells), n), keys // len(cells), keys % len(cells),
        total(part, len(keys), n), pairs // (int(suppliers.max()) + 1), total(supply, len(pairs), n),
        by_delay("refunded", supply, len(pairs)).sum(axis=2), refunded, reviewed, complained, measures,
    )  # fmt: skip


def before(values: FloatArray, *, wait: int, days: int = MEMORY_DAYS) -> FloatArray:
    """Sum along the second axis the `days` days that end `wait` days before each.

    Examples
    --------
    >>> before(np.array([[1.0, 2.0, 3.0, 4.0]]), wait=1, days=2)
    array([[0., 1., 3., 5.]])
    """
    running = np.concatenate([np.zeros_like(values[:, :1]), values.cumsum(axis=1)], axis=1)
    end = np.clip(np.arange(values.shape[1]) - wait + 1, 0, None)
    start = np.clip(end - days, 0, None)
    return np.asarray(running[:, end] - running[:, start])


def pooled(values: FloatArray, code: IntArray) -> FloatArray:
    """Sum the first axis over rows of one code, and give each row its code's sum."""
    found = np.zeros((int(code.max()) + 1, *values.shape[1:]))
    np.add.at(found, code, values)
    return found[code]


def usual_rates(signs: SignArrays) -> tuple[FloatArray, FloatArray]:
    """Give each cell's usual rate before each day, and the log ratio that its suppliers' records add to it.

    Returns
    -------
    tuple
        [n_cells, n_days] the rate, shrunk towards the category's and the whole's; [n_cells, n_days] the log ratio.
    """
    wait = signs.max_delay
    final = signs.refunded.sum(axis=2)
    k, n = before(final, wait=wait), before(signs.n, wait=wait)
    whole = (k.sum(axis=0) + 1) / (n.sum(axis=0) + 50)
    own = pooled(k, signs.category), pooled(n, signs.category)
    by_category = (own[0] + PRIOR_EVENTS) / (own[1] + PRIOR_EVENTS / whole)
    rate = (k + PRIOR_EVENTS) / (n + PRIOR_EVENTS / by_category)
    first_cell = np.unique(signs.category, return_index=True)[1]
    usual = by_category[first_cell][signs.supply_category]
    k, n = before(signs.supply_refunded, wait=wait), before(signs.supply_n, wait=wait)
    ratio = (k + PRIOR_EVENTS) / (n * usual + PRIOR_EVENTS)
    sums, weights = np.zeros((2, *signs.n.shape))
    np.add.at(sums, signs.part_cell, signs.part_n * ratio[signs.part_supply])
    np.add.at(weights, signs.part_cell, signs.part_n)
    own_ratio = np.divide(sums, weights, out=np.ones_like(sums), where=weights > 0)
    return rate, np.log(own_ratio)


def share_by_age(signs: SignArrays, age: int) -> FloatArray:
    """[n_cells, n_days] share of a day's refunds that is usually asked for by an age: by category and weekday."""
    wait = signs.max_delay
    so_far, final = signs.refunded[:, :, : age + 1].sum(axis=2), signs.refunded.sum(axis=2)
    ends = [before(pooled(values, signs.category), wait=wait) for values in (so_far, final)]
    alls = [before(values.sum(axis=0, keepdims=True), wait=wait) for values in (so_far, final)]
    whole = (alls[0] + 1) / (alls[1] + 2)
    by_category = (ends[0] + 3 * PRIOR_EVENTS * whole) / (ends[1] + 3 * PRIOR_EVENTS)
    weekday = np.arange(len(signs.days)) % 7
    by_weekday = np.ones_like(whole)
    for day in range(7):
        same = weekday == day
        parts = [
            before(np.where(same, v.sum(axis=0), 0.0)[None], wait=wait, days=2 * MEMORY_DAYS) for v in (so_far, final)
        ]
        ratio = (parts[0] + 3 * PRIOR_EVENTS * whole) / (parts[1] + 3 * PRIOR_EVENTS) / whole
        by_weekday[:, same] = ratio[:, same]
    return np.clip(by_category * by_weekday, 0.02, 0.995)


def log_excess(count: FloatArray, expected: FloatArray) -> FloatArray:
    """Log of how far a count exceeds what was expected, drawn to zero where little was."""
    return np.asarray(np.log((count + FEW) / (expected + FEW)))


@dataclass(frozen=True, eq=False)
class Signs:
    """The signs of every cell and day at one age.

    Attributes
    ----------
    names
        What the columns of `values` are.
    values
        [n_cells, n_days, n_signs]
    usual
        [n_cells, n_days] refunds that are usually still to come, by the cell's rate and the usual delay.
    to_come
        [n_cells, n_days] refunds that came later than the age, as far as they are known.
    """

    names: tuple[str, ...]
    values: FloatArray
    usual: FloatArray
    to_come: FloatArray


def signs_at(signs: SignArrays, age: int, *, shares: Sequence[FloatArray]) -> Signs:
    """Give the signs of every day at an age; `shares` are those of `share_by_age` at each age up to the last."""
    rate, supplier = usual_rates(signs)
    expected = signs.n * rate
    columns = {"supplier record": supplier}
    weekday = np.arange(len(signs.days)) % 7
    for name, measured in signs.measures.items():
        columns |= _departures(name, measured, signs)
    if signs.reviewed.any():
        columns |= _review_signs(signs, age)
    so_far = signs.refunded[:, :, : age + 1].sum(axis=2)
    columns |= _by_group("early refunds", so_far, expected * np.exp(supplier) * shares[age], signs)
    columns |= _by_group("refunds of the week before", *_newest_refunds(signs, expected, age, shares), signs)
    mature = [before(values, wait=signs.max_delay - age, days=14) for values in (signs.refunded.sum(axis=2), expected)]
    columns |= _by_group("rate two weeks ago", mature[0], mature[1], signs)
    for day in range(1, 7):
        columns[f"weekday {day}"] = np.broadcast_to((weekday == day).astype(float), signs.n.shape)
    values = np.stack([np.broadcast_to(column, signs.n.shape) for column in columns.values()], axis=2)
    return Signs(tuple(columns), values, expected * (1 - shares[age]), signs.refunded[:, :, age + 1 :].sum(axis=2))


def _departures(name: str, measured: FloatArray, signs: SignArrays) -> dict[str, FloatArray]:
    """How far a measurement lies from the cell's usual one, and that times how high it is."""
    known = np.isfinite(measured)
    weight = np.where(known, signs.n, 0.0)
    value = np.where(known, measured, 0.0)
    sums, weights = (before(part, wait=1) for part in (weight * value, weight))
    usual = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    past = [before(part.sum(axis=0, keepdims=True), wait=1) for part in (weight * value, weight)]
    centre = np.divide(past[0], past[1], out=np.zeros_like(past[0]), where=past[1] > 0)
    seen = weights > 0
    away = np.where(known & seen, value - usual, 0.0)
    return {name: away, f"{name} x level": away * np.where(seen, usual - centre, 0.0)}


def _review_signs(signs: SignArrays, age: int) -> dict[str, FloatArray]:
    """How far complaining reviews exceed the usual ones at this age."""
    complained, reviewed = (values[:, :, : age + 1].sum(axis=2) for values in (signs.complained, signs.reviewed))
    past = [before(values.sum(axis=0, keepdims=True), wait=age) for values in (complained, reviewed)]
    usual = (past[0] + 1) / (past[1] + FEW)
    return _by_group("complaints in reviews", complained, reviewed * usual, signs)


def _by_group(name: str, count: FloatArray, expected: FloatArray, signs: SignArrays) -> dict[str, FloatArray]:
    """Log excess of the cell, its category, its region and the whole."""
    ones = np.zeros_like(signs.category)
    groups = {"cell": np.arange(len(ones)), "category": signs.category, "region": signs.region, "whole": ones}
    return {
        f"{name}: {level}": log_excess(pooled(count, code), pooled(expected, code)) for level, code in groups.items()
    }


def _newest_refunds(
    signs: SignArrays, expected: FloatArray, age: int, shares: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Refunds and expected refunds, known at the age, of the days before that are still open then."""
    count, usual = np.zeros_like(expected), np.zeros_like(expected)
    for back in range(1, signs.max_delay - age):
        so_far = signs.refunded[:, :, : age + back + 1].sum(axis=2)
        count[:, back:] += so_far[:, :-back]
        usual[:, back:] += (expected * shares[age + back])[:, :-back]
    return count, usual
