"""Inspections at the shared warehouse: some batches of a supplier's SKU are sampled before they travel.

    inspected   with chance 0.25 for each (supplier, SKU) of the day
    defective   each sampled unit with chance Phi((ln d_0 - ln 0.11) / 0.5),   d_0: start deficit (`freshness`)

The sample is at most 20 units. An inspection sees the start only: not the hours, the heat or the nodes that come
after it.

Which naive estimator it fools: suppliers judged by inspections alone. An inspection sees the start and none of the
hours, heat and handling after it: the rank correlation of a supplier's defect share with its refund rate is 0.4.
(Measured by tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gbanalysis.market.chain import Shipped
from gbanalysis.market.ids import named, numbered
from gbanalysis.market.orders import Lines
from gbanalysis.market.streams import stream
from gbanalysis.market.world import World

INSPECTED_SHARE = 0.25
MOST_SAMPLED = 20
LOG_THRESHOLD, THRESHOLD_SD = np.log(0.11), 0.5


def inspect_day(world: World, lines: Lines, shipped: Shipped, day: int) -> pa.Table:
    """Give the day's `inspections` rows, known by the last day."""
    from scipy.special import ndtr

    items = shipped.view.items
    key = items.supplier.astype(np.int64) * world.n_skus + items.sku
    _, first, batch = np.unique(key, return_index=True, return_inverse=True)
    units = np.bincount(batch, weights=items.quantity + items.spare, minlength=len(first)).astype(np.int64)
    start = np.bincount(batch, weights=shipped.journey.freshness.start, minlength=len(first)) / np.bincount(batch)
    rng = stream(world.seed, "inspections", day)
    inspected = rng.random(len(first)) < INSPECTED_SHARE
    sampled = np.minimum(units, MOST_SAMPLED)
    defective = rng.binomial(sampled, ndtr((np.log(start) - LOG_THRESHOLD) / THRESHOLD_SD))
    chosen = np.flatnonzero(inspected)
    supplier, sku = items.supplier[first[chosen]], items.sku[first[chosen]]
    inspected_on = np.full(len(chosen), world.date(day))
    return pa.table(
        {
            "inspection_id": numbered("I", (day, 5), (np.arange(len(chosen)), 6), length=len(chosen)),
            "sku_id": named(world.sku_id, sku),
            "supplier_id": named(world.supplier_id, supplier),
            "node_id": named(world.shared_id, world.supplier_shared[supplier]),
            "inspected_on": pa.array(inspected_on, pa.date32()),
            "n_sampled": pa.array(sampled[chosen], pa.int64()),
            "n_defective": pa.array(defective[chosen], pa.int64()),
        }
    )
