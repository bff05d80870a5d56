"""Bad arguments, and data that cannot answer, give a named error with the reason: every question about quality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError

BASE, CURRENT = ("2024-02-03", "2024-03-01"), ("2024-03-03", "2024-03-30")
TABLES = ("order_lines", "products", "sites", "settings", "refunds", "stage_flows", "weather", "nodes")
COSTS = pd.DataFrame([{"action": "replace_supplier", "target": None, "cost_fixed": 50.0, "cost_per_line": 0.1}])
REVERSED, FUTURE, EMPTY, ONE_DAY, NONE = (
    ("2024-03-20", "2024-03-10"),
    ("2024-03-20", "2024-04-20"),
    ("2019-01-01", "2019-01-31"),
    "2024-02-03",
    None,
)

Ask = Callable[..., Any]
quality = gb.quality
QUESTIONS: dict[str, Ask] = {
    "refund_rate": quality.refund_rate,
    "project_refund_rate": quality.project_refund_rate,
    "reporting_delays": quality.reporting_delays,
    "backtest_projection": quality.backtest_projection,
    "find_local_shifts": lambda data, **spans: quality.find_local_shifts(
        data, **{"base": BASE, "current": CURRENT, **spans}
    ),
    "attribute_shift": lambda data, **spans: quality.attribute_shift(
        data, **{"base": BASE, "current": CURRENT, **spans}
    ),
    "check_implications": quality.check_implications,
    "estimate_effect": lambda data, **more: quality.estimate_effect(data, "supplier", **more),
    "rank_actions": lambda data, **more: quality.rank_actions(data, **{"costs": COSTS, "current": CURRENT, **more}),
    "score_suppliers": lambda data, **spans: quality.score_suppliers(data, **{"days": CURRENT, **spans}),
    "watch_refunds": quality.watch_refunds,
    "score_refund_abuse": quality.score_refund_abuse,
}
COMPARING = ("find_local_shifts", "attribute_shift")
OF_A_SPAN = ("check_implications", "estimate_effect", "score_suppliers", "score_refund_abuse", "rank_actions")
GROUPED = ("refund_rate", "project_refund_rate", "estimate_effect")
WITH_CONFIDENCE = tuple(name for name in QUESTIONS if name not in ("find_local_shifts", "check_implications"))


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


@pytest.fixture(scope="module")
def frames(sample: Dataset) -> dict[str, pd.DataFrame]:
    return {name: sample.to_frame(name) for name in TABLES}


def refused(error: type[Exception], said: str, name: str, data: Dataset, **arguments: Any) -> None:
    """Ask, and hold the class of the error and what it says: a sentence of its own, not that of a library below."""
    with pytest.raises(error, match=said) as found:
        QUESTIONS[name](data, **arguments)
    assert isinstance(found.value, GBAnalysisError)
    assert len(str(found.value).split()) > 4


def test_every_question_is_asked() -> None:
    on_arrays = {"attribute_cells", "design_plan", "judge_rankings", "mack_chain_ladder", "project_triangle"}
    asked = {name for name in quality.__all__ if name[0].islower()}
    assert asked - on_arrays - {"supply_chain_graph"} == set(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_refunds(frames: dict[str, pd.DataFrame], name: str) -> None:
    rest = {table: frame for table, frame in frames.items() if table != "refunds"}
    refused(ContractError, "refunds", name, gb.read_dataset(rest))


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "refund_rate"])
def test_nothing_was_refunded(frames: dict[str, pd.DataFrame], name: str) -> None:
    data = gb.read_dataset({**frames, "refunds": frames["refunds"].iloc[:0]})
    refused(NotEnoughDataError, "no refund|refunded|has a refund", name, data)


def test_a_rate_of_no_refunds_is_zero(frames: dict[str, pd.DataFrame]) -> None:
    data = gb.read_dataset({**frames, "refunds": frames["refunds"].iloc[:0]})
    rates = quality.refund_rate(data, period="M").to_frame()
    assert (rates["rate"] == 0).all()
    assert (rates["ci_lower"] == 0).all() and (rates["ci_upper"] > 0).all()


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_lines(frames: dict[str, pd.DataFrame], name: str) -> None:
    none = {table: frames[table].iloc[:0] for table in ("order_lines", "refunds")}
    refused(NotEnoughDataError, "[Nn]o (line|day|refund)|must be known", name, gb.read_dataset({**frames, **none}))


@pytest.mark.parametrize("name", ["attribute_shift", "estimate_effect", "rank_actions", "score_suppliers"])
def test_one_supplier(frames: dict[str, pd.DataFrame], name: str) -> None:
    lines = frames["order_lines"].assign(supplier_id="SUP001")
    refused(
        NotIdentifiedError, "(one supplier|no other suppliers)", name, gb.read_dataset({**frames, "order_lines": lines})
    )


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize(
    "as_of, error, said",
    [
        ("2024-05-01", NotEnoughDataError, "in the future"),
        ("2019-01-01", NotEnoughDataError, "2019-01-01|2018|no line|No line"),
        ("soon", GBAnalysisError, "as_of must be a day"),
        (pd.NaT, GBAnalysisError, "as_of must be a day"),
    ],
)
def test_the_last_known_day(sample: Dataset, name: str, as_of: Any, error: type[Exception], said: str) -> None:
    refused(error, said, name, sample, as_of=as_of)


@pytest.mark.parametrize("name", COMPARING)
@pytest.mark.parametrize(
    "spans, error, said",
    [
        ({"current": ("2024-03-01", "2024-03-30")}, GBAnalysisError, "overlap"),
        ({"base": CURRENT, "current": CURRENT}, GBAnalysisError, "overlap"),
        ({"current": REVERSED}, GBAnalysisError, "after its last day"),
        ({"current": FUTURE}, NotEnoughDataError, "future"),
        ({"base": EMPTY}, NotEnoughDataError, "base"),
        (
            {"base": ("2024-02-03", "2024-02-28"), "current": ("2019-01-01", "2019-01-31")},
            NotEnoughDataError,
            "current",
        ),
        ({"as_of": "2024-03-10"}, NotEnoughDataError, "future"),
        ({"base": ONE_DAY}, GBAnalysisError, "base must be two days"),
        ({"current": NONE}, GBAnalysisError, "current must be two days"),
        ({"base": ("2024-02-03", "2024-02-10", "2024-02-20")}, GBAnalysisError, "base must be two days"),
        ({"base": ("early", "late")}, GBAnalysisError, "a day of base"),
    ],
)
def test_two_periods(sample: Dataset, name: str, spans: Any, error: type[Exception], said: str) -> None:
    refused(error, said, name, sample, **spans)


@pytest.mark.parametrize("name", OF_A_SPAN)
@pytest.mark.parametrize(
    "span, error, said",
    [
        (REVERSED, GBAnalysisError, "after its last day"),
        (FUTURE, NotEnoughDataError, "future"),
        (EMPTY, NotEnoughDataError, "[Nn]o line"),
        (ONE_DAY, GBAnalysisError, "must be two days"),
        (("early", "late"), GBAnalysisError, "must be a day"),
    ],
)
def test_one_span(sample: Dataset, name: str, span: Any, error: type[Exception], said: str) -> None:
    refused(error, said, name, sample, **{"current" if name == "rank_actions" else "days": span})


@pytest.mark.parametrize("name", WITH_CONFIDENCE)
@pytest.mark.parametrize("confidence", [0.0, 1.0, 90, -0.5, float("nan"), "high", None])
def test_confidence(sample: Dataset, name: str, confidence: Any) -> None:
    refused(GBAnalysisError, "confidence must lie between 0 and 1", name, sample, confidence=confidence)


@pytest.mark.parametrize("name", ["attribute_shift", "project_refund_rate"])
@pytest.mark.parametrize("unit", ["order", "user", "sku"])
def test_units_that_are_no_sums_over_lines(sample: Dataset, name: str, unit: str) -> None:
    refused(NotIdentifiedError, "once", name, sample, unit=unit)


@pytest.mark.parametrize(
    "name, arguments, error, said",
    [
        ("attribute_shift", {"unit": "lines"}, GBAnalysisError, "unit must be"),
        ("attribute_shift", {"unit": None}, GBAnalysisError, "unit must be"),
        ("find_local_shifts", {"fdr": 2.0}, GBAnalysisError, "fdr must lie"),
        ("find_local_shifts", {"fdr": "low"}, GBAnalysisError, "fdr must lie"),
        ("find_local_shifts", {"hierarchy": ()}, GBAnalysisError, "hierarchy must name"),
        ("find_local_shifts", {"hierarchy": ("colour",)}, ContractError, "colour"),
        ("refund_rate", {"by": "colour"}, ContractError, "colour"),
        ("project_refund_rate", {"by": "colour"}, ContractError, "colour"),
        ("reporting_delays", {"by": "colour"}, ContractError, "colour"),
        ("watch_refunds", {"node": "colour"}, ContractError, "colour"),
        ("watch_refunds", {"node": "category"}, GBAnalysisError, "in each category"),
        *((name, {"by": ("region", "region")}, GBAnalysisError, "a column twice") for name in GROUPED),
        *((name, {"by": None}, GBAnalysisError, "by must be the name") for name in GROUPED),
        *((name, {"by": ("region", 3)}, GBAnalysisError, "by must be the name") for name in GROUPED),
        ("watch_refunds", {"first": "2024-05-01"}, NotEnoughDataError, "future"),
        ("watch_refunds", {"first": "2019-01-01"}, NotEnoughDataError, "must be known from"),
        ("backtest_projection", {"n_cutoffs": 0}, GBAnalysisError, "n_cutoffs must be"),
        ("backtest_projection", {"n_cutoffs": 100}, NotEnoughDataError, "too many"),
        ("backtest_projection", {"step": 0}, GBAnalysisError, "step must be"),
        ("rank_actions", {"costs": None}, ContractError, "costs must be a frame"),
        ("rank_actions", {"costs": COSTS.iloc[:0]}, ContractError, "costs has no row"),
        ("rank_actions", {"budget": -1.0}, GBAnalysisError, "budget"),
        ("rank_actions", {"horizon_days": 0}, GBAnalysisError, "horizon"),
        ("score_refund_abuse", {"window": FUTURE}, NotEnoughDataError, "future"),
        ("score_refund_abuse", {"window": REVERSED}, GBAnalysisError, "after its last day"),
        ("score_refund_abuse", {"window": CURRENT, "days": (ONE_DAY, "2024-03-10")}, GBAnalysisError, "lies among"),
    ],
)  # fmt: skip
def test_other_arguments(sample: Dataset, name: str, arguments: Any, error: type[Exception], said: str) -> None:
    refused(error, said, name, sample, **arguments)


def test_an_unknown_treatment(sample: Dataset) -> None:
    with pytest.raises(GBAnalysisError, match="treatment must be one of"):
        quality.estimate_effect(sample, "moonlight")
