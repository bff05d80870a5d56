"""From a total to what is left of it, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_waterfall(
    frame: pd.DataFrame, *, label: str, unit: str = "", more_is_harm: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw a waterfall: totals stand on zero, steps hang from the level before.

    Parameters
    ----------
    frame
        One row a step, in order: ``part``, ``value`` (signed), ``ci_lower``, ``ci_upper``, ``is_total`` (the value is a
        level, not a change). Steps whose value is not known are named on the axis and not drawn.
    label, unit
        What the values are, and in which unit. Steps between shares are written in percentage points.
    more_is_harm
        Whether a step upwards is harm (a refund rate) or gain (profit).
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax, height=3.4)
        level = 0.0
        columns = (frame[name].to_numpy(dtype=float) for name in ("value", "ci_lower", "ci_upper", "is_total"))
        for place, (value, lower, upper, is_total) in enumerate(zip(*columns, strict=True)):
            if not np.isfinite(value):
                ax.annotate("not known", (place, level), ha="center", va="bottom", fontsize=8)
                continue
            start = 0.0 if is_total else level
            end = start + value
            _draw_step(ax, place, start, value, bool(is_total), more_is_harm)
            spread = np.clip([[value - lower], [upper - value]], 0, None)
            ax.errorbar(place, end, yerr=spread, fmt="none", ecolor=style.INK, capsize=3, linewidth=1.2)
            top = float(np.nanmax([start, end, start + upper]))
            is_points = unit == "share" and not is_total
            text = f"{100 * value:+.2f} pp" if is_points else style.short_number(value, unit)
            ax.annotate(text, (place, top), xytext=(0, 3), textcoords="offset points", ha="center")
            ax.plot([place - 0.31, place + 1.31], [end, end], color=style.INK, linewidth=0.7)
            level = end
        ax.set_xlim(-0.6, len(frame) - 0.4)
        ax.set_xticks(range(len(frame)), [str(part).replace("_", "\n") for part in frame["part"]])
        ax.axhline(0, color=style.INK, linewidth=0.8)
        ax.grid(axis="x", visible=False)
        style.format_unit(ax, unit)
        ax.set_ylabel(style.axis_label(label, unit))
    return ax


def _draw_step(ax: Axes, place: int, start: float, value: float, is_total: bool, more_is_harm: bool) -> None:
    """Draw one bar; dots tell a step from a total where colour cannot."""
    is_gain = (value >= 0) != more_is_harm
    colour = style.BLUE if is_total else style.ROLES["gain" if is_gain else "harm"]
    hatch = None if is_total else ".."
    ax.bar(place, value, bottom=start, width=0.62, facecolor=f"{colour}80", edgecolor=colour, hatch=hatch)
