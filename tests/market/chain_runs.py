"""A market's chain run in memory: all lines with what became of them, and the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa

from gbanalysis.market.config import Config
from gbanalysis.market.day import Day
from gbanalysis.market.world import World, build_world


@dataclass(frozen=True, eq=False)
class Run:
    """Lines in order of days: one row a line in `lines`; `hours` and `degrees` are [n, 5]."""

    world: World
    lines: pd.DataFrame
    hours: np.ndarray
    degrees: np.ndarray
    crew: np.ndarray
    nodes: np.ndarray
    flows: pd.DataFrame
    refunds: pd.DataFrame
    inspections: pd.DataFrame
    reviews: pd.DataFrame
    losses: pd.DataFrame


@lru_cache(maxsize=4)
def run(config: Config) -> Run:
    """Simulate every day of a market."""
    return run_world(build_world(config))


def run_world(world: World, days: range | None = None) -> Run:
    """Simulate days of a world that is already built."""
    from gbanalysis.market.day import inspections, reviews

    parts: dict[str, list] = {}
    for number in days or range(world.n_days):
        day = Day(world, number)
        lines, shipped, refunded = day.lines, day.shipped, day.refunded
        journey = shipped.journey
        found = {
            "lines": pd.DataFrame(
                {
                    "day": number,
                    "user": lines.user,
                    "site": lines.site,
                    "region": world.site_region[lines.site],
                    "sku": lines.sku,
                    "category": world.sku_category[lines.sku],
                    "supplier": lines.supplier,
                    "quantity": lines.quantity,
                    "amount": lines.amount,
                    "received": shipped.units_received,
                    "late": journey.transit.late,
                    "picked_up": shipped.picked_up,
                    "fulfilled_on": shipped.fulfilled_on.astype("datetime64[s]"),
                    "start": journey.freshness.start,
                    "deficit": journey.freshness.deficit,
                    "complaint": journey.complaint,
                    "chance": refunded.chance,
                    "ever": refunded.refunded_ever,
                    "complained": refunded.complained,
                    "abused": refunded.abused,
                }
            ),
            "hours": shipped.hours,
            "degrees": shipped.degrees,
            "crew": shipped.view.items.crew.T,
            "nodes": np.stack(shipped.view.nodes, axis=1),
            "flows": shipped.flows,
            "refunds": refunded.table,
            "inspections": inspections(day)["inspections"],
            "reviews": reviews(day)["reviews"],
            "losses": shipped.true_losses,
        }
        for name, value in found.items():
            parts.setdefault(name, []).append(value)
    tables = {"flows", "refunds", "inspections", "reviews", "losses"}
    joined = {name: pa.concat_tables(values).to_pandas() for name, values in parts.items() if name in tables}
    return Run(
        world=world,
        lines=pd.concat(parts["lines"], ignore_index=True),
        **{name: np.concatenate(parts[name]) for name in ("hours", "degrees", "crew", "nodes")},
        **joined,
    )
