"""A partial-pooling model of who is refunded, for judging actions: joint draws of its effects.

    refunded so far ~ (n_i, share reported_i p_i)
    logit p_i = level + category + supplier + supplier x category + SKU + grid + region x category
                + a_c hours_i + b_c degree_hours_i

Every effect is drawn towards its group's mean as far as the data ask, so the best and the worst of many are not taken
at their face value: what is selected for being extreme is corrected before it is selected. Effects of suppliers, SKUs,
grids and regions have a prior with long tails, so that the one that is really bad is hardly shrunk. A supplier's lines
of one day share their luck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality.actions.posterior import Block, draw_posterior

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HOURS, DEGREE_HOURS = 10.0, 100.0  # units in which the doses enter
WIDE_VARIANCE = 25.0
# Of a dose that all categories share, before the data: a unit makes the odds hardly more than e times as high or low.
DOSE_VARIANCE = 0.5**2
LEAST_REFUNDS = 20
LONG_TAILED = ("supplier", "sku", "grid", "region")
CROSSED = {"pair": ("supplier_id", "category"), "region": ("region", "category")}


@dataclass(frozen=True, eq=False)
class Effects:
    """Joint draws of the effects on the log-odds; the first is their mean.

    Attributes
    ----------
    level
        [category, n_draws] of the category; the luck of batches is averaged out.
    supplier, region
        [n, category, n_draws].
    sku, grid
        [n, n_draws].
    hours, degree_hours
        [category, n_draws] for each unit of the dose.
    """

    level: FloatArray
    supplier: FloatArray
    sku: FloatArray
    grid: FloatArray
    region: FloatArray
    hours: FloatArray
    degree_hours: FloatArray


@dataclass(frozen=True, eq=False)
class Coded:
    """The cells' keys as codes, with the labels of each key."""

    codes: dict[str, IntArray]
    labels: dict[str, NDArray[np.object_]]

    def size(self, key: str) -> int:
        """Number of levels of a key."""
        return len(self.labels[key])

    def crossed(self, first: str, second: str) -> IntArray:
        """Give one code for each pair of levels of two keys."""
        return self.codes[first] * self.size(second) + self.codes[second]


def encode(cells: pd.DataFrame, keys: tuple[str, ...]) -> Coded:
    """Replace the labels of each key by codes."""
    import pandas as pd

    found = {key: pd.factorize(cells[key].astype(str), sort=True) for key in keys}
    return Coded(
        {key: code.astype(np.int64) for key, (code, _) in found.items()},
        {key: np.asarray(labels, dtype=object) for key, (_, labels) in found.items()},
    )


def draw_effects(
    coded: Coded,
    *,
    n: FloatArray,
    refunded: FloatArray,
    share_reported: FloatArray,
    hours: FloatArray,
    degree_hours: FloatArray,
    n_draws: int,
    rng: np.random.Generator,
) -> Effects:
    """Fit the model to cells and draw all its effects together.

    Parameters
    ----------
    coded
        Codes of category, supplier_id, sku_id, grid_id, region and day.
    n, refunded
        [n_cells] lines, and those refunded so far.
    share_reported
        [n_cells] expected share of the refunds that are reported so far.
    hours, degree_hours
        [n_cells] centred doses in units of `HOURS` and `DEGREE_HOURS`; all zero where they are not known.
    n_draws, rng
        How many draws, and their generator.

    Raises
    ------
    NotEnoughDataError
        Fewer than 20 refunded lines.

    References
    ----------
    B. Efron (2011), Journal of the American Statistical Association 106, 1602-1614 (empirical Bayes and selection); D.
    J. Spiegelhalter, K. R. Abrams and J. P. Myles (2004), Bayesian Approaches to Clinical Trials, section 3.17.
    """
    from scipy import sparse

    if refunded.sum() < LEAST_REFUNDS:
        raise NotEnoughDataError(
            f"only {int(refunded.sum())} lines were refunded in the period; {LEAST_REFUNDS} are needed to rank actions"
        )
    code, n_categories, row = coded.codes, coded.size("category"), np.arange(len(n))
    one = np.ones(len(n))
    seen = {name: np.unique(coded.crossed(*keys), return_inverse=True) for name, keys in CROSSED.items()}
    parts = [
        (Block("level", 1, WIDE_VARIANCE), np.zeros(len(n), dtype=np.int64), one),
        (Block("category", n_categories), code["category"], one),
        *((Block(name, len(pairs)), level, one) for name, (pairs, level) in seen.items()),
        *((Block(key, coded.size(f"{key}_id")), code[f"{key}_id"], one) for key in ("supplier", "sku", "grid")),
    ]
    for name, dose in (("hours", hours), ("degree_hours", degree_hours)):
        if np.ptp(dose) > 0:
            parts.append((Block(name, 1, DOSE_VARIANCE), np.zeros(len(n), dtype=np.int64), dose))
            parts.append((Block(f"{name}_category", n_categories), code["category"], dose))
    blocks = [replace(block, long_tailed=block.name in LONG_TAILED) for block, _, _ in parts]
    columns = [
        sparse.csr_matrix((values, (row, level)), shape=(len(n), block.size))
        for block, (_, level, values) in zip(blocks, parts, strict=True)
    ]
    drawn = draw_posterior(
        sparse.hstack(columns, format="csr"),
        n=n,
        refunded=refunded,
        reported=share_reported,
        cluster=np.unique(coded.crossed("supplier_id", "day"), return_inverse=True)[1],
        blocks=blocks,
        n_nested=coded.size("supplier_id"),
        n_draws=n_draws,
        rng=rng,
    )
    ends = np.cumsum([block.size for block in blocks])
    effects = {block.name: drawn[end - block.size : end] for block, end in zip(blocks, ends, strict=True)}

    def slopes(name: str) -> FloatArray:
        if name not in effects:
            return np.zeros((n_categories, n_draws + 1))
        return np.asarray(effects[name] + effects[f"{name}_category"])

    def spread_out(name: str) -> FloatArray:
        """Put effects of the pairs that are seen into a table of all pairs; nothing where none is seen."""
        first, second = CROSSED[name]
        table = np.zeros((coded.size(first) * coded.size(second), n_draws + 1))
        table[seen[name][0]] = effects[name]
        return table.reshape(coded.size(first), coded.size(second), -1)

    return Effects(
        level=effects["level"] + effects["category"],
        supplier=effects["supplier"][:, None] + spread_out("pair"),
        sku=effects["sku"],
        grid=effects["grid"],
        region=spread_out("region"),
        hours=slopes("hours"),
        degree_hours=slopes("degree_hours"),
    )
