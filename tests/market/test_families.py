"""Each family of worlds changes what it says and nothing else."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from gbanalysis.market import families
from gbanalysis.market.config import Config
from gbanalysis.market.routes import routes_of
from gbanalysis.market.sourcing import supplier_probabilities

from .chain_runs import Run, run

STANDARD = Config(seed=31, n_lines=15_000, n_days=120, start=dt.date(2024, 4, 1), shocks="none", refund_window_days=7)
ORDERS = ["day", "user", "site", "sku", "supplier", "quantity", "amount"]


@pytest.fixture(scope="module")
def standard() -> Run:
    return run(STANDARD)


def of_family(name: str) -> Run:
    return run(replace(STANDARD, family=name))


def assert_same_orders_and_course(one: Run, other: Run) -> None:
    assert (one.lines[ORDERS] == other.lines[ORDERS]).all(axis=None)
    assert (one.hours == other.hours).all() and (one.degrees == other.degrees).all()


def test_batch_adds_one_effect_per_supplier_and_day(standard):
    batch = of_family("batch")
    assert_same_orders_and_course(standard, batch)
    effect = np.log(batch.lines["start"] / standard.lines["start"])
    cells = effect.groupby([standard.lines["day"], standard.lines["supplier"]])
    assert cells.std().max() < 1e-9
    means = cells.mean()
    assert means.std() == pytest.approx(families.BATCH_SD, rel=0.06)
    assert abs(means.mean()) < 4 * families.BATCH_SD / np.sqrt(len(means))


def test_link_changes_the_law_of_tolerance_only(standard):
    link = of_family("link")
    assert_same_orders_and_course(standard, link)
    assert (link.lines["deficit"] == standard.lines["deficit"]).all()
    assert link.lines["complaint"].mean() == pytest.approx(standard.lines["complaint"].mean(), rel=0.15)
    gap = np.log(standard.lines["deficit"])
    one_category = standard.lines["category"] == 0
    curve = np.log(link.lines["complaint"] / (1 - link.lines["complaint"]))[one_category]
    slope = np.polyfit(gap[one_category], curve, 1)
    bent = np.corrcoef(gap[one_category], curve)[0, 1] ** 2
    plain = np.log(standard.lines["complaint"] / (1 - standard.lines["complaint"]))[one_category]
    assert slope[0] > 0
    assert bent < np.corrcoef(gap[one_category], plain)[0, 1] ** 2


def test_interaction_is_heat_times_supplier(standard):
    heat = of_family("interaction")
    assert_same_orders_and_course(standard, heat)
    world = standard.world
    promised = np.minimum(standard.lines["day"] + 1, world.n_days - 1).to_numpy()
    supplier = standard.lines["supplier"].to_numpy()
    outside = world.temperature[routes_of(world).weather_region[0][supplier], promised]
    sensitivity = families.heat_sensitivity(heat.world.config, world.n_suppliers)
    expected = sensitivity[supplier] * np.maximum(outside - 18, 0) / 10
    capped = heat.lines["start"] >= 0.9
    assert np.allclose(np.log(heat.lines["start"] / standard.lines["start"])[~capped], expected[~capped])
    assert (outside < 18).sum() > 200 and sensitivity.std() > 0.1


def test_confounder_moves_allocation_and_quality_together(standard):
    hidden = of_family("confounder")
    world = standard.world
    same = [column for column in ORDERS if column != "supplier"]
    assert (standard.lines[same] == hidden.lines[same]).all(axis=None)
    assert (standard.lines["supplier"] != hidden.lines["supplier"]).mean() > 0.05
    change_share, change_start = [], []
    base = families.glut(hidden.world.config, world.n_suppliers)
    for day in range(0, world.n_days, 20):
        share, plain = (supplier_probabilities(w, day)[0, 0] for w in (hidden.world, world))
        who = world.candidates[0, 0]
        who, share, plain = who[who >= 0], share[who >= 0], plain[who >= 0]
        change_share.append(np.log(share / plain) - np.log(share / plain).mean())
        change_start.append(base[day, who] - base[day, who].mean())
    slope = stats.linregress(np.concatenate(change_start), np.concatenate(change_share)).slope
    assert slope == pytest.approx(families.GLUT_ON_SHARE, rel=1e-6)
    kept = (standard.lines["supplier"] == hidden.lines["supplier"]).to_numpy()
    tilt = np.log(hidden.lines["start"] / standard.lines["start"])[kept]
    cell = base[standard.lines["day"][kept], standard.lines["supplier"][kept]]
    assert np.allclose(tilt, families.GLUT_ON_QUALITY * cell)


def test_glut_is_standard_normal_and_smooth():
    config = Config(seed=2, n_days=700, family="confounder")
    u = families.glut(config, 60)
    assert u.std() == pytest.approx(1, abs=0.05)
    assert np.mean(u[1:] * u[:-1]) > 0.9
    assert abs(np.mean(u[42:] * u[:-42])) < 0.1


def test_drift_lengthens_delays_and_leaves_outcomes(standard):
    drift = of_family("drift")
    assert_same_orders_and_course(standard, drift)
    for column in ("complained", "abused", "ever", "chance"):
        assert (standard.lines[column] == drift.lines[column]).all()

    def mean_delay(r: Run, first: int, last: int) -> float:
        rows = r.refunds[r.refunds["reason"] != "short"]
        day = rows["line_id"].str[1:6].astype(int)
        pickup = r.lines["fulfilled_on"].to_numpy()
        start = np.flatnonzero(np.r_[True, np.diff(r.lines["day"]) > 0])
        place = start[day] + rows["line_id"].str[6:].astype(int)
        age = (rows["requested_on"].to_numpy().astype("datetime64[D]") - pickup[place].astype("datetime64[D]")).astype(
            int
        )
        return float(age[(day >= first) & (day < last)].mean())

    assert mean_delay(drift, 85, 110) > 1.25 * mean_delay(drift, 0, 25)
    assert mean_delay(drift, 0, 25) < mean_delay(standard, 0, 25)


def test_standard_has_none_of_them():
    config = Config(seed=3)
    assert (families.batch_effect(config, 5, 3) == 0).all()
    assert (families.heat_sensitivity(config, 5) == 0).all()
    assert (families.glut(config, 5) == 0).all()
    assert (families.delay_scale(config, np.arange(4)) == 1).all()
    gap = np.linspace(-3, 1, 9)
    assert families.complaint_cdf(config, gap, np.zeros(9), 0.5) == pytest.approx(stats.norm.cdf(gap / 0.5))
