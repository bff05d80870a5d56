"""Arrival quality against its equations, worked out line by line in plain Python."""

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest

from gbanalysis.market.config import Config
from gbanalysis.market.day import Day
from gbanalysis.market.freshness import ages
from gbanalysis.market.journey import travel
from gbanalysis.market.routes import routes_of
from gbanalysis.market.shocks import BadCrop, SupplierQuality
from gbanalysis.market.tolerance import planned_rates
from gbanalysis.market.world import build_world

from .chain_runs import run, run_world

START = dt.date(2024, 5, 1)
PLAIN = Config(seed=11, n_lines=12_000, n_days=40, start=START, shocks="none")


@pytest.fixture(scope="module")
def day():
    return Day(build_world(PLAIN), 20)


def test_quality_follows_its_equations(day):
    view, journey, world = day.shipped.view, day.shipped.journey, day.world
    routes, tables = routes_of(world), view.parameters
    for i in range(60):
        sku, supplier = int(view.items.sku[i]), int(view.items.supplier[i])
        chilled = world.sku_shelf_days[sku] <= 21
        nodes = [int(node[i]) for node in view.nodes]
        age, whole = 0.0, 1.0
        for k, node in enumerate(nodes):
            degrees = journey.degrees[k, i]
            outside = world.temperature[routes.weather_region[k][node], 21]
            inside = 4 + routes.leak_share[k][node] * max(outside - 4, 0) if chilled else max(outside, 2)
            assert degrees == pytest.approx(inside + tables.cooling[k][0, node])
            hours = journey.transit.hours[k, i]
            age += hours * 2.3 ** ((degrees - (4 if chilled else 20)) / 10) / (24 * world.sku_shelf_days[sku])
            if k:
                bruise = routes.bruise[k][node] * math.exp(tables.bruise_log[k][0, node])
                whole *= 1 - bruise * (0.5 + 1.2 * math.exp(-world.sku_shelf_days[sku] / 15))
        start = math.exp(tables.supplier_log[0, supplier] + tables.category_log[0, world.sku_category[sku]])
        deficit = 1 - (1 - start) * whole * math.exp(-0.35 * age**1.3)
        assert journey.freshness.deficit[i] == pytest.approx(deficit, rel=1e-9)


def test_ten_degrees_age_goods_2_3_times_as_fast(day):
    view, journey = day.shipped.view, day.shipped.journey
    hours, degrees = journey.transit.hours, journey.degrees
    assert ages(view, hours, degrees + 10) == pytest.approx(2.3 * ages(view, hours, degrees))
    assert ages(view, 3 * hours, degrees) == pytest.approx(3 * ages(view, hours, degrees))


def test_an_hour_hurts_leafy_goods_more_than_keeping_goods(day):
    view, shelf = day.shipped.view, day.world.sku_shelf_days[day.lines.sku]
    later = travel(view.nudged({"transit_central_warehouse": 3.0})).complaint - day.shipped.journey.complaint
    assert (later >= 0).all()
    assert later[shelf <= 5].mean() > 8 * later[shelf >= 100].mean() > 0


def test_categories_complain_at_the_planned_rates_over_a_year():
    r = run(Config(seed=5, n_lines=60_000, n_days=365, shocks="none", stock_cover=50.0))
    got = r.lines.groupby("category")["complaint"].mean()
    planned = planned_rates(r.world)[got.index]
    # the plan knows neither the suppliers' shares nor regional taste, which can move a category of few SKUs by a third
    assert got.to_numpy() == pytest.approx(planned, rel=0.35)
    assert r.lines["complaint"].mean() == pytest.approx(planned_rates(r.world)[r.lines["category"]].mean(), rel=0.1)


def test_a_supplier_that_worsens_changes_its_own_lines_only():
    plain = run(PLAIN)
    name = plain.world.supplier_id[int(plain.lines["supplier"].mode()[0])]
    first, last = START + dt.timedelta(days=10), START + dt.timedelta(days=30)
    worse = run_world(
        build_world(
            replace(PLAIN, shocks=(SupplierQuality(starts_on=first, ends_on=last, size=1.7, supplier_id=name),))
        )
    )
    struck = (plain.lines["supplier"] == plain.world.supplier_id.index(name)) & (plain.lines["day"] + 1).between(10, 30)
    ratio = worse.lines["start"] / plain.lines["start"]
    assert struck.sum() > 200
    assert np.allclose(ratio[struck], 1.7)
    assert (ratio[~struck] == 1).all()


def test_a_bad_crop_strikes_one_origin_category_and_region():
    plain = run(PLAIN)
    world = plain.world
    crop = BadCrop(
        starts_on=START,
        ends_on=START + dt.timedelta(days=60),
        size=2.0,
        region="Hunan",
        origin="Hubei",
        category="vegetables",
    )
    worse = run_world(build_world(replace(PLAIN, shocks=(crop,))), range(10))
    lines = plain.lines[plain.lines["day"] < 10]
    struck = (
        (lines["region"] == world.regions.index("Hunan"))
        & (np.array(world.sku_origin)[lines["sku"]] == "Hubei")
        & (lines["category"] == world.category.index("vegetables"))
    )
    ratio = worse.lines["start"] / lines["start"]
    assert struck.sum() > 10
    assert np.allclose(ratio[struck], 2.0) and (ratio[~struck] == 1).all()
