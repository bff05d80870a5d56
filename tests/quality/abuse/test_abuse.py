"""Refund abuse: rates by hand, the mixture by brute force, known abusers, and what must not change the scores."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

import gbanalysis as gb
from benchmarks.worlds.abuse_world import AbuseWorld, make_abuse_world
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.abuse import model as abuse_model
from gbanalysis.quality.abuse import scoring as abuse_scoring
from gbanalysis.quality.abuse.difficulty import FACTORS, factor_codes, fit_difficulty
from gbanalysis.quality.abuse.evidence import site_factors
from gbanalysis.quality.abuse.flagging import THRESHOLDS, rates_without, share_of_claims
from gbanalysis.quality.abuse.model import ABUSE, LOG_FRAILTY, Evidence, fit_mixture
from gbanalysis.stats.ranking import recall_at

SEED = 5_200


@pytest.fixture(scope="module")
def world() -> AbuseWorld:
    return make_abuse_world(SEED, share=0.02)


@pytest.fixture(scope="module")
def scores(world: AbuseWorld) -> gb.quality.RefundAbuse:
    return gb.quality.score_refund_abuse(gb.read_dataset(world.tables))


def by_risk(rate: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Hazard of the lines that were not refunded, by class of risk."""
    quiet, risk = -np.log1p(-rate) * ~asked, abuse_model.risk_of(rate)
    return np.stack([(quiet * (risk == k)).sum(axis=1) for k in range(abuse_model.N_RISKS)], axis=1)


def small_evidence(rng: np.random.Generator, n_users: int = 300, n_abusers: int = 10) -> Evidence:
    """Users with twelve lines of two kinds, strict or mild, of whom some ask for half of them back."""
    rate = np.where(rng.random((n_users, 12)) < 0.5, 0.02, 0.1)
    honest = 1 - (1 - rate) ** rng.lognormal(-0.3, 0.8, (n_users, 1))
    chance = np.where(np.arange(n_users)[:, None] < n_abusers, 0.5 + 0.5 * rate, honest)
    asked = rng.random(rate.shape) < chance
    user, place = np.nonzero(asked)
    hazard = by_risk(rate, asked)
    return Evidence(np.full(n_users, 12.0), hazard, user, rate[user, place], 0 * user, 0 * user)


def test_difficulty_solves_the_equations_of_its_factors() -> None:
    """Every factor meets (R + k) / (E + k) with what the others expect (to the sweeps' accuracy)."""
    rng = np.random.default_rng(1)
    codes = [rng.integers(0, 6, 400), rng.integers(0, 5, 400)]
    lines = rng.integers(20, 200, 400).astype(float)
    true = 0.05 * np.exp(rng.normal(0, 0.5, 6))[codes[0]] * np.exp(rng.normal(0, 0.4, 5))[codes[1]]
    refunds = rng.binomial(lines.astype(int), true).astype(float)
    found = fit_difficulty(refunds, lines, codes)
    for code, strength in zip(codes, found.strength, strict=True):
        observed, expected = np.bincount(code, refunds), np.bincount(code, lines * found.rate)
        # R - E is what shrinkage holds back: k (factor - 1), of either sign and below k
        assert (np.abs(observed - expected) < strength).all()
        assert np.corrcoef(observed, expected)[0, 1] > 0.995
    assert np.abs(np.log(found.rate / true)).mean() < 0.15  # two factors of some 250 refunds a level: 0.09 by chance


def test_own_refunds_are_taken_out_as_a_refit_without_them_would() -> None:
    """With the other users' factors fixed, the rate of a line equals the one fitted on everybody else's refunds."""
    rng = np.random.default_rng(2)
    code = rng.integers(0, 8, 200)
    lines, refunds = np.full(200, 30.0), rng.binomial(30, 0.08, 200).astype(float)
    found = fit_difficulty(refunds, lines, [code])
    cell = np.array([0, 0, 5])
    weight = np.ones(3)
    told = found.without_own(cell, np.array([7, 7, 9]), weight)
    level = code[0]
    others = refunds.copy()
    others[0] -= 2
    base = refunds.sum() / lines.sum()
    inside = code == level
    strength = found.strength[0]
    by_hand = base * (others[inside].sum() + strength) / (base * lines[inside].sum() + strength)
    own_factor = base * (refunds[inside].sum() + strength) / (base * lines[inside].sum() + strength)
    assert found.rate[0] == pytest.approx(own_factor, rel=0.02)
    assert told[0] / found.rate[0] == pytest.approx(by_hand / own_factor, rel=1e-12)
    assert told[0] == told[1]


def test_factors_use_the_columns_that_are_there() -> None:
    columns = {"sku_id": np.array(list("aab"), dtype=object), "region": np.array(list("xyy"), dtype=object)}
    assert [code.tolist() for code in factor_codes(columns)] == [[0, 0, 1]]
    assert FACTORS[0] == ("sku_id",)


def test_likelihoods_are_those_of_single_lines() -> None:
    """Brute force: the ratio of the laws' likelihoods as products over every single line."""
    rng = np.random.default_rng(3)
    rate = rng.uniform(0.01, 0.3, (40, 5))
    asked = rng.random(rate.shape) < 0.2
    user, place = np.nonzero(asked)
    hazard = by_risk(rate, asked)
    evidence = Evidence(np.full(40, 5.0), hazard, user, rate[user, place], 0 * user, 0 * user)
    found = fit_mixture(evidence)
    frailty, abuse = found.law.frailty_weights(), found.law.abuse_weights()
    risk = abuse_model.risk_of(rate)
    for person in range(6):
        loading, offset = found.loading[risk[person]], found.offset[risk[person]]
        honest = sum(
            weight
            * np.prod(
                np.where(
                    asked[person],
                    1 - (1 - rate[person]) ** np.exp(loading * log + offset),
                    (1 - rate[person]) ** np.exp(loading * log + offset),
                )
            )
            for log, weight in zip(LOG_FRAILTY, frailty, strict=True)
        )
        bad = sum(
            weight * np.prod(np.where(asked[person], 1 - (1 - a) * (1 - rate[person]), (1 - a) * (1 - rate[person])))
            for a, weight in zip(ABUSE, abuse, strict=True)
        )
        assert found.log_ratio[person] == pytest.approx(np.log(bad / honest), rel=1e-9)
        odds = np.exp(found.law.log_odds) * bad / honest
        assert found.probability[person] == pytest.approx(odds / (1 + odds), rel=1e-9)


def test_excess_is_the_expectation_over_all_ways_in_which_refunds_had_no_cause() -> None:
    """Brute force over the 2^r ways to say which refunds of a user were without a cause."""
    evidence = small_evidence(np.random.default_rng(4))
    found = fit_mixture(evidence)
    person = int(np.argmax((evidence.n_refunded <= 8) * evidence.n_refunded))
    rate = evidence.rate[evidence.user == person]
    quiet = evidence.n_lines[person] - len(rate)
    total, first, second = 0.0, 0.0, 0.0
    for a, weight in zip(ABUSE, found.law.abuse_weights(), strict=True):
        for alone in product((0, 1), repeat=len(rate)):
            flags = np.array(alone)
            chance = weight * (1 - a) ** quiet * np.prod(np.where(flags == 1, a * (1 - rate), rate))
            total += chance
            first += chance * flags.sum()
            second += chance * flags.sum() ** 2
    probability = found.probability[person]
    assert found.excess[person] == pytest.approx(probability * first / total, rel=1e-9)
    assert found.excess_variance[person] == pytest.approx(
        probability * second / total - (probability * first / total) ** 2, rel=1e-9
    )
    assert found.without_cause[evidence.user == person].sum() == pytest.approx(found.excess[person], rel=1e-9)


def test_each_step_raises_the_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expectation and maximisation never goes down; without marks only the pseudo-abusers hold it back."""
    evidence = small_evidence(np.random.default_rng(5), n_users=2000, n_abusers=60)
    monkeypatch.setattr(abuse_model, "PSEUDO_ABUSERS", 1e-9)
    monkeypatch.setattr(abuse_model, "ROUNDS", 1)
    reached = []
    for steps in (1, 3, 10, 40):
        monkeypatch.setattr(abuse_model, "STEPS", steps)
        found = fit_mixture(evidence)
        share = special.expit(found.law.log_odds)
        fixed = abuse_model._prepare(evidence, found.loading, found.offset)
        plain = np.log(fixed.honest @ found.law.frailty_weights()) + fixed.top
        reached.append(float((plain + np.log1p(share * np.expm1(found.log_ratio))).sum()))
    assert np.all(np.diff(reached) > -0.05)
    assert reached[-1] > reached[0] + 1


def test_derivatives_agree_with_a_refit_of_the_chances() -> None:
    """The covariance is that of the laws' maximum: scores sum to nearly nothing there."""
    found = fit_mixture(small_evidence(np.random.default_rng(6), n_users=4000, n_abusers=100))
    step = found.covariance @ found.scores.sum(axis=0)
    spread = np.sqrt(np.diag(found.covariance))
    assert (np.abs(step[:3]) < spread[:3]).all()
    assert found.slopes.shape == found.scores.shape
    assert (found.slopes[:, 0] >= 0).all()  # higher odds never make a user more honest


def test_known_abusers_rank_above_the_raw_rate(world: AbuseWorld, scores: gb.quality.RefundAbuse) -> None:
    users = scores.users
    bad = users["user_id"].isin(world.abusers).to_numpy()
    shares = (0.0005, 0.001, 0.005, 0.02)
    ours = recall_at(users["log_ratio"].to_numpy(), bad, shares)
    raw = recall_at((users["n_refunded"] / users["n_lines"]).to_numpy(), bad, shares)
    assert (ours > raw).all()
    assert ours[1] > 2 * max(raw[1], 0.02)


def order_of(score: np.ndarray, inside: np.ndarray) -> float:
    """Chance that a user inside ranks above one outside; 0.5 where the group tells nothing."""
    ranks = stats.rankdata(score)
    n = inside.sum()
    return float((ranks[inside].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


@pytest.mark.slow
def test_users_of_a_bad_supplier_are_no_abusers(world: AbuseWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the users, drawn by lot, get two lines of a new supplier of whose goods half are sent back."""
    rng = np.random.default_rng(8)
    buyers = world.tables["order_lines"].drop_duplicates("user_id").sample(frac=1 / 3, random_state=8)
    extra = pd.concat([buyers.assign(line_id=f"b{k}" + buyers["line_id"]) for k in range(2)], ignore_index=True)
    extra = extra.assign(order_id=extra["line_id"], supplier_id="pbad")
    asked = extra[rng.random(len(extra)) < 0.5]
    marks = world.tables["refunds"].drop(columns=["refund_id", "line_id", "requested_on", "amount"])
    refunds = marks.sample(len(asked), replace=True, random_state=8, ignore_index=True).assign(
        refund_id="b" + asked["line_id"].to_numpy(),
        line_id=asked["line_id"].to_numpy(),
        requested_on=asked["fulfilled_on"].to_numpy(),
        amount=asked["amount"].to_numpy(),
    )
    more = {
        **world.tables,
        "order_lines": pd.concat([world.tables["order_lines"], extra], ignore_index=True),
        "refunds": pd.concat([world.tables["refunds"], refunds], ignore_index=True),
    }
    data = gb.read_dataset(more)
    users = gb.quality.score_refund_abuse(data).users
    honest = ~users["user_id"].isin(world.abusers).to_numpy()
    bought = users["user_id"].isin(buyers["user_id"]).to_numpy()[honest]
    raw = order_of((users["n_refunded"] / users["n_lines"]).to_numpy()[honest], bought)
    ours = order_of(users["probability"].to_numpy()[honest], bought)
    monkeypatch.setattr(abuse_scoring, "factor_codes", lambda kinds: [np.zeros(len(kinds["sku_id"]), dtype=np.int64)])
    blind = gb.quality.score_refund_abuse(data).users["probability"].to_numpy()
    assert raw > 0.75
    assert abs(ours - 0.5) < 0.6 * abs(order_of(blind[honest], bought) - 0.5)
    assert np.mean(users["probability"].to_numpy()[honest][bought] > 0.5) < 0.005


def test_excess_by_finds_the_ring_and_not_its_supplier() -> None:
    """Twenty-five regular users of one site of a world without abusers ask for half of their lines back."""
    world = make_abuse_world(SEED + 1, share=0.0)
    lines, refunds = world.tables["order_lines"], world.tables["refunds"]
    n_lines = lines.groupby(["site_id", "user_id"]).size()
    site = str((n_lines >= 8).groupby("site_id").sum().idxmax())
    ring = n_lines[site][n_lines[site] >= 8].index[:25]
    rng = np.random.default_rng(9)
    theirs = lines[lines["user_id"].isin(ring) & ~lines["line_id"].isin(refunds["line_id"])]
    theirs = theirs[rng.random(len(theirs)) < 0.5]
    asked = theirs[["line_id", "amount"]].assign(
        refund_id="x" + theirs["line_id"], requested_on=theirs["fulfilled_on"], refund_only=True, reason="spoiled"
    )
    more = pd.concat([refunds, asked[[name for name in refunds if name in asked]]], ignore_index=True)
    found = gb.quality.score_refund_abuse(gb.read_dataset({**world.tables, "refunds": more}))
    sites, suppliers = found.excess_by("site_id"), found.excess_by("supplier_id")
    assert sites["site_id"].iloc[0] == site
    assert sites["excess"].iloc[0] == pytest.approx(len(asked), rel=0.3)
    for frame in (sites, suppliers):
        assert frame["excess"].sum() == pytest.approx(found.excess[0], rel=1e-9)
        assert frame["n_lines"].sum() == found.users["n_lines"].sum()
        assert (frame["ci_lower"] <= frame["excess"] + 1e-9).all()
    # no supplier of the ring is blamed: what is left of its rate is what the other sites have
    planted = theirs["supplier_id"].value_counts().reindex(suppliers["supplier_id"]).fillna(0).to_numpy()
    assert np.abs(suppliers["excess"] - planted).max() < 0.35 * planted.max() + 5


@pytest.mark.slow
def test_renaming_users_changes_nothing(world: AbuseWorld, scores: gb.quality.RefundAbuse) -> None:
    names = world.tables["order_lines"]["user_id"].unique()
    renamed = dict(
        zip(names, np.random.default_rng(7).permutation([f"x{k:05d}" for k in range(len(names))]), strict=True)
    )
    lines = world.tables["order_lines"].assign(user_id=world.tables["order_lines"]["user_id"].map(renamed))
    other = gb.quality.score_refund_abuse(gb.read_dataset({**world.tables, "order_lines": lines}))
    before = scores.users.set_index(scores.users["user_id"].map(renamed))["probability"]
    after = other.users.set_index("user_id")["probability"]
    assert np.abs(before - after.reindex(before.index)).max() < 1e-6
    pd.testing.assert_frame_equal(scores.threshold_table(), other.threshold_table(), rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 11))
def test_one_more_refund_never_makes_a_user_more_honest(seed: int, n: int) -> None:
    """Under fixed laws the ratio grows with each further refunded line of the same kind."""
    rng = np.random.default_rng(seed)
    found = fit_mixture(small_evidence(rng))
    rate, hazard = rng.uniform(0.01, 0.1), -np.log1p(-0.05)
    ratios = []
    for asked in (n, n + 1):
        user = np.zeros(asked, dtype=np.int64)
        quiet = np.outer([(12 - asked) * hazard], np.eye(abuse_model.N_RISKS)[2])
        one = Evidence(np.array([12.0]), quiet, user, np.full(asked, rate), user, user)
        fixed = abuse_model._prepare(one, found.loading, found.offset)
        ratios.append(
            abuse_model._split(found.law, fixed, abuse_model._abusive(one, fixed, np.ones(asked))).log_ratio[0]
        )
    assert ratios[1] > ratios[0]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(THRESHOLDS)), st.integers(0, 4), st.integers(1, 20), st.integers(0, 20)),
        min_size=3,
    )
)
def test_rates_without_are_ratios_of_sums(rows: list[tuple[int, int, int, int]]) -> None:
    days = pd.DataFrame(
        [(band, site, "p", site % 2, lines, min(asked, lines)) for band, site, lines, asked in rows],
        columns=["band", "day", "supplier_id", "site_id", "lines", "refunded"],
    )
    found = rates_without(days, confidence=0.9)
    for place, row in enumerate(found.itertuples(), start=1):
        kept = days[days["band"] < place]
        if kept.empty:
            assert np.isnan(row.rate_without)
            continue
        assert row.rate_without == pytest.approx(kept["refunded"].sum() / kept["lines"].sum())
        assert row.drop_rate == pytest.approx(row.rate_with - row.rate_without)
        assert row.n_lines_flagged + kept["lines"].sum() == days["lines"].sum()


def test_intervals_of_claims_keep_mean_and_stay_within() -> None:
    ends = share_of_claims(
        np.array([0.2, 3.0, 5.0]), np.array([0.3, 1.0, 0.0]), np.array([2.0, 5.0, 5.0]), confidence=0.9
    )
    assert (ends[:, 0] >= 0).all() and (ends[:, 1] <= [2, 5, 5]).all()
    assert ends[2].tolist() == [5.0, 5.0]
    assert ends[1, 0] < 3 < ends[1, 1]


def test_a_site_says_nothing_of_its_only_user() -> None:
    sites = pd.DataFrame({"user_id": ["a", "b", "c"], "site_id": ["s", "t", "t"], "expected": [2.0, 2.0, 2.0]})
    claims = pd.DataFrame({"user_id": ["a"] * 9 + ["b"] * 6, "site_id": ["s"] * 9 + ["t"] * 6})
    factor, row = site_factors(sites, claims, np.ones(15))
    assert factor[0] == 1.0  # alone at the site: nobody else speaks for it
    assert factor[1] < 1 < factor[2]  # b is judged by c, who asked nothing, and c by b
    assert row.tolist() == [0] * 9 + [1] * 6


def test_the_table_tells_what_the_users_add_up_to(scores: gb.quality.RefundAbuse) -> None:
    table, users = scores.threshold_table(), scores.users
    for row in table.itertuples():
        flagged = users[users["probability"] >= row.threshold]
        assert row.n_flagged == len(flagged)
        assert row.n_refunded == flagged["n_refunded"].sum()
        assert row.amount == pytest.approx(flagged["amount"].sum())
        if len(flagged):
            assert row.n_honest == pytest.approx((1 - flagged["probability"]).sum())
            assert row.n_honest_ci_lower <= row.n_honest <= row.n_honest_ci_upper <= row.n_flagged
    assert table["reason"].eq("no window was named").all() and table["rate_without"].isna().all()
    assert scores.n_abusers[1] < scores.n_abusers[0] < scores.n_abusers[2]


def test_rates_with_and_without_are_those_of_the_window(world: AbuseWorld) -> None:
    data = gb.read_dataset(world.tables)
    found = gb.quality.score_refund_abuse(data, window=("2024-04-01", "2024-04-29"))
    assert str(found.span[1]) == "2024-03-31"
    lines = world.tables["order_lines"]
    inside = lines[lines["fulfilled_on"].between("2024-04-01", "2024-04-29")]
    asked = inside["line_id"].isin(world.tables["refunds"]["line_id"])
    row = found.at(0.5)
    flagged = set(found.users.loc[found.users["probability"] >= 0.5, "user_id"])
    kept = ~inside["user_id"].isin(flagged)
    assert row["rate_with"] == pytest.approx(asked.mean())
    assert row["rate_without"] == pytest.approx(asked[kept].mean())
    assert row["rate_without_ci_lower"] < row["rate_without"] < row["rate_without_ci_upper"]
    assert row["drop_ci_lower"] < row["drop_rate"] < row["drop_ci_upper"] and row["drop_rate"] > 0
    assert ("Without them the refund rate" in found.text()) == (found.at(0.9)["n_flagged"] >= 10)


def test_nothing_after_the_last_day_scored_is_read(world: AbuseWorld) -> None:
    """Refunds asked for after `as_of` and lines after the last day scored change nothing."""
    lines, refunds = world.tables["order_lines"], world.tables["refunds"]
    cut = {
        **world.tables,
        "order_lines": lines[lines["fulfilled_on"] <= "2024-03-31"],
        "refunds": refunds[refunds["requested_on"] <= "2024-03-31"],
    }
    full = gb.quality.score_refund_abuse(gb.read_dataset(world.tables), as_of="2024-03-31")
    known = gb.quality.score_refund_abuse(gb.read_dataset(cut), as_of="2024-03-31")
    pd.testing.assert_frame_equal(full.users, known.users)


def test_no_page_names_a_user(scores: gb.quality.RefundAbuse) -> None:
    from gbanalysis import report

    name = str(scores.to_frame()["user_id"].iloc[0])
    for said in (scores.summary(), scores.text(), scores.alt_text(), scores._repr_html_()):
        assert f" {name} " not in f" {said} "
    with pytest.raises(GBAnalysisError, match="names persons"):
        report.show(scores)


def test_notebooks_see_no_user_and_no_figures_of_few(scores: gb.quality.RefundAbuse) -> None:
    assert not scores.users["user_id"].astype(str).map(repr(scores).__contains__).any()
    n_flagged = [195, 90, 50, 20, 12, 10, 9, 4, 1, 0]
    few = replace(scores, thresholds=scores.thresholds.assign(n_flagged=n_flagged))
    rows = [line.split() for line in few.summary().splitlines()[1:]]
    assert [row[1:] == ["NaN"] * 6 for row in rows] == [1 <= n <= 9 for n in n_flagged]
    told = few.alt_text()
    shown = [f"at {level:g}: " in told for level in few.thresholds["threshold"]]
    assert shown == [n >= 10 for n in n_flagged]
    assert len(few.plot().get_lines()[0].get_xdata()) == sum(shown)


def test_no_tradeoff_is_shown_where_every_threshold_flags_few(scores: gb.quality.RefundAbuse) -> None:
    few = replace(scores, thresholds=scores.thresholds.assign(n_flagged=9))
    assert few.alt_text() == "No threshold flags 10 users or more, so no trade-off is shown."
    ax = few.plot()
    assert not ax.get_lines() and [text.get_text() for text in ax.texts] == [few.alt_text()]


def test_bad_questions_are_refused(world: AbuseWorld, scores: gb.quality.RefundAbuse) -> None:
    data, score = gb.read_dataset(world.tables), gb.quality.score_refund_abuse
    without = {name: table for name, table in world.tables.items() if name != "refunds"}
    with pytest.raises(ContractError, match="refunds"):
        score(gb.read_dataset(without))
    with pytest.raises(GBAnalysisError, match="among the days"):
        score(data, window=("2024-03-01", "2024-03-28"), days=("2024-01-01", "2024-03-05"))
    with pytest.raises(NotEnoughDataError, match="future"):
        score(data, window=("2024-05-01", "2025-05-28"))
    with pytest.raises(NotEnoughDataError, match="future"):
        score(data, days=("2024-01-01", "2025-01-01"))
    with pytest.raises(GBAnalysisError, match="after its last day"):
        score(data, days=("2024-03-05", "2024-03-01"))
    with pytest.raises(NotEnoughDataError, match="No line picked up in these days"):
        score(data, days=("2022-01-01", "2023-01-01"))
    with pytest.raises(GBAnalysisError, match="confidence"):
        score(data, confidence=1.5)
    with pytest.raises(GBAnalysisError, match="by must be one of"):
        scores.excess_by("user_id")
    with pytest.raises(GBAnalysisError, match="threshold must be one of"):
        scores.at(0.42)


def test_too_little_data_is_said(world: AbuseWorld) -> None:
    score, lines = gb.quality.score_refund_abuse, world.tables["order_lines"]

    def cut(kept: pd.DataFrame) -> gb.Dataset:
        refunds = world.tables["refunds"]
        return gb.read_dataset(
            {**world.tables, "order_lines": kept, "refunds": refunds[refunds["line_id"].isin(kept["line_id"])]}
        )

    with pytest.raises(NotEnoughDataError, match="two lines"):
        score(cut(lines.drop_duplicates("user_id")))
    with pytest.raises(NotEnoughDataError, match="users picked up"):
        score(cut(lines[lines["user_id"].isin(lines["user_id"].unique()[:100])]))
    quiet = lines[~lines["line_id"].isin(world.tables["refunds"]["line_id"])]
    with pytest.raises(NotEnoughDataError, match="refunded"):
        score(cut(quiet))
    few = pd.concat([quiet, lines[lines["line_id"].isin(world.tables["refunds"]["line_id"])].head(10)])
    with pytest.raises(NotEnoughDataError, match="scores need 30"):
        score(cut(few))


def test_scores_need_no_supplier_and_no_reason(world: AbuseWorld) -> None:
    lines = world.tables["order_lines"].drop(columns="supplier_id")
    refunds = world.tables["refunds"].drop(columns=["reason", "refund_only"], errors="ignore")
    found = gb.quality.score_refund_abuse(
        gb.read_dataset({**world.tables, "order_lines": lines, "refunds": refunds}), window=("2024-04-01", "2024-04-29")
    )
    bad = found.users["user_id"].isin(world.abusers).to_numpy()
    raw = (found.users["n_refunded"] / found.users["n_lines"]).to_numpy()
    assert recall_at(found.users["log_ratio"], bad, (0.005,))[0] > 2 * recall_at(raw, bad, (0.005,))[0]
    with pytest.raises(GBAnalysisError, match="by must be one of"):
        found.excess_by("supplier_id")


@pytest.mark.slow
def test_honest_users_are_told_rightly_over_worlds() -> None:
    """Over twelve worlds the honest users among the flagged come to what was told, within chance."""
    told, true = 0.0, 0.0
    for seed in range(SEED + 100, SEED + 112):
        world = make_abuse_world(seed)
        found = gb.quality.score_refund_abuse(gb.read_dataset(world.tables))
        flag = found.users["probability"] >= 0.5
        told += float(found.at(0.5)["n_honest"] or 0)
        true += float((flag & ~found.users["user_id"].isin(world.abusers)).sum())
    assert 0.5 < true / told < 2
