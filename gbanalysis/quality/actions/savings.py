"""What an action would save: the refunds of the same lines, with one cause of them set to what others have.

Lines are summed to profiles (category, supplier, SKU, warehouses, region). An action changes the log-odds of the
profiles that it touches; several actions on one profile add their changes there, so that no refund is saved twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.quality.actions.saving_model import (
    DEGREE_HOURS,
    HOURS,
    Coded,
    Effects,
    draw_effects,
    encode,
)

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

REPLACE_SUPPLIER, DELIST_SKU, SPEED_NODE, COOL_NODE = "replace_supplier", "delist_sku", "speed_node", "cool_node"
ACTIONS = (REPLACE_SUPPLIER, DELIST_SKU, SPEED_NODE, COOL_NODE)
KEY_OF = {REPLACE_SUPPLIER: "supplier_id", DELIST_SKU: "sku_id"}
SEGMENTS = ("shared_warehouse", "central_warehouse", "grid_warehouse")
KEYS = ("category", "supplier_id", "sku_id", "central_id", "grid_id", "region")
N_DRAWS = 500


@dataclass(frozen=True)
class Action:
    """One thing to do: what, to whom, and by how much (hours or degrees; of no meaning for the others)."""

    kind: str
    target: str
    size: float = 0.0


@dataclass(frozen=True, eq=False)
class Touched:
    """Profiles that an action changes, and the change of their log-odds in each draw."""

    rows: IntArray
    change: FloatArray


@dataclass(frozen=True, eq=False)
class Profiles:
    """Lines with one way through the chain, and the draws of the model's effects.

    Attributes
    ----------
    coded
        Codes of `KEYS` for each profile.
    nodes
        By stage of `SEGMENTS` that is known: the node of each profile.
    n, amount
        [n_profiles] lines, and their money.
    hours, degree_hours
        [n_profiles] centred doses in the model's units.
    stage_hours, stage_heat
        By stage [n_profiles] hours, and degrees above the mean temperature of the SKU's hours.
    refund_share
        [category, n_draws] share of a line's amount that a refund gives back.
    effects
        Draws of the effects; the first is their mean.
    """

    coded: Coded
    nodes: dict[str, NDArray[np.object_]]
    n: FloatArray
    amount: FloatArray
    hours: FloatArray
    degree_hours: FloatArray
    stage_hours: dict[str, FloatArray]
    stage_heat: dict[str, FloatArray]
    refund_share: FloatArray
    effects: Effects

    @cached_property
    def log_odds(self) -> FloatArray:
        """[n_profiles, n_draws] log-odds of a refund as things are."""
        code, effects = self.coded.codes, self.effects
        category = code["category"]
        return np.asarray(
            effects.level[category]
            + effects.supplier[code["supplier_id"], category]
            + effects.sku[code["sku_id"]]
            + effects.grid[code["grid_id"]]
            + effects.region[code["region"], category]
            + effects.hours[category] * self.hours[:, None]
            + effects.degree_hours[category] * self.degree_hours[:, None]
        )

    def touched(self, action: Action, beside: Sequence[Action] = ()) -> Touched:
        """Find the profiles that an action changes; none where it has nothing to change or nothing to change to.

        Who is replaced by another of the actions `beside` it does not take over its lines.
        """
        if action.kind in KEY_OF:
            gone = {other.target for other in beside if other.kind == action.kind}
            return self._replaced(KEY_OF[action.kind], action.target, gone | {action.target})
        return self._conditioned(action)

    def together(self, actions: Sequence[Action]) -> list[Touched]:
        """Find the profiles that each action changes when all are done."""
        return [self.touched(action, beside=actions) for action in actions]

    def _replaced(self, key: str, target: str, gone: set[str]) -> Touched:
        """Put the mean of the others of the same category and central warehouse (else anywhere) in the place of one."""
        code = self.coded.codes
        at = int(np.flatnonzero(self.coded.labels[key] == target)[0])
        stays = ~np.isin(self.coded.labels[key], list(gone))[code[key]]
        rows = np.flatnonzero(code[key] == at)
        category, central = code["category"], code["central_id"]
        change = np.full((len(rows), self.effects.hours.shape[1]), np.nan)
        for c, z in {(c, z) for c, z in zip(category[rows], central[rows], strict=True)}:
            peers = (category == c) & stays
            near = peers & (central == z)
            peers = near if near.any() else peers
            if peers.any():
                weight = np.bincount(code[key][peers], self.n[peers], minlength=self.coded.size(key))
                levels, here = np.flatnonzero(weight), (category[rows] == c) & (central[rows] == z)
                effect = self.effects.supplier[:, c] if key == "supplier_id" else self.effects.sku
                place = float(np.average(self.log_odds[rows[here], 0], weights=self.n[rows[here]]) - effect[at, 0])
                mean = (weight[levels] / weight.sum()) @ special.expit(place + effect[levels])
                change[here] = special.logit(mean) - place - effect[at]
        known = np.isfinite(change[:, 0])
        return Touched(rows[known], change[known])

    def _conditioned(self, action: Action) -> Touched:
        """Give the lines of a node fewer hours, or cooler ones."""
        stage = next(stage for stage, node in self.nodes.items() if (node == action.target).any())
        rows = np.flatnonzero(self.nodes[stage] == action.target)
        category = self.coded.codes["category"][rows]
        heat_slope = self.effects.degree_hours[category] / DEGREE_HOURS
        if action.kind == COOL_NODE:
            return Touched(rows, -heat_slope * action.size * self.stage_hours[stage][rows, None])
        less = np.minimum(action.size, self.stage_hours[stage][rows])[:, None]
        slope = self.effects.hours[category] / HOURS + heat_slope * self.stage_heat[stage][rows, None]
        return Touched(rows, -less * slope)

    def excess_hours(self, stage: str) -> dict[str, float]:
        """Mean hours of each node of a stage above the median of its peers'."""
        node, hours = self.nodes[stage], self.stage_hours[stage]
        mean = {each: float(np.average(hours[node == each], weights=self.n[node == each])) for each in set(node)}
        return {
            each: found - float(np.median([other for name, other in mean.items() if name != each] or [found]))
            for each, found in mean.items()
        }

    def saved(self, touched: Sequence[Touched], *, draws: slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Refunded lines and money that actions save together, in each draw; changes of one profile add up."""
        rows = np.unique(np.concatenate([each.rows for each in touched])) if touched else np.zeros(0, dtype=np.int64)
        before = self.log_odds[rows][:, draws]
        change = np.zeros_like(before)
        for each in touched:
            change[np.searchsorted(rows, each.rows)] += each.change[:, draws]
        fewer = special.expit(before) - special.expit(before + change)
        back = self.refund_share[self.coded.codes["category"][rows]][:, draws]
        return self.n[rows] @ fewer, np.einsum("r,rd,rd->d", self.amount[rows], fewer, back)


def make_profiles(cells: pd.DataFrame, *, rng: np.random.Generator, n_draws: int = N_DRAWS) -> Profiles:
    """Fit the model of refunds to cells and sum the cells to profiles.

    Parameters
    ----------
    cells
        One row a cell: `KEYS`, ``day``, ``n``, ``refunded``, ``amount``, ``refunded_amount`` and
        ``refunded_line_amount`` (the whole amount of refunded lines), ``share_reported``; for each stage whose course
        is known ``<stage>_hours``, ``<stage>_temperature`` and, for `SEGMENTS`, ``<stage>_node``, without gaps.
    rng
        Draws the effects.
    n_draws
        How many draws.
    """
    stages = [name.removesuffix("_hours") for name in cells.columns if name.endswith("_hours")]
    n = cells["n"].to_numpy(dtype=float)
    hours, heat = (
        {stage: cells[f"{stage}_{what}"].to_numpy(dtype=float) for stage in stages if f"{stage}_{what}" in cells}
        for what in ("hours", "temperature")
    )
    coded, zero = encode(cells, (*KEYS, "day")), np.zeros(len(cells))
    usual = _usual_temperature(coded.codes["sku_id"], n, hours, heat)
    heat = {stage: heat[stage] - usual if stage in heat else zero for stage in stages}
    total = sum(hours.values(), zero)
    cells = cells.assign(
        total_hours=(total - np.average(total, weights=n)) / HOURS,
        heat_hours=sum((hours[stage] * heat[stage] for stage in stages), zero) / DEGREE_HOURS,
        **{f"{stage}_heat": heat[stage] for stage in stages},
    )
    effects = draw_effects(
        coded,
        n=n,
        refunded=cells["refunded"].to_numpy(dtype=float),
        share_reported=cells["share_reported"].to_numpy(dtype=float),
        hours=cells["total_hours"].to_numpy(dtype=float),
        degree_hours=cells["heat_hours"].to_numpy(dtype=float),
        n_draws=n_draws,
        rng=rng,
    )
    segments = [stage for stage in SEGMENTS if stage in stages]
    summed = _sum_to_profiles(cells, stages, [f"{stage}_node" for stage in segments])
    codes = {key: np.searchsorted(coded.labels[key], summed[key].astype(str)).astype(np.int64) for key in KEYS}
    return Profiles(
        Coded(codes, coded.labels),
        {stage: summed[f"{stage}_node"].to_numpy(dtype=object) for stage in segments},
        summed["n"].to_numpy(dtype=float),
        summed["amount"].to_numpy(dtype=float),
        summed["total_hours"].to_numpy(dtype=float),
        summed["heat_hours"].to_numpy(dtype=float),
        {stage: summed[f"{stage}_hours"].to_numpy(dtype=float) for stage in stages},
        {stage: summed[f"{stage}_heat"].to_numpy(dtype=float) for stage in stages},
        _refund_shares(cells, coded, n_draws, rng),
        effects,
    )


def _usual_temperature(
    sku: IntArray, n: FloatArray, hours: dict[str, FloatArray], heat: dict[str, FloatArray]
) -> FloatArray:
    """[n_cells] mean temperature over the hours of the cell's SKU, from which heat is counted.

    SKUs that travel chilled differ from the others in more than their temperature: what a degree does is learned from
    the same SKU on warmer and on cooler ways.
    """
    spent, warm = np.zeros(sku.max() + 1), np.zeros(sku.max() + 1)
    for stage, temperature in heat.items():
        spent += np.bincount(sku, n * hours[stage])
        warm += np.bincount(sku, n * hours[stage] * temperature)
    return np.divide(warm, spent, out=np.zeros_like(warm), where=spent > 0)[sku]


def _sum_to_profiles(cells: pd.DataFrame, stages: Sequence[str], nodes: Sequence[str]) -> pd.DataFrame:
    """Add up lines and money, and average the doses over lines."""
    means = ["total_hours", "heat_hours", *(f"{stage}_{what}" for stage in stages for what in ("hours", "heat"))]
    keys = list(dict.fromkeys([*KEYS, *nodes]))
    weighted = cells[[*keys, "n", "amount"]].assign(**{name: cells[name] * cells["n"] for name in means})
    summed = weighted.groupby(keys, as_index=False, observed=True).sum()
    return summed.assign(**{name: summed[name] / summed["n"] for name in means})


def _refund_shares(cells: pd.DataFrame, coded: Coded, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Draw for each category the share of its amount that a refunded line gets back; few refunds lean on all."""
    size = coded.size("category")
    back, whole, count = (
        np.bincount(coded.codes["category"], cells[name].to_numpy(dtype=float), minlength=size)
        for name in ("refunded_amount", "refunded_line_amount", "refunded")
    )
    overall = back.sum() / whole.sum() if whole.sum() > 0 else 1.0
    prior = 10.0  # refunds that the share of all categories counts for
    mean_amount = whole.sum() / max(count.sum(), 1.0)
    share = (back + prior * mean_amount * overall) / (whole + prior * mean_amount)
    spread = np.sqrt(np.clip(share * (1 - share), 0, None) / (count + prior))
    noise = np.hstack([np.zeros((size, 1)), rng.standard_normal((size, n_draws))])
    return np.asarray(np.clip(share[:, None] + spread[:, None] * noise, 0.0, 1.0))
