"""Every fact comes in one order: that of its keys, whatever the order of the rows that it was read from."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.quality import facts

AS_OF = dt.date(2024, 3, 30)
DAYS = {"first": dt.date(2024, 2, 1), "last": AS_OF, "as_of": AS_OF}
SPANS = {
    "base": (dt.date(2024, 2, 3), dt.date(2024, 3, 1)),
    "current": (dt.date(2024, 3, 3), AS_OF),
    "as_of": AS_OF,
}


def user_claims(dataset: Dataset) -> pd.DataFrame:
    cells = facts.difficulty_cells(dataset, **DAYS)
    cells = cells.assign(cell=np.arange(len(cells)), rate=0.05, hazard=0.05, risk=0)
    sites, claims = facts.user_claims(dataset, cells, **DAYS)
    return pd.concat([sites.assign(part="sites"), claims.assign(part="claims")], ignore_index=True)


def flagged_facts(dataset: Dataset) -> pd.DataFrame:
    users = sorted(dataset.to_frame("order_lines")["user_id"].unique())[:50]
    return facts.flagged_facts(dataset, pd.DataFrame({"user_id": users, "band": 1}), **DAYS)


FACTS: dict[str, Callable[[Dataset], Any]] = {
    "shift_cells": lambda dataset: facts.shift_cells(dataset, **SPANS).frame,
    "lag_facts": partial(facts.lag_facts, as_of=AS_OF),
    "delay_facts": partial(
        facts.delay_facts, by=("category", "region"), unit="value", date="ordered", max_delay=7,
        recent_from=DAYS["first"], as_of=AS_OF,
    ),
    "action_cells": partial(facts.action_cells, **DAYS),
    "caliber_facts": partial(
        facts.caliber_facts, unit="line", date="fulfilled", by=["region"], period="W", as_of=AS_OF, approved=False
    ),
    "ancestor_facts": partial(facts.ancestor_facts, column="site_id", ancestors=["region", "city"]),
    "unfulfilled_refunds": partial(facts.unfulfilled_refunds, as_of=AS_OF, approved=False),
    "difficulty_cells": partial(facts.difficulty_cells, **DAYS),
    "user_claims": user_claims,
    "flagged_facts": flagged_facts,
    "day_counts": partial(facts.day_counts, by=("category", "origin", "region"), **SPANS),
    "effect_cells": partial(facts.effect_cells, treatment="transit_hours", measures=("temperature", "rating"), **DAYS),
    "sign_facts": partial(facts.sign_facts, max_delay=7, first=DAYS["first"], as_of=AS_OF),
    "supplier_cells": partial(facts.supplier_cells, **DAYS),
    "supplier_users": partial(facts.supplier_users, **DAYS),
    "inspection_lots": partial(facts.inspection_lots, first=DAYS["first"], last=AS_OF),
}  # fmt: skip


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


@pytest.fixture(scope="module")
def shuffled(sample: Dataset) -> Dataset:
    """The sample with its rows in another order."""
    return gb.read_dataset(
        {name: sample.to_frame(name).sample(frac=1.0, random_state=7, ignore_index=True) for name in sample.tables}
    )


def test_every_fact_is_looked_at() -> None:
    own = inspect.getmembers(facts, lambda each: inspect.isfunction(each) and each.__module__ == facts.__name__)
    assert {name for name, _ in own if not name.startswith("_")} == set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_two_calls_give_the_same_rows_in_the_same_places(name: str, sample: Dataset, shuffled: Dataset) -> None:
    one, *others = (FACTS[name](dataset) for dataset in (sample, sample, shuffled))
    for other in others:
        if isinstance(one, pd.DataFrame):
            assert len(one) > 1
            pd.testing.assert_frame_equal(one, other, rtol=1e-9)
        else:
            assert one == other
