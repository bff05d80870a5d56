"""Effects on a simulated market against what its own mechanisms answer to an intervention."""

import numpy as np
import pytest

import gbanalysis as gb
from gbanalysis.quality.effects.graph import supply_chain_graph

SEED = 7_204  # used by no development run
STAGES = ("central_warehouse", "grid_warehouse")


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return gb.simulate(seed=SEED, n_lines=150_000, n_days=150, shocks=(), out=tmp_path_factory.mktemp("effects"))


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_an_hour_does_what_the_market_says(market, stage):
    """The slope is a mean over the delays that occurred: from an hour to twice the spread of what is left of hours."""
    effect = gb.quality.estimate_effect(market.dataset, f"{stage}_hours", confidence=0.999)
    row, cells = effect.to_frame().iloc[0], effect.question.cells
    spread = row["overlap"] * np.sqrt(np.cov(cells["treatment"], fweights=cells["n"].astype(int)))
    days = (cells["due_on"].min(), cells["due_on"].max())
    truth = [
        market.truth.response(f"transit_{stage}", by, days, n_draws=60_000) / by for by in (1.0, float(2 * spread))
    ]
    assert row["ci_lower"] < max(truth) and row["ci_upper"] > min(truth)
    assert row["ci_upper"] - row["ci_lower"] < 6 * max(truth)


@pytest.mark.slow
def test_delays_beyond_the_usual_do_what_the_market_says(market):
    curve = gb.quality.estimate_effect(market.dataset, "grid_warehouse_hours", method="curve", confidence=0.999)
    points, cells = curve.to_frame().iloc[::6], curve.question.cells
    days = (cells["due_on"].min(), cells["due_on"].max())
    truth = [market.truth.response("transit_grid_warehouse", at, days, n_draws=40_000) for at in points["at"]]
    assert (points["ci_lower"] <= truth).all() and (truth <= points["ci_upper"]).all()
    last = points.iloc[-1]
    assert last["effect"] > (last["effect"] - last["ci_lower"]) / 2, "a long delay is told from none"


@pytest.mark.slow
def test_what_the_treatment_moves_hides_its_effect(market):
    graph = supply_chain_graph(market.dataset, stages_apart=True).identify("central_warehouse_hours")
    assert "community_site_hours" in graph.forbidden
    right = gb.quality.estimate_effect(market.dataset, "central_warehouse_hours")
    wrong = gb.quality.estimate_effect(
        market.dataset, "central_warehouse_hours", adjust=(*right.adjusted_for, "community_site_hours", "rating")
    )
    assert wrong.to_frame()["effect"].item() < right.to_frame()["effect"].item()
    assert any("biased" in note for note in wrong.notes)
