"""Refits of an attribution on other labels: placebo periods, shuffled periods, one supplier left out.

All lines take part in every refit. To be affordable, the cells are summed over hours and kinds of goods within a
category: mix, allocation, weather and quality are fitted again, hours and node temperature count as quality.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gbanalysis.quality.attribution.attributing import ShiftAttribution, attribute_cells
from gbanalysis.quality.attribution.cells import WAY, ShiftCells

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.quality.attribution.result import Question


def coarse_cells(cells: ShiftCells) -> pd.DataFrame:
    """Sum the cells over hours and over kinds of goods within a category."""
    keys = ["period", "day", "parent_category", *WAY, "temperature_c", *(["policy"] if "policy" in cells.frame else [])]
    sums = cells.frame.groupby(keys, as_index=False, observed=True, dropna=False)[["n", "refunded"]].sum()
    return sums.rename(columns={"parent_category": "category"})


def refit(cells: pd.DataFrame) -> ShiftAttribution:
    """Attribute coarse cells."""
    return attribute_cells(cells, stages=())


def earlier_spans(question: Question, n: int) -> Iterator[Question]:
    """Give the same question for `n` earlier pairs of periods, as long and as far apart; the latest first.

    All end before both periods start; they lie whole weeks back, as many from pair to pair as the current period has.
    """
    first_day, last_day = min(question.base[0], question.current[0]), max(question.base[1], question.current[1])
    nearest = (last_day - first_day).days // 7 + 1
    step = max(1, ((question.current[1] - question.current[0]).days + 1) // 7)
    for place in range(n):
        back = dt.timedelta(weeks=nearest + step * place)
        base, current = ((first - back, last - back) for first, last in (question.base, question.current))
        yield replace(question, base=base, current=current)


def other_days(cells: pd.DataFrame, period: str) -> pd.DataFrame:
    """Keep one period, and call every second of its days base and the others current: nothing moved between them."""
    here = cells[cells["period"] == period]
    place = np.unique(here["day"].to_numpy(), return_inverse=True)[1]
    return here.assign(period=np.where(place % 2 == 0, "base", "current"))


def shuffled_days(cells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Give whole days to the periods by lot, as many to each as before."""
    days, first = np.unique(cells["day"].to_numpy(), return_index=True)
    label = cells["period"].to_numpy()[first]
    drawn = dict(zip(days, rng.permutation(label), strict=True))
    return cells.assign(period=[drawn[day] for day in cells["day"].to_numpy()])


def without_supplier(cells: pd.DataFrame, supplier: str) -> pd.DataFrame:
    """Leave out the lines of one supplier."""
    return cells[cells["supplier_id"] != supplier]


def kitagawa(cells: pd.DataFrame, keys: list[str]) -> tuple[float, float]:
    """Split the change into composition and rates over the strata of `keys`.

    A stratum without lines in one period takes the rate of the other. The two parts sum to the change.

    References
    ----------
    E. M. Kitagawa (1955), Journal of the American Statistical Association 50, 1168-1194.

    Examples
    --------
    >>> import pandas as pd
    >>> strata = pd.DataFrame({
    ...     "period": ["base", "base", "current", "current"], "goods": ["a", "b"] * 2,
    ...     "n": [50, 50, 80, 20], "refunded": [5, 1, 8, 0.4],
    ... })
    >>> composition, rates = kitagawa(strata, ["goods"])
    >>> round(composition, 6), round(rates, 6)
    (0.024, 0.0)
    """
    sums = cells.pivot_table(
        index=keys, columns="period", values=["n", "refunded"], aggfunc="sum", fill_value=0, observed=True
    )
    n, y = (np.stack([sums[what][t].to_numpy(dtype=float) for t in ("base", "current")]) for what in ("n", "refunded"))
    rate = np.divide(y, n, out=np.full_like(y, np.nan), where=n > 0)
    rate = np.where(np.isnan(rate), rate[::-1], rate)
    share = n / n.sum(axis=1, keepdims=True)
    moved = float((share[1] - share[0]) @ rate.mean(axis=0))
    return moved, float(share[1] @ rate[1] - share[0] @ rate[0]) - moved
