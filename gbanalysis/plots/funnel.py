"""A funnel plot: ratios of units against how much is known of each, with the limits of chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_LABELS = 6


def plot_funnel(
    frame: pd.DataFrame,
    curves: pd.DataFrame,
    *,
    group: str,
    label: str,
    across: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw each unit's ratio over its expected count between the limits.

    Parameters
    ----------
    frame
        One row a unit: `group`, ``expected``, ``ratio`` and ``outside`` ("above", "below" or "within").
    curves
        ``expected`` and the limits ``warning_lower``, ``warning_upper``, ``action_lower``, ``action_upper``.
    group
        The column that names the units; those outside the limits are labelled.
    label, across
        What the ratio and the expected count are.
    ax
        Where to draw; new axes by default.
    """
    looks = {
        "within": (style.ROLES["base"], "o"),
        "above": (style.ROLES["harm"], "^"),
        "below": (style.ROLES["gain"], "v"),
    }
    with style.look():
        ax = style.new_axes(ax, height=3.8)
        ax.fill_between(
            curves["expected"],
            curves["action_lower"],
            curves["action_upper"],
            color=style.GREY,
            alpha=0.15,
            linewidth=0,
        )
        for name, dash in (("warning", style.DASHES[2]), ("action", style.DASHES[0])):
            for side in ("lower", "upper"):
                ax.plot(curves["expected"], curves[f"{name}_{side}"], color=style.INK, linewidth=0.9, linestyle=dash)
            ax.annotate(
                {"warning": "95% limits", "action": "99.8% limits"}[name],
                (curves["expected"].iloc[-1], curves[f"{name}_upper"].iloc[-1]),
                xytext=(-2, 3),
                textcoords="offset points",
                ha="right",
                fontsize=8,
            )
        ax.axhline(1, color=style.INK, linewidth=0.8)
        for kind, (colour, marker) in looks.items():
            some = frame[frame["outside"] == kind]
            ax.scatter(some["expected"], some["ratio"], color=colour, marker=marker, s=34, zorder=3)
        far = frame[frame["outside"] != "within"]
        far = far.loc[(far["ratio"] - 1).abs().sort_values(ascending=False).index].head(MOST_LABELS)
        for name, expected, ratio in far[[group, "expected", "ratio"]].itertuples(index=False):
            ax.annotate(str(name), (expected, ratio), xytext=(6, 3), textcoords="offset points")
        ax.set_ylim(bottom=0)
        ax.set_xlabel(across)
        ax.set_ylabel(label)
    return ax
