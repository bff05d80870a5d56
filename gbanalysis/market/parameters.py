"""What the mechanisms' parameters are on given days, and the view through which a mechanism reads them.

The key idea of the known truth: every mechanism is a function of a line's attributes, of uniforms or normals, and
of ITS OWN day. In the simulation all mechanisms read the same day. The Shapley walk of `effects` lets each read
another day, with the attributes' random numbers held fixed.

A day here is the day of the promised pickup, the day after the selling day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market import families
from gbanalysis.market.config import Config
from gbanalysis.market.routes import KNOT_DAYS, STAGES, Routes
from gbanalysis.market.shocks import Shock
from gbanalysis.market.streams import stream
from gbanalysis.market.world import World

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Position = Ints | int

TRANSIT = tuple(f"transit_{stage}" for stage in STAGES)
TEMPERATURE = tuple(f"temperature_{stage}" for stage in STAGES)
QUALITY_NODE = tuple(f"quality_node_{stage}" for stage in STAGES)
PLAYERS = (
    "mix",
    "allocation",
    "weather",
    *TRANSIT,
    *TEMPERATURE,
    "quality_supplier",
    "quality_category",
    *QUALITY_NODE[1:],
    "policy",
    "abuse",
)

NODE_HOURS_SD = (0.10, 0.10, 0.08, 0.12, 0.10)
NODE_COOLING_SD = (1.0, 0.5, 0.4, 0.8, 1.0)
NODE_BRUISE_SD = 0.25
ABUSE_FROM, ABUSE_TO = 0.25, 0.40


@dataclass(frozen=True, eq=False)
class Parameters:
    """The mechanisms' parameters on some days; the first axis of every table is the position in `days`.

    Attributes
    ----------
    config
        The market's inputs; its family chooses the laws.
    days
        Day indices of promised pickup, sorted.
    temperature, rain
        [n, n_regions] the weather of the day (the last known day stands for later ones).
    hours_log, cooling, bruise_log
        For each stage [n, n_nodes]: day noise of the log hours, of the temperature (°C) and of the log handling damage.
    supplier_log, category_log
        [n, n_suppliers] log start deficit; [n, n_categories] what the season adds to it.
    heat_sensitivity
        [n_suppliers] rise per 10 °C, of family ``interaction``.
    abuse
        [n] chance that an abuser asks a refund of a line.
    shocks, held
        The planted shocks and [n_shocks, n] whether each holds.
    """

    config: Config
    days: Ints
    temperature: Array
    rain: Array
    hours_log: tuple[Array, ...]
    cooling: tuple[Array, ...]
    bruise_log: tuple[Array, ...]
    supplier_log: Array
    category_log: Array
    heat_sensitivity: Array
    abuse: Array
    shocks: tuple[Shock, ...]
    held: NDArray[np.bool_]


def _day_noise(seed: int, name: str, days: Ints, n_nodes: Sequence[int], spread: Sequence[float]) -> tuple[Array, ...]:
    edges = np.cumsum([0, *n_nodes])
    rows = np.empty((len(days), edges[-1]))
    for place, day in enumerate(days.tolist()):
        rows[place] = stream(seed, name, day).standard_normal(edges[-1])
    return tuple(rows[:, a:b] * sd for a, b, sd in zip(edges[:-1], edges[1:], spread, strict=True))


def _supplier_log(config: Config, routes: Routes, days: Ints) -> Array:
    n_suppliers = len(routes.supplier_log_deficit)
    place = days / KNOT_DAYS
    left = place.astype(np.int64)
    part = (place - left)[:, None]
    wave = (1 - part) * routes.supplier_wave[left] + part * routes.supplier_wave[left + 1]
    batch = np.stack([families.batch_effect(config, n_suppliers, day) for day in days.tolist()])
    tilt = families.quality_tilt(config, n_suppliers)[days - 1]
    log_deficit: Array = routes.supplier_log_deficit + wave + batch + tilt
    return log_deficit


def make_parameters(
    world: World, routes: Routes, days: Ints, *, config: Config | None = None, shocks: Sequence[Shock] | None = None
) -> Parameters:
    """Draw the parameters of the days given (1 to n_days), each from that day's own streams.

    Parameters
    ----------
    world, routes
        The static market.
    days
        Sorted day indices of promised pickup.
    config, shocks
        Stand in for the world's own, as in the calibration, which knows neither families nor shocks.
    """
    config = config or world.config
    shocks = tuple(world.shocks if shocks is None else shocks)
    days = np.asarray(days, dtype=np.int64)
    known = np.minimum(days, world.n_days - 1)
    seed, sizes = world.seed, routes.n_nodes
    summer = np.cos(2 * np.pi * ((days + config.start.timetuple().tm_yday) - 205) / 365.25)
    return Parameters(
        config=config,
        days=days,
        temperature=np.ascontiguousarray(world.temperature[:, known].T),
        rain=np.ascontiguousarray(world.rain_mm[:, known].T),
        hours_log=_day_noise(seed, "transit.hours", days, sizes, NODE_HOURS_SD),
        cooling=_day_noise(seed, "cooling.node", days, sizes, NODE_COOLING_SD),
        bruise_log=_day_noise(seed, "losses.bruise", days, sizes, (NODE_BRUISE_SD,) * len(sizes)),
        supplier_log=_supplier_log(config, routes, days),
        category_log=summer[:, None] * routes.category_wave[None, :],
        heat_sensitivity=families.heat_sensitivity(config, sizes[0]),
        abuse=ABUSE_FROM + (ABUSE_TO - ABUSE_FROM) * np.clip(days / world.n_days, 0, 1),
        shocks=shocks,
        held=np.array([shock.active(config.start, days) for shock in shocks]).reshape(len(shocks), len(days)),
    )


@dataclass(frozen=True, eq=False)
class Items:
    """Lines' attributes and their own random numbers, arrays of equal length n (or [5, n], a row for each stage).

    Attributes
    ----------
    user, site, sku, supplier, quantity
        As in the orders.
    spare
        1 where the supplier packs a spare unit for the line.
    z_hours
        [5, n] standard normals of the shipment at each stage.
    crew
        [5, n] index into `routes.CREWS` of the shift that handles the shipment.
    """

    user: Ints
    site: Ints
    sku: Ints
    supplier: Ints
    quantity: Ints
    spare: Ints
    z_hours: Array
    crew: Ints

    def __len__(self) -> int:
        """Give the number of lines."""
        return len(self.sku)


@dataclass(frozen=True, eq=False)
class View:
    """Lines seen under parameters whose day may differ from player to player.

    Attributes
    ----------
    position
        For each of `PLAYERS` the position in ``parameters.days``: one number, or one for each line.
    switched_on
        [n_shocks, n] which shocks exist for each line; None means all.
    nudge
        What an intervention adds to a mechanism of the chain: hours (``transit_*``) or degrees (``temperature_*``).
    """

    world: World
    routes: Routes
    parameters: Parameters
    items: Items
    position: Mapping[str, Position]
    switched_on: NDArray[np.bool_] | None = None
    nudge: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> tuple[Ints, ...]:
        """Give each stage's node index for every line."""
        grid = self.world.site_grid[self.items.site]
        supplier = self.items.supplier
        return supplier, self.world.supplier_shared[supplier], self.world.grid_central[grid], grid, self.items.site

    @cached_property
    def outside(self) -> tuple[Array, ...]:
        """Give the outside temperature (°C) at each stage's node for every line."""
        day, regions = self.position["weather"], self.routes.weather_region
        return tuple(
            self.parameters.temperature[day, region[node]] for region, node in zip(regions, self.nodes, strict=True)
        )

    def nudged(self, nudge: Mapping[str, float]) -> View:
        """Give the same lines under an intervention."""
        return replace(self, nudge=nudge)

    def shock_holds(self, place: int, player: str) -> NDArray[np.bool_]:
        """Say for each line (or once for all) whether a shock holds on the player's day."""
        held: NDArray[np.bool_] = np.asarray(self.parameters.held[place][self.position[player]])
        return held if self.switched_on is None else held & self.switched_on[place]
