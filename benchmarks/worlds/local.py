"""Worlds of cells, category x origin x province, in which at most one place moves between two periods.

    refunds of cell c on day t ~ Poisson(lines_ct * rate_c * moved_c * batch_t)
    rate_c = 3 % on average; log rate_c = category + origin + province (sd 0.35 each) + own (sd `own`)

Families: ``plain`` has own sd 0.1; ``odd`` has long-tailed own rates (Student's t, 3 degrees of freedom, scale 0.3);
``batch`` adds a lognormal effect, sd 0.5, of every category x origin and day, shared by all provinces (a supplier's
batch); ``uniform`` lifts every cell by a quarter, so that the root alone has moved; ``thin`` cuts the lines to a tenth;
in ``additive`` own sd is 0. Nothing is shared with the estimator.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FAMILIES = ("plain", "odd", "batch", "uniform", "thin", "additive")
CATEGORIES, ORIGINS, PROVINCES, DAYS = 6, 5, 3, 28
LINES, BASE_RATE = 800, 0.03
LEVEL_SD, OWN_SD, ODD_SCALE, BATCH_SD = 0.35, 0.1, 0.3, 0.5
UNIFORM = 1.25


@dataclass(frozen=True)
class LocalWorld:
    """Counts by cell and day of two periods (index 0 base, 1 current), and what is true of them."""

    codes: IntArray  # cell, dimension
    lines: FloatArray  # period, cell, day
    refunded: FloatArray  # period, cell, day
    rate: FloatArray  # cell: the expected rate of the base period
    struck: int | None  # the cell that moved


def make_world(family: str, seed: int, *, size: float = 1.0) -> LocalWorld:
    """Draw a world; with `size` other than 1 one cell of 800 lines a period at 3 % is multiplied by it."""
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    codes = np.stack([code.ravel() for code in np.indices((CATEGORIES, ORIGINS, PROVINCES))], axis=1)
    n_cells = len(codes)
    own = ODD_SCALE * rng.standard_t(3, n_cells) if family == "odd" else OWN_SD * rng.normal(size=n_cells)
    own *= family != "additive"
    log_rate = own + sum(
        LEVEL_SD * rng.normal(size=n)[codes[:, d]] for d, n in enumerate((CATEGORIES, ORIGINS, PROVINCES))
    )
    size_of = rng.lognormal(0, 0.5, n_cells)
    rate = np.minimum(BASE_RATE * np.exp(log_rate - log_rate.mean()), 0.5)
    struck = int(np.argmin(np.abs(rate - BASE_RATE))) if size != 1 else None  # it keeps to the law of the others
    expected = LINES * size_of / size_of.mean() * (0.1 if family == "thin" else 1.0)
    if struck is not None:
        rate[struck], expected[struck] = BASE_RATE, LINES
    lines = rng.poisson(expected[None, :, None] / DAYS, (2, n_cells, DAYS)).astype(float)
    risk = np.repeat(rate[None, :, None] * np.ones(DAYS), 2, axis=0)
    if family == "batch":
        batch = rng.lognormal(-(BATCH_SD**2) / 2, BATCH_SD, (2, CATEGORIES * ORIGINS, DAYS))
        risk = risk * batch[:, codes[:, 0] * ORIGINS + codes[:, 1]]
    if family == "uniform":
        risk[1] *= UNIFORM
    if struck is not None:
        risk[1, struck] *= size
    refunded = rng.binomial(lines.astype(np.int64), np.minimum(risk, 1.0)).astype(float)
    return LocalWorld(codes, lines, refunded, rate, struck)
