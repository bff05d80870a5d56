"""The chart of places that moved shows base, expected and current value, and the interval of the current one."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from gbanalysis import plots
from gbanalysis.plots import style

MOVES = pd.DataFrame(
    {
        "place": ["fruit, north", "dairy"],
        "base": [0.03, 0.06],
        "expected": [0.04, 0.05],
        "current": [0.09, 0.02],
        "ci_lower": [0.06, 0.01],
        "ci_upper": [0.13, 0.04],
    }
)


def test_moves_show_all_three_values_and_the_interval() -> None:
    mpl.use("Agg")
    ax = plots.plot_moves(MOVES, name="place", label="refund rate", unit="share")
    drawn = {line.get_label(): line.get_xdata() for line in ax.get_lines()}
    np.testing.assert_allclose(drawn["base"], MOVES["base"])
    np.testing.assert_allclose(drawn["expected"], MOVES["expected"])
    np.testing.assert_allclose(drawn["current, above what was expected"], [0.09])
    np.testing.assert_allclose(drawn["current, below it"], [0.02])
    ends = [path.vertices[:, 0] for band in ax.collections for path in band.get_paths()]
    assert any(np.allclose(end, [0.06, 0.13]) for end in ends) and any(np.allclose(end, [0.01, 0.04]) for end in ends)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["fruit, north", "dairy"]
    assert ax.get_xlabel() == "refund rate (%)" and ax.get_title() == ""
    plt.close("all")


def test_rise_and_fall_differ_in_colour_and_in_shape() -> None:
    mpl.use("Agg")
    ax = plots.plot_moves(MOVES, name="place", label="refund rate", unit="share")
    rise, fall = (next(line for line in ax.get_lines() if name in line.get_label()) for name in ("above", "below"))
    assert (rise.get_color(), fall.get_color()) == (style.ROLES["harm"], style.ROLES["gain"])
    assert rise.get_marker() != fall.get_marker()
    plt.close("all")
