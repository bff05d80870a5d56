"""What a triangle knows on a day, and its sums."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbanalysis.errors import ContractError, NotEnoughDataError
from gbanalysis.quality.latency.triangle import Triangle

START = "2026-03-02"


def random_triangle(seed: int, shape: tuple[int, int, int] = (3, 21, 5)) -> Triangle:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(3.0, shape).astype(float)
    return Triangle(counts, start=START, exposure=counts.sum(axis=2) + rng.integers(0, 9, shape[:2]))


def test_known_is_what_was_reported_by_the_day() -> None:
    triangle = random_triangle(1)
    as_of = dt.date(2026, 3, 12)
    by_hand = np.zeros((3, 21))
    for day in range(21):
        for delay in range(5):
            if dt.date(2026, 3, 2) + dt.timedelta(days=day + delay) <= as_of:
                by_hand[:, day] += triangle.counts[:, day, delay]
    np.testing.assert_array_equal(triangle.observed(as_of), by_hand)


def test_as_of_view_holds_no_later_day_and_no_later_report() -> None:
    triangle = random_triangle(2)
    view = triangle.as_of("2026-03-12")
    assert view.reference[-1] == np.datetime64("2026-03-12")
    np.testing.assert_array_equal(view.ultimate(), triangle.observed("2026-03-12")[:, :11])
    assert view.exposure is not None and view.exposure.shape == (3, 11)


def test_history_keeps_the_weekday_of_the_first_day() -> None:
    view = random_triangle(3).as_of("2026-03-20", history=10)
    assert view.start == np.datetime64("2026-03-09")
    assert view.n_days == 12


def test_as_of_after_the_last_day_shows_later_reports() -> None:
    triangle = random_triangle(4)
    np.testing.assert_array_equal(triangle.observed("2026-03-26"), triangle.ultimate())
    assert (triangle.observed("2026-03-22")[:, -1] == triangle.counts[:, -1, 0]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), after=st.integers(0, 24))
def test_cells_summed_before_or_after_are_the_same(seed: int, after: int) -> None:
    triangle, day = random_triangle(seed), np.datetime64(START) + after
    summed = triangle.over_cells(["a", "b", "a"])
    observed = triangle.observed(day)
    np.testing.assert_allclose(summed.observed(day), np.stack([observed[0] + observed[2], observed[1]]))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), week=st.integers(0, 3))
def test_weeks_know_at_their_end_what_their_days_know(seed: int, week: int) -> None:
    triangle = random_triangle(seed)
    weekly = triangle.over_days(7)
    end = np.datetime64(START) + 7 * week + 6
    by_day = triangle.observed(end).reshape(3, 3, 7).sum(axis=2)
    np.testing.assert_allclose(weekly.observed(weekly.start + 7 * week), by_day)
    assert weekly.cycle == 1
    assert weekly.step == 7


def test_from_frame_counts_rows_and_leaves_out_what_belongs_to_no_figure() -> None:
    rows = pd.DataFrame(
        {
            "cell": ["b", "a", "a", "a", "a"],
            "reference": pd.to_datetime([START, START, "2026-03-04", "2026-03-04", "2026-03-06"]),
            "delay": [0, 2, 1, 3, 0],
            "count": [1, 2, 4, 8, 16],
        }
    )
    triangle = Triangle.from_frame(rows, max_delay=2, last="2026-03-05")
    assert triangle.cells == ("a", "b")
    assert triangle.counts.shape == (2, 4, 3)
    assert triangle.counts.sum() == 7
    assert triangle.counts[0, 2, 1] == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": np.full((1, 2, 2), -1.0)}, "not negative"),
        ({"counts": np.full((1, 2, 2), np.nan)}, "finite"),
        ({"counts": np.ones((2, 2))}, "cells, days, delays"),
        ({"counts": np.ones((1, 0, 2))}, "none of them empty"),
        ({"exposure": np.ones((1, 2))}, "exceed their exposure"),
        ({"exposure": np.ones((2, 2))}, "exposure is"),
        ({"exposure": np.full((1, 2), np.inf)}, "exposure must be finite"),
        ({"cells": ("a", "b")}, "1 cells, but 2 names"),
        ({"group": ("a", "b")}, "2 groups"),
        ({"step": 0}, "at least 1"),
    ],
)
def test_a_wrong_triangle_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        Triangle(**{"counts": np.ones((1, 2, 2)), "start": START, **change})  # type: ignore[arg-type]


def test_two_cells_of_one_name_are_refused() -> None:
    with pytest.raises(ContractError, match="one name"):
        Triangle(np.ones((2, 2, 2)), start=START, cells=("a", "a"))


def test_days_that_cannot_be_are_refused() -> None:
    triangle = random_triangle(5)
    with pytest.raises(NotEnoughDataError, match="before the first"):
        triangle.observed("2026-03-01")
    with pytest.raises(NotEnoughDataError, match="do not fill"):
        triangle.over_days(30)
