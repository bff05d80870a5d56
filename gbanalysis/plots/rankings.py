"""Precision against recall of several rankings, with the interval of the precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_rankings(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw one line a ranking: which share of those flagged is truly bad, as more of the bad are found.

    Parameters
    ----------
    frame
        ``ranking``, ``recall``, ``precision``, ``ci_lower``, ``ci_upper``, one row a ranking and score; rankings are
        drawn in the order in which they first appear.
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax)
        for index, (name, part) in enumerate(frame.groupby("ranking", sort=False)):
            colour, dash = style.CYCLE[index], style.DASHES[index]
            rows = part[part["recall"] > 0].drop_duplicates("recall")
            ax.fill_between(
                rows["recall"], rows["ci_lower"], rows["ci_upper"], color=colour, alpha=style.BAND_ALPHA, linewidth=0
            )
            ax.plot(rows["recall"], rows["precision"], color=colour, linestyle=dash, linewidth=1.6, label=str(name))
        for axis in ("x", "y"):
            style.format_unit(ax, "share", axis=axis)
        ax.set(xlabel="abusers found (% of all)", ylabel="abusers among those flagged (%)", xlim=(0, 1), ylim=(0, 1.02))
        ax.legend(frameon=False, loc="upper right")
    return ax
