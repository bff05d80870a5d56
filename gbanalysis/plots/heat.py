"""A table of values by two dimensions, shaded, with every number written and its interval beside it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from gbanalysis.errors import NotEnoughDataError
from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

DARKEST = {"base": style.GREY, "current": style.SKY, "harm": style.VERMILION, "gain": style.GREEN}


def plot_heat(
    frame: pd.DataFrame,
    *,
    row: str,
    column: str,
    label: str,
    unit: str = "",
    role: str = "current",
    ax: Axes | None = None,
) -> Axes:
    """Draw a heat table; the interval stands in small type under each value.

    Parameters
    ----------
    frame
        One row a cell: the columns `row` and `column`, ``value``, ``ci_lower``, ``ci_upper``. Cells that are absent or
        NaN stay empty.
    row, column
        The two dimensions.
    label, unit
        What the values are, and in which unit.
    role
        Which of the roles of the palette shades the cells: base, current, harm or gain.
    ax
        Where to draw; new axes by default.

    Raises
    ------
    NotEnoughDataError
        Where no cell has a value.
    """
    if not frame["value"].notna().any():
        raise NotEnoughDataError(f"{label}: no {row} and {column} has a value to draw.")
    table = frame.pivot(index=row, columns=column, values=["value", "ci_lower", "ci_upper"])
    values, lower, upper = (table[name].to_numpy(dtype=float) for name in ("value", "ci_lower", "ci_upper"))
    height, width = len(values), len(table["value"].columns)
    with style.look():
        ax = style.new_axes(ax, width=max(4.5, 1.15 * width + 1.6), height=0.48 * height + 1.0)
        image = ax.imshow(
            values, cmap=LinearSegmentedColormap.from_list(role, ["#f6f6f6", DARKEST[role]]), aspect="auto", vmin=0
        )
        for i, j in product(range(height), range(width)):
            if not np.isfinite(values[i, j]):
                continue
            ax.text(j, i - 0.13, style.short_number(values[i, j], unit), ha="center", va="center", color="black")
            if np.isfinite(lower[i, j]) and np.isfinite(upper[i, j]):
                ends = f"{style.short_number(lower[i, j], unit)} to {style.short_number(upper[i, j], unit)}"
                ax.text(j, i + 0.25, ends, ha="center", va="center", fontsize=6, color="black")
        ax.set_xticks(range(width), [str(name) for name in table["value"].columns])
        ax.set_yticks(range(height), [str(name) for name in table.index])
        ax.grid(visible=False)
        ax.set(xlabel=column.replace("_", " "), ylabel=row.replace("_", " "))
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02)
        style.format_unit(bar.ax, unit)
        bar.set_label(style.axis_label(label, unit))
    return ax
