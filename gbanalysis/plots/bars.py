"""Values of groups side by side, as bars from zero with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_bars(
    frame: pd.DataFrame, *, group: str, label: str, unit: str = "", role: str = "current", ax: Axes | None = None
) -> Axes:
    """Draw one horizontal bar a group, in the order of the frame from top to bottom.

    Parameters
    ----------
    frame
        One row a group: the column `group`, ``value``, ``ci_lower``, ``ci_upper``, and ``is_final`` where some values
        may still change (those bars are hatched).
    group
        The column that names the bars.
    label, unit
        What the values are, and in which unit.
    role
        Which of the roles of the palette colours the bars: base, current, harm or gain.
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax, height=max(1.4, 0.34 * len(frame) + 0.7))
        places, colour = np.arange(len(frame))[::-1], style.ROLES[role]
        bars = ax.barh(places, frame["value"], height=0.62, facecolor=f"{colour}80", edgecolor=colour)
        for bar, is_final in zip(bars, frame.get("is_final", [True] * len(frame)), strict=True):
            if not is_final:
                bar.set(facecolor="none", hatch=style.HATCH)
        spread = np.clip([frame["value"] - frame["ci_lower"], frame["ci_upper"] - frame["value"]], 0, None)
        ax.errorbar(frame["value"], places, xerr=spread, fmt="none", ecolor=style.INK, capsize=3, linewidth=1.2)
        ax.set_yticks(places, [str(name) for name in frame[group]])
        for place, row in zip(places, frame.itertuples(), strict=True):
            _write_value(ax, int(place), row, unit)
        ax.grid(axis="y", visible=False)
        ax.margins(x=0.14)
        if not (frame["value"] < 0).any() and not (frame["ci_lower"] < 0).any():
            ax.set_xlim(left=0)
        else:
            ax.axvline(0, color=style.INK, linewidth=0.8)
        style.format_unit(ax, unit, axis="x")
        ax.set_xlabel(style.axis_label(label, unit))
    return ax


def _write_value(ax: Axes, place: int, row: Any, unit: str) -> None:
    """Write the value beyond its bar and whisker, on the side to which the bar points."""
    side = -1 if row.value < 0 else 1
    end = np.fmin(row.value, row.ci_lower) if side < 0 else np.fmax(row.value, row.ci_upper)
    ax.annotate(
        style.short_number(row.value, unit) if np.isfinite(row.value) else "not known",
        (end if np.isfinite(end) else 0, place),
        xytext=(4 * side, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
    )
