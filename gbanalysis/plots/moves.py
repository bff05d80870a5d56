"""Where rates moved: before, what was to be expected, and now, one row a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ROW = 0.42  # inches


def plot_moves(frame: pd.DataFrame, *, name: str, label: str, unit: str = "", ax: Axes | None = None) -> Axes:
    """Draw one row a place, in the order of the frame from top to bottom.

    Parameters
    ----------
    frame
        One row a place: the column `name`, ``base``, ``expected`` and ``current`` values, and ``ci_lower``,
        ``ci_upper`` about the current one.
    name
        The column that names the rows.
    label, unit
        What the values are, and in which unit.
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax, height=max(1.7, ROW * len(frame) + 1.1))
        places = np.arange(len(frame))[::-1]
        rises = frame["current"].to_numpy() > frame["expected"].to_numpy()
        for chosen, role, marker in ((rises, "harm", "^"), (~rises, "gain", "v")):
            part, at, colour = frame[chosen], places[chosen], style.ROLES[role]
            ax.hlines(at, part["ci_lower"], part["ci_upper"], color=colour, linewidth=6, alpha=style.BAND_ALPHA)
            ax.hlines(at, part["expected"], part["current"], color=colour, linewidth=1.4)
            named = "current, above what was expected" if role == "harm" else "current, below it"
            ax.plot(
                part["current"], at, linestyle="none", marker=marker, color=colour, label=named if len(part) else None
            )
        ax.plot(
            frame["expected"], places, linestyle="none", marker="|", markersize=11, color=style.INK, label="expected"
        )
        ax.plot(
            frame["base"], places, linestyle="none", marker="o", color=style.ROLES["base"], markersize=5, label="base"
        )
        for place, value, end in zip(places, frame["current"], frame["ci_upper"], strict=True):
            ax.annotate(
                style.short_number(value, unit), (np.nanmax([value, end]), place), xytext=(5, 0),
                textcoords="offset points", va="center",
            )  # fmt: skip
        ax.set_yticks(places, [str(each) for each in frame[name]])
        ax.set_ylim(-0.7, len(frame) - 0.3)
        ax.margins(x=0.14)
        ax.set_xlim(left=min(0, float(np.nanmin(frame["ci_lower"]))))
        ax.grid(axis="y", visible=False)
        ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)
        style.format_unit(ax, unit, axis="x")
        ax.set_xlabel(style.axis_label(label, unit))
    return ax
