"""A time series to hover over, drawn by the plotly that ships with the book: nothing is fetched from the network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": style.CARD,
    "plot_bgcolor": style.CARD,
    "font": {"color": style.INK},
    "hovermode": "x unified",
    "height": 360,
    "margin": {"l": 60, "r": 20, "t": 10, "b": 40},
    "legend": {"orientation": "h", "y": -0.15},
    "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": style.INK, "activecolor": style.BLUE},
}


def interactive_series(frame: pd.DataFrame, *, label: str, unit: str = "", group: str | None = None) -> Figure:
    """Draw values over time with hover labels that give the value and its interval.

    Parameters
    ----------
    frame
        As for `gbanalysis.plots.plot_series`.
    label, unit
        What the values are, and in which unit.
    group
        The column that tells the lines apart.

    Returns
    -------
    plotly.graph_objects.Figure
        The chart. In the book its caption and the text in its place stand in the metadata of the cell, as for any
        figure, and the page loads the plotly.min.js that comes along.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    groups = [(label, frame)] if group is None else [(str(name), part) for name, part in frame.groupby(group)]
    for index, (name, part) in enumerate(groups):
        for trace in _traces(part.sort_values("period"), name, style.CYCLE[index % len(style.CYCLE)], unit):
            figure.add_trace(trace)
    grid = {"gridcolor": "rgba(153,153,153,0.25)", "zeroline": False}
    figure.update_layout(**_LAYOUT, showlegend=len(groups) > 1)
    figure.update_xaxes(**grid)
    figure.update_yaxes(
        **grid,
        title=_plain(style.axis_label(label, unit)),
        rangemode="tozero",
        tickformat=".1%" if unit == "share" else ",",
    )
    return figure


def _plain(text: str) -> str:
    """Write a name as text: no markup, and no dollar sign that would open a formula."""
    return escape(text).replace("$", "&#36;")


def _traces(part: pd.DataFrame, name: str, colour: str, unit: str) -> list[Any]:
    """Make the band and the line of one group; values that are not final have open marks and say so."""
    import plotly.graph_objects as go

    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    band = go.Scatter(
        x=[*part["period"], *part["period"][::-1]],
        y=[*part["ci_upper"], *part["ci_lower"][::-1]],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},{style.BAND_ALPHA})",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    final = part["is_final"].astype(bool) if "is_final" in part else part["value"].notna()
    form = ".2%" if unit == "share" else ",.4r"
    line = go.Scatter(
        x=part["period"],
        y=part["value"],
        name=_plain(name),
        mode="lines+markers",
        line={"color": colour},
        marker={"symbol": ["circle" if done else "circle-open" for done in final], "size": 5},
        customdata=list(
            zip(part["ci_lower"], part["ci_upper"], ["" if done else " (not final)" for done in final], strict=True)
        ),
        hovertemplate=f"%{{y:{form}}} (%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}})%{{customdata[2]}}",
    )
    return [band, line]
