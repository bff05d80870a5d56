"""A figure by age in days, one line a method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from gbanalysis.errors import GBAnalysisError
from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_ages(
    frame: pd.DataFrame, *, value: str, group: str, label: str, unit: str = "", ax: Axes | None = None
) -> Axes:
    """Draw one line a group over ``age``, in the order in which the groups come; the first is the one to beat, in grey.

    Parameters
    ----------
    frame
        One row an age and group: ``age`` and the columns `value` and `group`; ``ci_lower`` and ``ci_upper`` where the
        figure has an interval.
    value, group
        The figure; what tells the lines apart (seven at most).
    label, unit
        What the figure is; "share" is written as per cent.
    ax
        Where to draw; new axes by default.

    Raises
    ------
    GBAnalysisError
        Where there are more than seven lines.
    """
    names = list(dict.fromkeys(frame[group]))
    if len(names) > len(style.CYCLE) + 1:
        raise GBAnalysisError(f"plot_ages draws at most {len(style.CYCLE) + 1} lines, not {len(names)}")
    with style.look():
        ax = style.new_axes(ax)
        for index, name in enumerate(names):
            part = frame[frame[group] == name].sort_values("age")
            colour = style.ROLES["base"] if index == 0 else style.CYCLE[index - 1]
            dash, marker = style.DASHES[index % len(style.DASHES)], style.MARKERS[index % len(style.MARKERS)]
            ax.plot(
                part["age"], part[value], color=colour, linestyle=dash, marker=marker, markersize=3.5, label=str(name)
            )
            if "ci_lower" in part:
                ends = (part["ci_lower"], part["ci_upper"])
                ax.fill_between(part["age"], *ends, color=colour, alpha=style.BAND_ALPHA, linewidth=0)
        ax.set(xlabel="age (days since pickup)", ylabel=style.axis_label(label, unit))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        style.format_unit(ax, unit)
        ax.set_ylim(bottom=0)
        ax.legend(frameon=False)
    return ax
