"""The same figure over time for many groups, one small panel each, on one scale."""

from __future__ import annotations

from math import ceil
from textwrap import fill
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from gbanalysis.plots import style
from gbanalysis.plots.series import plot_series

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_LABEL_WIDTH = 20  # letters that fit beside a panel


def plot_multiples(
    frame: pd.DataFrame,
    *,
    panel: str,
    label: str | None = None,
    unit: str = "",
    columns: int | None = None,
    own_scale: bool = False,
) -> Figure:
    """Draw one small time series a panel.

    Parameters
    ----------
    frame
        As for `plot_series`, with the column `panel`.
    panel
        The column whose values name the panels; they keep the order in which they come.
    label, unit
        What the values are. Where `label` is None the panel's name says it, and ``unit`` may be a column of the frame.
    columns
        Panels in a row; by default two for two and four panels, else three.
    own_scale
        Whether each panel has its own scale (for panels of different units).
    """
    names = list(dict.fromkeys(frame[panel]))
    columns = columns or {1: 1, 2: 2, 4: 2}.get(len(names), 3)
    rows = ceil(len(names) / columns)
    with style.look(font_size=8):
        figure, grid = plt.subplots(
            rows, columns, figsize=(7.8, 1.75 * rows), sharex=True, sharey=not own_scale, squeeze=False
        )
        for ax, name in zip(grid.flat, names, strict=False):
            part = frame[frame[panel] == name]
            own_unit = str(part["unit"].iloc[0]) if "unit" in part and label is None else unit
            plot_series(part, label=label or str(name), unit=own_unit, ax=ax)
            ax.set_ylabel(fill(ax.get_ylabel(), _LABEL_WIDTH))
            if label is not None:
                ax.annotate(str(name), (0, 1), xycoords="axes fraction", xytext=(2, 2), textcoords="offset points")
        if not own_scale:
            grid[0, 0].set_ylim(*_limits(frame))
        for place in range(len(names), grid.size):
            grid.flat[place].set_visible(False)
            grid.flat[place - columns].tick_params(labelbottom=True)
        if label is not None:
            for ax in grid.flat:
                ax.set_ylabel("")
            figure.supylabel(style.axis_label(label, unit), fontsize=8, color=style.INK)
    return figure


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Give one scale from zero that holds every value and interval."""
    values = frame[["value", "ci_lower", "ci_upper"]].to_numpy(dtype=float)
    return min(0.0, float(np.nanmin(values))), 1.06 * float(np.nanmax(values))
