"""Charts draw what the frame says: values, intervals, units, what is not final, and labels in any script."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from gbanalysis import plots
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.plots import style
from gbanalysis.plots.heat import DARKEST

from .frames import series


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


def bands(ax: Axes) -> list[PolyCollection]:
    return [found for found in ax.collections if isinstance(found, PolyCollection)]


def heights(band: PolyCollection) -> np.ndarray:
    """All ordinates of a band."""
    return np.concatenate([path.vertices[:, 1] for path in band.get_paths()])


def test_series_shows_values_interval_and_unit() -> None:
    frame = series(n_open=0)
    ax = plots.plot_series(frame, label="refund rate", unit="share")
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), frame["value"])
    band = heights(bands(ax)[0])
    assert band.min() == pytest.approx(frame["ci_lower"].min()) and band.max() == pytest.approx(frame["ci_upper"].max())
    assert ax.get_ylabel() == "refund rate (%)" and ax.get_title() == ""
    ax.figure.canvas.draw()
    assert "3%" in [text.get_text() for text in ax.get_yticklabels()]
    assert ax.get_ylim()[0] == 0


def test_what_is_not_final_is_hatched_dotted_and_open() -> None:
    frame = series(n=10, n_open=3)
    ax = plots.plot_series(frame, label="refund rate", unit="share")
    solid, dotted, marks = ax.get_lines()
    assert np.isfinite(solid.get_ydata()).sum() == 7
    assert (solid.get_linestyle(), dotted.get_linestyle()) == ("-", ":")
    np.testing.assert_allclose(marks.get_ydata(), frame["value"].tail(3))
    assert marks.get_markerfacecolor() == "none"
    assert [bool(band.get_hatch()) for band in bands(ax)] == [False, True]


def test_groups_are_told_apart_without_colour_and_named_at_their_end() -> None:
    names = ["east", "north", "south", "west"]
    frame = pd.concat([series(region=name, n_open=0) for name in names])
    ax = plots.plot_series(frame, label="rate", unit="share", group="region")
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in ax.get_lines()}) == 4
    assert [text.get_text() for text in ax.texts] == names
    many = pd.concat([series(region=str(i)) for i in range(7)])
    with pytest.raises(GBAnalysisError, match="at most 6"):
        plots.plot_series(many, label="rate", group="region")


def test_a_given_axes_is_used_and_the_callers_style_is_left_alone() -> None:
    before = dict(mpl.rcParams)
    figure, ax = plt.subplots()
    assert plots.plot_series(series(), label="rate", ax=ax) is ax
    assert plt.get_fignums() == [figure.number]
    assert {key: value for key, value in mpl.rcParams.items() if before[key] != value} == {}


def test_chinese_labels_have_glyphs() -> None:
    frame = pd.concat([series(region=name, n_open=0) for name in ("湖南", "广东")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of every glyph that no font has
        plots.plot_series(frame, label="售后率", unit="share", group="region").figure.canvas.draw()
        bars = frame.groupby("region").last().reset_index()
        plots.plot_bars(bars, group="region", label="损耗率", unit="share").figure.canvas.draw()


def test_panels_share_a_scale_that_holds_all_of_them() -> None:
    frame = pd.concat([series(region="a"), series(region="b").assign(value=0.4, ci_lower=0.3, ci_upper=0.5)])
    figure = plots.plot_multiples(frame, panel="region", label="rate", unit="share", columns=2)
    assert isinstance(figure, Figure)
    limits = {ax.get_ylim() for ax in figure.axes if ax.get_visible()}
    assert len(limits) == 1 and next(iter(limits))[1] > 0.5
    own = plots.plot_multiples(
        frame.assign(unit=["share"] * 12 + ["CNY"] * 12), panel="region", columns=2, own_scale=True
    )
    assert [ax.get_ylabel() for ax in own.axes] == ["a (%)", "b (CNY)"]


def test_bars_stand_on_zero_with_their_interval_and_number() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["a", "b", "c"],
            "value": [0.02, 0.01, np.nan],
            "ci_lower": [0.015, 0.008, np.nan],
            "ci_upper": [0.03, 0.012, np.nan],
            "is_final": [True, False, True],
        }
    )
    ax = plots.plot_bars(frame, group="stage", label="loss", unit="share", role="harm")
    assert [bar.get_x() for bar in ax.patches] == [0, 0, 0] and ax.get_xlim()[0] == 0
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]
    segments = ax.containers[1].lines[2][0].get_segments()
    np.testing.assert_allclose(segments[0][:, 0], [0.015, 0.03])
    assert [text.get_text() for text in ax.texts] == ["2.0%", "1.0%", "not known"]
    assert ax.get_xlabel() == "loss (%)"


def test_values_of_negative_bars_stand_beyond_their_whisker_on_the_outer_side() -> None:
    frame = pd.DataFrame(
        {"part": ["up", "down"], "value": [0.5, -0.2], "ci_lower": [0.4, -0.3], "ci_upper": [0.6, 0.1]}
    )
    ax = plots.plot_bars(frame, group="part", label="change", unit="pp")
    assert [(text.xy[0], text.get_ha()) for text in ax.texts] == [(0.6, "left"), (-0.3, "right")]
    ax.figure.canvas.draw()
    left = [text.get_window_extent().x0 for text in ax.texts]
    assert min(left) > ax.get_window_extent().x0


@pytest.mark.parametrize(("n_panels", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))])
def test_panels_leave_no_hole_where_they_can_and_dates_under_every_column(
    n_panels: int, shape: tuple[int, int]
) -> None:
    frame = pd.concat([series(region=str(name)) for name in range(n_panels)])
    figure = plots.plot_multiples(frame, panel="region", label="rate", unit="share")
    seen = [ax for ax in figure.axes if ax.get_visible()]
    assert len(seen) == n_panels
    grid = seen[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == shape
    lowest = {ax.get_subplotspec().colspan.start: ax for ax in seen}
    assert all(ax.xaxis.get_tick_params()["labelbottom"] for ax in lowest.values())


@pytest.mark.parametrize("n_weeks", [4, 13, 30, 60, 113, 160])
def test_dates_of_small_panels_do_not_touch_each_other(n_weeks: int) -> None:
    weeks = pd.date_range("2023-01-02", periods=n_weeks, freq="W-MON")
    frame = pd.DataFrame({"period": weeks, "value": 0.1, "ci_lower": 0.05, "ci_upper": 0.2})
    frame = pd.concat([frame.assign(region=str(name)) for name in range(3)])
    figure = plots.plot_multiples(frame, panel="region", label="rate", unit="share")
    figure.canvas.draw()
    for ax in figure.axes:
        boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        boxes = sorted((box for box in boxes if box.width), key=lambda box: box.x0)
        assert len(boxes) >= 2
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes)), n_weeks


def test_waterfall_hangs_each_step_from_the_level_before() -> None:
    frame = pd.DataFrame(
        {
            "part": ["GMV", "goods", "gain", "freight", "margin"],
            "value": [100.0, -70.0, 5.0, np.nan, 35.0],
            "ci_lower": [95.0, -72.0, 4.0, np.nan, 30.0],
            "ci_upper": [105.0, -68.0, 6.0, np.nan, 40.0],
            "is_total": [True, False, False, False, True],
        }
    )
    ax = plots.plot_waterfall(frame, label="money", unit="CNY")
    spans = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in ax.patches]
    assert spans == [(0, 100), (100, 30), (30, 35), (0, 35)]
    assert "not known" in [text.get_text() for text in ax.texts]
    assert [text.get_text() for text in ax.get_xticklabels()] == list(frame["part"])
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, True, False]
    assert ax.get_ylabel() == "money (CNY)"


def test_heat_table_writes_every_value_and_leaves_gaps_empty() -> None:
    frame = pd.DataFrame(
        {
            "region": ["a", "a", "b"],
            "category": ["x", "y", "x"],
            "value": [0.01, 0.02, 0.03],
            "ci_lower": [0.005, 0.01, 0.02],
            "ci_upper": [0.02, 0.03, 0.04],
        }
    )
    ax = plots.plot_heat(frame, row="region", column="category", label="rate", unit="share")
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["1.0%", "0.50% to 2.0%", "2.0%", "1.0% to 3.0%", "3.0%", "2.0% to 4.0%"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("region", "category")


def test_a_heat_table_without_a_value_is_refused() -> None:
    frame = pd.DataFrame({"region": ["a"], "category": ["x"], "value": [np.nan], "ci_lower": [0.1], "ci_upper": [0.2]})
    for empty in (frame, frame.head(0)):
        with pytest.raises(NotEnoughDataError, match="no region and category"):
            plots.plot_heat(empty, row="region", column="category", label="rate", unit="share")


@pytest.mark.parametrize("role", ["base", "current", "harm", "gain"])
def test_black_type_reads_on_the_darkest_cell(role: str) -> None:
    assert contrast("#000000", DARKEST[role]) >= 4.5


def contrast(one: str, two: str) -> float:
    """The WCAG 2.1 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        rgb = np.array(mpl.colors.to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_type_and_main_colours_read_on_the_card_that_every_figure_brings() -> None:
    ax = plots.plot_series(series(), label="rate", unit="share")
    card = mpl.colors.to_hex(ax.figure.get_facecolor(), keep_alpha=True)
    assert card == f"{style.CARD}ff"
    assert contrast(style.INK, style.CARD) >= 7
    for colour in (style.BLUE, style.VERMILION, style.GREEN):
        assert contrast(colour, style.CARD) >= 3


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0312, "share", "3.1%"),
        (0.00431, "share", "0.43%"),
        (0.00999, "share", "1.0%"),
        (0, "share", "0.0%"),
        (1234567, "CNY", "1.23M"),
        (98765, "", "98.8k"),
        (2.5e9, "", "2.5B"),
        (-450, "", "-450"),
    ],
)
def test_short_numbers(value: float, unit: str, text: str) -> None:
    assert style.short_number(value, unit) == text


def test_a_dollar_sign_in_a_name_is_drawn_as_it_stands() -> None:
    """Drawn outside the look, as a notebook does: "a$b$" keeps its dollars, and an open formula is no fault."""
    names = ["a$b$", "$\\frac{1$", "cost $5"]
    cells = pd.concat([series(1, 0, category=name, region=f"{name} r") for name in names])
    axes = plots.plot_heat(cells, row="region", column="category", label="x_1 $^2$", unit="share")
    bars = plots.plot_bars(cells, group="category", label="$\\frac{1$", unit="share")
    lines = plots.plot_series(cells, label="$\\frac{1$", unit="$", group="category")
    for ax in (axes, bars, lines):
        ax.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == sorted(names)
    drawn = [*axes.get_xticklabels(), *axes.get_yticklabels(), *bars.get_yticklabels(), *lines.texts]
    assert len(drawn) == 12
    assert not any(text.get_parse_math() for text in [*drawn, axes.xaxis.label, bars.xaxis.label, lines.yaxis.label])


def test_steps_between_rates_are_written_in_points():
    frame = pd.DataFrame(
        {"part": ["base", "quality", "current"], "value": [0.04, 0.005, 0.045], "is_total": [True, False, True]}
    )
    frame["ci_lower"], frame["ci_upper"] = [np.nan, 0.002, np.nan], [np.nan, 0.008, np.nan]
    ax = plots.plot_waterfall(frame, label="refund rate", unit="share", more_is_harm=True)
    assert [text.get_text() for text in ax.texts] == ["4.0%", "+0.50 pp", "4.5%"]
