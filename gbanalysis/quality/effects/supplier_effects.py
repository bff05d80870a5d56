"""What a supplier does to the refund rate, against the others that sell the same goods at the same place and time.

    effect of s     sum over strata of (lines of s) * (rate of s - rate of the others there) / lines of s

A stratum is goods x region x month. This is what would change on the lines of s if the others there delivered them:
what a replacement needs to know. The stratum's rates and shares are free, so outcome and propensity are saturated, and
the estimate is doubly robust. Strata in which s is alone say nothing of s; a supplier that is alone almost everywhere
has no effect that could be told from its place.

Many suppliers differ little and a few much: effects are shrunk towards nothing by a mixture of normal laws whose
weights all suppliers choose together (M. Stephens (2017), Biostatistics 18, 275-294).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]

STRATUM = ("goods", "region", "month")
LEAST_COMPARED = 0.5  # of a supplier's lines: below, its effect is not told
LEAST_LINES = 100.0
SCALES = np.sqrt(2.0) ** np.arange(-4, 13)  # of the median standard error
STEPS = 200
# The weights are themselves learned from few suppliers, and errors from few refunds: without these two a supplier far
# from the others would be pulled in too far, with too short an interval (chosen on worlds of development).
WIDER_SCALES, WIDER_ERRORS = 1.5, 1.06


def supplier_rows(cells: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Estimate the effect of every supplier in every category.

    Parameters
    ----------
    cells
        ``category``, ``goods``, ``region``, ``supplier_id``, ``due_on``, ``n``, ``refunded``.
    confidence
        Confidence level of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``category``, ``supplier_id``; ``effect`` with its interval, shrunk; ``raw_effect``, ``standard_error`` before;
        ``raw_rate``; ``n_lines``, ``n_refunded``, ``overlap`` (share of its lines with others to compare), ``reason``.
    """
    rows = compare_suppliers(cells)
    rows["reason"] = np.select(
        [rows["n_lines"] < LEAST_LINES, rows["overlap"] < LEAST_COMPARED, ~(rows["standard_error"] > 0)],
        [
            f"fewer than {LEAST_LINES:.0f} lines",
            "hardly any other supplier sells the same goods where and when it does: its effect and the place's "
            "cannot be told apart",
            "no spread to judge the error by",
        ],
        default="",
    )
    rows[["effect", "ci_lower", "ci_upper"]] = np.nan
    clear = (rows["reason"] == "").to_numpy()
    if clear.any():
        value, error = (rows.loc[clear, name].to_numpy(dtype=float) for name in ("raw_effect", "standard_error"))
        weights, scales = mixture_of_scales(value, error)
        mean, lower, upper = shrunken(
            value, WIDER_ERRORS * error, weights, WIDER_SCALES * scales, confidence=confidence
        )
        rows.loc[clear, ["effect", "ci_lower", "ci_upper"]] = np.column_stack([mean, lower, upper])
    rows.loc[~clear, ["raw_effect", "standard_error"]] = np.nan
    return rows.sort_values(["category", "supplier_id"], ignore_index=True)


def compare_suppliers(cells: pd.DataFrame) -> pd.DataFrame:
    """Compare each supplier with the others of its strata; errors by supplier x day and by the others' days."""
    due = pd.to_datetime(cells["due_on"])
    month = 12 * due.dt.year + due.dt.month
    days = (
        cells.assign(month=month)
        .groupby(["category", "supplier_id", *STRATUM, "due_on"], observed=True, as_index=False)[["n", "refunded"]]
        .sum()
    )
    days["stratum"] = days.groupby(list(STRATUM), observed=True).ngroup()
    days["pair"] = days.groupby(["category", "supplier_id"], observed=True).ngroup()
    own = days.groupby(["pair", "stratum"], as_index=False)[["n", "refunded"]].sum()
    whole = days.groupby("stratum")[["n", "refunded"]].sum()
    own["n_others"] = own["stratum"].map(whole["n"]) - own["n"]
    own["refunded_others"] = own["stratum"].map(whole["refunded"]) - own["refunded"]
    own["compared"] = np.where(own["n_others"] > 0, own["n"], 0.0)
    own["rate"], own["rate_others"] = (
        own["refunded"] / own["n"],
        own["refunded_others"] / own["n_others"].where(own["n_others"] > 0),
    )
    compared = own.groupby("pair")["compared"].sum()
    own["weight"] = own["compared"] / own["pair"].map(compared).where(own["pair"].map(compared) > 0)
    parts = (own["weight"] * (own["rate"] - own["rate_others"])).where(own["compared"] > 0, 0.0)
    rows = days.groupby(["category", "supplier_id"], observed=True, as_index=False)[["n", "refunded"]].sum()
    rows = rows.rename(columns={"n": "n_lines", "refunded": "n_refunded"})
    rows["raw_rate"] = rows["n_refunded"] / rows["n_lines"]
    rows["raw_effect"] = parts.groupby(own["pair"]).sum().to_numpy()
    rows["overlap"] = (compared / own.groupby("pair")["n"].sum()).to_numpy()
    rows["standard_error"] = np.sqrt(_own_variance(days, own) + _others_variance(days, own))
    rows["n_clusters"] = days.groupby("pair")["due_on"].nunique().to_numpy()
    return rows


def _own_variance(days: pd.DataFrame, own: pd.DataFrame) -> FloatArray:
    """Variance that the supplier's own days add: residuals of its strata, summed by day."""
    joined = days.merge(own[["pair", "stratum", "rate", "n", "weight"]], on=["pair", "stratum"], suffixes=("", "_own"))
    part = joined["weight"].fillna(0.0) / joined["n_own"] * (joined["refunded"] - joined["n"] * joined["rate"])
    sums = part.groupby([joined["pair"], joined["due_on"]]).sum()
    lines = own.groupby("pair")["n"].sum()
    strata = own[own["compared"] > 0].groupby("pair").size().reindex(lines.index, fill_value=0)
    correction = lines / (lines - strata).clip(lower=1.0)  # each stratum's mean is estimated from few lines
    return np.asarray((sums**2).groupby("pair").sum() * correction)


def _others_variance(days: pd.DataFrame, own: pd.DataFrame) -> FloatArray:
    """Variance that the others' days add, each other supplier's day one cluster."""
    others = own.loc[own["compared"] > 0, ["pair", "stratum", "rate_others", "n_others", "weight"]]
    joined = others.merge(days, on="stratum", suffixes=("", "_day"))
    joined = joined[joined["pair"] != joined["pair_day"]]
    part = joined["weight"] / joined["n_others"] * (joined["refunded"] - joined["n"] * joined["rate_others"])
    sums = part.groupby([joined["pair"], joined["pair_day"], joined["due_on"]]).sum()
    total = (sums**2).groupby("pair").sum().reindex(range(int(own["pair"].max()) + 1), fill_value=0.0)
    lines, strata = others.groupby("pair")["n_others"].sum(), others.groupby("pair").size()
    correction = (lines / (lines - strata).clip(lower=1.0)).reindex(total.index, fill_value=1.0)
    return np.asarray(total * correction)


def mixture_of_scales(value: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Choose the weights of normal laws around 0 that make the estimates most likely, by EM."""
    scales = np.concatenate([[0.0], np.median(error) * SCALES])
    spread = np.sqrt(error[:, None] ** 2 + scales**2)
    likely = np.exp(-0.5 * (value[:, None] / spread) ** 2) / spread + 1e-300
    weights = np.full(len(scales), 1 / len(scales))
    for _ in range(STEPS):
        part = likely * weights
        part /= part.sum(axis=1, keepdims=True)
        # One line of prior for each scale keeps a few suppliers from choosing a single one.
        weights = (part.sum(axis=0) + 1 / len(scales)) / (len(value) + 1)
    return weights, scales


def shrunken(
    value: FloatArray, error: FloatArray, weights: FloatArray, scales: FloatArray, *, confidence: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Posterior mean and the ends of the central interval under a mixture of normal laws around 0."""
    spread2 = error[:, None] ** 2 + scales**2
    part = weights * np.exp(-0.5 * value[:, None] ** 2 / spread2) / np.sqrt(spread2) + 1e-300
    part /= part.sum(axis=1, keepdims=True)
    centre = value[:, None] * scales**2 / spread2
    width = np.sqrt(np.maximum(error[:, None] ** 2 * scales**2 / spread2, 1e-24))
    mean = (part * centre).sum(axis=1)
    ends = []
    for tail in (0.5 - confidence / 2, 0.5 + confidence / 2):
        low, high = -np.abs(value) - 8 * error, np.abs(value) + 8 * error
        for _ in range(60):
            middle = (low + high) / 2
            below = (part * special.ndtr((middle[:, None] - centre) / width)).sum(axis=1) < tail
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        ends.append((low + high) / 2)
    return mean, np.minimum(ends[0], mean), np.maximum(ends[1], mean)
