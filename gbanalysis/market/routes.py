"""The static chain: which nodes a line passes, how far apart they are, what each is like on an ordinary day.

A line passes five stages: its supplier, the shared warehouse at which that supplier loads, the central and the grid
warehouse of its site, the site. Suppliers load ahead on forecast, so the chain is timed backwards from the promised
pickup (`transit`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.per_world import per_world
from gbanalysis.market.streams import stream
from gbanalysis.market.world import World

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

STAGES = ("supplier", "shared_warehouse", "central_warehouse", "grid_warehouse", "community_site")
CREWS = ("A", "B", "C")

STAY_HOURS = (3.0, 2.0, 3.0, 2.5, 5.0)
SPEED_KMH = (0.0, 0.0, 60.0, 45.0, 25.0)
LEAK_SHARE = (0.35, 0.12, 0.08, 0.20, 0.50)
CHILLED_SHELF_DAYS = 21.0
BRUISE_LEVEL, BRUISE_SPREAD = 0.008, 0.4
START_DEFICIT, SUPPLIER_SPREAD = 0.045, 0.35


@dataclass(frozen=True, eq=False)
class Routes:
    """Static properties of the chain.

    Attributes
    ----------
    node_ids, node_index
        For each stage the ids of its nodes, and their places by id.
    weather_region
        For each stage the region index whose weather its nodes feel.
    stay_hours, leak_share, bruise
        For each stage and node: hours of stay, share of the outside heat let in, handling damage (share of quality).
    first_leg_hours
        [n_suppliers] hours from the supplier to its shared warehouse.
    long_leg_hours
        [n_shared, n_centrals] hours of the long haul on a dry day.
    grid_leg_hours, site_leg_hours
        Hours from the central warehouse to each grid warehouse, and from there to each site.
    supplier_log_deficit, supplier_wave, category_wave
        Log start deficit of each supplier; smooth monthly knots of suppliers [n_knots, n_suppliers]; yearly swing
        of categories.
    chilled, fragility, origin
        For each SKU: whether it is kept at 4 °C, how easily it is damaged (about 1), its origin.
    user_strictness, user_abuser
        For each user: shift of the log tolerance (positive complains more), whether the user asks without a cause.
    """

    node_ids: tuple[NDArray[np.str_], ...]
    node_index: tuple[dict[str, int], ...]
    weather_region: tuple[Ints, ...]
    stay_hours: tuple[Array, ...]
    leak_share: tuple[Array, ...]
    bruise: tuple[Array, ...]
    first_leg_hours: Array
    long_leg_hours: Array
    grid_leg_hours: Array
    site_leg_hours: Array
    supplier_log_deficit: Array
    supplier_wave: Array
    category_wave: Array
    chilled: NDArray[np.bool_]
    fragility: Array
    origin: NDArray[np.str_]
    user_strictness: Array
    user_abuser: NDArray[np.bool_]

    @property
    def n_nodes(self) -> tuple[int, ...]:
        """Nodes at each stage."""
        return tuple(len(ids) for ids in self.node_ids)


STRICTNESS_SD = 0.4
KNOT_DAYS = 30


def kilometres(lat_a: Array, lon_a: Array, lat_b: Array, lon_b: Array) -> Array:
    """Give great-circle distances by the haversine formula, times 1.25 for roads.

    Examples
    --------
    >>> import numpy as np
    >>> one = lambda x: np.array([x])
    >>> kilometres(one(23.13), one(113.26), one(28.23), one(112.94)).round()
    array([710.])
    """
    a, b = np.radians(lat_a), np.radians(lat_b)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon_b - lon_a) / 2) ** 2
    distance: Array = 1.25 * 2 * 6371.0 * np.arcsin(np.sqrt(half))
    return distance


def _supplier_weather(world: World) -> tuple[Ints, Ints]:
    """Choose whose weather suppliers and shared warehouses feel: their own region's, else the nearest one's."""
    region_lat = np.array([world.site_lat[world.site_region == r].mean() for r in range(world.n_regions)])
    region_lon = np.array([world.site_lon[world.site_region == r].mean() for r in range(world.n_regions)])
    near = kilometres(world.shared_lat[:, None], world.shared_lon[:, None], region_lat[None, :], region_lon[None, :])
    shared = np.argmin(near, axis=1)
    place = {name: index for index, name in enumerate(world.regions)}
    supplier = [
        place.get(name, int(shared[hub]))
        for name, hub in zip(world.supplier_region, world.supplier_shared, strict=True)
    ]
    return np.array(supplier), shared


@per_world
def routes_of(world: World) -> Routes:
    """Draw the static chain of a market (once for each World object)."""
    rng = stream(world.seed, "routes")
    node_ids = tuple(
        np.array(ids) for ids in (world.supplier_id, world.shared_id, world.central_id, world.grid_id, world.site_id)
    )
    sizes = [len(ids) for ids in node_ids]
    supplier_weather, shared_weather = _supplier_weather(world)
    stay = tuple(hours * rng.lognormal(0, 0.12, size) for hours, size in zip(STAY_HOURS, sizes, strict=True))
    leak = tuple(share * rng.lognormal(0, 0.2, size) for share, size in zip(LEAK_SHARE, sizes, strict=True))
    bruise = tuple(BRUISE_LEVEL * rng.lognormal(0, BRUISE_SPREAD, size) for size in sizes)
    haul = kilometres(
        world.shared_lat[:, None], world.shared_lon[:, None], world.central_lat[None, :], world.central_lon[None, :]
    )
    to_grid = kilometres(
        world.central_lat[world.grid_central], world.central_lon[world.grid_central], world.grid_lat, world.grid_lon
    )
    to_site = kilometres(
        world.grid_lat[world.site_grid], world.grid_lon[world.site_grid], world.site_lat, world.site_lon
    )
    shelf = world.sku_shelf_days
    n_users = len(world.user_site)
    n_knots = (world.n_days + 1) // KNOT_DAYS + 3
    own = stream(world.seed, "routes.users")
    return Routes(
        node_ids=node_ids,
        node_index=tuple({str(name): place for place, name in enumerate(ids)} for ids in node_ids),
        weather_region=(supplier_weather, shared_weather, world.central_region, world.grid_region, world.site_region),
        stay_hours=stay,
        leak_share=leak,
        bruise=bruise,
        first_leg_hours=rng.uniform(0.7, 2.5, sizes[0]),
        long_leg_hours=0.5 + haul / SPEED_KMH[2],
        grid_leg_hours=0.4 + to_grid / SPEED_KMH[3],
        site_leg_hours=0.2 + to_site / SPEED_KMH[4],
        supplier_log_deficit=np.log(START_DEFICIT) + SUPPLIER_SPREAD * rng.standard_normal(sizes[0]),
        supplier_wave=0.12 * rng.standard_normal((n_knots, sizes[0])),
        category_wave=0.15 * rng.uniform(0.3, 1.0, len(world.category)),
        chilled=shelf <= CHILLED_SHELF_DAYS,
        fragility=0.5 + 1.2 * np.exp(-shelf / 15.0),
        origin=np.array(world.sku_origin),
        user_strictness=STRICTNESS_SD * own.standard_normal(n_users),
        user_abuser=own.random(n_users) < world.config.abuser_share,
    )
