"""The contraction against plain enumeration over routes and points, and its derivatives against differences."""

from itertools import product

import numpy as np
import pytest
from scipy import special

from gbanalysis.quality.coalitions import coalition_rates, gradients, route_rates, route_weights
from gbanalysis.quality.design import lay_out
from gbanalysis.quality.mechanisms import CHAIN, QUALITY, CodedCells, encode_cells, players
from gbanalysis.quality.tables import Tables, build_tables

from .small_chain import small_cells


def enumerated(effects: np.ndarray, cells: CodedCells, tables: Tables, coalition: int) -> float:
    """E[refund] by looping over every route, temperature and hours, with the model written out term by term."""
    design = lay_out(cells)
    own = {term.group + str(term.powers): effects[design.columns(place)] for place, term in enumerate(design.terms)}
    on = [coalition >> bit & 1 for bit in range(len(players(CHAIN)))]
    total = 0.0
    for route in range(tables.n_routes):
        at = {key: code[route] for key, code in tables.codes.items()}
        weight = tables.mix[on[0], tables.pair[route]] * tables.allocation[on[1], tables.choice[route]]
        first, second = tables.transit
        for i, j, k in product(range(4), range(2), range(2)):
            heat = tables.heat[on[2], at["region"], i]
            h1 = first.points[on[3], first.segment[route], j] + first.slope * heat
            h2 = second.points[on[4], second.segment[route], k] + second.slope * heat
            share = (
                tables.heat_shares[on[2], at["region"], i]
                * first.shares[on[3], first.segment[route], j]
                * second.shares[on[4], second.segment[route], k]
            )
            logit = own["intercept(0,)"][0] + sum(
                own[f"{name}(0,)"][at[key]]
                for name, key in zip(
                    ("supplier", "category", "grid", "origin"),
                    ("supplier_id", "category", "grid_id", "origin_id"),
                    strict=True,
                )
            )
            logit += (own["heat(1,)"][0] + own["heat by category(1,)"][at["category"]]) * heat
            logit += own["heat by supplier(1,)"][at["supplier_id"]] * heat + own["curve(4,)"][0] * heat**2
            logit += (own["hours(2, 3)"][0] + own["hours by category(2, 3)"][at["category"]]) * (h1 + h2)
            logit += own["heat and hours(5, 6)"][0] * heat * (h1 + h2)
            logit += own["hours by stage(2,)"][0] * h1 + own["hours by stage(3,)"][0] * h2
            for place, key in enumerate(QUALITY):
                logit += (on[5 + place] - 0.5) * own[f"change by {key}(0,)"][at[key]]
            logit += (on[8] - 0.5) * own["change of all(0,)"][0]
            total += weight * share * special.expit(logit)
    return total


@pytest.fixture(scope="module")
def setting() -> tuple[CodedCells, Tables, np.ndarray]:
    cells = encode_cells(small_cells(2, n_days=4, slower=4, warmer=3, n_suppliers=2))
    effects = 0.3 * np.random.default_rng(5).normal(size=lay_out(cells).n_columns)
    return cells, build_tables(cells), effects


@pytest.mark.parametrize("coalition", [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 0b101010101, 0b011011010, 511])
def test_contraction_is_enumeration(setting: tuple[CodedCells, Tables, np.ndarray], coalition: int) -> None:
    cells, tables, effects = setting
    rates = route_rates(effects, lay_out(cells), tables)
    found = coalition_rates(rates, route_weights(tables))[coalition]
    assert found == pytest.approx(enumerated(effects, cells, tables, coalition), abs=1e-14)


def test_gradients_are_differences(setting: tuple[CodedCells, Tables, np.ndarray]) -> None:
    cells, tables, effects = setting
    design = lay_out(cells)
    rng = np.random.default_rng(7)
    rates = route_rates(effects, design, tables)
    shares = rng.normal(size=rates.rate.shape)
    direction = rng.normal(size=len(effects))
    step = 1e-5
    ahead, behind = (
        (shares * route_rates(effects + sign * step * direction, design, tables).rate).sum() for sign in (1, -1)
    )
    slope = gradients(design, tables, rates, shares).sum(axis=0) @ direction
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)


def test_routes_carry_all_probability_under_every_mixture(setting: tuple[CodedCells, Tables, np.ndarray]) -> None:
    _, tables, _ = setting
    np.testing.assert_allclose(route_weights(tables).sum(axis=1), 1.0, atol=1e-12)
