"""The Shapley walk: what each mechanism adds to the change of the refund rate between two periods.

Let v(S) be the expected refund chance of a line when the mechanisms in S work as in the current period and the
others as in the base period. The contribution of a mechanism is its Shapley value (Shapley 1953) in the game v. It
is estimated without bias by random permutations (Castro, Gomez and Tejada 2009), each walked forwards and
backwards, with common random numbers: a draw is a line with a base day, a current day and its own uniforms;
mechanisms switch one by one from the base day to the current day, and the change of the refund CHANCE (not of a
drawn outcome) is credited to the mechanism that switched, at the level that the line has (its node, supplier,
region or category). Levels act on disjoint lines, so they sum to the mechanism, and mechanisms sum to the change.

A switch of the mix or of the allocation changes the line's levels themselves. It is credited as

    p_new 1{new} - p_old 1{old} - c (1{new} - 1{old})

with c the base rate (mix) or the base rate of the category (allocation): more lines of a level that is better than
c help.

The rate is that of lines that are picked up, by the day of the promised pickup. A late line is counted on the
promised day, and the small dependence of "picked up at all" on the mechanisms is left out (`truth` states what that
costs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gbanalysis.market.draws import Mix, Numbers, day_positions, draw_allocation, draw_mixes, stratified
from gbanalysis.market.journey import refund_chance
from gbanalysis.market.parameters import (
    PLAYERS,
    QUALITY_NODE,
    TEMPERATURE,
    TRANSIT,
    Items,
    Parameters,
    View,
    make_parameters,
)
from gbanalysis.market.routes import Routes, routes_of
from gbanalysis.market.world import World

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

N_BATCHES = 40
CHUNK = 25_000
ALL = "all"


@dataclass(frozen=True, eq=False)
class Draws:
    """n lines, each with a base day and a current day.

    Attributes
    ----------
    position
        [2, n] places of the base and the current day in ``parameters.days``.
    mix
        The line of the base day and that of the current day.
    supplier
        [2, 2, n] supplier under the shares of (base, current) day for the mix of (base, current) day.
    """

    world: World
    routes: Routes
    parameters: Parameters
    numbers: Numbers
    position: Ints
    mix: tuple[Mix, Mix]
    supplier: Ints

    def __len__(self) -> int:
        """Give the number of draws."""
        return len(self.numbers.cell)

    def view(self, switched: Bools, draw: Ints) -> View:
        """Give the lines ``draw`` with the players in ``switched`` [n_players, len(draw)] on their current day."""
        old, new = self.mix
        on_mix, on_allocation = switched[0].astype(np.int64), switched[1].astype(np.int64)

        def pick(name: str) -> Ints:
            picked: Ints = np.where(switched[0], getattr(new, name)[draw], getattr(old, name)[draw])
            return picked

        items = Items(
            user=pick("user"),
            site=pick("site"),
            sku=pick("sku"),
            supplier=self.supplier[on_allocation, on_mix, draw],
            quantity=pick("quantity"),
            spare=self.numbers.spare[draw],
            z_hours=self.numbers.z_hours[:, draw],
            crew=self.numbers.crew[:, draw],
        )
        days: Ints = self.position[:, draw]
        position = {player: np.where(switched[j], days[1], days[0]) for j, player in enumerate(PLAYERS)}
        return View(self.world, self.routes, self.parameters, items, position)


def make_draws(world: World, base: Ints, current: Ints, n: int, rng: np.random.Generator) -> Draws:
    """Draw n lines with a base day and a current day each, days weighted by their expected lines.

    Parameters
    ----------
    world
        The market.
    base, current
        Day indices of promised pickup, 1 to n_days.
    n, rng
        Number of draws and their generator.
    """
    routes = routes_of(world)
    days = np.union1d(base, current)
    parameters = make_parameters(world, routes, days)
    position = np.stack(
        [
            np.searchsorted(days, period)[day_positions(world, period, stratified(rng, n))]
            for period in (np.unique(base), np.unique(current))
        ]
    )
    numbers = Numbers.draw(rng, n)
    old, new = draw_mixes((world, world), (days[position[0]], days[position[1]]), numbers)
    mix = (old, new)
    supplier = np.stack(
        [
            np.stack([draw_allocation(world, days, place, lines, numbers.supplier) for lines in mix])
            for place in position
        ]
    )
    return Draws(world, routes, parameters, numbers, position, mix, supplier)


def period_view(world: World, days: Ints, n: int, rng: np.random.Generator) -> View:
    """Draw n lines of one period, each under its own day's parameters.

    Parameters
    ----------
    world
        The market.
    days
        Sorted day indices of promised pickup, 1 to n_days.
    n, rng
        Number of lines and their generator.
    """
    routes = routes_of(world)
    position = day_positions(world, days, stratified(rng, n))
    numbers = Numbers.draw(rng, n)
    (mix,) = draw_mixes((world,), (days[position],), numbers)
    items = Items(
        user=mix.user,
        site=mix.site,
        sku=mix.sku,
        supplier=draw_allocation(world, days, position, mix, numbers.supplier),
        quantity=mix.quantity,
        spare=numbers.spare,
        z_hours=numbers.z_hours,
        crew=numbers.crew,
    )
    return View(world, routes, make_parameters(world, routes, days), items, dict.fromkeys(PLAYERS, position))


@dataclass(frozen=True, eq=False)
class Step:
    """One turn of the walk: each line switches one group of players, its own.

    Attributes
    ----------
    draw
        [m] the draws that walk.
    group
        [m] which group switches on each line.
    before, after
        [m] chances of a refund before and after the switch.
    old, new
        The lines before and after.
    """

    draw: Ints
    group: Ints
    before: Array
    after: Array
    old: View
    new: View


def walk(draws: Draws, groups: Sequence[Sequence[str]], rng: np.random.Generator) -> Iterator[Step]:
    """Walk each draw's groups of players in a random order and in its reverse."""
    member = np.array([[player in group for player in PLAYERS] for group in groups])
    for first in range(0, len(draws), CHUNK):
        draw = np.arange(first, min(first + CHUNK, len(draws)))
        order = rng.permuted(np.tile(np.arange(len(groups))[:, None], len(draw)), axis=0)
        for path in (order, order[::-1]):
            switched = np.zeros((len(PLAYERS), len(draw)), dtype=bool)
            old = draws.view(switched, draw)
            before = refund_chance(old)
            for turn in path:
                switched |= member[turn].T
                new = draws.view(switched, draw)
                after = refund_chance(new)
                yield Step(draw, turn, before, after, old, new)
                old, before = new, after


class Ledger:
    """Sums of what was credited, by batch of draws, mechanism, dimension and level."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], Array] = {}

    def credit(self, mechanism: str, dimension: str, n_levels: int, level: Ints, batch: Ints, value: Array) -> None:
        """Add values to their levels and batches."""
        cells = np.bincount(level * N_BATCHES + batch, weights=value, minlength=n_levels * N_BATCHES)
        key = (mechanism, dimension)
        if key not in self.sums:
            self.sums[key] = np.zeros((n_levels, N_BATCHES))
        self.sums[key] += cells.reshape(n_levels, N_BATCHES)


def shapley(draws: Draws, groups: Mapping[str, Sequence[str]], rng: np.random.Generator) -> Ledger:
    """Walk the draws and credit every switch; the ledger's sums are over two walks a draw.

    Parameters
    ----------
    draws
        Lines with two days each.
    groups
        Mechanisms by name, each a group of `PLAYERS` that switch together. A mechanism that is one player is
        credited to its levels, too.
    rng
        Draws the permutations.
    """
    names, members = list(groups), list(groups.values())
    base = _base_rates(draws)
    ledger = Ledger()
    for step in walk(draws, members, rng):
        new_nodes = step.new.nodes
        for place, name in enumerate(names):
            who = np.flatnonzero(step.group == place)
            batch = step.draw[who] % N_BATCHES
            change = step.after[who] - step.before[who]
            ledger.credit(name, ALL, 1, np.zeros(len(who), dtype=np.int64), batch, change)
            if len(members[place]) == 1:
                _credit_levels(ledger, name, members[place][0], step, who, batch, new_nodes, base)
    return ledger


def _base_rates(draws: Draws) -> tuple[float, Array]:
    """Give the base period's mean chance, over all lines and by category."""
    everyone = np.arange(len(draws))
    start = draws.view(np.zeros((len(PLAYERS), len(draws)), dtype=bool), everyone)
    chance = refund_chance(start)
    category = draws.world.sku_category[start.items.sku]
    n_categories = len(draws.world.category)
    count = np.bincount(category, minlength=n_categories)
    mean = float(chance.mean())
    total = np.bincount(category, chance, minlength=n_categories)
    return mean, np.where(count > 0, total / np.maximum(count, 1), mean)


def _credit_levels(
    ledger: Ledger,
    name: str,
    player: str,
    step: Step,
    who: Ints,
    batch: Ints,
    new_nodes: tuple[Ints, ...],
    base: tuple[float, Array],
) -> None:
    """Credit one player's switch to the levels of its dimension."""
    world, change = step.new.world, step.after[who] - step.before[who]
    site, sku = step.new.items.site[who], step.new.items.sku[who]
    if player == "mix":
        old_site, old_sku = step.old.items.site[who], step.old.items.sku[who]
        for dimension, size, new, old in (
            ("region", world.n_regions, world.site_region[site], world.site_region[old_site]),
            ("category", len(world.category), world.sku_category[sku], world.sku_category[old_sku]),
        ):
            ledger.credit(name, dimension, size, new, batch, step.after[who] - base[0])
            ledger.credit(name, dimension, size, old, batch, base[0] - step.before[who])
        return
    if player == "allocation":
        usual = base[1][world.sku_category[sku]]
        ledger.credit(name, "supplier", world.n_suppliers, step.new.items.supplier[who], batch, step.after[who] - usual)
        ledger.credit(
            name, "supplier", world.n_suppliers, step.old.items.supplier[who], batch, usual - step.before[who]
        )
        return
    stage = STAGE_OF.get(player)
    if stage is not None:
        ledger.credit(name, "node", len(step.new.routes.node_ids[stage]), new_nodes[stage][who], batch, change)
    elif player == "quality_supplier":
        ledger.credit(name, "supplier", world.n_suppliers, step.new.items.supplier[who], batch, change)
    elif player == "quality_category":
        ledger.credit(name, "category", len(world.category), world.sku_category[sku], batch, change)
    else:
        ledger.credit(name, "region", world.n_regions, world.site_region[site], batch, change)


STAGE_OF = {player: stage for players in (TRANSIT, TEMPERATURE, QUALITY_NODE) for stage, player in enumerate(players)}


def level_names(draws: Draws, mechanism: str, dimension: str) -> list[str]:
    """Give the names of a dimension's levels."""
    world = draws.world
    if dimension == "node":
        return [str(name) for name in draws.routes.node_ids[STAGE_OF[mechanism]]]
    names = {"region": world.regions, "category": world.category, "supplier": world.supplier_id, ALL: (ALL,)}
    return list(names[dimension])


def ledger_frame(draws: Draws, ledger: Ledger) -> pd.DataFrame:
    """Turn sums into contributions with standard errors from the batches of draws.

    Returns
    -------
    pandas.DataFrame
        mechanism, dimension, level, contribution (in rate units), se. The row with dimension ``"all"`` is the
        mechanism's total, and the levels of each other dimension sum to it.
    """
    size = np.bincount(np.arange(len(draws)) % N_BATCHES, minlength=N_BATCHES)
    frames = []
    for (mechanism, dimension), sums in ledger.sums.items():
        means = sums / (2 * size)
        frames.append(
            pd.DataFrame(
                {
                    "mechanism": mechanism,
                    "dimension": dimension,
                    "level": level_names(draws, mechanism, dimension),
                    "contribution": sums.sum(axis=1) / (2 * len(draws)),
                    "se": means.std(axis=1, ddof=1) / np.sqrt(N_BATCHES),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
