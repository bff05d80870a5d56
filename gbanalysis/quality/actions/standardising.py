"""What each supplier's refunds would be were its goods like everyone's: expected counts for its own mix and weather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gbanalysis.quality.actions.saving_model import WIDE_VARIANCE, encode
from gbanalysis.stats.crossed_effects import Term, add_up, by_level, fit_crossed

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

WARMTH_BINS = 12


def expected_counts(cells: pd.DataFrame) -> FloatArray:
    """Give each cell's expected refunds reported so far, under the supplier effect of the mean.

    Parameters
    ----------
    cells
        day, category, supplier_id, region, n, refunded, share_reported, temperature_c (NaN where unknown).

    Returns
    -------
    numpy.ndarray
        [n_cells] scaled so that all expected refunds are as many as all observed.

    Notes
    -----
    Indirect standardisation by a model in the place of raw rates of strata: category, region x category and warmth by
    category, fitted beside the suppliers' own effects, so that a supplier that rules its stratum does not set the
    standard it is measured by. Strata of few lines lean on the others.
    """
    coded = encode(cells, ("category", "supplier_id", "region"))
    n, refunded = (cells[name].to_numpy(dtype=float) for name in ("n", "refunded"))
    heat = cells["temperature_c"].to_numpy(dtype=float)
    heat = np.nan_to_num(heat - np.nanmean(heat)) / 10 if np.isfinite(heat).any() else np.zeros(len(cells))
    _, place = np.unique(coded.crossed("region", "category"), return_inverse=True)
    levels = [np.zeros(len(n), dtype=np.int64), coded.codes["category"], place.astype(np.int64)]
    terms = [
        Term("level", 1, variance=WIDE_VARIANCE),
        Term("category", coded.size("category")),
        Term("region", int(place.max()) + 1),
    ]
    if np.ptp(heat) > 0:
        edges = np.unique(np.quantile(heat, np.linspace(0, 1, WARMTH_BINS + 1)[1:-1]))
        band = np.searchsorted(edges, heat, side="right").astype(np.int64)
        weight = np.bincount(band, n, minlength=len(edges) + 1)
        middle = np.bincount(band, n * heat, minlength=len(edges) + 1) / np.where(weight > 0, weight, 1.0)
        levels.append(coded.codes["category"] * (len(edges) + 1) + band)
        slopes = np.kron(np.eye(coded.size("category")), middle[:, None]).astype(np.float64)
        terms.append(Term("warmth", coded.size("category"), mix=slopes))
    own = len(terms)
    levels.append(coded.codes["supplier_id"])
    terms.append(Term("supplier", coded.size("supplier_id")))
    offset = np.log(cells["share_reported"].to_numpy(dtype=float))
    fit = fit_crossed(refunded, n, offset, levels, terms)
    parts = by_level(fit.terms, fit.mean)
    expected = n * special.expit(offset + add_up(levels[:own], parts[:own]))
    return np.asarray(expected * refunded.sum() / expected.sum())


def within_dispersion(observed: FloatArray, expected: FloatArray, supplier: NDArray[np.int64], n_days: int) -> float:
    """Variance of a supplier's daily counts over a Poisson count's, once its own level is taken out; at least 1.

    Parameters
    ----------
    observed, expected
        [supplier x day] counts.
    supplier
        [supplier x day] whose they are.
    n_days
        Days in the period.
    """
    size = int(supplier.max()) + 1
    ratio = np.bincount(supplier, observed, minlength=size) / np.bincount(supplier, expected, minlength=size)
    mean = expected * ratio[supplier]
    known = mean > 0
    freedom = max(known.sum() - size, 1)
    squares = (observed[known] - mean[known]) ** 2 / mean[known]
    return float(max(squares.sum() / freedom, 1.0)) if n_days > 1 else 1.0
