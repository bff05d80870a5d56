"""Which supplier a line is allocated to, given its SKU, province and day.

    log share(s | r, k, t) = log size_s + affinity(r, k, s) + wave_s(t) + step_s 1{t >= tau_s} + tilt(s, t)

over the suppliers that serve province r and the category of k. Shares move in time, so the mix of suppliers changes
between any two periods. `tilt` is zero but in family "confounder", where an unrecorded glut moves allocation and
quality.

Which naive estimator it fools: in family "confounder" a supplier's days of a large share against its days of a small
one. The chance of a refund on the fullest quarter of its days is 1.8 times that of the emptiest (1.02 times in family
"standard"), though the share does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market import families
from gbanalysis.market.catalogue import Catalogue
from gbanalysis.market.config import Config
from gbanalysis.market.geography import Geography
from gbanalysis.market.streams import stream
from gbanalysis.market.suppliers import Suppliers

if TYPE_CHECKING:
    from gbanalysis.market.world import World

AFFINITY_SD = 0.7
SWING = 0.5
STEP_SHARE, STEP_SD = 0.4, 0.8


@dataclass(frozen=True, kw_only=True)
class Sourcing:
    """Candidates [regions, skus, places] (-1: none), their log weight, and the suppliers' paths [days, suppliers]."""

    candidates: NDArray[np.int64]
    candidate_weight: NDArray[np.float64]
    supplier_path: NDArray[np.float64]


def make_sourcing(config: Config, places: Geography, goods: Catalogue, suppliers: Suppliers) -> Sourcing:
    """Draw who can deliver what where, and how the shares move."""
    rng = stream(config.seed, "sourcing")
    n, n_days = len(suppliers.supplier_id), config.n_days
    able = suppliers.supplier_serves.T[:, None, :] & suppliers.supplier_category.T[None, :, :]
    width = int(able.sum(axis=2).max())
    by_category = np.where(np.take_along_axis(able, order := np.argsort(~able, axis=2, kind="stable"), 2), order, -1)
    candidates = by_category[:, goods.sku_category, :width]
    affinity = AFFINITY_SD * rng.standard_normal(candidates.shape)
    weight = np.where(candidates >= 0, np.log(suppliers.supplier_size)[candidates] + affinity, -np.inf)
    day = np.arange(n_days)[:, None]
    wave = SWING * rng.random(n) * np.sin(2 * np.pi * (day / rng.uniform(60, 240, n) + rng.random(n)))
    step = np.where(rng.random(n) < STEP_SHARE, STEP_SD * rng.standard_normal(n), 0.0)
    path = wave + step * (day >= rng.integers(0, n_days, n)) + families.allocation_tilt(config, n)[:n_days]
    return Sourcing(candidates=candidates, candidate_weight=weight, supplier_path=path)


def supplier_probabilities(world: World, day: int) -> NDArray[np.float64]:
    """Give the chance of each of ``world.candidates``, [n_regions, n_skus, places], on a selling day."""
    weight = np.exp(world.candidate_weight + world.supplier_path[day][world.candidates])
    chance: NDArray[np.float64] = weight / weight.sum(axis=2, keepdims=True)
    return chance


def draw_supplier(
    world: World, day: int, region: NDArray[np.int64], sku: NDArray[np.int64], u: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Give the supplier of each line by inversion of the day's shares with the uniforms `u`."""
    steps = np.cumsum(supplier_probabilities(world, day), axis=2)[..., :-1]
    place = (u[:, None] >= steps[region, sku]).sum(axis=1)
    n_able = (world.candidates >= 0).sum(axis=2)
    chosen: NDArray[np.int64] = world.candidates[region, sku, np.minimum(place, n_able[region, sku] - 1)]
    return chosen
