"""Effects one below the other, each as a point with its interval about a line at zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_forest(
    frame: pd.DataFrame, *, name: str, label: str, unit: str = "", more_is_harm: bool = True, ax: Axes | None = None
) -> Axes:
    """Draw one row an effect, in the order of the frame from top to bottom.

    A row that is sure has a filled mark, in the colour of harm or gain; the others have an open grey one.

    Parameters
    ----------
    frame
        One row an effect: the column `name`, ``value``, ``ci_lower``, ``ci_upper``; optional ``is_sure``, by default
        whether the interval leaves zero out.
    name
        The column that names the rows.
    label, unit
        What the values are, and in which unit.
    more_is_harm
        Whether a value above zero is harm (a refund rate) or gain.
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax, height=max(1.4, 0.3 * len(frame) + 0.7))
        ax.axvline(0, color=style.INK, linewidth=0.8)
        numbers = frame[["value", "ci_lower", "ci_upper"]].to_numpy(dtype=float)
        places = np.arange(len(frame))[::-1]
        is_sure = frame["is_sure"] if "is_sure" in frame else (frame["ci_lower"] > 0) | (frame["ci_upper"] < 0)
        for place, (value, lower, upper), sure in zip(places, numbers, is_sure, strict=True):
            colour = style.ROLES["harm" if (value > 0) == more_is_harm else "gain"] if sure else style.GREY
            ax.plot([lower, upper], [place, place], color=colour, linewidth=2.0 if sure else 1.2)
            ax.plot(
                value, place, "o" if value > 0 else "s", color=colour, markerfacecolor=colour if sure else style.CARD
            )
            text = f"{value:+.2f}" if not unit or unit == "pp" else style.short_number(value, unit)
            ax.annotate(
                text,
                (np.nanmax([upper, value]), place),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        ax.set_yticks(places, [str(each) for each in frame[name]])
        ax.set_ylim(-0.7, len(frame) - 0.3)
        ax.grid(axis="y", visible=False)
        ax.margins(x=0.12)
        style.format_unit(ax, unit, axis="x")
        ax.set_xlabel(style.axis_label(label, unit))
    return ax
