"""A result offers its table, summary, text, chart and HTML, and its sums must hold."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes

from gbanalysis.errors import GBAnalysisError
from gbanalysis.results import Result, require_sum


@dataclass(frozen=True)
class Toy(Result):
    rows: int

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame({"name": ["<b>"] * self.rows, "value": 1234.5678})

    def text(self) -> str:
        return "Apples & <pears>."

    def plot(self, *, ax: Axes | None = None) -> Axes:
        raise NotImplementedError

    def alt_text(self) -> str:
        return "none"


@pytest.mark.parametrize("rows", [1, 18, 19, 500])
def test_summary_has_at_most_twenty_lines_and_says_what_is_left(rows: int) -> None:
    lines = Toy(rows).summary().splitlines()
    assert len(lines) <= 20
    assert lines[-1].startswith("... ") == (rows > 18)
    if rows == 500:
        assert lines[-1] == "... 482 more rows"


def test_html_is_escaped() -> None:
    html = Toy(2)._repr_html_()
    assert "Apples &amp; &lt;pears&gt;." in html
    assert "<b>" not in html and "&lt;b&gt;" in html


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_parts_that_add_up_pass_in_any_order(parts: list[float]) -> None:
    require_sum(parts[::-1], sum(parts), what="parts", tolerance=1e-9)


@pytest.mark.parametrize(("parts", "total"), [([1.0, 2.0], 3.001), ([float("nan"), 1.0], 1.0), ([1.0], float("nan"))])
def test_a_gap_is_an_error_with_both_sides(parts: list[float], total: float) -> None:
    with pytest.raises(GBAnalysisError, match="shares: the parts add up to"):
        require_sum(parts, total, what="shares")


@dataclass(frozen=True)
class Noted(Toy):
    notes: tuple[str, ...] = ("apples & <pears> are said above", "3 <rows> have nothing to compare with")

    def told(self) -> pd.DataFrame:
        return self.to_frame().assign(value=float("nan"))


def test_what_is_noted_and_not_said_stands_below_and_what_is_withheld_is_not_shown() -> None:
    html = Noted(2)._repr_html_()
    assert "<li>3 &lt;rows&gt; have nothing to compare with</li>" in html
    assert "1,235" not in html and "1,235" in Toy(2)._repr_html_()
