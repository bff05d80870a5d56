"""Acceptance plans against published numbers and by hand, funnel limits, scorecards on counts of known truth."""

from math import comb

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality.actions import funnels
from gbanalysis.quality.actions.sampling_plans import SamplingPlan, acceptance_numbers, design_plan
from gbanalysis.quality.actions.standardising import expected_counts

# D. C. Montgomery (2009), Introduction to Statistical Quality Control, section 15.2.2: the plan n = 89, c = 2.
# Quoted without the book at hand; the test below also sums the binomial law, so that it does not rest on the quotation.
MONTGOMERY = {
    0.005: 0.9897, 0.010: 0.9397, 0.020: 0.7366, 0.030: 0.4985, 0.040: 0.3042,
    0.050: 0.1721, 0.060: 0.0919, 0.070: 0.0468, 0.080: 0.0230, 0.090: 0.0109,
}  # fmt: skip


def test_operating_characteristic_of_montgomerys_plan():
    found = SamplingPlan(89, 2).accepts(list(MONTGOMERY))
    by_hand = [sum(comb(89, bad) * p**bad * (1 - p) ** (89 - bad) for bad in range(3)) for p in MONTGOMERY]
    np.testing.assert_allclose(found, by_hand, rtol=1e-12)
    assert np.abs(found - list(MONTGOMERY.values())).max() < 6e-5


def test_plan_of_kiermeiers_example():
    # A. Kiermeier (2008), Journal of Statistical Software 26(6), also the manual of the R package AcceptanceSampling:
    # find.plan(PRP = c(0.05, 0.95), CRP = c(0.15, 0.075), type = "binom") gives n = 80, c = 7.
    assert design_plan(aql=0.05, ltpd=0.15, producer_risk=0.05, consumer_risk=0.075) == SamplingPlan(80, 7)


@pytest.mark.parametrize(("aql", "ltpd"), [(0.01, 0.06), (0.02, 0.08), (0.05, 0.20)])
def test_no_smaller_plan_keeps_both_risks(aql, ltpd):
    plan = design_plan(aql=aql, ltpd=ltpd)
    keeps = [
        SamplingPlan(n, c).accepts(aql) >= 0.95 and SamplingPlan(n, c).accepts(ltpd) <= 0.10
        for n in range(1, plan.n)
        for c in range(min(n, 12))
    ]
    assert plan.accepts(aql) >= 0.95
    assert plan.accepts(ltpd) <= 0.10
    assert not any(keeps)


def test_acceptance_numbers_are_the_least_that_protect_the_producer():
    for n in (1, 5, 20, 50):
        c = int(acceptance_numbers([n], aql=0.05)[0])
        assert SamplingPlan(n, c).accepts(0.05) >= 0.95
        assert c == 0 or SamplingPlan(n, c - 1).accepts(0.05) < 0.95


def test_plans_that_cannot_be_are_refused():
    with pytest.raises(GBAnalysisError, match="aql below ltpd"):
        design_plan(aql=0.2, ltpd=0.1)
    with pytest.raises(GBAnalysisError, match="risks"):
        design_plan(aql=0.1, ltpd=0.2, producer_risk=0.6, consumer_risk=0.5)
    with pytest.raises(GBAnalysisError, match="too close"):
        design_plan(aql=0.1, ltpd=0.1001)


def test_funnel_limits_by_hand():
    # At 100 expected the square root of the ratio has a standard deviation of 1/20: 1 +- 1.959964/20, squared.
    low, high = funnels.limits([100.0], 0.0, level=0.95)
    assert low[0] == pytest.approx((1 - 1.959964 / 20) ** 2, abs=1e-6)
    assert high[0] == pytest.approx((1 + 1.959964 / 20) ** 2, abs=1e-6)
    wider = funnels.limits([100.0], 0.03**2, level=0.95)[1][0]
    assert wider == pytest.approx((1 + 1.959964 * np.hypot(1 / 20, 0.03)) ** 2, abs=1e-6)


def test_spread_between_by_hand():
    # z = 2 (sqrt(O) - sqrt(E)); with four units the tenth quantiles are not the extremes.
    observed, expected = np.array([400.0, 100, 25, 100]), np.full(4, 100.0)
    z = np.array([20.0, 0, -10, 0])
    low, high = np.quantile(z, [0.1, 0.9])
    dispersion = np.mean(np.clip(z, low, high) ** 2)
    tau2 = (4 * dispersion - 3) / (1600 - 4 * 400**2 / 1600)
    found = funnels.spread_between(observed, expected)
    assert found.dispersion == pytest.approx(dispersion)
    assert found.tau2 == pytest.approx(tau2)


def test_shrunken_ratios_cover_over_worlds_and_few_good_suppliers_are_called_bad():
    rng = np.random.default_rng(9_100)
    held, called, bad_found = [], [], []
    for _ in range(400):
        expected = rng.gamma(2.0, 15.0, 24) + 2
        ratio = (1 + 0.12 * rng.normal(size=24)) ** 2
        ratio[0] = 3.0
        observed = rng.poisson(expected * ratio).astype(float)
        scale = observed.sum() / expected.sum()
        expected, ratio = expected * scale, ratio / scale
        spread = funnels.spread_between(observed, expected)
        _, low, high = funnels.shrunken_ratios(observed, expected)
        most = funnels.limits(expected, spread.tau2, level=funnels.ACTION)[1]
        held.append(((low <= ratio) & (ratio <= high))[1:].mean())
        called.append((observed / expected > most)[1:].mean())
        bad_found.append((observed / expected > most)[0])
    assert np.mean(held) > 0.86
    assert np.mean(called) < 0.01
    assert np.mean(bad_found) > 0.8


def test_a_supplier_that_rules_its_stratum_does_not_set_its_own_standard():
    rng = np.random.default_rng(9_101)
    rows = []
    for day, region, supplier in np.ndindex(30, 4, 5):
        n = 300 if (region == 0) == (supplier == 0) else 20
        p = 0.03 * (2.0 if supplier == 0 else 1.0)
        rows.append((day, "c", f"s{supplier}", f"r{region}", n, rng.binomial(n, p)))
    cells = pd.DataFrame(rows, columns=["day", "category", "supplier_id", "region", "n", "refunded"])
    cells = cells.assign(share_reported=1.0, temperature_c=np.nan)
    cells["expected"] = expected_counts(cells)
    sums = cells.groupby("supplier_id")[["refunded", "expected"]].sum()
    ratio = sums["refunded"] / sums["expected"]
    strata = cells.groupby("region")[["refunded", "n"]].sum()
    raw = (strata["refunded"] / strata["n"])[cells["region"]].to_numpy() * cells["n"]
    naive = sums["refunded"] / raw.groupby(cells["supplier_id"]).sum()
    assert cells["expected"].sum() == pytest.approx(cells["refunded"].sum())
    assert ratio["s0"] / ratio[1:].mean() == pytest.approx(2.0, rel=0.2)
    assert naive["s0"] / naive[1:].mean() < 1.6


@pytest.fixture(scope="module")
def sample():
    return gb.load_sample()


def test_scorecard_of_the_sample(sample):
    card = gb.quality.score_suppliers(sample, days=("2024-02-01", "2024-03-30"))
    frame = card.to_frame()
    assert frame["n_expected"].sum() == pytest.approx(frame["n_refunded"].sum())
    assert frame["rate"].between(frame["ci_lower"], frame["ci_upper"]).all()
    lots = sample.to_frame("inspections")
    lots = lots[pd.to_datetime(lots["inspected_on"]).between("2024-02-01", "2024-03-30")]
    known = frame.dropna(subset=["n_lots"]).set_index("supplier_id")
    assert known["n_defective"].sum() == lots["n_defective"].sum()
    assert (known["defect_rate"] == known["n_defective"] / known["n_sampled"]).all()
    assert "suppliers" in card.text()
    assert card.plot().get_ylabel().startswith("refunds")
    assert card.alt_text().startswith("Funnel plot")


def test_scorecard_without_weather_and_inspections(sample):
    frames = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "refunds", "settings")}
    card = gb.quality.score_suppliers(gb.read_dataset(frames), days=("2024-02-01", "2024-03-30"))
    assert card.agreement is None
    assert len(card.notes) == 2


def test_bad_input_is_named(sample):
    frames = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "refunds", "settings")}
    days = ("2024-02-01", "2024-03-30")
    with pytest.raises(NotEnoughDataError, match="in the future"):
        gb.quality.score_suppliers(sample, days=("2024-02-01", "2025-03-30"))
    with pytest.raises(NotEnoughDataError, match="no line that was picked up"):
        gb.quality.score_suppliers(sample, days=("2020-02-01", "2020-03-30"))
    with pytest.raises(ContractError, match="refunds"):
        gb.quality.score_suppliers(gb.read_dataset({k: v for k, v in frames.items() if k != "refunds"}), days=days)
    alone = {**frames, "order_lines": frames["order_lines"].assign(supplier_id="S1")}
    with pytest.raises(NotIdentifiedError, match="one supplier only"):
        gb.quality.score_suppliers(gb.read_dataset(alone), days=days)
