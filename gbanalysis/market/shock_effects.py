"""What each planted shock adds to the rate of a period: Shapley over shocks, by the same engine as `effects`.

v(S) is the expected refund chance of a line of the period in the world that has only the shocks in S. Shocks of the
chain are switched on and off line by line. A shock of demand (lockdown, promotion season) changes who buys what, so
each set of demand shocks has its own World and the draw's line comes from that World with the same uniforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gbanalysis.market.draws import Mix, Numbers, day_positions, draw_allocation, draw_mixes, stratified
from gbanalysis.market.effects import CHUNK, N_BATCHES
from gbanalysis.market.journey import refund_chance
from gbanalysis.market.parameters import PLAYERS, Items, Parameters, View, make_parameters
from gbanalysis.market.routes import routes_of
from gbanalysis.market.shocks import Shock
from gbanalysis.market.world import World, build_world

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# days before its start and after its end on which a demand shock still moves demand: stocking up, demand pulled forward
REACH_DAYS = {"lockdown": (3, 3), "promotion_season": (7, 14)}


@dataclass(frozen=True, eq=False)
class ShockDraws:
    """n lines of one period in every set of demand shocks.

    Attributes
    ----------
    demand
        Places of the demand shocks in ``parameters.shocks``; set c holds those whose bit is set in c.
    position, mix, supplier
        For each set: the line's day, its attributes, its supplier.
    """

    world: World
    parameters: Parameters
    numbers: Numbers
    demand: tuple[int, ...]
    position: tuple[Ints, ...]
    mix: tuple[Mix, ...]
    supplier: tuple[Ints, ...]

    def chance(self, switched: Bools, draw: Ints) -> Array:
        """Give the refund chances of the lines ``draw`` with the shocks in ``switched`` [n_shocks, len(draw)]."""
        code = np.zeros(len(draw), dtype=np.int64)
        for bit, place in enumerate(self.demand):
            code += switched[place].astype(np.int64) << bit

        def pick(arrays: Sequence[Ints]) -> Ints:
            return np.choose(code, [array[draw] for array in arrays])

        items = Items(
            user=pick([mix.user for mix in self.mix]),
            site=pick([mix.site for mix in self.mix]),
            sku=pick([mix.sku for mix in self.mix]),
            supplier=pick(self.supplier),
            quantity=pick([mix.quantity for mix in self.mix]),
            spare=self.numbers.spare[draw],
            z_hours=self.numbers.z_hours[:, draw],
            crew=self.numbers.crew[:, draw],
        )
        position = dict.fromkeys(PLAYERS, pick(self.position))
        return refund_chance(View(self.world, routes_of(self.world), self.parameters, items, position, switched))


def make_shock_draws(world: World, days: Ints, n: int, rng: np.random.Generator) -> ShockDraws:
    """Draw n lines of the period's days of promised pickup."""
    shocks = world.shocks
    first, last = world.date(int(days[0])), world.date(int(days[-1]))
    demand = tuple(
        place for place, shock in enumerate(shocks) if shock.kind in REACH_DAYS and _near(shock, first, last)
    )
    numbers, u_day = Numbers.draw(rng, n), stratified(rng, n)
    variants = []
    for code in range(2 ** len(demand)):
        left_out = {place for bit, place in enumerate(demand) if not code >> bit & 1}
        kept = tuple(shock for place, shock in enumerate(shocks) if place not in left_out)
        variants.append(build_world(replace(world.config, shocks=kept)) if left_out else world)
    position = [day_positions(variant, days, u_day) for variant in variants]
    mix = draw_mixes(variants, [days[place] for place in position], numbers)
    supplier = [draw_allocation(world, days, *draw, numbers.supplier) for draw in zip(position, mix, strict=True)]
    parameters = make_parameters(world, routes_of(world), days)
    return ShockDraws(world, parameters, numbers, demand, tuple(position), tuple(mix), tuple(supplier))


def _near(shock: Shock, first: np.datetime64, last: np.datetime64) -> bool:
    """Say whether a demand shock can move the lines promised in a period; it reaches past its own days."""
    before, after = REACH_DAYS[shock.kind]
    ordered_first, ordered_last = first - 1, last - 1
    starts, ends = np.datetime64(shock.starts_on) - before, np.datetime64(shock.ends_on) + after
    return bool(starts <= ordered_last and ends >= ordered_first)


def shock_shapley(draws: ShockDraws, rng: np.random.Generator) -> pd.DataFrame:
    """Walk the shocks in random orders and their reverses.

    Returns
    -------
    pandas.DataFrame
        One row a shock: kind, target, starts_on, ends_on, size, contribution (rate units), se. The attributes
        ``rate`` and ``rate_without`` hold the period's rate with all shocks and with none.
    """
    shocks = draws.parameters.shocks
    n_shocks, n = len(shocks), len(draws.numbers.cell)
    sums = np.zeros((n_shocks, N_BATCHES))
    ends = np.zeros(2)
    for first in range(0, n, CHUNK):
        draw = np.arange(first, min(first + CHUNK, n))
        batch = draw % N_BATCHES
        order = rng.permuted(np.tile(np.arange(n_shocks)[:, None], len(draw)), axis=0)
        for path in (order, order[::-1]):
            switched = np.zeros((n_shocks, len(draw)), dtype=bool)
            start = before = draws.chance(switched, draw)
            for turn in path:
                switched[turn, np.arange(len(draw))] = True
                after = draws.chance(switched, draw)
                cells = np.bincount(turn * N_BATCHES + batch, weights=after - before, minlength=sums.size)
                sums += cells.reshape(sums.shape)
                before = after
            ends += [start.sum(), before.sum()]
    size = np.bincount(np.arange(n) % N_BATCHES, minlength=N_BATCHES)
    frame = pd.DataFrame(
        {
            "kind": [shock.kind for shock in shocks],
            "target": [shock.target for shock in shocks],
            "starts_on": [shock.starts_on for shock in shocks],
            "ends_on": [shock.ends_on for shock in shocks],
            "size": [shock.size for shock in shocks],
            "contribution": sums.sum(axis=1) / (2 * n),
            "se": (sums / (2 * size)).std(axis=1, ddof=1) / np.sqrt(N_BATCHES),
        }
    )
    frame.attrs |= {"rate_without": float(ends[0] / (2 * n)), "rate": float(ends[1] / (2 * n))}
    return frame
