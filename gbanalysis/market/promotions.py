"""Promotions: uplift, cannibalisation of the neighbours and demand pulled forward.

    chance of a SKU × province x week   promotion_share * exp(0.8 * season), times the size of a promotion season
    uplift            log factor   lift * intensity * strength of the kind, on the days of the promotion
    pull-forward      log factor   -pull_forward * uplift * exp(-days since the end / 3), for a week after it
    cannibalisation   the others of the subcategory lose `cannibalisation` of the extra demand, in proportion

Which naive estimator it fools: demand on promoted over other days of the same SKU. Promotions go where demand is high
already: in the book's default market it gives +132 %, the truth is +74 %, and of that gain 39 % is taken from the
neighbours and from the week after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.catalogue import Catalogue
from gbanalysis.market.config import Config
from gbanalysis.market.geography import Geography
from gbanalysis.market.shocks import PromotionSeason, Shock, of_kind
from gbanalysis.market.streams import stream

KINDS = ("discount", "flash_sale", "headline")
KIND_SHARE = np.array([0.6, 0.2, 0.2])
KIND_STRENGTH = np.array([0.8, 1.1, 1.4])
KIND_DAYS = np.array([6, 2, 4])
INTENSITIES = np.array([0.1, 0.15, 0.2, 0.3, 0.4])
PULL_DAYS, PULL_FADE = 7, 3.0
SEASON_TILT = 0.8
LEAST_LEFT = 0.3


@dataclass(frozen=True, kw_only=True)
class Promotions:
    """One entry a promotion, the discount in force and the log factor on demand, both [n_days, n_regions, n_skus]."""

    promo_region: NDArray[np.int64]
    promo_sku: NDArray[np.int64]
    promo_kind: NDArray[np.int64]
    promo_first: NDArray[np.int64]
    promo_last: NDArray[np.int64]
    promo_intensity: NDArray[np.float64]
    discount: NDArray[np.float32]
    promo_factor: NDArray[np.float32]


def make_promotions(
    config: Config, places: Geography, goods: Catalogue, season: NDArray[np.float64], shocks: Sequence[Shock]
) -> Promotions:
    """Draw the promotions and work out their effects; `season` is the SKUs' log factor [n_days, n_skus]."""
    rng = stream(config.seed, "promotions")
    n_days, n_regions, n_skus = config.n_days, len(places.regions), len(goods.sku_id)
    week_start = np.arange(0, n_days, 7)
    shape = (len(week_start), n_regions, n_skus)
    frequency = np.ones(len(week_start))
    for _, shock in of_kind(shocks, PromotionSeason):
        frequency = np.where(shock.active(config.start, week_start + 3), frequency * shock.size, frequency)
    chance = config.promotion_share * frequency[:, None, None] * np.exp(SEASON_TILT * season[week_start])[:, None, :]
    uniform, offset = rng.random(shape), rng.integers(0, 3, shape)
    kinds = rng.choice(len(KINDS), shape, p=KIND_SHARE)
    intensities = rng.choice(INTENSITIES, shape)
    week, region, sku = np.nonzero(uniform < np.minimum(chance, 0.6))
    first = week_start[week] + offset[week, region, sku]
    kind, intensity = kinds[week, region, sku], intensities[week, region, sku]
    last = np.minimum(first + KIND_DAYS[kind] - 1, 7 * (week + 1) - 1)
    kept = first < n_days
    promos = (region[kept], sku[kept], kind[kept], first[kept], last[kept], intensity[kept])
    discount, factor = promotion_effects(config, goods, n_regions, *promos)
    names = ("promo_region", "promo_sku", "promo_kind", "promo_first", "promo_last", "promo_intensity")
    return Promotions(**dict(zip(names, promos, strict=True)), discount=discount, promo_factor=factor)


def promotion_effects(
    config: Config,
    goods: Catalogue,
    n_regions: int,
    region: NDArray[np.int64],
    sku: NDArray[np.int64],
    kind: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    intensity: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give the discount in force and the factor on demand, each [n_days, n_regions, n_skus], of a set of promotions."""
    shape = (config.n_days, n_regions, len(goods.sku_id))
    discount, uplift, pulled = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    strength = config.promotion_lift * intensity * KIND_STRENGTH[kind]
    for step in range(int(KIND_DAYS.max())):
        on = (first + step <= last) & (first + step < shape[0])
        cell = (first[on] + step, region[on], sku[on])
        discount[cell] = intensity[on]
        uplift[cell] = strength[on]
    for step in range(1, PULL_DAYS + 1):
        on = last + step < shape[0]
        pulled[last[on] + step, region[on], sku[on]] -= config.pull_forward * strength[on] * np.exp(-step / PULL_FADE)
    member = np.zeros((shape[2], len(goods.subcategory)), dtype=np.float32)
    member[np.arange(shape[2]), goods.sku_subcategory] = 1
    base = goods.sku_base_weight.astype(np.float32)
    others = np.maximum((base @ member)[goods.sku_subcategory] - base, 1e-9)
    taken = base * np.expm1(uplift) / others
    taken_by_others = (taken @ member)[..., goods.sku_subcategory] - taken
    left = np.maximum(1 - config.cannibalisation * taken_by_others, LEAST_LEFT)
    return discount, (np.exp(uplift + pulled) * left).astype(np.float32)
