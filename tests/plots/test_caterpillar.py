"""Rows of rates: where they stand, whose interval lies above the whole, and what is drawn beside."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gbanalysis import plots
from gbanalysis.plots import style

RATES = pd.DataFrame(
    {
        "site_id": ["长沙一店", "S2", "S3"],
        "value": [0.09, 0.05, 0.04],
        "ci_lower": [0.06, 0.03, 0.01],
        "ci_upper": [0.13, 0.08, 0.06],
    }
)


@pytest.fixture(autouse=True)
def no_window() -> None:
    mpl.use("Agg")
    plt.close("all")


def test_rows_stand_from_top_to_bottom_and_those_above_the_whole_differ_in_colour_and_shape() -> None:
    ax = plots.plot_caterpillar(RATES, group="site_id", label="refund rate", unit="share", centre=0.05)
    names = {int(place): text.get_text() for place, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)}
    assert [names[place] for place in (2, 1, 0)] == RATES["site_id"].tolist()
    below, above = ax.get_lines()[:2]
    np.testing.assert_allclose(above.get_xdata(), [0.09])
    np.testing.assert_allclose(below.get_xdata(), [0.05, 0.04])
    assert above.get_color() == style.VERMILION and above.get_marker() != below.get_marker()
    ends = [path[:, 0].tolist() for lines in ax.collections for path in lines.get_segments()]
    assert sorted(ends) == sorted(RATES[["ci_lower", "ci_upper"]].to_numpy().tolist())
    assert ax.get_xlim()[0] == 0 and ax.get_xlabel() == "refund rate (%)" and ax.get_title() == ""


def test_without_a_centre_nobody_stands_out() -> None:
    ax = plots.plot_caterpillar(RATES, group="site_id", label="refund rate", unit="share")
    assert len(ax.get_lines()[1].get_xdata()) == 0 and ax.get_legend() is None


def test_what_was_counted_and_the_truth_are_drawn_beside_and_named() -> None:
    frame = RATES.assign(counted=[0.15, 0.05, 0.0], truth=[0.08, 0.05, 0.05])
    ax = plots.plot_caterpillar(frame, group="site_id", label="refund rate", unit="share", centre=0.05)
    drawn = {line.get_label(): list(line.get_xdata()) for line in ax.get_lines()}
    assert drawn["counted"] == [0.15, 0.05, 0.0] and drawn["truth"] == [0.08, 0.05, 0.05]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["counted", "truth"]
