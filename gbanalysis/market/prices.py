"""List prices by SKU and province, and the response of demand to them.

    price(r, k, t) = p_k * exp(region effect + the level of the last reset),  resets every 45 days or so
    level          = N(0, 0.06^2) - 0.12 * season(k, t) + 0.1 * festival(k, t)
    demand factor  = (price(r, k, t) / p_k) ^ elasticity_k

Harvests make goods cheap and wanted at once.

Which naive estimator it fools: log weekly sales on log price within SKU and province. In the book's default market it
gives -3.3 where the mean elasticity is -1.6; with effects of SKU and week (the provinces' prices differ) -1.58.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.catalogue import Catalogue
from gbanalysis.market.config import Config
from gbanalysis.market.geography import Geography
from gbanalysis.market.streams import stream

DAYS_BETWEEN_RESETS = 45
RESET_SD = 0.06
REGION_SD = 0.04
ON_SEASON, ON_FESTIVAL = -0.12, 0.1
# added to the mean elasticity, by category in the order of products.CATEGORIES
CATEGORY_ELASTICITY = np.array([-0.3, 0.2, 0.1, -0.2, 0.1, 0.4, -0.4, 0.1])


@dataclass(frozen=True, kw_only=True)
class Prices:
    """List prices [n_days, n_regions, n_skus] and each SKU's elasticity."""

    list_price: NDArray[np.float32]
    price_reset: NDArray[np.bool_]
    sku_elasticity: NDArray[np.float64]


def make_prices(
    config: Config, places: Geography, goods: Catalogue, season: NDArray[np.float64], festival: NDArray[np.float64]
) -> Prices:
    """Draw the price paths; `season` and `festival` are log factors [n_days, n_skus]."""
    rng = stream(config.seed, "prices")
    shape = (config.n_days, len(places.regions), len(goods.sku_id))
    reset = rng.random(shape) < 1 / DAYS_BETWEEN_RESETS
    reset[0] = True
    wanted = RESET_SD * rng.standard_normal(shape) + (ON_SEASON * season + ON_FESTIVAL * festival)[:, None, :]
    last = np.maximum.accumulate(np.where(reset, np.arange(shape[0])[:, None, None], 0), axis=0)
    level = np.take_along_axis(wanted, last, axis=0) + REGION_SD * rng.standard_normal(shape[1:])
    elasticity = config.price_elasticity + CATEGORY_ELASTICITY[goods.sku_category] + rng.normal(0, 0.2, shape[2])
    return Prices(
        list_price=np.maximum(np.round(goods.sku_price * np.exp(level), 1), 0.5).astype(np.float32),
        price_reset=reset,
        sku_elasticity=np.minimum(elasticity, -0.2),
    )
