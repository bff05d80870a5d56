"""The distributions that produce the lines, one table a mechanism and period.

A route is a way that a line can take: category, last node (grid or site), supplier and origin. The routes are all pairs
of category and last node seen in either period, each with all suppliers and origins that served the category from the
node's central warehouse in either. So any mixture of the two periods' mechanisms can be written on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.exposures import Exposure, fit_exposure, gauss_rules
from gbanalysis.quality.attribution.mechanisms import DESTINATION, PARENT, CodedCells, owner_codes, without_gaps

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HEAT_NODES = 4  # points that stand for the days' temperatures


@dataclass(frozen=True, eq=False)
class Tables:
    """All routes with their codes, and the tables of the two periods.

    ``pair`` and ``choice`` say which entry of ``mix`` (2, pairs) and ``allocation`` (2, choices) a route reads;
    ``parent`` is the (category, central) of each choice. ``hours`` has one entry a stage, ``node_heat`` one a stage
    whose temperature is known, ``cooled`` their places among the stages; ``policy`` is the share of each route's lines
    under the easier refund rule by period, or None.
    """

    codes: dict[str, IntArray]
    pair: IntArray
    mix: FloatArray
    choice: IntArray
    allocation: FloatArray
    parent: IntArray
    parent_lines: FloatArray
    heat: FloatArray
    heat_shares: FloatArray
    hours: tuple[Exposure, ...]
    node_heat: tuple[Exposure, ...]
    cooled: tuple[int, ...]
    policy: FloatArray | None
    notes: tuple[str, ...]

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """Hours of all stages, then the temperatures."""
        return (*self.hours, *self.node_heat)

    @property
    def n_routes(self) -> int:
        """Number of routes."""
        return len(self.pair)

    def probability(self, mix: int, allocation: int) -> FloatArray:
        """Probability of each route when mix and allocation come from the periods given."""
        return np.asarray(self.mix[mix, self.pair] * self.allocation[allocation, self.choice])


def build_tables(cells: CodedCells) -> Tables:
    """Count the tables of both periods from the cells.

    A table without lines in one of the periods (a category that a central warehouse did not sell then) takes the other
    period's; a note says so.
    """
    notes: list[str] = []
    pairs, row_pair = _combinations(cells, ("category", cells.last))
    choices, row_choice = _combinations(cells, ("category", "central_id", "supplier_id", "origin_id"))
    owner = {key: owner_codes(cells.codes[cells.last], cells.codes[key]) for key in DESTINATION}
    n_central = cells.size("central_id")
    parent = choices[0] * n_central + choices[1]
    pair_parent = pairs[0] * n_central + owner["central_id"][pairs[1]]
    order = np.argsort(parent, kind="stable")
    first = np.searchsorted(parent[order], pair_parent, side="left")
    count = np.searchsorted(parent[order], pair_parent, side="right") - first
    pair = np.repeat(np.arange(pairs.shape[1]), count)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    choice = order[first[pair] + within]

    mix = _counts(cells, row_pair, pairs.shape[1])
    chosen = _counts(cells, row_choice, choices.shape[1])
    parents, parent = np.unique(parent, return_inverse=True)
    lines = np.stack([np.bincount(parent, weights=row, minlength=len(parents)) for row in chosen]).astype(float)
    if (lines == 0).any():
        notes.append(f"categories sold by a central warehouse in one period only: {int((lines == 0).sum())}")
    allocation = (
        np.where(lines[:, parent] > 0, chosen, chosen[::-1]) / np.where(lines > 0, lines, lines[::-1])[:, parent]
    )
    route = {key: owner[key][pairs[1][pair]] for key in DESTINATION} | {
        "category": pairs[0][pair],
        cells.last: pairs[1][pair],
        "supplier_id": choices[2][choice],
        "origin_id": choices[3][choice],
    }
    if PARENT in cells.codes:
        route[PARENT] = owner_codes(cells.codes["category"], cells.codes[PARENT])[route["category"]]
    heat, shares = _weather(cells)
    return Tables(
        route,
        pair,
        mix / mix.sum(axis=1, keepdims=True),
        choice,
        allocation,
        parent,
        lines,
        heat,
        shares,
        tuple(fit_exposure(cells, stage, cells.hours[at], route) for at, stage in enumerate(cells.stages)),
        tuple(
            fit_exposure(cells, cells.stages[stage], cells.node_heat[at], route)
            for at, stage in enumerate(cells.cooled)
        ),
        cells.cooled,
        _policy(cells, route),
        tuple(notes),
    )


def _combinations(cells: CodedCells, keys: tuple[str, ...]) -> tuple[IntArray, IntArray]:
    """Codes of the combinations of some keys that occur, shape (keys, combinations), and each row's."""
    sizes = [cells.size(key) for key in keys]
    found, place = without_gaps(np.ravel_multi_index([cells.codes[key] for key in keys], sizes))
    return np.stack(np.unravel_index(found, sizes)), place


def _counts(cells: CodedCells, code: IntArray, size: int) -> FloatArray:
    """Lines by period and code."""
    count = np.bincount(cells.period * size + code, weights=cells.n, minlength=2 * size)
    return np.asarray(count, dtype=float).reshape(2, size)


def _policy(cells: CodedCells, route: dict[str, IntArray]) -> FloatArray | None:
    """Share of each route's lines under the easier rule, by period: that of its category and region."""
    if cells.policy is None:
        return None
    size = cells.size("category") * cells.size("region")
    place = cells.codes["category"] * cells.size("region") + cells.codes["region"]
    lines = _counts(cells, place, size)
    under = np.bincount(cells.period * size + place, weights=cells.n * cells.policy, minlength=2 * size).reshape(
        2, size
    )
    share = np.where(lines > 0, under, under[::-1]) / np.where(lines > 0, lines, np.maximum(lines[::-1], 1))
    return np.asarray(share[:, route["category"] * cells.size("region") + route["region"]])


def _weather(cells: CodedCells) -> tuple[FloatArray, FloatArray]:
    """Gauss points of the lines' temperature by period and region."""
    region = cells.codes["region"]
    return gauss_rules(cells.temperature, cells.n, cells.period, region, cells.size("region"), HEAT_NODES)
