"""What an action would truly save: the same lines of a period, with one cause of their refunds set otherwise.

Common random numbers: the lines, their days and their own numbers stay; only the supplier, the SKU, the hours or the
degrees of the lines that an action touches are changed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.effects import period_view
from gbanalysis.market.journey import refund_chance
from gbanalysis.market.parameters import View
from gbanalysis.market.routes import STAGES
from gbanalysis.market.streams import stream
from gbanalysis.market.world import World

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def true_saving(
    world: World,
    action: str,
    target: str,
    period: tuple[dt.date, dt.date],
    *,
    size: float = 0.0,
    n_draws: int = 100_000,
    rng: np.random.Generator | None = None,
) -> float:
    """Give the fall of the period's expected refund rate by an action.

    Parameters
    ----------
    world
        The market.
    action
        ``replace_supplier`` or ``delist_sku`` (each line takes the supplier or SKU of a drawn line of the same category
        and central warehouse), ``speed_node`` (fewer hours) or ``cool_node`` (fewer °C).
    target
        The supplier, SKU or node.
    period
        First and last day of pickup.
    size
        Hours or degrees.
    n_draws, rng
        Lines drawn, and their generator; by default the truth's own stream.

    Raises
    ------
    ValueError
        There is no such action or target.
    """
    rng = stream(world.seed, "truth.interventions") if rng is None else rng
    first, last = (int((np.datetime64(day, "D") - world.dates[0]).astype(int)) for day in period)
    view = period_view(world, np.arange(first, last + 1), n_draws, rng)
    before = refund_chance(view)
    if action in ("replace_supplier", "delist_sku"):
        after = refund_chance(_replaced(view, action, target, rng))
        return float((before - after).mean())
    if action not in ("speed_node", "cool_node"):
        raise ValueError(f"unknown action {action!r}")
    mechanism = "transit" if action == "speed_node" else "temperature"
    for stage, (name, nodes) in enumerate(zip(STAGES, view.nodes, strict=True)):
        if target in view.routes.node_index[stage]:
            here = nodes == view.routes.node_index[stage][target]
            with np.errstate(invalid="ignore"):  # elsewhere fewer hours than none may be left
                after = refund_chance(view.nudged({f"{mechanism}_{name}": -size}))
            return float((before - after)[here].sum() / len(before))
    raise ValueError(f"no node {target!r}")


def _replaced(view: View, action: str, target: str, rng: np.random.Generator) -> View:
    """Give the lines of one supplier or SKU those of drawn peers."""
    world, items = view.world, view.items
    own = items.supplier if action == "replace_supplier" else items.sku
    names = view.routes.node_ids[0] if action == "replace_supplier" else world.sku_id
    place = [str(name) for name in names].index(target)
    group = world.sku_category[items.sku].astype(np.int64) * len(world.central_id) + view.nodes[2]
    new: Ints = own.copy()
    struck = own == place
    for each in np.unique(group[struck]):
        here, peers = np.flatnonzero(struck & (group == each)), own[(group == each) & ~struck]
        if len(peers):
            new[here] = rng.choice(peers, len(here))
    after = replace(items, supplier=new) if action == "replace_supplier" else replace(items, sku=new)
    return replace(view, items=after)
