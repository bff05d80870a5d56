"""Refunds: chances, delays, amounts, rules and abuse, against what was planted."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gbanalysis.market.config import Config
from gbanalysis.market.delays import WEEKDAY_WEIGHT, delay_distribution, delay_scales, draw_delays
from gbanalysis.market.routes import routes_of
from gbanalysis.market.shocks import Leniency
from gbanalysis.market.world import build_world

from .chain_runs import Run, run

START = dt.date(2024, 1, 1)
PLAIN = Config(seed=21, n_lines=60_000, n_days=120, start=START, shocks="none", refund_window_days=7)


@pytest.fixture(scope="module")
def plain() -> Run:
    return run(PLAIN)


@pytest.fixture(scope="module")
def joined(plain) -> pd.DataFrame:
    """Refund rows beside their lines."""
    place = plain.lines.groupby("day").cumcount()
    ids = [f"L{day:05d}{i:07d}" for day, i in zip(plain.lines["day"], place, strict=True)]
    lines = plain.lines.assign(line_id=ids)
    both = plain.refunds.merge(lines, on="line_id", suffixes=("", "_line"), validate="many_to_one")
    assert len(both) == len(plain.refunds)
    return both.assign(requested_on=pd.to_datetime(both["requested_on"]), decided_on=pd.to_datetime(both["decided_on"]))


def test_overall_and_category_rates_are_those_of_the_trade(plain):
    lines = plain.lines[plain.lines["picked_up"]]
    assert 0.025 < lines["ever"].mean() < 0.04
    by_category = lines.groupby("category")["ever"].mean()
    assert by_category.min() > 0.008 and 0.04 < by_category.max() < 0.08


def test_outcomes_are_drawn_with_the_stated_chances(plain):
    lines = plain.lines[plain.lines["picked_up"]]
    decile = pd.qcut(lines["complaint"], 10, labels=False)
    expected = lines.groupby(decile)["complaint"].agg(["sum", "size"])
    seen = lines.groupby(decile)["complained"].sum()
    z = (seen - expected["sum"]) / np.sqrt(expected["sum"] * (1 - expected["sum"] / expected["size"]))
    assert (z**2).sum() < stats.chi2.ppf(0.9999, 10)
    total = lines["chance"].sum()
    assert abs(lines["ever"].sum() - total) < 4 * np.sqrt(total)


def test_delays_follow_the_planted_curve_by_category_and_weekday():
    world, n = build_world(PLAIN), 40_000
    u = np.random.default_rng(3).random(n)
    for category, day in ((0, 10), (1, 12), (6, 13)):
        drawn = draw_delays(world, np.full(n, day), np.full(n, category), u)
        seen = np.bincount(drawn, minlength=8)
        scale = delay_scales(world)[category]
        survival = np.exp(-((np.arange(9) / scale) ** 0.9))
        weekday = (START + dt.timedelta(days=day)).weekday()
        mass = -np.diff(survival) * WEEKDAY_WEIGHT[(weekday + np.arange(8)) % 7]
        assert stats.chisquare(seen, n * mass / mass.sum()).pvalue > 1e-4


def test_written_delays_of_mature_pickups_recover_the_curve(plain, joined):
    asked = joined[(joined["reason"] != "short") & joined["fulfilled_on"].notna()]
    pickup = (asked["fulfilled_on"] - pd.Timestamp(START)).dt.days
    mature = pickup < PLAIN.n_days - 7
    age = (asked["requested_on"] - asked["fulfilled_on"]).dt.days[mature]
    chances = delay_distribution(plain.world, pickup[mature].to_numpy())
    expected = chances[np.arange(mature.sum()), asked["category"][mature]].sum(axis=0)
    assert stats.chisquare(np.bincount(age, minlength=8), expected).pvalue > 1e-4
    assert age.median() in (1, 2) and 4 <= age.quantile(0.9) <= 6
    assert age.max() == 7 and age.min() == 0


def test_categories_differ_in_delay(plain):
    scales = delay_scales(plain.world)
    place = plain.world.category.index
    assert scales[place("household")] > 1.3 * scales[place("vegetables")]


def test_nothing_is_written_that_is_not_known_by_the_last_day(plain, joined):
    last = pd.Timestamp(plain.world.as_of)
    assert joined["requested_on"].max() <= last
    assert joined["decided_on"].max() <= last
    assert (joined["decided_on"].isna() == joined["approved"].isna()).all()
    open_still = joined["approved"].isna()
    assert (joined["requested_on"][open_still] >= last - pd.Timedelta(days=1)).all()
    newest = plain.lines[plain.lines["picked_up"] & (plain.lines["day"] >= PLAIN.n_days - 3)]
    written = joined[joined["picked_up"] & (joined["day"] >= PLAIN.n_days - 3)]["line_id"].nunique()
    assert written < 0.8 * newest["ever"].sum()


def test_short_lines_are_refunded_for_what_was_missing(plain, joined):
    short = joined[joined["reason"] == "short"]
    assert (short["quantity"] == short["quantity_line"] - short["received"]).all()
    assert short["approved"].all()
    came_short = (plain.lines["received"] < plain.lines["quantity"]) & (
        plain.lines["picked_up"] | (plain.lines["received"] == 0)
    )
    assert plain.lines.loc[came_short, "ever"].all()


def test_refunds_never_exceed_the_line(joined):
    total = joined.groupby("line_id").agg(
        amount=("amount", "sum"), line=("amount_line", "first"), q=("quantity", "sum"), of=("quantity_line", "first")
    )
    assert (total["amount"] <= total["line"] + 0.02).all()
    assert (total["q"] <= total["of"]).all()
    assert (
        joined["amount"] == (joined["amount_line"] * joined["quantity"] / joined["quantity_line"]).round(2)
    ).mean() > 0.99


def test_abusers_ask_at_the_planted_rate_and_others_never_abuse():
    r = run(replace(PLAIN, abuser_share=0.05))
    abuser = routes_of(r.world).user_abuser[r.lines["user"]]
    lines = r.lines[r.lines["picked_up"]]
    abuser = abuser[r.lines["picked_up"]]
    rate = 0.25 + 0.15 * (lines["day"] + 1) / PLAIN.n_days
    expected = rate[abuser].sum()
    assert abs(lines["abused"][abuser].sum() - expected) < 4 * np.sqrt(expected)
    assert not lines["abused"][~abuser].any()
    assert lines["ever"][abuser].mean() > 5 * lines["ever"][~abuser].mean()


def test_a_lenient_rule_raises_complaints_where_and_when_it_holds():
    first = START + dt.timedelta(days=60)
    rule = Leniency(starts_on=first, ends_on=START + dt.timedelta(days=200), size=0.3, region="Hunan", category="fruit")
    plain, eased = run(PLAIN), run(replace(PLAIN, shocks=(rule,)))
    lines = plain.lines
    struck = (
        (lines["region"] == 1) & (lines["category"] == plain.world.category.index("fruit")) & (lines["day"] + 1 >= 60)
    )
    assert plain.world.regions[1] == "Hunan"
    ratio = eased.lines["complaint"] / lines["complaint"]
    assert (ratio[~struck] == 1).all() and (ratio[struck] > 1).all()
    # elasticity of the chance to the log tolerance is about 2.5 at 4 %
    assert eased.lines["complaint"][struck].mean() / lines["complaint"][struck].mean() == pytest.approx(
        np.exp(0.3 * 2.5), rel=0.2
    )


def test_reviews_of_the_let_down_are_more_frequent_and_worse(plain):
    lines = plain.lines.assign(
        line_id=[
            f"L{d:05d}{i:07d}" for d, i in zip(plain.lines["day"], plain.lines.groupby("day").cumcount(), strict=True)
        ]
    )
    both = lines.merge(plain.reviews, on="line_id", how="left")
    share = both.groupby("complained")["rating"].apply(lambda rating: rating.notna().mean())
    mean = both.groupby("complained")["rating"].mean()
    assert share[True] == pytest.approx(0.30, abs=0.04) and 0.06 < share[False] < 0.09
    assert mean[True] < 3 < mean[False]
    assert (pd.to_datetime(both["reviewed_on"]) >= both["fulfilled_on"]).sum() == both["rating"].notna().sum()


def test_inspections_see_the_start_of_each_supplier(plain):
    got = plain.inspections.groupby("supplier_id")[["n_defective", "n_sampled"]].sum()
    assert (plain.inspections["n_defective"] <= plain.inspections["n_sampled"]).all()
    start = plain.lines.groupby("supplier")["start"].mean()
    start.index = [plain.world.supplier_id[i] for i in start.index]
    share = got["n_defective"] / got["n_sampled"]
    assert stats.spearmanr(share, start[share.index]).statistic > 0.7
