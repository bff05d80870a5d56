"""The tables that stand still: places, goods, people, calendar, weather, prices and promotions.

`STATIC_TABLES` is the registry: a new static table is one more function (World) -> rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gbanalysis.market import people, promotions
from gbanalysis.market.ids import named, numbered, user_ids
from gbanalysis.market.policies import policies
from gbanalysis.market.world import World

KNOWN_DAYS_BEFORE = 7
CAPACITY_OVER_MEAN = 2.5


def _dates(world: World, day: NDArray[Any], *, known: bool = True) -> pa.Array:
    """Turn day indices into dates; with ``known=False`` a date after the last day is null."""
    dates = world.dates[0] + day.astype("timedelta64[D]")
    return pa.array(dates, pa.date32(), mask=None if known else dates > world.dates[-1])


def settings(world: World) -> pa.Table:
    """One row about the whole data set."""
    cutoff = world.config.cutoff_second
    return pa.table(
        {
            "as_of": pa.array([world.as_of], pa.date32()),
            "currency": ["CNY"],
            "presale_cutoff": pa.array([dt.time(cutoff // 3600, cutoff % 3600 // 60)], pa.time64("us")),
            "refund_window_days": pa.array([world.config.refund_window_days], pa.int64()),
            "timezone": ["Asia/Shanghai"],
        }
    )


def products(world: World) -> pa.Table:
    """One row a SKU."""
    return pa.table(
        {
            "sku_id": list(world.sku_id),
            "category": named(world.category, world.sku_category),
            "subcategory": named(world.subcategory, world.sku_subcategory),
            "name": list(world.sku_name),
            "origin": list(world.sku_origin),
            "shelf_life_days": world.sku_shelf_days,
            "unit_price": world.sku_price,
            "unit_cost": world.sku_cost,
            "weight_kg": world.sku_weight,
            "units_per_crate": world.sku_units_per_crate,
        }
    )


def _leader_ids(world: World) -> pa.Array:
    return numbered("LEAD", (np.arange(1, world.n_sites + 1), 5))


def sites(world: World) -> pa.Table:
    """One row a community site."""
    return pa.table(
        {
            "site_id": list(world.site_id),
            "region": named(world.regions, world.site_region),
            "city": named(world.city, world.site_city),
            "city_tier": world.city_tier[world.site_city],
            "grid_id": named(world.grid_id, world.site_grid),
            "central_id": named(world.central_id, world.grid_central[world.site_grid]),
            "latitude": world.site_lat,
            "longitude": world.site_lon,
            "opened_on": _dates(world, world.site_opened_day),
            "closed_on": _dates(world, world.site_closed_day, known=False),
            "leader_id": _leader_ids(world),
            "opens_at": pa.array([dt.time(14, 0)] * world.n_sites, pa.time64("us")),
        }
    )


def suppliers(world: World) -> pa.Table:
    """One row a supplier."""
    return pa.table(
        {
            "supplier_id": list(world.supplier_id),
            "name": list(world.supplier_name),
            "region": list(world.supplier_region),
            "onboarded_on": _dates(world, world.supplier_onboarded_day),
        }
    )


def users(world: World) -> pa.Table:
    """One row a registered user, also those who never ordered."""
    everyone = np.arange(world.n_users)
    referrer = world.user_referrer.astype(np.int64)
    referrer_ids = pa.compute.if_else(
        pa.array(referrer >= 0), user_ids(np.maximum(referrer, 0)), pa.scalar(None, pa.string())
    )
    return pa.table(
        {
            "user_id": user_ids(everyone),
            "registered_on": _dates(world, world.user_joined_day),
            "site_id": named(world.site_id, world.user_site),
            "acquisition_source": named(people.SOURCES, world.user_source),
            "referrer_id": referrer_ids,
            "occupation": named(people.OCCUPATIONS, world.user_occupation),
            "age_band": named(people.AGE_BANDS, world.user_age_band),
        }
    )


def leaders(world: World) -> pa.Table:
    """One row a group leader; each site has one."""
    return pa.table(
        {
            "leader_id": _leader_ids(world),
            "recruited_on": _dates(world, world.leader_recruited_day),
            "left_on": _dates(world, world.leader_left_day, known=False),
            "commission_rate": world.leader_commission,
        }
    )


def nodes(world: World) -> pa.Table:
    """One row a place of the chain, suppliers and sites included."""
    per_site = world.site_visits.sum(axis=(0, 2), dtype=float) / world.n_days
    per_grid = np.bincount(world.site_grid, weights=per_site, minlength=len(world.grid_id))
    per_central = np.bincount(world.grid_central, weights=per_grid, minlength=len(world.central_id))
    n_suppliers, nothing = world.n_suppliers, np.nan
    parts = [
        ("supplier", world.supplier_id, world.supplier_region, [nothing] * n_suppliers, [nothing] * n_suppliers, None),
        ("shared_warehouse", world.shared_id, world.shared_province, world.shared_lat, world.shared_lon, None),
        (
            "central_warehouse",
            world.central_id,
            [world.regions[r] for r in world.central_region],
            world.central_lat,
            world.central_lon,
            per_central,
        ),
        (
            "grid_warehouse",
            world.grid_id,
            [world.regions[r] for r in world.grid_region],
            world.grid_lat,
            world.grid_lon,
            per_grid,
        ),
        (
            "community_site",
            world.site_id,
            [world.regions[r] for r in world.site_region],
            world.site_lat,
            world.site_lon,
            per_site,
        ),
    ]
    tables = []
    for stage, names, region, latitude, longitude, load in parts:
        capacity = np.full(len(names), nothing) if load is None else np.ceil(CAPACITY_OVER_MEAN * load / 10) * 10
        tables.append(
            pa.table(
                {
                    "node_id": list(names),
                    "stage": [stage] * len(names),
                    "region": list(region),
                    "latitude": pa.array(np.asarray(latitude, dtype=float), from_pandas=True),
                    "longitude": pa.array(np.asarray(longitude, dtype=float), from_pandas=True),
                    "capacity": pa.array(capacity, from_pandas=True),
                }
            )
        )
    return pa.concat_tables(tables)


def promotion_rows(world: World) -> pa.Table:
    """One row a promotion of a SKU in a province."""
    return pa.table(
        {
            "sku_id": named(world.sku_id, world.promo_sku),
            "region": named(world.regions, world.promo_region),
            "kind": named(promotions.KINDS, world.promo_kind),
            "starts_on": _dates(world, world.promo_first),
            "ends_on": _dates(world, world.promo_last),
            "intensity": world.promo_intensity,
            "known_on": _dates(world, world.promo_first - KNOWN_DAYS_BEFORE),
        }
    )


def prices(world: World) -> pa.Table:
    """One row a list price from a day on; promotions come off it."""
    moved = world.price_reset.copy()
    moved[1:] &= world.list_price[1:] != world.list_price[:-1]
    day, region, sku = np.nonzero(moved)
    return pa.table(
        {
            "sku_id": named(world.sku_id, sku),
            "region": named(world.regions, region),
            "starts_on": _dates(world, day),
            "price": np.round(world.list_price[moved].astype(np.float64), 1),
        }
    )


def weather(world: World) -> pa.Table:
    """One row a province and day, as measured."""
    day, region = np.divmod(np.arange(world.n_days * world.n_regions), world.n_regions)
    return pa.table(
        {
            "region": named(world.regions, region),
            "date": _dates(world, day),
            "temperature_c": world.temperature[region, day],
            "precipitation_mm": world.rain_mm[region, day],
        }
    )


def calendar(world: World) -> pa.Table:
    """One row an event and province; a national event has a row for each province."""
    rows = [(event, region) for event in world.events for region in ([event.region] if event.region else world.regions)]
    return pa.table(
        {
            "date": pa.array([event.first for event, _ in rows], pa.date32()),
            "event": pa.array([event.event for event, _ in rows], pa.string()),
            "region": pa.array([region for _, region in rows], pa.string()),
            "kind": pa.array([event.kind for event, _ in rows], pa.string()),
            "ends_on": pa.array([event.last for event, _ in rows], pa.date32()),
        }
    )


STATIC_TABLES: Mapping[str, Callable[[World], pa.Table]] = {
    "settings": settings,
    "products": products,
    "sites": sites,
    "suppliers": suppliers,
    "users": users,
    "leaders": leaders,
    "nodes": nodes,
    "policies": policies,
    "promotions": promotion_rows,
    "prices": prices,
    "weather": weather,
    "calendar": calendar,
}
