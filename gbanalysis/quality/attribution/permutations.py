"""How often a level would seem to change as much if the days were given to the periods by lot.

The refund model without any change between the periods gives what each level's days should have had. Under "nothing
changed" days are exchangeable, so the excess of the current days over the base days, beside that of all other lines, is
compared with that of drawn days: all lines, the model fitted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.mechanisms import CodedCells, Stage, encode_cells
from gbanalysis.quality.attribution.refund_model import fit_refunds

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

N_DRAWN = 999
HALF = 0.5  # of a refund, to both sides of a ratio: a level without refunds has one, too


@dataclass(frozen=True, eq=False)
class Permuted:
    """Standard scores of the change of every level, and the largest of them in each drawing.

    Attributes
    ----------
    scores
        Under each key (``all`` for the whole) the scores by level, beside all other lines, under the real periods.
    largest, whole
        Over the drawings: the largest score, to either side, of any level, and that of the whole.
    """

    scores: dict[str, dict[str, float]]
    largest: FloatArray
    whole: FloatArray

    def p_value(self, key: str, level: str) -> float:
        """Share of drawings, the real one among them, in which any level (or the whole) scores as much."""
        drawn = self.whole if key == "all" else self.largest
        return float((1 + (drawn >= abs(self.scores[key][level])).sum()) / (1 + len(drawn)))


def permute_days(
    cells: pd.DataFrame, stages: Sequence[Stage], rng: np.random.Generator, *, n_drawn: int = N_DRAWN
) -> Permuted:
    """Score the change of every level under the real periods and under drawn ones, as many days in each as before.

    The cells and stages are those of the attribution.

    References
    ----------
    P. H. Westfall and S. S. Young (1993), Resampling-Based Multiple Testing, Wiley (the largest score of all levels).
    """
    coded = encode_cells(cells, stages)
    model = fit_refunds(coded)
    effects = model.effects.copy()
    effects[model.design.sparse_columns] = 0.0
    expected = coded.n * model.probability(effects)
    days = int(coded.day.max()) + 1
    is_current = np.zeros(days)
    is_current[coded.day[coded.period == 1]] = 1.0
    labels = np.stack([is_current, *(rng.permutation(is_current) for _ in range(n_drawn))], axis=1)
    everyone = _by_period(coded, np.zeros(len(coded.n), dtype=np.int64), 1, expected, labels)
    common, variance = _change(everyone)
    whole = common / np.sqrt(variance)
    scores, largest = {"all": {"all": float(whole[0, 0])}}, np.zeros(n_drawn)
    for key in coded.quality:
        own = _by_period(coded, coded.codes[key], coded.size(key), expected, labels)
        (change, variance), (others, spread) = _change(own), _change(everyone - own)
        found = (change - others) / np.sqrt(variance + spread)
        scores[key] = dict(zip(map(str, coded.labels[key]), map(float, found[:, 0]), strict=True))
        largest = np.maximum(largest, np.abs(found[:, 1:]).max(axis=0))
    return Permuted(scores, largest, np.abs(whole[0, 1:]))


def _by_period(
    coded: CodedCells, code: NDArray[np.int64], size: int, expected: FloatArray, labels: FloatArray
) -> FloatArray:
    """Refunded and expected in the current and the base days, [period, refunded or expected, levels, drawings]."""
    days = len(labels)
    sums = [
        np.bincount(code * days + coded.day, weights=values, minlength=size * days).reshape(size, days)
        for values in (coded.refunded, expected)
    ]
    return np.array([[each @ side for each in sums] for side in (labels, 1 - labels)])


def _change(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log ratio of refunded to expected, current less base days, [levels, drawings], and its variance by chance."""
    (asked_now, due_now), (asked_then, due_then) = np.maximum(sums, 0.0) + HALF
    change = np.log(asked_now / due_now) - np.log(asked_then / due_then)
    return change, 1 / due_now + 1 / due_then
