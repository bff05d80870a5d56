"""Bad arguments and data that cannot answer give a named error with the reason."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError

BASE, CURRENT = ("2024-02-03", "2024-03-01"), ("2024-03-03", "2024-03-30")


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


def tables(sample: Dataset, *names: str) -> dict[str, pd.DataFrame]:
    return {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "settings", *names)}


def compare(name: str, data: Dataset, **spans: Any) -> Any:
    return getattr(gb.quality, name)(data, **{"base": BASE, "current": CURRENT, **spans})


@pytest.mark.parametrize("name", ["attribute_shift", "find_local_shifts"])
@pytest.mark.parametrize(
    "spans, error, said",
    [
        ({"current": ("2024-03-01", "2024-03-30")}, GBAnalysisError, "overlap"),
        ({"current": ("2024-03-20", "2024-03-10")}, GBAnalysisError, "after its last day"),
        ({"current": ("2024-03-20", "2024-04-20")}, NotEnoughDataError, "future"),
        ({"base": ("2019-01-01", "2019-01-31")}, NotEnoughDataError, "base"),
        ({"as_of": "2024-05-01"}, NotEnoughDataError, "future"),
        ({"as_of": "2024-03-10"}, NotEnoughDataError, "future"),
        ({"base": "2024-02-03"}, GBAnalysisError, "base"),
    ],
)
def test_periods(sample: Dataset, name: str, spans: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        compare(name, sample, **spans)


@pytest.mark.parametrize("name", ["attribute_shift", "find_local_shifts"])
def test_no_refunds(sample: Dataset, name: str) -> None:
    with pytest.raises(ContractError, match="refunds"):
        compare(name, gb.read_dataset(tables(sample)))


def test_nothing_was_refunded(sample: Dataset) -> None:
    frames = tables(sample, "refunds")
    frames["refunds"] = frames["refunds"].iloc[:0]
    with pytest.raises(NotEnoughDataError, match="no refund"):
        compare("attribute_shift", gb.read_dataset(frames))


def test_one_supplier(sample: Dataset) -> None:
    frames = tables(sample, "refunds")
    frames["order_lines"]["supplier_id"] = "SUP001"
    with pytest.raises(NotIdentifiedError, match="one supplier"):
        compare("attribute_shift", gb.read_dataset(frames))


@pytest.mark.parametrize("unit", ["order", "user", "sku"])
def test_units_that_are_no_sums_over_lines(sample: Dataset, unit: str) -> None:
    with pytest.raises(NotIdentifiedError, match="once"):
        compare("attribute_shift", sample, unit=unit)


def test_unknown_unit_and_confidence(sample: Dataset) -> None:
    with pytest.raises(GBAnalysisError, match="unit must be"):
        compare("attribute_shift", sample, unit="lines")
    with pytest.raises(GBAnalysisError, match="confidence"):
        compare("attribute_shift", sample, confidence=1.0)
