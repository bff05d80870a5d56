"""What is gained against what it costs, threshold by threshold: points along a line, with the interval of the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LABEL_APART = 0.04  # of the width: marks nearer than that to the one labelled before stay without a label


def plot_tradeoff(
    frame: pd.DataFrame, *, x: str, y: str, mark: str, x_label: str, y_label: str, ax: Axes | None = None
) -> Axes:
    """Draw one point a threshold, both axes in per cent, with the thresholds written above.

    Parameters
    ----------
    frame
        One row a threshold: `x`, `y` (shares), ``ci_lower`` and ``ci_upper`` of `y`, and `mark`, what is written there.
    x, y, mark
        Columns.
    x_label, y_label
        What the axes show.
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax)
        rows = frame.sort_values(x)
        colour = style.ROLES["current"]
        ax.fill_between(rows[x], rows["ci_lower"], rows["ci_upper"], color=colour, alpha=style.BAND_ALPHA, linewidth=0)
        ax.plot(rows[x], rows[y], color=colour, marker="o", markersize=4, linewidth=1.6)
        apart = LABEL_APART * float(rows[x].max() - rows[x].min())
        last = -float("inf")
        for place, height, name in rows[[x, y, mark]].to_numpy(dtype=float):
            if place - last >= apart:
                ax.annotate(
                    f"{name:g}", (place, height), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8
                )
                last = place
        for axis in ("x", "y"):
            style.format_unit(ax, "share", axis=axis)
        ax.set(xlabel=style.axis_label(x_label, "share"), ylabel=style.axis_label(y_label, "share"))
        ax.set_ylim(bottom=0)
    return ax
