"""The catalogue: SKUs are goods in packs; popularity falls with rank as in Zipf's law.

    weight of the SKU at rank q    proportional to q^(-zipf) * lognormal noise
    rank                           by the good's popularity times lognormal noise

Which naive estimator it fools: the share of SKUs with a refund, which grows with the volume. In the book's default
market 69 % of the upper tenth of the SKUs have a refund in a week and 35 % of the lower half, though by lines the lower
half has the higher rate (5.4 % against 4.0 %). The upper tenth carries 39 % of the lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.config import Config
from gbanalysis.market.products import CATEGORIES, GOODS
from gbanalysis.market.streams import stream

PACKS_KG = (0.5, 1.0, 2.5, 0.25, 5.0)
MARGIN = {
    "fruit": 0.27,
    "vegetables": 0.25,
    "meat_eggs": 0.2,
    "seafood": 0.26,
    "dairy_bakery": 0.22,
    "grains_oils": 0.16,
    "snacks_drinks": 0.28,
    "household": 0.3,
}
# mean of (quantity - 1) by category
EXTRA_UNITS = np.array([0.18, 0.22, 0.2, 0.1, 0.3, 0.08, 0.4, 0.12])


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The SKUs; `sku_base_weight` sums to one."""

    category: tuple[str, ...]
    subcategory: tuple[str, ...]
    sku_id: tuple[str, ...]
    sku_name: tuple[str, ...]
    sku_category: NDArray[np.int64]
    sku_subcategory: NDArray[np.int64]
    sku_origin: tuple[str, ...]
    sku_shelf_days: NDArray[np.float64]
    sku_price: NDArray[np.float64]
    sku_cost: NDArray[np.float64]
    sku_weight: NDArray[np.float64]
    sku_units_per_crate: NDArray[np.int64]
    sku_season_peak: NDArray[np.int64]
    sku_heat_response: NDArray[np.float64]
    sku_base_weight: NDArray[np.float64]


def make_catalogue(config: Config) -> Catalogue:
    """Pack the goods into ``config.n_skus`` SKUs."""
    rng = stream(config.seed, "catalogue")
    n = config.n_skus
    goods = [GOODS[i % len(GOODS)] for i in range(n)]
    packs = [PACKS_KG[(i // len(GOODS)) % len(PACKS_KG)] for i in range(n)]
    grade = [i // (len(GOODS) * len(PACKS_KG)) for i in range(n)]
    subcategories = tuple(dict.fromkeys(good.subcategory for good in GOODS))
    pack = np.array(packs)
    price = np.array([good.price_per_kg for good in goods]) * pack * (1.12 - 0.05 * np.log2(pack + 1))
    price = np.maximum(np.round(price * rng.lognormal(0, 0.06, n), 1), 0.9)
    margin = np.array([MARGIN[good.category] for good in goods]) + rng.normal(0, 0.03, n)
    rank = np.argsort(np.argsort(-np.array([good.popularity for good in goods]) * rng.lognormal(0, 0.5, n))) + 1
    weight = rank**-config.sku_zipf * rng.lognormal(0, 0.2, n)
    names = [
        f"{good.name} {p:g} kg" + (f" · {g + 1}" if g else "") for good, p, g in zip(goods, packs, grade, strict=True)
    ]
    return Catalogue(
        category=CATEGORIES,
        subcategory=subcategories,
        sku_id=tuple(f"SKU{i + 1:05d}" for i in range(n)),
        sku_name=tuple(names),
        sku_category=np.array([CATEGORIES.index(good.category) for good in goods]),
        sku_subcategory=np.array([subcategories.index(good.subcategory) for good in goods]),
        sku_origin=tuple(good.origin for good in goods),
        sku_shelf_days=np.array([good.shelf_days for good in goods], dtype=float),
        sku_price=price,
        sku_cost=np.round(price * (1 - margin), 2),
        sku_weight=pack,
        sku_units_per_crate=np.maximum(1, np.round(10 / pack)).astype(int),
        sku_season_peak=np.array([good.peak for good in goods]),
        sku_heat_response=np.array([good.heat for good in goods]) * rng.lognormal(0, 0.15, n),
        sku_base_weight=weight / weight.sum(),
    )
