"""Ids of fixed width."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbanalysis.market.ids import line_ids, named, numbered


@given(st.lists(st.integers(0, 9999), max_size=30), st.integers(0, 99))
def test_ids_are_what_formatting_gives(numbers, day):
    made = numbered("X", (day, 2), (np.array(numbers, dtype=np.int64), 4), length=len(numbers))
    assert made.to_pylist() == [f"X{day:02d}{number:04d}" for number in numbers]


def test_a_number_too_wide_is_refused():
    with pytest.raises(ValueError, match="does not fit 2 digits"):
        numbered("X", (np.array([1, 100]), 2))


def test_order_of_ids_is_order_of_lines():
    ids = line_ids(9, np.arange(1200)).to_pylist() + line_ids(10, np.arange(3)).to_pylist()
    assert ids == sorted(ids)


def test_names_by_index_with_nulls():
    assert named(("a", "b"), np.array([1, -1, 0])).to_pylist() == ["b", None, "a"]
