"""A rate by day: what is reported so far, and what it will come to, the open days hatched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gbanalysis.plots import style
from gbanalysis.plots.series import plot_series

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LABEL_ROOM = 0.12  # of the width, for the names at the end of the lines


def plot_projection(
    frame: pd.DataFrame, *, label: str, group: pd.Series[Any] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the projection in blue over the rate reported so far in grey.

    Parameters
    ----------
    frame
        One row a period (and group): ``period``, ``observed_rate``, ``value``, ``ci_lower``, ``ci_upper``,
        ``is_final``, ``n_units``.
    label
        What the rate is.
    group
        The name of each row's line; the six that have the most units are drawn, without what is reported so far.
    ax
        Where to draw; new axes by default.
    """
    if group is not None:
        largest = frame.groupby(group)["n_units"].sum().nlargest(len(style.CYCLE)).index
        part = frame.assign(group=group)
        part = part[part["group"].isin(largest)]
        return plot_series(part, label=label, unit="share", group="group", ax=ax)
    ax = plot_series(frame, label=label, unit="share", ax=ax)
    frame = frame.sort_values("period")
    still_open = ~frame["is_final"] | (~frame["is_final"]).shift(-1, fill_value=False)
    part = frame[still_open]
    if len(part):
        ax.plot(part["period"], part["observed_rate"], color=style.ROLES["base"], linestyle="--", linewidth=1.4)
        left, right = ax.get_xlim()
        ax.set_xlim(left, right + LABEL_ROOM * (right - left))
        last = part.iloc[-1]
        for name, column, role in (("reported", "observed_rate", "base"), ("projected", "value", "current")):
            ax.annotate(
                name, (last["period"], last[column]), xytext=(6, 0), textcoords="offset points", va="center",
                color=style.INK if role == "base" else style.ROLES[role],
            )  # fmt: skip
    return ax
