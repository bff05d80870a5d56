"""Where things are: provinces, cities of tiers 1 to 4, central and grid warehouses, community sites.

A site's weight (its share of the users) is lognormal (sigma 0.6) times a factor of its city's tier. A central warehouse
serves two provinces; a city has one grid warehouse for each dozen sites. Sites open through time: `site_opened_day` is
negative for the 85 % that stood before the first day, and a few close.

Which naive estimator it fools: growth read off the total. In the book's default market the orders of the last half year
but one quarter are 58 % above those of the first quarter; at the sites that stood from the start they are 31 % above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.config import Config
from gbanalysis.market.streams import stream

# province: (city, tier, latitude, longitude), the first city holds the warehouse
PROVINCES: dict[str, tuple[tuple[str, int, float, float], ...]] = {
    "Guangdong": (
        ("Guangzhou", 1, 23.13, 113.26),
        ("Zhanjiang", 3, 21.27, 110.36),
        ("Shenzhen", 1, 22.54, 114.06),
        ("Meizhou", 4, 24.29, 116.12),
    ),
    "Hunan": (
        ("Changsha", 2, 28.23, 112.94),
        ("Shaoyang", 4, 27.24, 111.47),
        ("Zhuzhou", 3, 27.83, 113.13),
        ("Yueyang", 3, 29.36, 113.13),
    ),
    "Hubei": (
        ("Wuhan", 2, 30.59, 114.31),
        ("Yichang", 3, 30.69, 111.29),
        ("Xiangyang", 3, 32.01, 112.12),
        ("Huangshi", 4, 30.20, 115.04),
    ),
    "Henan": (
        ("Zhengzhou", 2, 34.75, 113.63),
        ("Luoyang", 3, 34.62, 112.45),
        ("Kaifeng", 4, 34.80, 114.31),
        ("Nanyang", 3, 32.99, 112.53),
    ),
    "Sichuan": (
        ("Chengdu", 2, 30.57, 104.07),
        ("Leshan", 4, 29.55, 103.77),
        ("Mianyang", 3, 31.47, 104.68),
        ("Yibin", 4, 28.75, 104.64),
    ),
    "Zhejiang": (
        ("Hangzhou", 2, 30.27, 120.16),
        ("Jinhua", 3, 29.08, 119.65),
        ("Ningbo", 2, 29.87, 121.55),
        ("Lishui", 4, 28.47, 119.92),
    ),
    "Shandong": (
        ("Jinan", 2, 36.65, 117.12),
        ("Linyi", 3, 35.10, 118.36),
        ("Qingdao", 2, 36.07, 120.38),
        ("Heze", 4, 35.23, 115.48),
    ),
    "Jiangsu": (
        ("Nanjing", 2, 32.06, 118.80),
        ("Xuzhou", 3, 34.26, 117.19),
        ("Suzhou", 2, 31.30, 120.58),
        ("Yancheng", 3, 33.35, 120.16),
    ),
    "Shaanxi": (
        ("Xi'an", 2, 34.34, 108.94),
        ("Baoji", 4, 34.36, 107.24),
        ("Hanzhong", 4, 33.07, 107.02),
        ("Weinan", 4, 34.50, 109.51),
    ),
    "Fujian": (
        ("Fuzhou", 2, 26.07, 119.30),
        ("Zhangzhou", 3, 24.51, 117.65),
        ("Xiamen", 2, 24.48, 118.09),
        ("Nanping", 4, 26.64, 118.18),
    ),
    "Guangxi": (
        ("Nanning", 2, 22.82, 108.32),
        ("Guilin", 3, 25.27, 110.29),
        ("Liuzhou", 3, 24.33, 109.43),
        ("Yulin", 4, 22.65, 110.18),
    ),
    "Jiangxi": (
        ("Nanchang", 2, 28.68, 115.86),
        ("Ganzhou", 3, 25.83, 114.93),
        ("Jiujiang", 3, 29.71, 116.00),
        ("Ji'an", 4, 27.11, 114.99),
    ),
}
# where suppliers load: the produce hubs
SHARED_HUBS: tuple[tuple[str, float, float], ...] = (
    ("Shandong", 36.86, 118.74),
    ("Shaanxi", 34.34, 108.94),
    ("Guangdong", 23.13, 113.26),
    ("Hubei", 30.59, 114.31),
    ("Sichuan", 30.57, 104.07),
)


@dataclass(frozen=True, kw_only=True)
class Geography:
    """Static places; ints index the sequences named by the prefix."""

    regions: tuple[str, ...]
    city: tuple[str, ...]
    city_region: NDArray[np.int64]
    city_tier: NDArray[np.int64]
    central_id: tuple[str, ...]
    central_region: NDArray[np.int64]
    central_lat: NDArray[np.float64]
    central_lon: NDArray[np.float64]
    grid_id: tuple[str, ...]
    grid_region: NDArray[np.int64]
    grid_city: NDArray[np.int64]
    grid_central: NDArray[np.int64]
    grid_lat: NDArray[np.float64]
    grid_lon: NDArray[np.float64]
    shared_id: tuple[str, ...]
    shared_province: tuple[str, ...]
    shared_lat: NDArray[np.float64]
    shared_lon: NDArray[np.float64]
    site_id: tuple[str, ...]
    site_region: NDArray[np.int64]
    site_city: NDArray[np.int64]
    site_grid: NDArray[np.int64]
    site_lat: NDArray[np.float64]
    site_lon: NDArray[np.float64]
    site_weight: NDArray[np.float64]
    site_opened_day: NDArray[np.int64]
    site_closed_day: NDArray[np.int64]


def number_of_users(config: Config) -> int:
    """Give the users of the market: a dozen lines each unless the knob says otherwise."""
    return config.n_users or max(200, config.n_lines // 12)


def number_of_sites(config: Config) -> int:
    """Give the community sites of the market: one for each sixty users, 40 to 5000, unless the knob says otherwise."""
    return config.n_sites or int(min(max(number_of_users(config) // 60, 40), 5000))


def make_geography(config: Config) -> Geography:
    """Place regions, cities, warehouses and sites."""
    rng = stream(config.seed, "geography")
    regions = tuple(PROVINCES)[: config.n_regions]
    rows = [(r, *spot) for r, name in enumerate(regions) for spot in PROVINCES[name][: config.cities_per_region]]
    city_region, city_tier = (np.array([row[i] for row in rows]) for i in (0, 2))
    city_lat, city_lon = (np.array([row[i] for row in rows], dtype=float) for i in (3, 4))

    n_centrals = max(1, (len(regions) + 1) // 2)
    central_region = np.arange(n_centrals) * 2 % len(regions)
    first_city = np.array([int(np.flatnonzero(city_region == r)[0]) for r in range(len(regions))])
    central_lat = city_lat[first_city[central_region]] + 0.05
    central_lon = city_lon[first_city[central_region]] + 0.05

    n_sites = number_of_sites(config)
    city_weight = np.array([0, 1.6, 1.3, 1.0, 0.7])[city_tier]
    site_city = np.sort(
        np.concatenate([np.arange(len(rows)), rng.choice(len(rows), n_sites, p=city_weight / city_weight.sum())])[
            :n_sites
        ]
    )
    per_city = np.bincount(site_city, minlength=len(rows))
    grids_in_city = np.clip(per_city // 12 + 1, 1, 60)
    grid_city = np.repeat(np.arange(len(rows)), grids_in_city)
    first_grid = np.concatenate([[0], np.cumsum(grids_in_city)[:-1]])
    grid_region = city_region[grid_city]
    site_grid = first_grid[site_city] + rng.integers(0, grids_in_city[site_city])
    opened = np.where(
        rng.random(n_sites) < 0.85, -rng.integers(30, 900, n_sites), rng.integers(0, config.n_days, n_sites)
    )
    closes = rng.random(n_sites) < 0.04 * min(config.n_days / 365, 2)
    closed = np.where(closes, opened + rng.integers(60, 900, n_sites), config.n_days + 10_000)
    closed = np.where(closed < 1, config.n_days + 10_000, closed)
    site_weight = rng.lognormal(0, 0.6, n_sites) * city_weight[site_city]
    return Geography(
        regions=regions,
        city=tuple(row[1] for row in rows),
        city_region=city_region,
        city_tier=city_tier,
        central_id=tuple(f"CW{i + 1:02d}" for i in range(n_centrals)),
        central_region=central_region,
        central_lat=central_lat,
        central_lon=central_lon,
        grid_id=tuple(f"GW{i + 1:03d}" for i in range(len(grid_city))),
        grid_region=grid_region,
        grid_city=grid_city,
        grid_central=grid_region // 2,
        grid_lat=city_lat[grid_city] + rng.normal(0, 0.04, len(grid_city)),
        grid_lon=city_lon[grid_city] + rng.normal(0, 0.04, len(grid_city)),
        shared_id=tuple(f"SW{i + 1:02d}" for i in range(len(SHARED_HUBS))),
        shared_province=tuple(hub[0] for hub in SHARED_HUBS),
        shared_lat=np.array([hub[1] for hub in SHARED_HUBS]),
        shared_lon=np.array([hub[2] for hub in SHARED_HUBS]),
        site_id=tuple(f"SITE{i + 1:05d}" for i in range(n_sites)),
        site_region=city_region[site_city],
        site_city=site_city,
        site_grid=site_grid,
        site_lat=np.round(city_lat[site_city] + rng.normal(0, 0.06, n_sites), 5),
        site_lon=np.round(city_lon[site_city] + rng.normal(0, 0.06, n_sites), 5),
        site_weight=site_weight / site_weight.sum(),
        site_opened_day=opened,
        site_closed_day=closed,
    )
