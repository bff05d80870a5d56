"""Units lost on the way, stage by stage, each with its cause.

Chance that one unit is lost at stage k, given that it came there:

    spoilage  1 - exp(-0.03 * age_k)              damage  0.2 * bruise_k
    theft     the size of a corrupt-shift shock, for its node and shift only
    miscount  0.0008 at the grid warehouse and at the site

Units are lost one by one and independently, so a line of q units with s spares receives min(q, Binomial(q + s,
pi)), where pi is the product over stages of one minus the chances; `short_chance` uses this for the known truth.

Which naive estimator it fools: the loss by recorded reason. The books never say theft: half of the stolen units are
booked as miscount, half as damage. At the corrupt node 74 % of the units lost were stolen, and damage was booked at
eight times its true number; only the comparison of shifts shows it. (Measured by
tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.parameters import QUALITY_NODE, View
from gbanalysis.market.routes import CREWS
from gbanalysis.market.shocks import CorruptShift, of_kind

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CAUSES = ("spoilage", "damage", "theft", "miscount")
SPOILAGE_PER_AGE, LOST_PER_BRUISE, MISCOUNT = 0.03, 0.2, 0.0008
MISCOUNT_STAGES = (3, 4)
SPARE_SHARE = 0.25


def loss_chances(view: View, age: Array, damage: Array) -> Array:
    """Give the chance of loss of one unit by stage and cause, [5, 4, n]."""
    chances = np.zeros((5, len(CAUSES), len(view.items)))
    chances[:, 0] = -np.expm1(-SPOILAGE_PER_AGE * age)
    chances[:, 1] = LOST_PER_BRUISE * damage
    for k in MISCOUNT_STAGES:
        chances[k, 3] = MISCOUNT
    nodes = view.nodes
    for place, shock in of_kind(view.parameters.shocks, CorruptShift):
        crew = CREWS.index(shock.shift)
        for k in range(1, 5):
            target = view.routes.node_index[k].get(shock.node_id)
            if target is not None:
                struck = (nodes[k] == target) & (view.items.crew[k] == crew)
                chances[k, 2] += shock.size * (struck & view.shock_holds(place, QUALITY_NODE[k]))
    return chances


def unit_survival(chances: Array) -> Array:
    """Give the chance that a unit comes through all stages, [n]."""
    survival: Array = np.prod(1.0 - chances.sum(axis=1), axis=0)
    return survival


def short_chance(quantity: Ints, spare: Ints, survival: Array) -> Array:
    """Give the chance that a line that gets something gets less than was ordered.

    Examples
    --------
    >>> import numpy as np
    >>> short_chance(np.array([1, 2, 2]), np.array([0, 0, 1]), np.full(3, 0.9)).round(4).tolist()
    [0.0, 0.1818, 0.027]
    """
    units = quantity + spare
    none_left = (1.0 - survival) ** units
    enough = survival**units + spare * units * survival ** (units - 1) * (1.0 - survival)
    return np.maximum(1.0 - enough - none_left, 0.0) / (1.0 - none_left)


@dataclass(frozen=True, eq=False)
class UnitsLost:
    """The units that were lost, one entry each.

    Attributes
    ----------
    line, stage, cause
        Indices of the line, the stage and of `CAUSES`.
    """

    line: Ints
    stage: Ints
    cause: Ints


def lose_units(rng: np.random.Generator, units: Ints, chances: Array) -> UnitsLost:
    """Draw the fate of every unit.

    Parameters
    ----------
    rng
        The day's stream.
    units
        [n] units that leave the supplier for each line, spares included.
    chances
        [5, 4, n] from `loss_chances`.
    """
    line_of_unit = np.repeat(np.arange(len(units)), units)
    draw = rng.random(len(line_of_unit))
    lost = draw < (1.0 - unit_survival(chances))[line_of_unit]
    line, draw = line_of_unit[lost], draw[lost]
    here = chances[:, :, line]
    before = np.concatenate([np.ones((1, len(line))), np.cumprod(1.0 - here.sum(axis=1), axis=0)[:-1]])
    reached = np.cumsum((here * before[:, None, :]).reshape(here.shape[0] * here.shape[1], len(line)), axis=0)
    cell = np.minimum((draw >= reached).sum(axis=0), reached.shape[0] - 1)
    return UnitsLost(line, cell // len(CAUSES), cell % len(CAUSES))
