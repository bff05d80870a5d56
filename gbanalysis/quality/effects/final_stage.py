"""The last step of an effect's estimation: residuals on residuals, by stratum, with errors that allow for clusters.

    slope of stratum s    theta_s = A_s^-1 b_s,   A_s = sum n t t',   b_s = sum n t y
    effect of a group     sum over its strata of their share of lines times theta_s

`t` and `y` are what is left of treatment and outcome once everything held fixed has been taken out. One slope for all
would weigh strata by how much their treatment varies; the shares of lines give the mean effect over lines.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_LINES = 400.0  # a stratum with fewer lines shares its group's slope
MOST_LEVERAGE = 0.9
LEAST_SPREAD = 1e-3  # of the treatment's variance: below, a stratum has no slope of its own


class Slopes(NamedTuple):
    """Effects of groups: [n_groups, k], their joint covariance over groups and terms, and clusters behind them."""

    value: FloatArray
    covariance: FloatArray
    n_clusters: int


def merge_strata(stratum: Ints, group: Ints, n: FloatArray, treatment: FloatArray) -> Ints:
    """Join strata of few lines, or in which the treatment hardly varies, with the others like them of their group."""
    lines = np.bincount(stratum, n)
    spread = np.bincount(stratum, n * treatment**2) / np.maximum(lines, 1e-9)
    weak = (lines < LEAST_LINES) | (spread < LEAST_SPREAD * np.average(treatment**2, weights=n))
    merged = np.where(weak[stratum], -1 - group, stratum)
    return np.unique(merged, return_inverse=True)[1]


def slopes_by_group(
    y: FloatArray, t: FloatArray, n: FloatArray, *, stratum: Ints, group: Ints, cluster: Ints
) -> Slopes:
    """Estimate the effects of each group.

    Parameters
    ----------
    y, t
        Residuals of the outcome's rate [n_cells] and of the treatment's terms [n_cells, k].
    n
        Lines of each cell.
    stratum, group
        Of each cell, from 0; a stratum lies in one group. A group is the mean of its strata, weighted by lines.
    cluster
        Cells of one cluster are not independent.

    References
    ----------
    P. M. Robinson (1988), Econometrica 56, 931-954 (residuals on residuals); K.-Y. Liang and S. L. Zeger (1986),
    Biometrika 73, 13-22 (clusters); R. M. Bell and D. F. McCaffrey (2002), Survey Methodology 28, 169-181 (residuals of
    clusters with leverage; the trace of a cluster's leverage stands for its matrix here, which errs to the safe side).
    """
    k, n_strata, n_groups = t.shape[1], int(stratum.max()) + 1, int(group.max()) + 1
    square = np.stack(
        [[np.bincount(stratum, n * t[:, i] * t[:, j], n_strata) for j in range(k)] for i in range(k)]
    ).transpose(2, 0, 1)
    right = np.stack([np.bincount(stratum, n * t[:, i] * y, n_strata) for i in range(k)], axis=1)
    inverse = np.linalg.pinv(square, hermitian=True)
    theta = np.einsum("sij,sj->si", inverse, right)
    of_group = np.zeros(n_strata, dtype=np.int64)
    of_group[stratum] = group
    lines = np.bincount(stratum, n, n_strata)
    share = lines / np.bincount(of_group, lines, n_groups)[of_group]
    value = np.stack([np.bincount(of_group, share * theta[:, i], n_groups) for i in range(k)], axis=1)
    error = n * (y - np.einsum("ci,ci->c", t, theta[stratum]))
    n_clusters = int(cluster.max()) + 1
    pulled = np.einsum("cij,cj->ci", inverse[stratum], t)
    own = stratum * n_clusters + cluster
    leverage = np.bincount(own, n * (pulled * t).sum(axis=1), n_strata * n_clusters)[own]
    # A cluster pulls the slope towards itself, so that its own residuals are too small.
    error = error / np.sqrt(1 - np.clip(leverage, 0.0, MOST_LEVERAGE))
    influence = share[stratum][:, None] * pulled * error[:, None]
    flat = group * n_clusters + cluster
    sums = np.stack(
        [np.bincount(flat, influence[:, i], n_groups * n_clusters).reshape(n_groups, n_clusters) for i in range(k)], 1
    ).reshape(n_groups * k, n_clusters)
    return Slopes(np.asarray(value, dtype=float), sums @ sums.T * n_clusters / max(n_clusters - 1, 1), n_clusters)


def t_quantile(confidence: float, n_clusters: int) -> float:
    """Quantile of Student's law with one degree of freedom less than clusters."""
    return float(special.stdtrit(max(n_clusters - 1, 1), 0.5 + confidence / 2))
