"""What is still to come of a cell, split among its parts: its suppliers, sites, SKUs.

The parts' shares of a cell's remaining events follow what could be asked back of each, its own rate (shrunk towards
the cell's as far as parts are alike) and what it has on the day itself. The parts add up to the cell in every draw, so
a figure by any grouping agrees with the figure of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MEMORY = 0.97
LARGEST_SHAPE = 1e6


def excess_shape(count: FloatArray, mean: FloatArray) -> float:
    """Give the gamma shape of a scatter beyond Poisson's, by moments: Var = mean + mean² / shape.

    Examples
    --------
    >>> excess_shape(np.array([2.0, 18.0, 4.0, 16.0]), np.full(4, 10.0)).__round__(2)
    2.5
    """
    weight = float((mean**2).sum())
    excess = float(((count - mean) ** 2 - count).sum())
    return LARGEST_SHAPE if excess * LARGEST_SHAPE <= weight else weight / excess


@dataclass(frozen=True, eq=False)
class Parts:
    """Recent days of the parts of cells.

    Attributes
    ----------
    cell, group
        [n_parts] the cell that a part is split from, and the group that it is summed to.
    offered, reported, share
        [n_parts, n_days] exposure, events reported so far, mean share reported (1 on mature days).
    """

    cell: IntArray
    group: IntArray
    offered: FloatArray
    reported: FloatArray
    share: FloatArray

    def usual(self) -> FloatArray:
        """[n_parts, n_days] events that would be reported so far, had each part its cell's rate of the day."""
        n_cells = int(self.cell.max()) + 1
        seen = self.offered * self.share
        reported, exposed = np.zeros((2, n_cells, seen.shape[1]))
        np.add.at(reported, self.cell, self.reported)
        np.add.at(exposed, self.cell, seen)
        rate = np.divide(reported, exposed, out=np.zeros_like(exposed), where=exposed > 0)
        return np.asarray(rate[self.cell] * seen)


def split_cells(parts: Parts, remaining: FloatArray, rng: np.random.Generator) -> Iterator[tuple[IntArray, FloatArray]]:
    """Split each cell's remaining events among its parts.

    Parameters
    ----------
    remaining
        [n_draws, n_cells, n_immature] events still to come on the last days; whole numbers but where they met the
        exposure.

    Yields
    ------
    tuple
        For each cell the places of its parts, and [n_draws, n_cell_parts, n_immature] draws that add up to the cell's.
    """
    n_draws, n_cells, n_open = remaining.shape
    usual = parts.usual()
    alike = excess_shape(parts.reported.sum(axis=1), usual.sum(axis=1))
    fading = MEMORY ** np.arange(usual.shape[1])[::-1]
    shape, rate = alike + parts.reported @ fading, alike + usual @ fading
    daily = excess_shape(parts.reported, (shape / rate)[:, None] * usual)
    newest = slice(usual.shape[1] - n_open, None)
    room = (parts.offered - parts.reported)[:, newest]
    for cell in range(n_cells):
        own = np.flatnonzero(parts.cell == cell)
        if len(own) == 1:
            yield own, remaining[:, [cell]]
        elif len(own):
            level = rng.gamma(shape[own], size=(n_draws, len(own)))[:, :, None] / rate[own, None]
            today = rng.gamma(daily + parts.reported[own, newest], size=(n_draws, len(own), n_open))
            today /= daily + level * usual[own, newest]
            yield own, _share_out(remaining[:, cell], level * today * parts.offered[own, newest], room[own], rng)


def _share_out(total: FloatArray, weight: FloatArray, room: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Share [n_draws, n_days] events out to [n_draws, n_parts, n_days], no part more than its room."""
    weight, most = np.moveaxis(weight, 1, 2), np.broadcast_to(room.T, (len(weight), *room.T.shape))
    given, left = np.zeros(weight.shape), total.copy()
    while True:
        free = most - given
        open_weight = np.where(free > 1e-9, np.maximum(weight, 1e-300), 0.0)
        chance = open_weight / np.maximum(open_weight.sum(axis=2, keepdims=True), 1e-300)
        whole = np.floor(left + 1e-9)
        # A part of one event, left where the exposure was met, is spread evenly by weight.
        step = (left - whole)[..., None] * chance
        some = whole > 0
        step[some] += rng.multinomial(whole[some].astype(np.int64), _exact(chance[some]))
        step = np.minimum(step, free)
        given += step
        left = np.maximum(total - given.sum(axis=2), 0.0)
        if not (left > 1e-9 * (1 + total)).any() or not (step > 1e-12).any():
            return np.asarray(np.moveaxis(given, 2, 1))


def _exact(chance: FloatArray) -> FloatArray:
    """Chances that add up to one within the tolerance of the generator."""
    total = chance.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(total > 0, chance / np.maximum(total, 1e-300), 1 / chance.shape[-1]))
