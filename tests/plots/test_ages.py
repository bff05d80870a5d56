"""Charts by age and of projections: what is drawn, in which look, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gbanalysis.errors import GBAnalysisError
from gbanalysis.plots import plot_ages, plot_projection, style


def by_age(n_groups: int) -> pd.DataFrame:
    names = [f"method {k}" for k in range(n_groups)]
    frame = pd.DataFrame([(name, age) for name in names for age in range(4)], columns=["method", "age"])
    return frame.assign(error=0.02 / (1 + frame["age"]))


def rates() -> pd.DataFrame:
    days = pd.date_range("2024-03-01", periods=10)
    final = np.arange(10) < 7
    seen = np.where(final, 0.04, [0] * 7 + [0.03, 0.02, 0.01])
    return pd.DataFrame(
        {
            "period": days, "observed_rate": seen, "value": 0.04, "ci_lower": np.where(final, 0.04, 0.03),
            "ci_upper": np.where(final, 0.04, 0.05), "is_final": final, "n_units": 100,
        }
    )  # fmt: skip


def test_the_first_line_is_the_one_to_beat_in_grey() -> None:
    ax = plot_ages(by_age(3), value="error", group="method", label="error", unit="share")
    assert [line.get_color() for line in ax.get_lines()] == [style.ROLES["base"], *style.CYCLE[:2]]
    assert ax.get_ylim()[0] == 0 and ax.get_ylabel() == "error (%)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["method 0", "method 1", "method 2"]
    plt.close("all")


def test_intervals_are_drawn_where_there_are_any() -> None:
    frame = by_age(2).assign(ci_lower=0.0, ci_upper=0.03)
    assert len(plot_ages(frame, value="error", group="method", label="error").collections) == 2
    plt.close("all")


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(GBAnalysisError, match="at most 7 lines, not 8"):
        plot_ages(by_age(8), value="error", group="method", label="error")


def test_a_projection_is_hatched_and_what_is_reported_lies_below_it() -> None:
    ax = plot_projection(rates(), label="refund rate")
    assert any(patch.get_hatch() for patch in ax.collections)
    reported = next(line for line in ax.get_lines() if line.get_color() == style.ROLES["base"])
    assert np.asarray(reported.get_ydata()).tolist() == pytest.approx([0.04, 0.03, 0.02, 0.01])
    assert {text.get_text() for text in ax.texts} == {"reported", "projected"}
    plt.close("all")


def test_days_that_are_all_final_have_nothing_reported_beside_them() -> None:
    frame = rates()
    ax = plot_projection(frame[frame["is_final"]], label="refund rate")
    assert not ax.texts
    plt.close("all")


def test_the_largest_groups_are_drawn() -> None:
    parts = [rates().assign(group=f"g{k}", n_units=100 * (k + 1)) for k in range(8)]
    frame = pd.concat(parts, ignore_index=True)
    ax = plot_projection(frame.drop(columns="group"), label="refund rate", group=frame["group"])
    assert {text.get_text() for text in ax.texts} == {f"g{k}" for k in range(2, 8)}
    plt.close("all")
