"""The mean refund rate of a route as a product of factors, each with the mechanisms that it depends on.

Given the weather, hours and node temperatures of the stages are independent of each other; so the mean of an
exponential of the log-odds over all of them is a product with one factor a stage. The other factors are the weather's
own distribution, the refund rule, each quality player's change, and the shares of mix and allocation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.design import Design
from gbanalysis.quality.attribution.link import fit_exponentials
from gbanalysis.quality.attribution.tables import Tables

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Part = slice | IntArray  # some routes
StagePoint = tuple[int, int, FloatArray, FloatArray, FloatArray, FloatArray | None]

MIX, ALLOCATION, WEATHER, FIRST_TRANSIT = 0, 1, 2, 3  # places of players


@dataclass(frozen=True)
class Slots:
    """Where a route's parameters stand in the list that derivatives are taken by.

    First the coefficients of the monomials, then the quality players' changes, then for each exposure its mean in the
    base and in the current period and its slope on the weather, last the shares of mix and allocation by period.
    """

    n_basis: int
    n_quality: int
    n_exposures: int

    @property
    def changes(self) -> int:
        """Place of the first quality change."""
        return self.n_basis

    def exposure(self, place: int) -> int:
        """Place of an exposure's mean in the base period."""
        return self.n_basis + self.n_quality + 3 * place

    @property
    def shares(self) -> int:
        """Place of the mix share in the base period."""
        return self.exposure(self.n_exposures)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.shares + 4


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor: its value by the period (0, 1) of each of its players, and its derivatives.

    ``values`` has one axis of length 2 a player, then routes, weather points and exponents (the last two may be 1).
    With ``alike`` only routes that differ have a place there, and it tells each route's.
    """

    players: tuple[int, ...]
    values: FloatArray
    slopes: tuple[tuple[int, FloatArray], ...] = ()
    alike: IntArray | None = None

    def on_routes(self, found: FloatArray) -> FloatArray:
        """Give each route what was worked out for those that differ (first axis)."""
        return found if self.alike is None else found[self.alike]


@dataclass(frozen=True, eq=False)
class RouteModel:
    """The fitted model on the routes (first axis of all arrays).

    ``coefficients`` of the monomials and ``changes`` of the quality players; the link is the sum of ``amplitudes``
    times exponentials with the ``exponents``, of the log-odds less ``centre``.
    """

    tables: Tables
    design: Design
    coefficients: FloatArray
    changes: FloatArray
    centre: FloatArray
    exponents: FloatArray
    amplitudes: FloatArray

    @property
    def slots(self) -> Slots:
        """Layout of the parameters."""
        return Slots(self.coefficients.shape[1], self.changes.shape[1], len(self.tables.exposures))

    @property
    def n_players(self) -> int:
        """Mix, allocation and weather, one for each exposure, the rule where it is known, quality."""
        return FIRST_TRANSIT + len(self.tables.exposures) + int(self.design.basis.policy) + self.slots.n_quality

    def with_effects(self, effects: FloatArray) -> RouteModel:
        """Put other effects in place, near enough for the same link."""
        coefficients, changes = _on_routes(effects, self.design, self.tables)
        return replace(self, coefficients=coefficients, changes=changes)


def model_routes(effects: FloatArray, design: Design, tables: Tables) -> RouteModel:
    """Write the fitted effects on the routes, and choose the link for the range that their log-odds take."""
    coefficients, changes = _on_routes(effects, design, tables)
    low, high = _range(coefficients, changes, design, tables)
    centre = (low + high) / 2
    link = fit_exponentials(float((high - low).max()) / 2)
    return RouteModel(tables, design, coefficients, changes, centre, link.exponents, link.coefficients(centre))


def _on_routes(effects: FloatArray, design: Design, tables: Tables) -> tuple[FloatArray, FloatArray]:
    """Coefficient of each monomial on each route, and each quality player's change of the log-odds there."""
    coefficients = np.zeros((tables.n_routes, design.basis.size))
    changes = np.zeros((tables.n_routes, design.n_quality))
    for place, term in enumerate(design.terms):
        own = effects[design.columns(place)]
        values = own[0] if term.key is None else own[tables.codes[term.key]]
        if term.player is not None:
            changes[:, term.player] += values
        else:
            for power in term.powers:
                coefficients[:, power] += values
    return coefficients, changes


def _range(
    coefficients: FloatArray, changes: FloatArray, design: Design, tables: Tables
) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest log-odds of each route over all points and coalitions."""
    heat = weather_points(tables, slice(None))[0]
    level = coefficients[:, :1] + coefficients[:, 1:2] * heat + coefficients[:, 2:3] * heat**2
    low, high = level, level
    for stage in range(len(tables.hours)):
        spread = np.stack([x for *_, x, _, _ in _stage_points(tables, design, coefficients, stage, slice(None), heat)])
        low, high = low + spread.min(axis=0), high + spread.max(axis=0)
    swing = np.abs(changes).sum(axis=1) / 2
    rule = coefficients[:, design.basis.rule] if design.basis.policy else np.zeros(len(swing))
    return low.min(axis=1) - swing + np.minimum(rule, 0), high.max(axis=1) + swing + np.maximum(rule, 0)


def weather_points(tables: Tables, part: Part) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points of the weather on some routes, base period's first, their weights, and which period each belongs to."""
    region = tables.codes["region"][part]
    used = np.concatenate([row.any(axis=0) for row in tables.heat_shares])
    heat = np.concatenate([tables.heat[period][region] for period in (0, 1)], axis=1)
    shares = np.concatenate([tables.heat_shares[period][region] for period in (0, 1)], axis=1)
    period = np.repeat((0.0, 1.0), tables.heat.shape[2])
    return heat[:, used], shares[:, used], period[used]


def base_product(model: RouteModel, part: Part) -> tuple[FloatArray, list[tuple[int, FloatArray]]]:
    """What does not depend on a coalition, shape (routes, points, exponents), and its logarithmic derivatives."""
    heat, shares, _ = weather_points(model.tables, part)
    c = model.coefficients[part]
    power = model.exponents
    level = c[:, :1] - model.centre[part, None] + c[:, 1:2] * heat + c[:, 2:3] * heat**2
    product = shares[:, :, None] * model.amplitudes[part, None] * _exp(level, power)
    by_heat = heat[:, :, None] * power
    return product, [(0, np.broadcast_to(power, product.shape)), (1, by_heat), (2, heat[:, :, None] * by_heat)]


def _exp(level: FloatArray, power: FloatArray) -> FloatArray:
    """exp(power * level) for equally spaced powers, by repeated multiplication."""
    result = np.empty((*level.shape, len(power)))
    result[..., 0] = np.exp(power[0] * level)
    step = np.exp((power[1] - power[0]) * level)
    for place in range(1, len(power)):
        np.multiply(result[..., place - 1], step, out=result[..., place])
    return result


def list_factors(model: RouteModel, part: Part, *, slopes: bool = True) -> list[Factor]:
    """All factors on some routes; without `slopes` the stages' derivatives, which cost most, are left out."""
    tables, slots = model.tables, model.slots
    power = model.exponents
    in_current = weather_points(tables, part)[2][None, :, None]
    found = [
        _share_factor(MIX, tables.mix[:, tables.pair[part]], slots.shares),
        _share_factor(ALLOCATION, tables.allocation[:, tables.choice[part]], slots.shares + 2),
        Factor((WEATHER,), np.stack([1 - in_current, in_current])),
        *(_stage_factor(model, stage, part, slopes) for stage in range(len(tables.hours))),
    ]
    player = FIRST_TRANSIT + len(tables.exposures)
    if tables.policy is not None:
        rule = _exp(model.coefficients[part, model.design.basis.rule, None], power)
        share = tables.policy[:, part, None, None]
        slope = share * rule * power
        found.append(Factor((player,), 1 - share + share * rule, ((model.design.basis.rule, slope),)))
        player += 1
    for place in range(slots.n_quality):
        value = np.stack([_exp(sign * model.changes[part, place, None] / 2, power) for sign in (-1.0, 1.0)])
        slope = np.array([-0.5, 0.5])[:, None, None, None] * power * value
        found.append(Factor((player + place,), value, ((slots.changes + place, slope),)))
    return found


def _share_factor(player: int, shares: FloatArray, slot: int) -> Factor:
    value = shares[:, :, None, None]
    only = np.eye(2)[:, :, None, None, None]
    return Factor((player,), value, tuple((slot + period, only[period]) for period in (0, 1)))


def _stage_points(
    tables: Tables, design: Design, c: FloatArray, stage: int, part: Part, heat: FloatArray
) -> list[StagePoint]:
    """All points of a stage: periods of hours and node temperature, weight, log-odds, hours, node temperature."""
    basis = design.basis
    own = tables.hours[stage]
    at = basis.cooled.index(stage) if stage in basis.cooled else None
    slope = c[:, basis.hours[stage], None] + c[:, basis.heat_hours[stage], None] * heat
    points: list[StagePoint] = []
    for period in (0, 1):
        for i in range(own.points.shape[2]):
            hours = own.points[period, own.segment[part], i, None] + own.slope * heat
            weight = own.shares[period, own.segment[part], i]
            if at is None:
                points.append((period, 0, weight, slope * hours, hours, None))
                continue
            other = tables.node_heat[at]
            for second in (0, 1):
                for j in range(other.points.shape[2]):
                    node = other.points[second, other.segment[part], j, None] + other.slope * heat
                    both = weight * other.shares[second, other.segment[part], j]
                    level = c[:, basis.node_heat[at], None] + c[:, basis.node_hours[at], None] * hours
                    points.append((period, second, both, slope * hours + level * node, hours, node))
    return points


def _stage_factor(model: RouteModel, stage: int, part: Part, with_slopes: bool) -> Factor:
    """The mean over hours, and node temperature where it is known, with its derivatives.

    Routes of one segment, category and region have it in common, and it is worked out once for them.
    """
    tables, basis = model.tables, model.design.basis
    keys = [tables.hours[stage].segment, tables.codes["category"], tables.codes["region"]]
    if stage in basis.cooled:
        keys.append(tables.node_heat[basis.cooled.index(stage)].segment)
    code = np.ravel_multi_index([key[part] for key in keys], [int(key.max()) + 1 for key in keys])
    _, first, alike = np.unique(code, return_index=True, return_inverse=True)
    return replace(_one_stage(model, stage, np.arange(tables.n_routes)[part][first], with_slopes), alike=alike)


def _one_stage(model: RouteModel, stage: int, part: IntArray, with_slopes: bool) -> Factor:
    tables, basis, slots = model.tables, model.design.basis, model.slots
    c, power = model.coefficients[part], model.exponents
    heat = weather_points(tables, part)[0]
    cooled = stage in basis.cooled
    shape = (2, 2 if cooled else 1, *heat.shape, len(power))
    value, by_hours, by_node, by_both = (np.zeros(shape) for _ in range(4))
    for period, second, weight, level, hours, node in _stage_points(tables, model.design, c, stage, part, heat):
        part_value = weight[:, None, None] * _exp(level, power)
        value[period, second] += part_value
        if not with_slopes:
            continue
        moment = hours[:, :, None] * part_value
        by_hours[period, second] += moment
        if node is not None:
            by_node[period, second] += node[:, :, None] * part_value
            by_both[period, second] += node[:, :, None] * moment
    players: tuple[int, ...] = (FIRST_TRANSIT + stage,)
    if cooled:
        players = (*players, FIRST_TRANSIT + len(tables.hours) + basis.cooled.index(stage))
    if not with_slopes:
        return Factor(players, value if cooled else value[:, 0])
    warm = heat[:, :, None]
    mean = (c[:, basis.hours[stage], None] + c[:, basis.heat_hours[stage], None] * heat)[:, :, None] * value
    slopes = [(basis.hours[stage], power * by_hours), (basis.heat_hours[stage], power * warm * by_hours)]
    if not cooled:
        slopes += _by_exposure(slots.exposure(stage), power * mean, warm, 0)
        return Factor(players, value[:, 0], tuple((slot, slope[:, 0]) for slot, slope in slopes))
    at = basis.cooled.index(stage)
    node_level, joint = c[:, basis.node_heat[at], None, None], c[:, basis.node_hours[at], None, None]
    slopes += [(basis.node_heat[at], power * by_node), (basis.node_hours[at], power * by_both)]
    slopes += _by_exposure(slots.exposure(stage), power * (mean + joint * by_node), warm, 0)
    place = len(tables.hours) + at
    slopes += _by_exposure(slots.exposure(place), power * (node_level * value + joint * by_hours), warm, 1)
    return Factor(players, value, tuple(slopes))


def _by_exposure(slot: int, slope: FloatArray, warm: FloatArray, axis: int) -> list[tuple[int, FloatArray]]:
    """Derivatives by an exposure's two means (each matters in its own period only) and by its slope on the weather."""
    found = []
    for period in (0, 1):
        own = np.zeros_like(slope)
        at = (slice(None),) * axis + (period,)
        own[at] = slope[at]
        found.append((slot + period, own))
    return [*found, (slot + 2, warm * slope)]
