"""Rates of many groups with their intervals, one below the other: who stands out, and who only seems to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ROW = 0.22  # inches
_BESIDE: dict[str, dict[str, Any]] = {
    "counted": {"marker": "D", "markersize": 4, "color": style.INK, "markerfacecolor": "none"},
    "truth": {"marker": "x", "markersize": 5, "color": style.INK},
}


def plot_caterpillar(
    frame: pd.DataFrame, *, group: str, label: str, unit: str = "", centre: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one row a group, in the order of the frame from top to bottom: a mark with its interval.

    Parameters
    ----------
    frame
        One row a group: the column `group`, ``value``, ``ci_lower``, ``ci_upper``; where there are ``counted`` and
        ``truth``, they are drawn beside, as open diamonds and as crosses.
    group
        The column that names the rows.
    label, unit
        What the values are, and in which unit.
    centre
        A value to compare with, a dashed line; rows whose whole interval lies above it are vermilion squares.
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax, height=max(1.6, ROW * len(frame) + 0.8))
        places = np.arange(len(frame))[::-1]
        is_above = frame["ci_lower"].to_numpy() > (np.inf if centre is None else centre)
        for chosen, role, marker in ((~is_above, "current", "o"), (is_above, "harm", "s")):
            part, at, colour = frame[chosen], places[chosen], style.ROLES[role]
            ax.hlines(at, part["ci_lower"], part["ci_upper"], color=colour, linewidth=1.5)
            ax.plot(part["value"], at, linestyle="none", marker=marker, markersize=4.5, color=colour)
        for name in (name for name in _BESIDE if name in frame):
            ax.plot(frame[name], places, linestyle="none", label=name, **_BESIDE[name])
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
        if centre is not None:
            ax.axvline(centre, color=style.INK, linestyle=(0, (5, 1.5)), linewidth=1)
        ax.set_yticks(places, [str(name) for name in frame[group]])
        ax.set_ylim(-0.7, len(frame) - 0.3)
        ax.set_xlim(left=min(0, float(frame["ci_lower"].min())))
        ax.grid(axis="y", visible=False)
        style.format_unit(ax, unit, axis="x")
        ax.set_xlabel(style.axis_label(label, unit))
    return ax
