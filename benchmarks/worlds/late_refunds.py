"""Refunds that come days after the pickup, by category: what is known of the newest days, and a correction for it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gbanalysis.quality.latency.delays import fit_delays
from gbanalysis.quality.latency.triangle import Triangle

FloatArray = NDArray[np.float64]

WINDOW = 7  # days after the pickup within which a refund must be asked for
N_DRAWS = 200


@dataclass(frozen=True)
class LateCells:
    """Cells with the refunds known on the last day, and the count of refunds by category, day and delay."""

    cells: pd.DataFrame
    counts: FloatArray


def draw_delays(rng: np.random.Generator, cells: pd.DataFrame) -> LateCells:
    """Give each refund a delay of 0 to 7 days, its law differing by category; keep those asked for by the last day."""
    category = cells["category"].to_numpy()
    n_categories = int(category.max()) + 1
    chance = np.exp(
        -np.arange(WINDOW + 1)[None, :] / np.linspace(1.2, 3.2, n_categories)[rng.permutation(n_categories), None]
    )
    chance /= chance.sum(axis=1, keepdims=True)
    days, day = np.unique(cells["day"], return_inverse=True)
    by_delay = rng.multinomial(cells["refunded"], chance[category])
    known = np.arange(WINDOW + 1)[None, :] <= (len(days) - 1 - day)[:, None]
    counts = np.zeros((n_categories, len(days), WINDOW + 1))
    np.add.at(counts, (category, day), by_delay)
    return LateCells(cells.assign(refunded=(by_delay * known).sum(axis=1)), counts)


def mature(rng: np.random.Generator, late: LateCells, *, pooled: bool = False) -> tuple[pd.DataFrame, FloatArray]:
    """Divide known refunds by the share known so far, learned from the triangle; with the errors that rows share.

    `pooled` learns one delay law for all categories.
    """
    counts = late.counts.sum(axis=0, keepdims=True) if pooled else late.counts
    draws = fit_delays(Triangle(counts, start="2024-01-01")).draw_shares(N_DRAWS, rng)
    n_days, n_open = counts.shape[1], draws.shape[2]
    shares = np.ones((N_DRAWS, len(late.counts), n_days))
    shares[:, :, n_days - n_open :] = draws
    day = np.unique(late.cells["day"], return_inverse=True)[1]
    by_row = shares[:, late.cells["category"].to_numpy(), day]
    mean = by_row.mean(axis=0)
    refunded = late.cells["refunded"].to_numpy() / mean
    errors = refunded * (mean / by_row - 1)
    return late.cells.assign(refunded=refunded, share_reported=mean), (errors - errors.mean(axis=0)).T / np.sqrt(
        N_DRAWS - 1
    )
