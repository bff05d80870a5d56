"""Each diagnostic sees the fault it is made for, and is quiet where there is none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gbanalysis.quality.attribution.diagnostics import fit_diagnostics
from gbanalysis.quality.attribution.mechanisms import encode_cells
from gbanalysis.quality.attribution.refund_model import fit_refunds, inverse
from tests.quality.attribution.small_chain import small_cells


def diagnosed(cells: pd.DataFrame) -> pd.DataFrame:
    coded = encode_cells(cells.drop(columns=["policy", "grid_warehouse_temperature"]))
    return fit_diagnostics(coded, fit_refunds(coded)).set_index("check")


def redrawn(logit_shift: np.ndarray, cells: pd.DataFrame, seed: int) -> pd.DataFrame:
    rate = cells["refunded"].sum() / cells["n"].sum()
    logit = np.log(rate / (1 - rate)) + logit_shift
    return cells.assign(refunded=np.random.default_rng(seed).binomial(cells["n"], 1 / (1 + np.exp(-logit))))


def test_quiet_where_nothing_is_wrong() -> None:
    failed = [int((~diagnosed(small_cells(seed, n_days=14))["passed"]).sum()) for seed in range(20, 28)]
    assert sum(failed) <= 3  # of 40 checks at a chance of 0.02 each


def test_refunds_still_to_come_are_no_batches() -> None:
    failed = {"told": 0, "untold": 0}
    for seed in range(40, 46):
        cells = small_cells(seed, n_days=14, lines=200.0)
        share = np.where(cells["period"] == "current", 0.3, 1.0)
        known = np.random.default_rng(seed).binomial(cells["refunded"], share) / share
        late = cells.assign(refunded=known)
        for name, each in (("told", late.assign(share_reported=share)), ("untold", late)):
            failed[name] += int((~diagnosed(each)["passed"]).sum())
    assert failed["told"] <= 2  # of 30 checks at a chance of 0.02 each
    assert failed["untold"] >= 6


def test_effects_that_are_held_to_nought_with_all_force_leave_the_checks_sound() -> None:
    coded = encode_cells(small_cells(33, n_days=14).drop(columns=["policy", "grid_warehouse_temperature"]))
    model = fit_refunds(coded)
    found = []
    for force in (1e7, 1e16):
        penalty = model.penalty.copy()
        penalty[model.design.sparse_columns] = force
        held = replace(model, penalty=penalty, covariance=inverse(model.information + np.diag(penalty)))
        found.append(fit_diagnostics(coded, held)["statistic"])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)


@pytest.mark.parametrize(("key", "check"), [("supplier_id", "batches"), ("grid_id", "hidden cause at a node")])
def test_days_that_differ_by_more_than_chance(key: str, check: str) -> None:
    cells = small_cells(30, n_days=14)
    code = cells.groupby([key, "day"]).ngroup()
    effect = 0.5 * np.random.default_rng(3).normal(size=code.max() + 1)
    found = diagnosed(redrawn(effect[code], cells, 4))
    assert not found.loc[check, "passed"]
    assert found.loc[check, "statistic"] > 4


def test_hours_that_count_at_one_stage_only_and_heat_that_one_supplier_bears_badly() -> None:
    cells = small_cells(31, n_days=20)
    late = 0.4 * (cells["grid_warehouse_hours"] - 6)
    assert not diagnosed(redrawn(late.to_numpy(), cells, 5)).loc["hours act alike", "passed"]
    warm = 0.15 * (cells["temperature_c"] - 15) * (cells["supplier_id"] == "s1")
    assert not diagnosed(redrawn(warm.to_numpy(), cells, 6)).loc["heat acts alike", "passed"]


def test_a_link_that_is_not_logistic() -> None:
    cells = small_cells(32, n_days=20, lines=400.0)
    step = cells["supplier_id"].map({"s0": -1.0, "s1": 0.0, "s2": 1.0, "s3": 2.0}) + cells["category"].map(
        {"c0": -0.5, "c1": 0.0, "c2": 1.0}
    )
    bent = diagnosed(redrawn(np.where(step > 0.5, 0.2 * step, step), cells, 7))
    straight = diagnosed(redrawn(step.to_numpy(), cells, 8))
    assert not bent.loc["link", "passed"]
    assert straight.loc["link", "passed"]
