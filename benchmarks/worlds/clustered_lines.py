"""Small worlds of order lines that hang together by site and day and by supplier and day, with their true rates.

Quality lies in the SKU, its supplier and the site; the batch of the day moves all lines of a supplier, and the day's
lorry all lines of a site. The truth of a figure is its value on average over the days that could have been.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIRST = np.datetime64("2024-01-01")  # a Monday
N_DAYS, N_SITES, N_SKUS, N_SUPPLIERS = 14, 24, 36, 9
SHARE = 0.035
REPLICAS = 60
# For each family: the batches' and the lorries' standard deviation in log odds, the share of bad batches (odds x 4).
FAMILIES = {"independent": (0.0, 0.0, 0.0), "batches": (0.6, 0.4, 0.0), "bad batches": (0.3, 0.3, 0.06)}


@dataclass(frozen=True)
class World:
    """What stays the same over the days that could have been."""

    site_weight: Array
    sku_weight: Array
    log_odds: Array  # [site, sku]
    batch: tuple[float, float, float]
    n_orders: int


def make_world(family: str, rng: np.random.Generator) -> World:
    """Draw sites, SKUs and their quality; sites and SKUs sell very different numbers."""
    supplier = rng.normal(0, 0.4, N_SUPPLIERS)[supplier_of(np.arange(N_SKUS))]
    category = rng.normal(0, 0.5, 6)[np.arange(N_SKUS) % 6]
    quality = supplier + category + rng.normal(0, 0.3, N_SKUS)
    grid = rng.normal(0, 0.2, 6)[np.arange(N_SITES) % 6] + rng.normal(0, 0.3, N_SITES)
    centre = np.log(SHARE / (1 - SHARE))
    return World(
        site_weight=rng.dirichlet(np.full(N_SITES, 1.5)),
        sku_weight=rng.dirichlet(np.full(N_SKUS, 1.0)),
        log_odds=centre + quality[None, :] + grid[:, None],
        batch=FAMILIES[family],
        n_orders=int(rng.integers(1200, 2600)),
    )


def supplier_of(sku: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each SKU has one supplier."""
    return np.asarray(sku * N_SUPPLIERS // N_SKUS)


def draw_lines(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """Draw a fortnight: orders of one to three lines, bought by users who come more than once."""
    n = world.n_orders
    site, day = rng.choice(N_SITES, n, p=world.site_weight), rng.integers(0, N_DAYS, n)
    of = np.repeat(np.arange(n), rng.integers(1, 4, n))
    sku = rng.choice(N_SKUS, len(of), p=world.sku_weight)
    batch_sd, lorry_sd, bad_share = world.batch
    batch = rng.normal(0, batch_sd, (N_SUPPLIERS, N_DAYS))
    batch += np.log(4) * (rng.random(batch.shape) < bad_share)
    lorry = rng.normal(0, lorry_sd, (N_SITES, N_DAYS))
    odds = world.log_odds[site[of], sku] + batch[supplier_of(sku), day[of]] + lorry[site[of], day[of]]
    return pd.DataFrame(
        {
            "order": of,
            "user": site[of] * 1000 + rng.integers(0, 60, n)[of],
            "site": site[of],
            "sku": sku,
            "day": day[of],
            "quantity": rng.integers(1, 4, len(of)),
            "amount": np.round(rng.lognormal(2.5, 0.6, len(of)), 2),
            "refunded": rng.random(len(of)) < 1 / (1 + np.exp(-odds)),
        }
    )


def true_rates(world: World) -> Array:
    """[site, sku] the rate on average over the batches and lorries that could have been."""
    batch_sd, lorry_sd, bad_share = world.batch
    points, weights = np.polynomial.hermite_e.hermegauss(24)
    spread = np.hypot(batch_sd, lorry_sd)
    total = np.zeros_like(world.log_odds)
    for shift, share in ((0.0, 1 - bad_share), (np.log(4), bad_share)):
        odds = world.log_odds[..., None] + shift + spread * points
        total += share * (1 / (1 + np.exp(-odds))) @ (weights / weights.sum())
    return total


def true_distinct(world: World, units: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """The share of orders, users and SKUs of a week with a refunded line, on average over drawn weeks."""
    counts = dict.fromkeys(units, np.zeros(2))
    for _ in range(REPLICAS):
        lines = draw_lines(world, rng)
        for unit in units:
            marks = lines["refunded"].groupby([lines["day"] // 7, lines[unit]]).max()
            counts[unit] = counts[unit] + [marks.sum(), len(marks)]
    return {unit: float(refunded / sold) for unit, (refunded, sold) in counts.items()}


def side_by_side(fortnights: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the lines of many worlds one after the other, a fortnight each, with orders and users of their own."""
    return pd.concat(
        lines.assign(
            day=lines["day"] + place * N_DAYS, **{name: lines[name] + place * 10**6 for name in ("order", "user")}
        )
        for place, lines in enumerate(fortnights)
    ).reset_index(drop=True)


def tables(lines: pd.DataFrame, n_days: int = N_DAYS) -> dict[str, pd.DataFrame]:
    """Write the lines of so many days as tables of the data contract; a refund takes back the whole line."""
    n = len(lines)
    day = FIRST + lines["day"].to_numpy()
    sites, skus = np.arange(N_SITES), np.arange(N_SKUS)
    order_lines = pd.DataFrame(
        {
            "line_id": [f"L{place}" for place in range(n)],
            "order_id": "O" + lines["order"].astype(str),
            "user_id": "U" + lines["user"].astype(str),
            "site_id": "S" + lines["site"].astype(str),
            "sku_id": "K" + lines["sku"].astype(str),
            "supplier_id": [f"V{place}" for place in supplier_of(lines["sku"].to_numpy())],
            "ordered_at": day - np.timedelta64(14, "h"),
            "fulfilled_on": day,
            "quantity": lines["quantity"].astype(float),
            "amount": lines["amount"],
        }
    )
    asked = order_lines[lines["refunded"].to_numpy()]
    refunds = pd.DataFrame(
        {
            "refund_id": "R" + asked["line_id"],
            "line_id": asked["line_id"],
            "requested_on": asked["fulfilled_on"],
            "quantity": asked["quantity"],
            "amount": asked["amount"],
        }
    )
    return {
        "settings": pd.DataFrame({"as_of": [FIRST + n_days + 7]}),
        "order_lines": order_lines,
        "refunds": refunds,
        "sites": pd.DataFrame(
            {
                "site_id": [f"S{site}" for site in sites],
                "grid_id": [f"G{site % 6}" for site in sites],
                "region": [f"P{site % 3}" for site in sites],
            }
        ),
        "products": pd.DataFrame({"sku_id": [f"K{sku}" for sku in skus], "category": [f"C{sku % 6}" for sku in skus]}),
    }
