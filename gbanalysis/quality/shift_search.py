"""The smallest set of nodes whose shifts explain what moved: forward steps, exchanges, and a last pruning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.scan import SETTLED, Scan

FloatArray = NDArray[np.float64]

MOST_NODES = 50


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
    Forward: the strongest node is added while its strength passes the `1 - level` quantile of the largest strength by
    chance. After each step every node may be exchanged for one that fits better beside the others; at last nodes that
    the others have made superfluous are dropped.
    """
    count, expected = scan.current.refunded, scan.expect(scan.base.refunded)

    def beside(nodes: Sequence[int]) -> FloatArray:
        return scan.strength(count, expected, scan.shifts(nodes, count, expected.mean))

    nodes: list[int] = []
    while True:
        chance = scan.by_chance(nodes, scan.shifts(nodes, count, expected.mean), rng)
        strength = np.abs(beside(nodes)) / chance.scale
        strength[nodes] = 0.0
        best = int(np.argmax(strength))
        if len(nodes) >= MOST_NODES or chance.p_value(strength[best]) > level:
            break
        nodes = exchange([*nodes, best], beside, chance.scale)
    critical = float(np.quantile(chance.largest, 1 - level, method="higher")) * chance.scale
    while nodes:
        own = np.array([beside([other for other in nodes if other != node])[node] for node in nodes])
        relative = np.abs(own) / critical[nodes]
        if relative.min() > 1:
            break
        del nodes[int(np.argmin(relative))]
    if not nodes:
        return Found((), np.empty(0), np.empty(0), critical)
    order = np.argsort(-relative)
    p_adjusted = np.array([chance.p_value(value) for value in np.abs(own) / chance.scale[nodes]])
    return Found(tuple(nodes[place] for place in order), own[order], p_adjusted[order], critical)


def exchange(nodes: list[int], beside: Callable[[Sequence[int]], FloatArray], scale: FloatArray) -> list[int]:
    """Exchange each node for the strongest one beside the others, in units of `scale`, until none is stronger."""
    nodes = list(nodes)
    for _ in range(len(nodes) + 1):
        before = list(nodes)
        for place in range(len(nodes)):
            others = nodes[:place] + nodes[place + 1 :]
            strength = np.abs(beside(others)) / scale
            strength[others] = 0.0
            best = int(np.argmax(strength))
            if strength[best] > strength[nodes[place]] + SETTLED:
                nodes[place] = best
        if nodes == before:
            break
    return nodes
