"""How often lines of a kind are refunded whoever buys them: a product of factors, each shrunk as its levels are alike.

    rate_c = mean * prod_f factor_f[level of c],    factor_f[l] = (R_l + k_f) / (E_l + k_f)

`R_l` are the refunds of a level, `E_l` those expected from the other factors. The strength `k_f` is one over the
variance of the true ratios, by moments: where levels differ by chance alone their factors stay at one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SWEEPS = 3
HIGHEST_RATE = 0.9
LEAST_VARIANCE = 1e-4


def credibility(refunds: FloatArray, expected: FloatArray) -> float:
    """Give the strength `k` with which ratios refunds / expected are drawn to one: one over their true variance.

    References
    ----------
    H. Buehlmann and E. Straub (1970), Mitteilungen der Vereinigung schweizerischer Versicherungsmathematiker 70,
    111-133; the moments are those of a gamma-Poisson law.

    Examples
    --------
    Levels that differ as Poisson counts do, and levels that truly differ:

    >>> usual = np.full(2, 10.0)
    >>> round(credibility(np.array([9.0, 11.0]), usual)), round(credibility(np.array([2.0, 18.0]), usual), 2)
    (10000, 1.85)
    """
    squares = float((expected**2).sum())
    if squares == 0:
        return 1 / LEAST_VARIANCE
    variance = float(((refunds - expected) ** 2 - refunds).sum()) / squares
    return 1 / max(variance, LEAST_VARIANCE)


@dataclass(frozen=True, eq=False)
class Difficulty:
    """Rates of cells.

    Attributes
    ----------
    rate
        [n_cells] chance that a line of the cell is refunded.
    codes
        For each factor [n_cells] the level of each cell.
    claims, strength
        For each factor the refunds of each of its levels [n_levels], and how strongly it is shrunk.
    """

    rate: FloatArray
    codes: tuple[IntArray, ...]
    claims: tuple[FloatArray, ...]
    strength: tuple[float, ...]

    def without_own(self, cell: IntArray, user: IntArray, weight: FloatArray) -> FloatArray:
        """Give the rate of each refunded line with the refunds of its own user taken out of every factor.

        Parameters
        ----------
        cell, user, weight
            [n_claims] the cell and the user of each refunded line, and how much it counted when the rates were fitted.
        """
        rate = self.rate[cell]
        for code, claims, strength in zip(self.codes, self.claims, self.strength, strict=True):
            level = code[cell]
            _, pair = np.unique(user * len(claims) + level, return_inverse=True)
            own = np.bincount(pair, weight)[pair]
            rate = rate * (claims[level] - own + strength) / (claims[level] + strength)
        return np.asarray(rate)


def fit_difficulty(refunds: FloatArray, lines: FloatArray, codes: Sequence[IntArray]) -> Difficulty:
    """Fit the factors one after another, each to what the others leave, in a few sweeps.

    Parameters
    ----------
    refunds, lines
        [n_cells] refunded lines (fractions where some count in part) and lines.
    codes
        For each factor [n_cells] the level of each cell, from 0; broad factors first.

    References
    ----------
    R. A. Bailey and L. J. Simon (1960), ASTIN Bulletin 1, 192-217 (multiplicative rates); E. Ohlsson (2008),
    Scandinavian Actuarial Journal 2008, 301-314 (joined with credibility).

    Examples
    --------
    Two products, one of them refunded twice as often, at two suppliers that do not differ:

    >>> product, supplier = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> fit = fit_difficulty(np.array([40.0, 40.0, 80.0, 80.0]), np.full(4, 1000.0), [product, supplier])
    >>> fit.rate.round(3).tolist()
    [0.041, 0.041, 0.078, 0.078]
    """
    expected = lines * refunds.sum() / lines.sum()
    factors = [np.ones(int(code.max(initial=-1)) + 1) for code in codes]
    claims = tuple(np.bincount(code, refunds).astype(np.float64) for code in codes)
    strengths = [0.0] * len(codes)
    for _ in range(SWEEPS):
        for place, code in enumerate(codes):
            expected = expected / factors[place][code]
            usual = np.bincount(code, expected).astype(np.float64)
            strengths[place] = credibility(claims[place], usual)
            factors[place] = (claims[place] + strengths[place]) / (usual + strengths[place])
            expected = expected * factors[place][code]
    rate = np.minimum(expected / lines, HIGHEST_RATE)
    return Difficulty(rate, tuple(codes), claims, tuple(strengths))


FACTORS = (
    ("sku_id",),
    ("supplier_id", "month"),
    ("region", "week"),
    ("grid_id",),
    ("grid_id", "month"),
    ("supplier_id", "category", "region"),
    ("category", "origin", "region", "month"),
)
"""What the rates of lines differ by, broad factors first; those whose columns are not there are left out."""


def factor_codes(columns: Mapping[str, NDArray[np.object_]]) -> list[IntArray]:
    """Number the levels of each of `FACTORS` whose columns are there.

    Examples
    --------
    >>> shelf = {"sku_id": np.array(["a", "b", "a"], dtype=object)}
    >>> [code.tolist() for code in factor_codes(shelf)]
    [[0, 1, 0]]
    """
    single = {name: np.unique(values.astype(str), return_inverse=True)[1] for name, values in columns.items()}
    found = []
    for names in FACTORS:
        if all(name in single for name in names):
            code = np.zeros(len(single[names[0]]), dtype=np.int64)
            for name in names:
                _, code = np.unique(code * (single[name].max(initial=0) + 1) + single[name], return_inverse=True)
            found.append(code)
    return found
