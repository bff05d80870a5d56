"""A score that builds up day by day against the threshold at which it rings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_alarm(frame: pd.DataFrame, *, label: str, ax: Axes | None = None) -> Axes:
    """Draw the score of one series.

    Parameters
    ----------
    frame
        One row a day: ``day``, ``score``, ``threshold``, ``rang``.
    label
        What the score is of.
    ax
        Where to draw; new axes by default.
    """
    with style.look():
        ax = style.new_axes(ax)
        ax.fill_between(frame["day"], 0, frame["score"], color=style.SKY, alpha=style.BAND_ALPHA, linewidth=0)
        ax.plot(frame["day"], frame["score"], color=style.ROLES["current"])
        ax.plot(frame["day"], frame["threshold"], color=style.INK, linestyle=style.DASHES[1])
        ax.annotate(
            "threshold",
            (frame["day"].iloc[-1], frame["threshold"].iloc[-1]),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
        )
        rang = frame[frame["rang"]]
        ax.scatter(rang["day"], rang["score"], color=style.ROLES["harm"], marker="^", s=48, zorder=3)
        for day, score in rang[["day", "score"]].itertuples(index=False):
            ax.annotate(f"{day:%m-%d}", (day, score), xytext=(0, 7), textcoords="offset points", ha="center")
        ax.set_ylim(bottom=0, top=max(frame["score"].max(), frame["threshold"].max()) * 1.15)
        ax.set_ylabel(label)
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    return ax
