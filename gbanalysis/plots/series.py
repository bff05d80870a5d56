"""A figure over time with its interval; the part that is not final yet is drawn hatched and open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from gbanalysis.errors import GBAnalysisError
from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_series(
    frame: pd.DataFrame, *, label: str, unit: str = "", group: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw values over time as lines with bands.

    Parameters
    ----------
    frame
        One row a period (and group): ``period``, ``value``, ``ci_lower``, ``ci_upper``, and ``is_final`` where some
        values may still change.
    label, unit
        What the values are, and in which unit; "share" is written as per cent.
    group
        The column that tells the lines apart; at most six lines.
    ax
        Where to draw; new axes by default.

    Raises
    ------
    GBAnalysisError
        Where there are more than six lines (draw small multiples instead).
    """
    groups = [("", frame)] if group is None else [(str(name), part) for name, part in frame.groupby(group, sort=True)]
    if len(groups) > len(style.CYCLE):
        raise GBAnalysisError(f"plot_series draws at most {len(style.CYCLE)} lines, not {len(groups)}")
    with style.look():
        ax = style.new_axes(ax)
        for index, (name, part) in enumerate(groups):
            _draw_line(ax, part.sort_values("period"), name, index)
        locator = AutoDateLocator(minticks=3, maxticks=8 if _stands_alone(ax) else 6)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        style.format_unit(ax, unit)
        ax.set_ylabel(style.axis_label(label, unit))
        ax.margins(x=0.02 if group is None else 0.12)
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
    return ax


def _stands_alone(ax: Axes) -> bool:
    """Say whether the axes have the width of the figure to themselves."""
    place = ax.get_subplotspec()
    return place is None or place.get_gridspec().ncols == 1


def _draw_line(ax: Axes, part: pd.DataFrame, name: str, index: int) -> None:
    colour, dash, marker = style.CYCLE[index], style.DASHES[index], style.MARKERS[index]
    final = part["is_final"].astype(bool) if "is_final" in part else part["value"].notna()
    x = part["period"]
    # The open part starts at the last final value, so that the line does not break.
    still_open = ~final | (~final).shift(-1, fill_value=False)
    ax.fill_between(
        x, part["ci_lower"], part["ci_upper"], where=final, color=colour, alpha=style.BAND_ALPHA, linewidth=0
    )
    ax.plot(x, part["value"].where(final), color=colour, linestyle=dash, linewidth=1.6, label=name or None)
    if not final.all():
        ax.fill_between(
            x, part["ci_lower"], part["ci_upper"], where=still_open, facecolor="none", edgecolor=colour,
            hatch=style.HATCH, linewidth=0, alpha=0.7,
        )  # fmt: skip
        ax.plot(x, part["value"].where(still_open), color=colour, linestyle=":", linewidth=1.3)
        ax.plot(
            x[~final], part["value"][~final], linestyle="none", marker=marker, markersize=4, color=colour,
            markerfacecolor="none",
        )  # fmt: skip
    known = part.dropna(subset=["value"])
    if name and len(known):
        last = known.iloc[-1]
        ax.annotate(
            name, (last["period"], last["value"]), xytext=(5, 0), textcoords="offset points", color=colour, va="center"
        )
