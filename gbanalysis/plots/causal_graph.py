"""A causal graph: full boxes are recorded, dashed ones are not; arrows lead from cause to effect."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.text import Text

_LETTERS = 10  # in a line of a label
_BENT = "arc3,rad=0.07"  # a slight bend keeps arrows apart that would lie on one line


def plot_causal_graph(nodes: pd.DataFrame, arrows: pd.DataFrame, *, outcome: str, ax: Axes | None = None) -> Axes:
    """Draw a causal graph.

    Parameters
    ----------
    nodes
        ``node``, ``observed``, and its place: ``x`` (columns from the left) and ``y`` (rows from the top).
    arrows
        ``cause`` and ``effect``.
    outcome
        The node that is to be explained; it is drawn in the colour of harm.
    ax
        Where to draw; new axes by default.
    """
    with style.look(font_size=8.5):
        ax = style.new_axes(ax, width=8.2, height=4.6)
        ax.set(xlim=(nodes["x"].min() - 0.45, nodes["x"].max() + 0.45))
        ax.set(ylim=(nodes["y"].max() + 0.45, nodes["y"].min() - 0.45))
        ax.axis("off")
        boxes = {str(row.node): _draw_node(ax, row, outcome) for row in nodes.itertuples()}
        for row in arrows.itertuples():
            _draw_arrow(ax, boxes[str(row.cause)], boxes[str(row.effect)])
    return ax


def _draw_node(ax: Axes, row: Any, outcome: str) -> Text:
    colour = style.ROLES["current"] if row.observed else style.INK
    box = {
        "boxstyle": "round,pad=0.45" if row.observed else "round4,pad=0.55",
        "facecolor": style.CARD,
        "edgecolor": style.ROLES["harm"] if row.node == outcome else colour,
        "linewidth": 1.5,
        "linestyle": "-" if row.observed else "--",
    }
    label = fill(row.node.replace("_", " "), _LETTERS, break_long_words=False)
    return ax.text(row.x, row.y, label, ha="center", va="center", zorder=3, color="black", linespacing=1.1, bbox=box)


def _draw_arrow(ax: Axes, cause: Text, effect: Text) -> None:
    arrow: Any = {
        "arrowstyle": "-|>", "color": style.GREY, "lw": 1.1, "mutation_scale": 9, "connectionstyle": _BENT,
        "patchA": cause.get_bbox_patch(), "patchB": effect.get_bbox_patch(), "shrinkA": 1, "shrinkB": 1,
    }  # fmt: skip
    ax.annotate("", xy=effect.get_position(), xytext=cause.get_position(), zorder=1, arrowprops=arrow)
