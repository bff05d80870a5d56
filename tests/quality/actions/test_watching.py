"""The alert: scores by hand, only what was known, false alarms held, planted rises found before the peer finds them."""

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from benchmarks.worlds.alert_world import HISTORY, NODES, SETTLED, WATCHED, compare_alerts, draw_reports, ring
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.actions.alarms import (
    HOLD_DAYS,
    Reports,
    expected_reports,
    find_threshold,
    learn_baseline,
    run_scores,
)

QUIET = range(9_200, 9_216)


def test_scores_by_hand():
    step = np.array([[1.0, -2, 3, 2, 4, 4, *([0.0] * HOLD_DAYS), 1]])
    scores, rang = run_scores(step, 4.5)
    assert scores[0, :5].tolist() == [1, 0, 3, 5, 0]  # rings at 5, starts again and holds still
    assert rang[0].tolist() == [False, False, False, True, *([False] * (step.shape[1] - 4))]
    assert scores[0, -1] == 1


def test_expected_reports_are_pickups_times_rate_times_delay():
    lines = np.zeros((1, 40))
    lines[0, :30], lines[0, 30:] = 100, 50
    refunds = np.zeros((1, 40, 3))
    refunds[0, :, :2] = lines[0, :, None] * [0.03, 0.01]
    reports = Reports(lines, refunds, np.array([0]))
    baseline = learn_baseline(reports, 30, 28)
    assert baseline.rate[0] == pytest.approx(0.04, rel=0.02)
    found = expected_reports(reports, baseline, np.array([20, 30, 31]))
    assert found[0] == pytest.approx([4.0, 50 * 0.03 + 100 * 0.01, 2.0], rel=0.03)
    assert reports.by_report()[0, [20, 30, 31]] == pytest.approx([4.0, 2.5, 2.0])


def test_the_threshold_rises_as_fewer_alarms_are_allowed():
    usual, shape, none = np.full((20, 56), 0.5), np.full(20, 100.0), np.full(20, 1e-4)
    limits = [
        find_threshold(usual, shape, none, ratio=2.0, alarms_per_year=each, rng=np.random.default_rng(1))
        for each in (48.0, 12.0, 3.0)
    ]
    assert limits[0] < limits[1] < limits[2]


@pytest.mark.slow
def test_false_alarms_are_held_in_quiet_worlds():
    alarms = 0
    for seed in QUIET:
        rng = np.random.default_rng(seed)
        alarms += ring(draw_reports(rng), rng)[:, SETTLED:].sum()
    years = len(QUIET) * (WATCHED - SETTLED) / 365.25
    # 12 a year are wanted; the worlds have seasons and weekdays that the expectation does not know.
    assert 3 < alarms / years < 24


@pytest.mark.slow
def test_a_risen_node_rings_and_the_peer_waits_longer():
    found = {each.what: each for each in compare_alerts(9_300, quiet=6, shocked=8)}
    twice = found["median days until it rings, a node 2 times as high"]
    assert twice.ours <= 21
    assert twice.ours < twice.peer


def test_only_what_was_known_that_evening_matters():
    rng = np.random.default_rng(9_250)
    world = draw_reports(rng)
    cut = HISTORY + 40
    n_delays = world.refunds.shape[2]
    known = np.add.outer(np.arange(cut), np.arange(n_delays)) < cut
    early = Reports(world.lines[:, :cut], world.refunds[:, :cut] * known, world.group)
    now, then = (ring(each, np.random.default_rng(1)) for each in (world, early))
    assert now.shape == (NODES * 5, WATCHED)
    assert np.array_equal(now[:, :40], then)


@pytest.fixture(scope="module")
def sample():
    return gb.load_sample()


def test_alerts_of_the_sample(sample):
    alerts = gb.quality.watch_refunds(sample, node="region", first="2024-03-10", false_alarms_per_year=300, rng=1)
    frame = alerts.to_frame()
    assert len(frame) > 0
    assert (frame["started_on"] <= frame["raised_on"]).all()
    assert (frame["score"] > frame["threshold"]).all()
    lines, refunds = sample.to_frame("order_lines"), sample.to_frame("refunds")
    first = refunds.groupby("line_id")["requested_on"].min().rename("asked")
    lines = lines.dropna(subset=["fulfilled_on"]).merge(first, on="line_id")
    asked = pd.to_datetime(lines[["asked", "fulfilled_on"]].max(axis=1))
    whole = alerts.labels["category"].isna().to_numpy()
    assert alerts.record.asked[whole].sum() == (asked >= "2024-03-10").sum()
    assert len(alerts.drawn()) == len(alerts.days)
    assert "expected by chance" in alerts.text()
    assert alerts.plot().get_ylabel().startswith("evidence")
    with pytest.raises(GBAnalysisError, match="no series"):
        alerts.drawn("nowhere")


def test_bad_input_is_named(sample):
    with pytest.raises(NotEnoughDataError, match="lines must be known from"):
        gb.quality.watch_refunds(sample, first="2024-01-10")
    with pytest.raises(NotEnoughDataError, match="in the future"):
        gb.quality.watch_refunds(sample, first="2024-06-10")
    with pytest.raises(GBAnalysisError, match="ratio"):
        gb.quality.watch_refunds(sample, ratio=0.9)
    with pytest.raises(ContractError, match="galaxy"):
        gb.quality.watch_refunds(sample, node="galaxy", first="2024-03-10")
    frames = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "settings")}
    with pytest.raises(ContractError, match="refunds"):
        gb.quality.watch_refunds(gb.read_dataset(frames), first="2024-03-10")
