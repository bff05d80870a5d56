"""A partial-pooling model of who is refunded, for judging actions: its fit and joint draws of its effects.

    refunded_i ~ (n_i, p_i),   logit p_i = level + category + supplier + supplier x category + SKU + grid
                 + region x category + batch + a_c hours_i + b_c degree_hours_i + log(share reported so far)

Every effect is drawn towards its group's mean as far as the data ask, so the best and the worst of many are not taken
at their face value: what is selected for being extreme is corrected before it is selected. Effects of suppliers, SKUs,
grids and regions have a prior with long tails, so that the one that is really bad is hardly shrunk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.stats.crossed_effects import CrossedFit, Term, fit_crossed, places_of
from gbanalysis.stats.shrinkage import sparse_variances

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HOURS, DEGREE_HOURS = 10.0, 100.0  # units in which the doses enter
DOSE_BINS = 40
WIDE_VARIANCE = 25.0
LONG_TAILED = ("supplier", "sku", "grid", "region")
LONG_TAIL_ROUNDS = 2
LEAST_REFUNDS = 20
# What the posterior leaves out (the learned variances, the link, the shape of the dose) widens it by this factor. It
# was set on development worlds so that the savings of chosen actions are covered; benchmarks/actions.py measures it.
SPREAD = 1.25
CROSSED = {"pair": ("supplier_id", "category"), "region": ("region", "category"), "batch": ("supplier_id", "week")}


@dataclass(frozen=True, eq=False)
class Effects:
    """Joint draws of the effects on the log-odds; the first draw is the mode.

    Attributes
    ----------
    level
        [category, n_draws] of the category, with what the luck of batches adds on average.
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


def _binned(dose: FloatArray, n: FloatArray, category: IntArray, n_categories: int) -> tuple[IntArray, FloatArray]:
    """Put doses into bins: the level (category, bin) of each cell, and the mean dose of each level."""
    edges = np.unique(np.quantile(dose, np.linspace(0, 1, DOSE_BINS + 1)[1:-1]))
    level = category * (len(edges) + 1) + np.searchsorted(edges, dose, side="right")
    size = n_categories * (len(edges) + 1)
    weight = np.bincount(level, n, minlength=size)
    middle = np.bincount(level, n * dose, minlength=size) / np.where(weight > 0, weight, 1.0)
    return level, middle


def _by_category(middle: FloatArray, n_categories: int) -> FloatArray:
    """[n_levels, n_categories] each level's dose in the column of its category."""
    mix = np.zeros((len(middle), n_categories))
    mix[np.arange(len(middle)), np.repeat(np.arange(n_categories), len(middle) // n_categories)] = middle
    return mix


def fit_effects(
    coded: Coded,
    *,
    n: FloatArray,
    refunded: FloatArray,
    share_reported: FloatArray,
    hours: FloatArray,
    degree_hours: FloatArray,
) -> tuple[CrossedFit, dict[str, int]]:
    """Fit the model on cells.

    Parameters
    ----------
    coded
        Codes of category, supplier_id, sku_id, grid_id, region and week.
    n, refunded
        [n_cells] lines, and those refunded so far.
    share_reported
        [n_cells] expected share of the refunds that are reported so far.
    hours, degree_hours
        [n_cells] centred doses in units of `HOURS` and `DEGREE_HOURS`; all zero where they are not known.

    Returns
    -------
    tuple
        The fit, and the place of each term by its name.

    Raises
    ------
    NotEnoughDataError
        Fewer than 20 refunded lines.

    References
    ----------
    B. Efron (2011), Journal of the American Statistical Association 106, 1602-1614 (empirical Bayes and selection); D.
    J. Spiegelhalter, K. R. Abrams and J. P. Myles (2004), Bayesian Approaches to Clinical Trials, section 3.17.
    """
    if refunded.sum() < LEAST_REFUNDS:
        raise NotEnoughDataError(
            f"only {int(refunded.sum())} lines were refunded in the period; {LEAST_REFUNDS} are needed to rank actions"
        )
    code = coded.codes
    category, n_categories = code["category"], coded.size("category")

    parts: list[tuple[IntArray, Term]] = [
        (np.zeros(len(n), dtype=np.int64), Term("level", 1, variance=WIDE_VARIANCE)),
        (category, Term("category", n_categories)),
        (code["supplier_id"], Term("supplier", coded.size("supplier_id"))),
        (code["sku_id"], Term("sku", coded.size("sku_id"))),
        (code["grid_id"], Term("grid", coded.size("grid_id"))),
    ]
    for name, keys in CROSSED.items():
        seen, level = np.unique(coded.crossed(*keys), return_inverse=True)
        parts.append((level.astype(np.int64), Term(name, len(seen))))
    for name, dose in (("hours", hours), ("degree_hours", degree_hours)):
        if np.ptp(dose) > 0:
            level, middle = _binned(dose, n, category, n_categories)
            mix = _by_category(middle, n_categories)
            parts.append((level, Term(name, 1, variance=WIDE_VARIANCE, mix=mix.sum(axis=1, keepdims=True))))
            parts.append((level, Term(f"{name}_category", n_categories, mix=mix)))
    levels, terms = [level for level, _ in parts], [term for _, term in parts]
    offset = np.log(share_reported)
    fit = fit_crossed(refunded, n, offset, levels, terms)
    for _ in range(LONG_TAIL_ROUNDS):
        terms = _with_long_tails(fit, terms)
        fit = fit_crossed(refunded, n, offset, levels, terms)
    return fit, {term.name: place for place, term in enumerate(terms)}


def _with_long_tails(fit: CrossedFit, terms: list[Term]) -> list[Term]:
    """Give each level of a long-tailed term the prior variance that its own size asks for."""
    variance = np.sum(fit.root**2, axis=1)
    found = list(terms)
    for k, (term, place) in enumerate(zip(fit.terms, places_of(fit.terms), strict=True)):
        if term.name in LONG_TAILED and term.size > 1:
            scale = np.ones(term.size) if term.mix is None else np.diag(term.mix)
            squares = (fit.mean[place] ** 2 + variance[place]) * scale**2
            middle = float(np.sqrt(fit.variance[k] if term.mix is None else np.median(scale**2)))
            wide = np.sqrt(sparse_variances(squares, middle))
            found[k] = replace(term, mix=np.diag(wide), variance=1.0)
    return found


def draw_effects(
    fit: CrossedFit, places: dict[str, int], coded: Coded, n_draws: int, rng: np.random.Generator
) -> Effects:
    """Draw all effects together; the first draw is the mode itself, so that point figures can be had from it."""
    n_categories = coded.size("category")
    mode = np.hstack(
        [fit.mean[:, None], fit.mean[:, None] + SPREAD * fit.root @ rng.standard_normal((len(fit.mean), n_draws))]
    )
    effects = {term.name: mode[place] for term, place in zip(fit.terms, places_of(fit.terms), strict=True)}

    def at(name: str) -> FloatArray:
        term = fit.terms[places[name]]
        diagonal = term.mix is not None and name in LONG_TAILED
        return term.at_levels(effects[name]) if diagonal else effects[name]

    def slopes(name: str) -> FloatArray:
        if name not in effects:
            return np.zeros((n_categories, n_draws + 1))
        return np.asarray(effects[name] + effects[f"{name}_category"])

    def spread_out(name: str) -> FloatArray:
        """Put effects of the pairs that are seen into a table of all pairs; nothing where none is seen."""
        first, second = CROSSED[name]
        table = np.zeros((coded.size(first) * coded.size(second), n_draws + 1))
        table[np.unique(coded.crossed(first, second))] = at(name)
        return table.reshape(coded.size(first), coded.size(second), -1)

    batch_variance = float(fit.variance[places["batch"]])
    return Effects(
        level=at("level") + at("category") + batch_variance / 2,
        supplier=at("supplier")[:, None] + spread_out("pair"),
        sku=at("sku"),
        grid=at("grid"),
        region=spread_out("region"),
        hours=slopes("hours"),
        degree_hours=slopes("degree_hours"),
    )
