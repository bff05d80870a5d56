"""What more or less of a treatment than usual does: a curve with its band, one a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gbanalysis.errors import GBAnalysisError
from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_dose(
    frame: pd.DataFrame,
    *,
    x: str,
    label: str,
    x_label: str,
    group: Sequence[str] = (),
    truth: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw curves with bands over the levels of a treatment.

    Parameters
    ----------
    frame
        One row a level (and group): `x`, ``value``, ``ci_lower``, ``ci_upper`` in percentage points.
    x, x_label, label
        The column of the levels, and what both axes show.
    group
        Columns that tell the curves apart; at most six curves.
    truth
        A column of known true values; drawn as crosses.
    ax
        Where to draw; new axes by default.

    Raises
    ------
    GBAnalysisError
        Where there are more than six curves.
    """
    names = frame[list(group)].astype(str).agg(", ".join, axis=1) if group else frame[x].map(lambda _: "")
    curves = list(dict.fromkeys(names))
    if len(curves) > len(style.CYCLE):
        raise GBAnalysisError(f"plot_dose draws at most {len(style.CYCLE)} curves, not {len(curves)}")
    with style.look():
        ax = style.new_axes(ax, height=3.6)
        ax.axhline(0, color=style.INK, linewidth=0.8)
        for index, name in enumerate(curves):
            part = frame[names == name].sort_values(x)
            colour = style.CYCLE[index]
            ax.fill_between(
                part[x], part["ci_lower"], part["ci_upper"], color=colour, alpha=style.BAND_ALPHA, linewidth=0
            )
            ax.plot(part[x], part["value"], color=colour, linestyle=style.DASHES[index], linewidth=1.6)
            if truth is not None:
                ax.plot(part[x], part[truth], linestyle="none", marker="x", markersize=4, color=colour)
            end = part.iloc[-1]
            ax.annotate(
                name, (end[x], end["value"]), xytext=(5, 0), textcoords="offset points", color=colour, va="center"
            )
        ax.axvline(0, color=style.GREY, linewidth=0.8, linestyle=":")
        ax.margins(x=0.14 if group else 0.02)
        ax.set(xlabel=x_label, ylabel=f"{label}\n(percentage points)")
    return ax
