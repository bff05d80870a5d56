"""Owen's integral against the plain list of all coalitions, and its derivatives against differences."""

from itertools import product
from math import factorial

import numpy as np
import pytest
from scipy import special

from gbanalysis.quality.attribution.coalitions import end_slopes, end_values, shapley_routes
from gbanalysis.quality.attribution.design import Design, lay_out
from gbanalysis.quality.attribution.factors import RouteModel, model_routes
from gbanalysis.quality.attribution.influence import effect_slopes
from gbanalysis.quality.attribution.mechanisms import CHAIN, CodedCells, encode_cells
from gbanalysis.quality.attribution.tables import Tables, build_tables
from tests.quality.attribution.small_chain import small_cells

Setting = tuple[CodedCells, Tables, Design, np.ndarray]


def make_setting(*, policy: bool, cooled: bool) -> Setting:
    cells = small_cells(2, n_days=4, slower=4, warmer=3, n_suppliers=2, uncooled=3.0)
    unused = ([] if policy else ["policy"]) + ([] if cooled else ["grid_warehouse_temperature"])
    coded = encode_cells(cells.drop(columns=unused), CHAIN[2:4] if not cooled else CHAIN[3:4])
    design = lay_out(coded)
    return coded, build_tables(coded), design, 0.2 * np.random.default_rng(5).normal(size=design.n_columns)


@pytest.fixture(scope="module", params=[(False, False), (True, True)], ids=["two stages", "node heat and rule"])
def setting(request: pytest.FixtureRequest) -> Setting:
    policy, cooled = request.param
    return make_setting(policy=policy, cooled=cooled)


def enumerated(setting: Setting, on: dict[str, int]) -> np.ndarray:
    """E[refund] of each route, times its probability, looping over points, with the model written out term by term."""
    cells, tables, design, effects = setting
    own = {(term.group, term.powers): effects[design.columns(place)] for place, term in enumerate(design.terms)}
    codes = tables.codes

    def of(group: str, power: tuple[int, ...], key: str | None = None) -> np.ndarray:
        return own[group, power][codes[key] if key else 0]

    basis = design.basis
    rule = 0.0
    weight = tables.mix[on["mix"], tables.pair] * tables.allocation[on["allocation"], tables.choice]
    level = of("intercept", (0,))
    for group, key in (
        ("supplier", "supplier_id"),
        ("category", "category"),
        ("grid", "grid_id"),
        ("origin", "origin_id"),
    ):
        level = level + of(group, (0,), key)
    for key in cells.quality:
        level = level + (on[f"quality_{key}"] - 0.5) * of(f"change by {key}", (0,), key)
    level = level + (on["quality_rest"] - 0.5) * of("change of all", (0,))
    if tables.policy is not None:
        rule, effect = tables.policy[on["policy"]], of("policy", (basis.rule,))
    total = np.zeros(tables.n_routes)
    axes = [range(4), *(range(2) for _ in tables.exposures)]
    for at in product(*axes):
        heat = tables.heat[on["weather"], codes["region"], at[0]]
        share = weight * tables.heat_shares[on["weather"], codes["region"], at[0]]
        logit = level + (of("heat", (1,)) + of("heat by category", (1,), "category")) * heat
        logit = logit + of("heat by supplier", (1,), "supplier_id") * heat + of("curve", (2,)) * heat**2
        hours = []
        for place, (stage, exposure) in enumerate(zip(cells.stages, tables.hours, strict=True)):
            period = on[f"transit_{stage.name}"]
            hours.append(exposure.points[period, exposure.segment, at[1 + place]] + exposure.slope * heat)
            share = share * exposure.shares[period, exposure.segment, at[1 + place]]
            slope = of("hours", basis.hours) + of("hours by category", basis.hours, "category")
            if len(tables.hours) > 1:
                slope = slope + of("hours by stage", (basis.hours[place],))
            logit = logit + (slope + of("heat and hours", basis.heat_hours) * heat) * hours[-1]
        for place, (stage, exposure) in enumerate(zip(cells.cooled, tables.node_heat, strict=True)):
            period = on[f"temperature_{cells.stages[stage].name}"]
            where = at[1 + len(hours) + place]
            node = exposure.points[period, exposure.segment, where] + exposure.slope * heat
            share = share * exposure.shares[period, exposure.segment, where]
            slope = of("node heat", basis.node_heat) + of("node heat by category", basis.node_heat, "category")
            logit = logit + (slope + of("node heat and hours", basis.node_hours) * hours[stage]) * node
        if tables.policy is None:
            total += share * special.expit(logit)
        else:
            total += share * (rule * special.expit(logit + effect) + (1 - rule) * special.expit(logit))
    return total


def test_owens_integral_is_the_shapley_value_over_all_coalitions(setting: Setting) -> None:
    cells, tables, design, effects = setting
    names = cells.players
    size = len(names)
    value = {on: enumerated(setting, dict(zip(names, on, strict=True))) for on in product((0, 1), repeat=size)}
    expected = np.zeros((size, tables.n_routes))
    for on, rate in value.items():
        n_on = sum(on)
        for player in range(size):
            others = n_on - on[player]
            weight = factorial(others) * factorial(size - others - 1) / factorial(size)
            expected[player] += weight * rate * (1 if on[player] else -1)
    model = model_routes(effects, design, tables)
    found = shapley_routes(model).value
    assert model.n_players == size
    np.testing.assert_allclose(found[:-1], expected, atol=3e-7 / tables.n_routes * 40)
    assert np.abs(expected.sum(axis=1)).min() > 1e-5
    ends = end_values(model)
    np.testing.assert_allclose(found[:-1].sum(axis=0), ends[1] - ends[0], atol=1e-14)
    for end, on in ((0, 0), (1, 1)):
        np.testing.assert_allclose(ends[end], value[(on,) * size], atol=1e-7)


def test_derivatives_by_effects_are_differences(setting: Setting) -> None:
    _, tables, design, effects = setting
    rng = np.random.default_rng(7)
    direction = rng.normal(size=len(effects))
    model = model_routes(effects, design, tables)
    step = 1e-4
    moved = [model.with_effects(effects + sign * step * direction) for sign in (1, -1)]
    nobody = np.zeros(tables.n_routes, dtype=np.int64)
    ahead, behind = (shapley_routes(one).value.sum(axis=1) for one in moved)
    slopes = shapley_routes(model).slope
    found = np.array([effect_slopes(design, tables.codes, slope, nobody, 1)[0] @ direction for slope in slopes])
    np.testing.assert_allclose(found, (ahead - behind) / (2 * step), rtol=2e-5, atol=1e-9)
    ahead, behind = (end_values(one).sum(axis=1) for one in moved)
    found = np.array(
        [effect_slopes(design, tables.codes, slope, nobody, 1)[0] @ direction for slope in end_slopes(model)]
    )
    np.testing.assert_allclose(found, (ahead - behind) / (2 * step), rtol=2e-5, atol=1e-9)


def test_derivatives_by_shares_and_exposures_are_differences(setting: Setting) -> None:
    from dataclasses import replace

    _, tables, design, effects = setting
    model = model_routes(effects, design, tables)
    slots, step = model.slots, 1e-4
    slope = shapley_routes(model).slope

    def compare(moved: RouteModel, slot: int, size: np.ndarray | float) -> None:
        difference = shapley_routes(moved).value - shapley_routes(model).value
        np.testing.assert_allclose(slope[:, :, slot] * size, difference, atol=3 * step**2)
        assert np.abs(difference).max() > 20 * step**2 / tables.n_routes

    for period in (0, 1):
        mix = tables.mix.copy()
        mix[period] *= 1 + step
        compare(
            replace(model, tables=replace(tables, mix=mix)),
            slots.shares + period,
            step * tables.mix[period, tables.pair],
        )
    for place, exposure in enumerate(tables.exposures):
        kind, at = ("hours", place) if place < len(tables.hours) else ("node_heat", place - len(tables.hours))
        for period in (0, 1):
            points = exposure.points.copy()
            points[period] += step
            moved = list(getattr(tables, kind))
            moved[at] = replace(exposure, points=points)
            compare(
                replace(model, tables=replace(tables, **{kind: tuple(moved)})), slots.exposure(place) + period, step
            )
        moved = list(getattr(tables, kind))
        moved[at] = replace(exposure, slope=exposure.slope + step)
        compare(replace(model, tables=replace(tables, **{kind: tuple(moved)})), slots.exposure(place) + 2, step)


def test_routes_carry_all_probability_under_every_mixture(setting: Setting) -> None:
    tables = setting[1]
    for on in product((0, 1), repeat=2):
        assert tables.probability(*on).sum() == pytest.approx(1.0, abs=1e-12)
