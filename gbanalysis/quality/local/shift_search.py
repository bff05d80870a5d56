"""The smallest set of nodes whose shifts explain what moved: forward steps, exchanges, and a last pruning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.local.scan import SETTLED, Scan

FloatArray = NDArray[np.float64]

MOST_NODES = 50
LEAST_LEFT = 0.5  # share of a node's strength that must be left without its heaviest day


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Attributes
    ----------
    nodes
        The nodes, strongest first.
    strength, p_adjusted
        [n_found] signed root of each node beside the others, and the chance that any node comes out as strong.
    critical
        [n_nodes] strength that chance exceeds at any node with the level's probability.
    """

    nodes: tuple[int, ...]
    strength: FloatArray
    p_adjusted: FloatArray
    critical: FloatArray


def search(scan: Scan, *, level: float, rng: np.random.Generator) -> Found:
    """Find the smallest set of nodes that leaves no other node moved beyond chance.

    Parameters
    ----------
    scan
        Counts, expectations and nodes.
    level
        Chance of naming any node too many.
    rng
        For the worlds without further shifts.

    Notes
    -----
    Forward: the strongest node is added while it passes the strength that chance gives any node with probability
    `level`. After each step every node may be exchanged for one that fits better beside the others. At last two nodes
    give way to one that leaves nothing moved either, and nodes that the others have made superfluous are dropped. A
    node whose strength comes from a single day is never named: one order sent back whole is no shift.
    """
    count, expected = scan.current.refunded, scan.expect(scan.base.refunded)

    def beside(nodes: Sequence[int]) -> FloatArray:
        """Strength of every node beside `nodes`; 0 for the nodes themselves, and where one day alone makes it."""
        factor = scan.shifts(nodes, count, expected.mean)
        strength = scan.strength(count, expected, factor)
        strength[np.abs(scan.without_heaviest(expected, factor)) < LEAST_LEFT * np.abs(strength)] = 0.0
        strength[list(nodes)] = 0.0
        return strength

    nodes: list[int] = []
    while True:
        chance = scan.by_chance(nodes, scan.shifts(nodes, count, expected.mean), rng)
        critical = float(np.quantile(chance.largest, 1 - level, method="higher")) * chance.scale
        added = strongest(beside(nodes), critical)
        if added is None or len(nodes) >= MOST_NODES:
            break
        nodes = exchange([*nodes, added], beside, critical)
    nodes = merge(nodes, beside, critical)
    while nodes:
        own = np.array([beside([other for other in nodes if other != node])[node] for node in nodes])
        above = np.abs(own) / critical[nodes]
        if above.min() > 1:
            break
        del nodes[int(np.argmin(above))]
    if not nodes:
        return Found((), np.empty(0), np.empty(0), critical)
    order = np.argsort(-above)
    p_adjusted = np.array([chance.p_value(value) for value in np.abs(own) / chance.scale[nodes]])
    return Found(tuple(nodes[place] for place in order), own[order], p_adjusted[order], critical)


def strongest(strength: FloatArray, critical: FloatArray) -> int | None:
    """Give the node furthest above its critical strength; None where none is above."""
    above = np.abs(strength) / critical
    best = int(np.argmax(above))
    return best if above[best] > 1 else None


def exchange(nodes: list[int], beside: Callable[[Sequence[int]], FloatArray], critical: FloatArray) -> list[int]:
    """Exchange each node for the strongest one beside the others, until none is stronger."""
    nodes = list(nodes)
    for _ in range(len(nodes) + 1):
        before = list(nodes)
        for place, node in enumerate(before):
            strength = beside(nodes[:place] + nodes[place + 1 :]) / critical
            best = int(np.argmax(np.abs(strength)))
            if abs(strength[best]) > abs(strength[node]) + SETTLED:
                nodes[place] = best
        if nodes == before:
            break
    return nodes


def merge(nodes: list[int], beside: Callable[[Sequence[int]], FloatArray], critical: FloatArray) -> list[int]:
    """Put one node in the place of two, as long as none is then left above its critical strength.

    Half of a dimension that rose is one name; everything that rose and the other half that fell are two.
    """
    for pair in combinations(nodes, 2):
        others = [node for node in nodes if node not in pair]
        single = strongest(beside(others), critical)
        if single is not None and strongest(beside([*others, single]), critical) is None:
            return merge([*others, single], beside, critical)
    return nodes
