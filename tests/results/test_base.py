"""A result offers its table, summary, text, chart and HTML, and its sums must hold."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, fields, is_dataclass

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


def test_results_that_hold_frames_compare_by_identity() -> None:
    """Frames have no truth value: comparing two results field by field would fail, and not answer."""
    for room in ("quality", "overview"):
        package = importlib.import_module(f"gbanalysis.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    kinds = [kind for kind in all_kinds(Result) if kind.__module__.startswith("gbanalysis.") and is_dataclass(kind)]
    held = [kind for kind in kinds if any("DataFrame" in str(field.type) for field in fields(kind))]
    assert len(held) >= 15
    assert not [kind.__name__ for kind in held if kind.__eq__ is not object.__eq__]


def all_kinds(kind: type) -> list[type]:
    return [each for child in kind.__subclasses__() for each in (child, *all_kinds(child))]
