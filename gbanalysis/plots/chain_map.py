"""A picture of the chain: the stages from supplier to pickup as bars on the clock of two days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_STEPS = (  # (what, Chinese term, hours after the cutoff at which it starts and ends, what happens)
    ("Pre-sale", "预售", None, 0.0, "orders come in"),
    ("Supplier", "供应商", 0.0, 3.0, "picks and loads"),
    ("Shared warehouse", "共享仓", 3.0, 5.5, "joins suppliers' loads"),
    ("Central warehouse", "中心仓", 5.5, 9.0, "sorts by grid"),
    ("Grid warehouse", "网格仓", 9.0, 12.5, "sorts by site"),
    ("Community site", "自提点", 12.5, 16.0, "sorts by buyer"),
    ("Pickup", "提货", 16.0, 22.0, "buyer takes it home"),
)


def typical_day(cutoff_hour: float = 23.0) -> pd.DataFrame:
    """Lay out the usual clock of one selling day: a schematic for readers, not a measurement.

    Parameters
    ----------
    cutoff_hour
        The pre-sale cutoff, in hours after midnight.

    Returns
    -------
    DataFrame
        One row a step: ``step``, ``name_zh``, ``starts_hour``, ``ends_hour`` (hours after the selling day's midnight),
        ``what``.

    Examples
    --------
    >>> typical_day().loc[:1, ["starts_hour", "ends_hour"]].to_numpy().tolist()
    [[0.0, 23.0], [23.0, 26.0]]
    """
    import pandas as pd

    return pd.DataFrame(
        [
            (step, name, 0.0 if start is None else cutoff_hour + start, cutoff_hour + end, what)
            for step, name, start, end, what in _STEPS
        ],
        columns=["step", "name_zh", "starts_hour", "ends_hour", "what"],
    )


def plot_chain_map(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the steps of the chain from top to bottom, each as a bar from its start to its end on the clock.

    Parameters
    ----------
    frame
        As :func:`typical_day` gives it; the first row is the pre-sale, which ends at the cutoff.
    ax
        Axes to draw on; new ones where None.

    Returns
    -------
    Axes
        Hours on the horizontal axis, nights shaded, the cutoff as a dashed line, arrows from each step to the next.
    """
    last = float(frame["ends_hour"].max())
    cutoff = float(frame["ends_hour"].iloc[0])
    with style.look():
        ax = style.new_axes(ax, width=8.0, height=4.2)
        for night in range(0, int(last) + 24, 24):
            ax.axvspan(night - 2, night + 6, color=style.GREY, alpha=0.15, linewidth=0)
        for number, row in enumerate(frame.itertuples()):
            _draw_step(ax, number, row)
        ax.axvline(cutoff, color=style.VERMILION, linestyle="--", linewidth=1.2)
        ax.text(cutoff + 0.4, -0.25, f"cutoff {_clock(cutoff)}", color=style.VERMILION, va="center")
        ticks = list(range(0, int(last) + 7, 6))
        ax.set_xticks(ticks, [_clock(hour) + (f"\nday {hour // 24 + 1}" if hour % 24 == 0 else "") for hour in ticks])
        ax.set_xlim(0, max(last + 1, ticks[-1]))
        ax.set_ylim(len(frame) - 0.4, -0.7)
        ax.set_yticks([])
        ax.set_xlabel("time of day (hours)")
        ax.grid(visible=False)
    return ax


def _draw_step(ax: Axes, number: int, row: Any) -> None:
    """Draw one bar, with its names at the left edge and a thin line between them."""
    first = number == 0
    colour, alpha = (style.GREY, 0.25) if first else (style.BLUE, 0.6)
    ax.barh(number, row.ends_hour - row.starts_hour, left=row.starts_hour, height=0.66, color=colour, alpha=alpha)
    if not first:
        ax.plot([10.5, row.starts_hour - 0.3], [number, number], color=style.GREY, linewidth=0.6, linestyle=":")
    ax.text(0.5, number, f"{row.step} {row.name_zh}\n{row.what}", va="center")
    if not first:
        _hand_over(ax, float(row.starts_hour), number)


def _hand_over(ax: Axes, hour: float, number: int) -> None:
    """Draw the arrow by which a step hands the goods to the next one below."""
    ax.annotate(
        "",
        xy=(hour + 0.3, number - 0.32),
        xytext=(hour + 0.3, number - 0.9),
        arrowprops={"arrowstyle": "-|>", "color": style.INK, "lw": 0.9},
    )


def _clock(hour: float) -> str:
    """Write hours after midnight as a time of day."""
    return f"{int(hour) % 24:02d}:{round(hour % 1 * 60):02d}"
