"""The contributions along one order of the mechanisms, for comparison: a Shapley value averages over all orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.correction import correct_to_observed
from gbanalysis.quality.attribution.factors import RouteModel, base_product, list_factors
from gbanalysis.quality.attribution.mechanisms import Stage, encode_cells
from gbanalysis.quality.attribution.refund_model import fit_refunds
from gbanalysis.quality.attribution.tables import build_tables

if TYPE_CHECKING:
    import pandas as pd

ROUTES_AT_ONCE = 500


def rates_along(model: RouteModel) -> NDArray[np.float64]:
    """Expected rate with the first 0, 1, ... players taken from the current period, in their causal order."""
    rates = np.zeros(model.n_players + 1)
    for first in range(0, model.tables.n_routes, ROUTES_AT_ONCE):
        part = slice(first, first + ROUTES_AT_ONCE)
        product, factors = base_product(model, part)[0], list_factors(model, part, slopes=False)
        for switched in range(len(rates)):
            mean = product
            for factor in factors:
                at = tuple(int(player < switched) for player in factor.players)
                mean = mean * factor.on_routes(factor.values[at])
            rates[switched] += mean.sum()
    return rates


def contributions_along(cells: pd.DataFrame, stages: Sequence[Stage]) -> dict[str, float]:
    """Give what each player adds when it passes to the current period after those before it in the chain of causes."""
    coded = encode_cells(cells, stages)
    corrected = correct_to_observed(fit_refunds(coded), build_tables(coded), coded.rates)
    steps = np.diff(rates_along(corrected.routes))
    return {name: float(step) for name, step in zip(coded.players, steps, strict=True)}
