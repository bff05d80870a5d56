"""Charts of thresholds and rankings draw what the frame says."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gbanalysis import plots


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


def test_tradeoff_draws_points_band_and_labels_that_do_not_collide() -> None:
    frame = pd.DataFrame(
        {
            "caught": [0.7, 0.6, 0.5, 0.499],
            "hit": [0.002, 0.001, 0.0001, 0.00009],
            "ci_lower": [0.001, 0.0005, 0.0, 0.0],
            "ci_upper": [0.003, 0.0015, 0.0004, 0.0004],
            "threshold": [0.1, 0.5, 0.9, 0.95],
        }
    )
    ax = plots.plot_tradeoff(frame, x="caught", y="hit", mark="threshold", x_label="caught", y_label="honest hit")
    np.testing.assert_allclose(ax.get_lines()[0].get_xdata(), frame["caught"][::-1])
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), frame["hit"][::-1])
    assert [text.get_text() for text in ax.texts] == ["0.95", "0.5", "0.1"]  # 0.9 would stand on 0.95
    assert ax.get_ylabel() == "honest hit (%)" and ax.get_title() == "" and ax.get_ylim()[0] == 0
    assert ax.collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(0.003)


def test_rankings_differ_by_dash_and_keep_their_order() -> None:
    frame = pd.DataFrame(
        {
            "ranking": ["score"] * 3 + ["raw rate"] * 2,
            "recall": [0.0, 0.5, 1.0, 0.5, 1.0],
            "precision": [0.0, 0.9, 0.4, 0.2, 0.1],
            "ci_lower": [0.0, 0.8, 0.3, 0.1, 0.05],
            "ci_upper": [0.1, 0.95, 0.5, 0.3, 0.2],
        }
    )
    ax = plots.plot_rankings(frame)
    ours, raw = ax.get_lines()
    assert ours.get_label() == "score" and raw.get_label() == "raw rate"
    assert ours.get_linestyle() != raw.get_linestyle()
    np.testing.assert_allclose(ours.get_ydata(), [0.9, 0.4])  # a ranking that found nobody has no precision to show
    assert ax.get_xlim() == (0, 1) and len(ax.collections) == 2
