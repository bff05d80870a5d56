"""Random draws: two calls that name no stream agree, and what makes no stream is refused with a sentence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.arguments import generator
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import GBAnalysisError

SPANS = {"base": ("2024-02-03", "2024-03-01"), "current": ("2024-03-03", "2024-03-30")}
COSTS = pd.DataFrame([{"action": "replace_supplier", "target": None, "cost_fixed": 50.0, "cost_per_line": 0.1}])
BAD = ["lucky", -1, 1.5, True, (1, 2), np.random.RandomState(1)]

quality = gb.quality
DRAWING: dict[str, Callable[..., Any]] = {
    "project_refund_rate": quality.project_refund_rate,
    "backtest_projection": quality.backtest_projection,
    "find_local_shifts": partial(quality.find_local_shifts, **SPANS),
    "attribute_shift": partial(quality.attribute_shift, **SPANS),
    "estimate_effect": partial(quality.estimate_effect, treatment="transit_hours"),
    "rank_actions": partial(quality.rank_actions, costs=COSTS, current=SPANS["current"]),
    "watch_refunds": partial(quality.watch_refunds, node="region", first="2024-03-10"),
}
CHEAP = ("project_refund_rate", "attribute_shift", "rank_actions", "watch_refunds")


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


def test_every_question_that_draws_is_asked() -> None:
    drawing = {name for name in quality.__all__ if name[0].islower() and _draws(getattr(quality, name))}
    assert drawing - {"project_triangle"} == set(DRAWING)


def _draws(function: Callable[..., Any]) -> bool:
    return "rng" in inspect.signature(function).parameters


@pytest.mark.parametrize("name", CHEAP)
def test_two_default_calls_agree(sample: Dataset, name: str) -> None:
    one, other = (DRAWING[name](sample).to_frame() for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("rng", BAD, ids=lambda value: type(value).__name__)
def test_what_makes_no_stream_is_refused(sample: Dataset, name: str, rng: Any) -> None:
    with pytest.raises(GBAnalysisError, match="rng must be a whole number of 0 or more, or a generator"):
        DRAWING[name](sample, rng=rng)


def test_a_refutation_refuses_it_too(sample: Dataset) -> None:
    effect = quality.estimate_effect(sample, "grid_warehouse_hours")
    with pytest.raises(GBAnalysisError, match="rng must be"):
        effect.refute(rng=-1)


def test_a_seed_a_generator_and_nothing() -> None:
    own = np.random.default_rng(7)
    assert generator(own) is own
    assert generator(np.int64(3)).random() == generator(3).random() == np.random.default_rng(3).random()
    assert generator().random() == generator().random() != generator(1).random()
