"""The naive estimators of the chain and of refunds are fooled by as much as the docstrings say.

The figures are those of one market of 150 thousand lines over the year 2023 with the default shocks (seed 77).
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gbanalysis.market.config import Config
from gbanalysis.market.effects import period_view
from gbanalysis.market.journey import travel
from gbanalysis.market.routes import routes_of
from gbanalysis.market.shocks import CorruptShift, Leniency, of_kind
from gbanalysis.market.truth import Truth

from .chain_runs import Run, run

CONFIG = Config(seed=77, n_lines=150_000, n_days=365, start=dt.date(2023, 1, 1))


@pytest.fixture(scope="module")
def year() -> Run:
    return run(CONFIG)


@pytest.fixture(scope="module")
def truth(year) -> Truth:
    return Truth(year.world)


def line_of_refund(r: Run) -> np.ndarray:
    first = np.flatnonzero(np.r_[True, np.diff(r.lines["day"]) > 0])
    return first[r.refunds["line_id"].str[1:6].astype(int)] + r.refunds["line_id"].str[6:].astype(int).to_numpy()


def test_transit_interval_of_independent_lines_is_eleven_times_too_narrow(year):
    there = year.nodes[:, 2] == np.bincount(year.nodes[:, 2]).argmax()
    hours = pd.Series(year.hours[there, 2])
    hours -= hours.groupby(year.nodes[there, 1]).transform("mean")
    naive = hours.std() / np.sqrt(len(hours))
    by_day = hours.groupby(year.lines["day"][there].to_numpy()).sum()
    assert np.sqrt((by_day**2).sum()) / len(hours) / naive == pytest.approx(11, abs=2)


def test_cooling_slope_of_refunds_on_temperature_has_the_wrong_sign(year, truth):
    picked = year.lines["picked_up"].to_numpy()
    naive = np.polyfit(year.degrees[picked, 2], year.lines["ever"][picked].astype(float), 1)[0]
    true = truth.response(
        "temperature_central_warehouse", 1.0, (year.world.date(1), year.world.date(365)), n_draws=40_000
    )
    assert (1e4 * naive, 1e4 * true) == (pytest.approx(-19, abs=4), pytest.approx(18, abs=3))


def test_freshness_an_hour_costs_leafy_goods_about_forty_times_what_it_costs_apples(year):
    n, days = 60_000, np.arange(1, 366)
    view = period_view(year.world, days, n, np.random.default_rng(0))
    gain = travel(view.nudged({"transit_central_warehouse": 1.0})).complaint - travel(view).complaint
    name = np.array(year.world.subcategory)[year.world.sku_subcategory[view.items.sku]]
    leafy, apples = gain[name == "leafy"].mean(), gain[name == "apples"].mean()
    assert leafy / apples == pytest.approx(44, rel=0.3)


def test_losses_booked_as_damage_are_mostly_theft_at_the_corrupt_node(year):
    shock = of_kind(year.world.shocks, CorruptShift)[0][1]
    first, last = pd.Timestamp(shock.starts_on), pd.Timestamp(shock.ends_on) + pd.Timedelta(days=1)
    true = year.losses[
        (year.losses["node_id"] == shock.node_id) & pd.to_datetime(year.losses["date"]).between(first, last)
    ]
    units = true.groupby("cause")["units"].sum()
    assert units["theft"] / units.sum() == pytest.approx(0.74, abs=0.05)
    here = year.flows[(year.flows["node_id"] == shock.node_id) & year.flows["arrived_at"].between(first, last)]
    lost = (here["quantity_in"] - here["quantity_out"]).groupby(here["loss_reason"]).sum()
    assert lost["damage"] > 5 * units["damage"]


def test_abuse_most_users_with_many_refunds_are_not_abusers(year):
    lines = year.lines[year.lines["picked_up"]]
    users = lines.groupby("user")["ever"].agg(["size", "mean"])
    flagged = users[(users["size"] >= 3) & (users["mean"] >= 0.25)].index
    assert len(flagged) > 200
    assert routes_of(year.world).user_abuser[flagged].mean() == pytest.approx(0.083, abs=0.03)


def test_delays_make_the_newest_rate_too_low(year):
    seen = np.zeros(len(year.lines), dtype=bool)
    seen[line_of_refund(year)] = True
    age = (pd.Timestamp(year.world.as_of) - year.lines["fulfilled_on"]).dt.days
    newest = year.lines["picked_up"] & (age <= 6)
    assert seen[newest].mean() / year.lines["ever"][newest].mean() == pytest.approx(0.85, abs=0.05)


def test_refunds_by_request_date_err_with_the_growth_of_the_week(year):
    picked = year.lines["picked_up"] & year.lines["fulfilled_on"].notna()
    week = (year.lines["fulfilled_on"] - pd.Timestamp(CONFIG.start)).dt.days // 7
    lines, ever = week[picked].groupby(week[picked]).size(), year.lines["ever"][picked].groupby(week[picked]).sum()
    place = line_of_refund(year)
    asked = year.refunds[picked.to_numpy()[place]].drop_duplicates("line_id")
    when = (pd.to_datetime(asked["requested_on"]) - pd.Timestamp(CONFIG.start)).dt.days // 7
    error = ((when.groupby(when).size() / lines) / (ever / lines) - 1).iloc[2:50]
    assert np.corrcoef(lines.pct_change()[error.index], error)[0, 1] == pytest.approx(-0.63, abs=0.12)
    assert error.max() > 0.3 and error.min() < -0.08


def test_policies_before_and_after_is_not_the_rule(year, truth):
    naive, true = [], []
    for _, rule in of_kind(year.world.shocks, Leniency):
        day, region = (rule.starts_on - CONFIG.start).days, year.world.regions.index(rule.region)
        of_region = year.lines["picked_up"] & (year.lines["region"] == region)
        promised = year.lines["day"] + 1
        after, before = promised.between(day, day + 29), promised.between(day - 30, day - 1)
        naive.append(year.lines["chance"][of_region & after].mean() - year.lines["chance"][of_region & before].mean())
        periods = [(year.world.date(a), year.world.date(b)) for a, b in ((day - 30, day - 1), (day, day + 29))]
        frame = truth.attribution(*periods, n_draws=10_000)
        own = frame[(frame["mechanism"] == "policy") & (frame["level"] == rule.region)]["contribution"].iloc[0]
        true.append(own / of_region[after].sum() * (year.lines["picked_up"] & after).sum())
    naive, true = 100 * np.array(naive), 100 * np.array(true)
    assert true == pytest.approx([0.33, 0.40, 0.38, 0.38], abs=0.08)
    assert naive == pytest.approx([-0.4, 0.0, 3.1, -0.9], abs=0.3)


def test_inspections_say_little_of_a_suppliers_refund_rate(year):
    found = year.inspections.groupby("supplier_id")[["n_defective", "n_sampled"]].sum()
    rate = year.lines[year.lines["picked_up"]].groupby("supplier")["ever"].mean()
    rate.index = [year.world.supplier_id[i] for i in rate.index]
    share = (found["n_defective"] / found["n_sampled"])[rate.index]
    assert stats.spearmanr(share, rate).statistic == pytest.approx(0.4, abs=0.15)


def test_reviews_sound_worse_than_what_was_felt(year):
    felt = np.clip(5 - np.round(8 * year.lines["deficit"][year.lines["picked_up"]]), 1, 5).mean()
    assert felt - year.reviews["rating"].mean() == pytest.approx(0.10, abs=0.03)


def test_chain_a_suppliers_losses_are_mostly_lost_elsewhere(year):
    lost = year.flows["quantity_in"] - year.flows["quantity_out"]
    at_supplier = year.flows["stage"] == "supplier"
    assert lost[at_supplier].sum() / lost.sum() == pytest.approx(0.035, abs=0.012)


def test_tolerance_twice_the_deficit_is_far_more_than_twice_the_complaints(year):
    fruit = year.lines[year.lines["category"] == year.world.category.index("fruit")]
    low, high = (fruit[fruit["deficit"].between(0.9 * at, 1.1 * at)]["complaint"].mean() for at in (0.1, 0.2))
    assert high / low == pytest.approx(9, abs=2)
