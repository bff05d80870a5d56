"""Effects of hours and suppliers: known truth, statsmodels, brute force, econml's own answers, and bad arguments."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import gbanalysis as gb
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality.effects.adjustment import LevelRegression, make_adjustment
from gbanalysis.quality.effects.checks import pooled_effect, refutations
from gbanalysis.quality.effects.cross_fitting import make_problem, plain_residuals, residuals
from gbanalysis.quality.effects.final_stage import slopes_by_group
from gbanalysis.quality.effects.graph import supply_chain_graph
from gbanalysis.quality.effects.identification import Identification
from gbanalysis.quality.effects.methods import Question, curve_rows, forest_rows, linear_rows, threshold_rows
from gbanalysis.quality.effects.result import Effect
from gbanalysis.quality.effects.supplier_effects import compare_suppliers, mixture_of_scales, shrunken, supplier_rows
from tests.quality.effects.effect_lines import drawn_cells

NODES = ("category", "supplier", "place", "season", "weather")


def question_of(cells, *, by=(), nodes=NODES):
    return Question(cells, make_problem(cells, make_adjustment(cells, nodes)), by, (), 0.9)


def test_level_regression_is_weighted_least_squares_with_a_light_ridge():
    cells = drawn_cells(1, n_days=20)
    fixed = make_adjustment(cells, ("supplier", "place"))
    n = cells["n"].to_numpy(float)
    ours = LevelRegression(n_codes=fixed.n_codes).fit(fixed.matrix, cells["treatment"].to_numpy(), n)
    hot = pd.get_dummies(pd.DataFrame(fixed.matrix).astype(int).astype(str)).to_numpy(float)
    theirs = sm.WLS(cells["treatment"].to_numpy(), hot, weights=n).fit()
    assert np.abs(ours.predict(fixed.matrix) - theirs.fittedvalues).max() < 0.02


def test_residuals_are_econmls():
    cells = drawn_cells(2)
    problem = question_of(cells).problem
    y, t = residuals(problem, problem.treatment[:, None])
    own = plain_residuals(problem, np.column_stack([problem.rate, problem.treatment]))
    np.testing.assert_allclose(np.column_stack([y, t]), own, atol=1e-9)


def test_one_stratum_is_statsmodels_with_clusters():
    rng = np.random.default_rng(3)
    n, t, cluster = rng.integers(1, 9, 300).astype(float), rng.normal(size=(300, 2)), rng.integers(0, 40, 300)
    y = t @ [0.5, -0.2] + rng.normal(size=300) + rng.normal(size=40)[cluster]
    nothing = np.zeros(300, dtype=int)
    found = slopes_by_group(y, t, n, stratum=nothing, group=nothing, cluster=cluster)
    theirs = sm.WLS(y, t, weights=n).fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False})
    np.testing.assert_allclose(found.value[0], theirs.params)
    # Bell and McCaffrey's residuals are a little larger than statsmodels' plain ones.
    ratio = np.diag(found.covariance) / np.diag(theirs.cov_params() * 40 / 39)
    assert ((ratio > 1) & (ratio < 1.2)).all()


def test_cells_and_their_lines_give_one_answer():
    """Brute force: every line a row of its own."""
    cells = drawn_cells(4, n_days=20, lines=4)
    refunded = np.concatenate([np.arange(n) < y for n, y in zip(cells["n"], cells["refunded"], strict=True)])
    lines = (
        cells.loc[cells.index.repeat(cells["n"])].assign(n=1, refunded=refunded.astype(float)).reset_index(drop=True)
    )
    nodes = ("category", "supplier", "place", "season")  # the weather's knots are quantiles over rows, and would differ
    by_cell, by_line = (
        linear_rows(question_of(each, nodes=nodes), rng=np.random.default_rng(0)) for each in (cells, lines)
    )
    pd.testing.assert_frame_equal(
        by_cell[["effect", "ci_lower", "ci_upper"]], by_line[["effect", "ci_lower", "ci_upper"]], rtol=1e-8
    )


def test_the_effect_of_an_hour_is_found_by_category():
    found = linear_rows(
        question_of(drawn_cells(5, n_days=120, lines=60), by=("category",)), rng=np.random.default_rng(0)
    )
    found = found.set_index("category")
    for name, truth in (("vegetables", 0.004), ("snacks", 0.001)):
        assert found.loc[name, "ci_lower"] - 0.001 < truth < found.loc[name, "ci_upper"] + 0.001
        assert found.loc[name, "ci_upper"] - found.loc[name, "ci_lower"] < 0.003


def test_holding_nothing_fixed_gives_the_raw_slope():
    cells = drawn_cells(6)
    raw = linear_rows(question_of(cells.assign(goods="all", category="all"), nodes=()), rng=np.random.default_rng(0))
    raw = raw["effect"][0]
    n, t = cells["n"], cells["treatment"]
    slope = sm.WLS(cells["refunded"] / n, sm.add_constant(t), weights=n).fit().params["treatment"]
    assert raw == pytest.approx(slope, rel=0.02)


def test_a_curve_of_a_straight_effect_is_straight():
    cells = drawn_cells(7, n_days=150, lines=80)
    rows = curve_rows(
        question_of(cells[cells["category"] == "vegetables"].reset_index(drop=True)), rng=np.random.default_rng(0)
    )
    truth = 0.004 * rows["at"]
    assert rows.loc[rows["at"] == 0, "effect"].item() == 0
    assert ((rows["ci_lower"] - 0.003 <= truth) & (truth <= rows["ci_upper"] + 0.003)).all()
    assert rows["effect"].max() > 0.008


def test_the_forest_finds_the_unlike_category():
    cells = drawn_cells(8, n_days=120, lines=60)
    rows = forest_rows(question_of(cells, by=("category",)), rng=np.random.default_rng(1)).set_index("category")
    assert rows.loc["vegetables", "effect"] > rows.loc["snacks", "effect"] + 0.001
    assert rows.loc["vegetables", "effect"] == pytest.approx(0.004, abs=0.0012)


def test_above_against_below_agrees_with_the_mean_difference_in_hours():
    cells = drawn_cells(9, n_days=150, lines=60)
    question = question_of(cells, by=("category",), nodes=("supplier", "place"))
    rows = threshold_rows(question, rng=np.random.default_rng(0)).set_index("category")
    assert 0 < rows.loc["vegetables", "overlap"] <= 1
    assert rows.loc["vegetables", "effect"] > rows.loc["snacks", "effect"]
    assert rows.loc["vegetables", "ci_lower"] < 0.012 and rows.loc["vegetables", "ci_upper"] > 0.006


def test_supplier_effects_are_the_weighted_differences_of_strata():
    cells = drawn_cells(10, n_days=40, lines=5)
    rows = compare_suppliers(cells).set_index(["category", "supplier_id"])
    month = cells["due_on"].dt.strftime("%Y-%m")
    mine = cells[(cells["category"] == "snacks")].assign(month=month)
    own = mine[mine["supplier_id"] == "s1"].groupby("month")[["n", "refunded"]].sum()
    others = mine[mine["supplier_id"] != "s1"].groupby("month")[["n", "refunded"]].sum()
    gap = own["refunded"] / own["n"] - others["refunded"] / others["n"]
    assert rows.loc[("snacks", "s1"), "raw_effect"] == pytest.approx((gap * own["n"]).sum() / own["n"].sum())


def test_a_supplier_alone_in_its_region_is_not_told():
    cells = drawn_cells(11).assign(region=lambda c: np.where(c["supplier_id"] == "s0", "away", "r"))
    rows = supplier_rows(cells, confidence=0.9).set_index(["category", "supplier_id"])
    assert np.isnan(rows.loc[("snacks", "s0"), "effect"])
    assert "cannot be told apart" in rows.loc[("snacks", "s0"), "reason"]
    assert rows.loc[("snacks", "s1"), "reason"] == ""


def test_shrinking_leaves_the_far_one_and_pulls_the_near_ones():
    rng = np.random.default_rng(12)
    value = np.append(rng.normal(0, 1, 200), 12.0)
    weights, scales = mixture_of_scales(value, np.ones(201))
    mean, lower, upper = shrunken(value, np.ones(201), weights, scales, confidence=0.9)
    assert np.abs(mean[:-1]).max() < 0.7 * np.abs(value[:-1]).max()
    assert mean[-1] > 10.5
    assert ((lower <= mean) & (mean <= upper)).all()


def test_refuters_pass_a_true_effect_and_measure_a_hidden_cause():
    problem = question_of(drawn_cells(13, n_days=90, lines=30)).problem
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    found = refutations(problem, confidence=0.9, seed=1).set_index("check")
    assert np.random.random() == expected  # noqa: NPY002 (the caller's own global stream is left as it was)
    assert found.loc[["random common cause", "data subset", "placebo treatment"], "passed"].all()
    assert 0 < found.loc["strength of a hidden cause needed", "figure"] < 1
    assert found.loc[["random common cause", "data subset", "placebo treatment"], "figure"].abs().min() > 0
    assert found.loc["hidden common cause", "figure"] != 0


def test_a_hidden_cause_biases_and_its_strength_is_within_what_the_check_says():
    """What moves hours and refunds alike and is not recorded pushes the estimate away from the truth."""
    clean, hidden = (
        pooled_effect(question_of(drawn_cells(14, n_days=120, lines=40, hidden=h)).problem)[0] for h in (0, 1)
    )
    assert hidden - clean > 0.003


@pytest.fixture(scope="module")
def sample():
    return gb.load_sample()


def test_the_treatment_of_stages_takes_its_set_from_the_graph(sample):
    found = gb.quality.estimate_effect(sample, "grid_warehouse_hours", by="category", days=("2024-02-10", "2024-03-15"))
    assert set(found.identification.needed) <= set(found.adjusted_for)
    assert "community_site_hours" not in found.adjusted_for
    assert found.to_frame()["n_lines"].sum() > 5000
    assert "hour" in found.text() and "grid warehouse hours" in found.alt_text()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ({"treatment": "luck"}, GBAnalysisError, "treatment must be one of"),
        ({"treatment": "supplier", "by": "region"}, GBAnalysisError, "leave `by` out"),
        ({"treatment": "transit_hours", "outcome": "joy"}, GBAnalysisError, "outcome must be one of"),
        ({"treatment": "transit_hours", "method": "magic"}, GBAnalysisError, "method must be one of"),
        ({"treatment": "temperature", "method": "curve"}, GBAnalysisError, "one stage"),
        ({"treatment": "supplier", "confidence": 2}, GBAnalysisError, "confidence"),
        ({"treatment": "supplier", "as_of": dt.date(2030, 1, 1)}, NotEnoughDataError, "future"),
        ({"treatment": "supplier", "days": ("2024-03-29", "2024-03-30")}, NotEnoughDataError, "mature"),
        (
            {"treatment": "transit_hours", "days": ("2024-03-01", "2024-03-05")},
            NotEnoughDataError,
            "at least 14 days",
        ),
    ],
)
def test_bad_arguments_are_refused(sample, call, error, words):
    with pytest.raises(error, match=words):
        gb.quality.estimate_effect(sample, **call)


def test_missing_tables_are_named(sample):
    tables = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "refunds")}
    with pytest.raises(NotIdentifiedError, match="not in the data"):
        gb.quality.estimate_effect(gb.read_dataset(tables), "transit_hours")
    found = gb.quality.estimate_effect(gb.read_dataset(tables), "supplier")
    assert found.to_frame()["effect"].notna().any()
    del tables["refunds"]
    with pytest.raises(ContractError, match="refunds"):
        gb.quality.estimate_effect(gb.read_dataset(tables), "supplier")


@pytest.mark.parametrize("added", [0.0, 3.0])
def test_a_claim_is_denied_when_the_data_break_it(added, monkeypatch):
    """Goods of one category that always travel longer, whoever sells them, break a claim of the graph."""
    cells = drawn_cells(15, n_days=60, lines=20)
    cells["treatment"] += added * (cells["category"] == "snacks")
    cells["temperature"] = cells["outside"] + np.random.default_rng(16).normal(size=len(cells))
    monkeypatch.setattr("gbanalysis.quality.facts.effect_cells", lambda *_, **__: cells)
    found = gb.quality.check_implications(gb.load_sample()).set_index("claim")
    row = found.loc["once place, season, supplier, weather are known, category says nothing more about transit hours"]
    assert row["passed"] == (added == 0)
    assert found["passed"].isna().sum() == len(found) - 2


@pytest.mark.parametrize("by", [(), ("category",), ("category", "weather")])
def test_results_are_drawn_with_their_intervals(by):
    cells = drawn_cells(17, n_days=60, lines=40).assign(weather="mild")
    frame = linear_rows(question_of(cells, by=by), rng=np.random.default_rng(0))
    found = Effect(frame, "transit_hours", "linear", by, supply_chain_graph().identify("transit_hours"), NODES, (), 0.9)
    texts = [text.get_text() for text in found.plot().texts]
    assert len(texts) >= len(frame)
    assert "One hour more of transit hours" in found.text()


def test_an_effect_outside_its_interval_is_refused():
    frame = pd.DataFrame({"effect": [0.1], "ci_lower": [0.2], "ci_upper": [0.3], "reason": [""]})
    with pytest.raises(GBAnalysisError, match="outside its own interval"):
        Effect(frame, "transit_hours", "linear", (), supply_chain_graph().identify("transit_hours"), (), (), 0.9)


def test_a_worst_supplier_is_named_only_where_it_is_told_from_the_others():
    rows = pd.DataFrame(
        {
            "supplier_id": ["SUPA", "SUPB", "SUPC"],
            "category": ["fruit", "fruit", "meat"],
            "effect": [0.0213, 0.01, 0.004],
            "ci_lower": [-0.0052, 0.002, 0.001],
            "ci_upper": [0.0677, 0.02, 0.006],
            "reason": "",
        }
    )
    known = Identification("supplier", "refund", (), (), (), (), (), ())
    found = Effect(rows, "supplier", "supplier", (), known, (), (), 0.9)
    assert "3 of 3 pairs of supplier and category can be compared." in found.text()
    assert "the worst is SUPB in fruit: +1.00" in found.text() and "SUPA" not in found.text()
    unsure = replace(found, frame=rows.assign(ci_lower=-0.01)).text()
    assert "None can be told to be worse than the others there." in unsure and "SUP" not in unsure
