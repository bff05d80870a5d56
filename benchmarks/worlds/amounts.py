"""Worlds of refunded money and units: the counts of `latency`, with amounts and suppliers of their own quality.

    suppliers   five a category; lines are split among them, refunds by their own rates (gamma, shape 6)
    amount      of a line: gamma (shape 2) with a mean that differs by category
    units       of a line: 1 + Poisson(0.6)
    refund      of a refunded line: all of it in three cases of five, else half (units rounded up)

Given as rows like those of `facts.delay_facts`, known up to the last day, and what all of it comes to in the end.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.worlds.latency import N_CATEGORIES, N_DAYS, START, make_world

Array = NDArray[np.float64]

UNITS = ("line", "value", "quantity")
N_SUPPLIERS = 5
MORE_UNITS = 0.6
FIRST = dt.date.fromisoformat(START)
AS_OF = FIRST + dt.timedelta(days=N_DAYS - 1)
KEYS = ["category", "region", "supplier_id", "day"]


@dataclass(frozen=True, eq=False)
class AmountWorld:
    """Rows known on the last day by unit, and final sums by the keys."""

    rows: dict[str, pd.DataFrame]
    final: dict[str, pd.DataFrame]


def make_amounts(family: str, seed: int) -> AmountWorld:
    """Draw one world."""
    triangle = make_world(family, seed).triangle
    rng = np.random.default_rng([seed, 77])
    category = np.tile(np.arange(N_CATEGORIES), triangle.n_cells // N_CATEGORIES)
    region = np.repeat(np.arange(triangle.n_cells // N_CATEGORIES), N_CATEGORIES)
    mean = rng.uniform(8.0, 40.0, N_CATEGORIES)
    share = rng.dirichlet(np.full(N_SUPPLIERS, 4.0), N_CATEGORIES)
    quality = rng.gamma(6.0, 1 / 6.0, (N_CATEGORIES, N_SUPPLIERS))
    lines = rng.multinomial(triangle.exposure.astype(int), share[category][:, None])  # type: ignore[union-attr]
    risk = lines * quality[category][:, None]
    risk = risk / np.maximum(risk.sum(axis=2, keepdims=True), 1e-12)
    places = (axis.ravel() for axis in np.indices(triangle.counts.shape))
    cell, day, delay = (np.repeat(place, triangle.counts.astype(int).ravel()) for place in places)
    supplier = (rng.random((len(cell), 1)) > risk[cell, day].cumsum(axis=1)[:, :-1]).sum(axis=1)
    line_amount = rng.gamma(2.0, mean[category[cell]] / 2.0)
    part = np.where(rng.random(len(cell)) < 0.6, 1.0, 0.5)
    line_units = 1.0 + rng.poisson(MORE_UNITS, len(cell))
    refunds = pd.DataFrame(
        {
            "category": category[cell], "region": region[cell], "supplier_id": supplier, "place": day, "delay": delay,
            "line": 1.0, "value": part * line_amount, "quantity": np.ceil(part * line_units),
            "own": line_amount, "own_units": line_units,
        }
    )  # fmt: skip
    index = [axis.ravel() for axis in np.indices(lines.shape)]
    sold = pd.DataFrame(
        {"category": category[index[0]], "region": region[index[0]], "supplier_id": index[2], "place": index[1]}
    ).assign(line=lines.ravel().astype(float))
    kept = refunds.groupby([*KEYS[:3], "place"])[["line", "own", "own_units"]].sum()
    others = sold.set_index([*KEYS[:3], "place"])
    others = others.join(kept, rsuffix="_refunded").fillna(0.0).reset_index()
    left = np.maximum(others["line"] - others["line_refunded"], 0.0)
    sold["line"] = left + others["line_refunded"]
    sold["value"] = others["own"] + rng.gamma(2.0 * left + 1e-9) * mean[sold["category"]] / 2.0
    sold["quantity"] = others["own_units"] + left + rng.poisson(MORE_UNITS * left)
    return AmountWorld(
        {unit: _rows(sold, refunds, unit) for unit in UNITS},
        {unit: _final(sold, refunds, unit) for unit in UNITS},
    )


def _rows(sold: pd.DataFrame, refunds: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Rows of `facts.delay_facts` as known on the last day; what was sold stands on rows of its own."""
    known = refunds[refunds["place"] + refunds["delay"] < N_DAYS]
    events = known.assign(reported=known[unit], squares=known[unit] ** 2)
    events = events.groupby([*KEYS[:3], "place", "delay"], as_index=False)[["reported", "squares"]].sum().assign(n=0.0)
    offered = sold[[*KEYS[:3], "place", unit]].rename(columns={unit: "n"})
    offered = offered.assign(delay=-1, reported=0.0, squares=0.0)
    return _dated(pd.concat([offered[offered["n"] > 0], events], ignore_index=True))


def _final(sold: pd.DataFrame, refunds: pd.DataFrame, unit: str) -> pd.DataFrame:
    total = refunds.groupby([*KEYS[:3], "place"])[unit].sum().rename("final")
    frame = sold[[*KEYS[:3], "place", unit]].rename(columns={unit: "n"}).join(total, on=[*KEYS[:3], "place"])
    return _dated(frame.fillna({"final": 0.0}))


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    names = {name: frame[name].map(f"{name} {{}}".format) for name in KEYS[:3]}
    day = np.datetime64(FIRST) + frame["place"].to_numpy()
    return frame.assign(**names, day=day).drop(columns="place")
