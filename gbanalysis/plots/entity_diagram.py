"""An entity diagram: the tables around one centre, their columns and the keys that join them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gbanalysis.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_FONT = "DejaVu Sans"  # has a bold face; names of the contract are plain letters
_WIDTH, _GAP, _HEAD = 3.0, 1.2, 1.25  # a box's width, the gap between columns of boxes, a header's height; a row is 1


def plot_entity_diagram(frame: pd.DataFrame, *, centre: str = "order_lines", ax: Axes | None = None) -> Axes:
    """Draw the tables joined to a centre table: on the left those that point at it, on the right those it points at.

    Parameters
    ----------
    frame
        One row a column of a table: ``table``, ``column``, ``required`` (of the table), ``is_key``, ``must`` (whether
        the column must be there), ``references`` (the table it points at, or None). Rows in the order to be drawn.
    centre
        The table in the middle.
    ax
        Axes to draw on; new ones of a fitting size where None.

    Returns
    -------
    Axes
        Boxes of tables: required ones with a thick edge; key columns bold; arrows from a foreign key to its table.
        Columns that may be absent and join nothing are only counted.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "table": ["order_lines", "order_lines", "products"], "column": ["line_id", "sku_id", "sku_id"],
    ...     "required": True, "is_key": [True, False, True], "must": True, "references": [None, "products", None],
    ... })
    >>> [text.get_text() for text in plot_entity_diagram(frame).texts if text.get_text()]
    ['order_lines', 'line_id', 'sku_id', 'products', 'sku_id']
    """
    rows = {str(name): _rows(part) for name, part in frame.groupby("table", sort=False)}
    links = frame[frame["references"].isin(list(rows)) & (frame["references"] != frame["table"])]
    left = [name for name in rows if name in set(links.loc[links["references"] == centre, "table"])]
    right = list(dict.fromkeys(links.loc[links["table"] == centre, "references"]))
    tops = _stack(left, rows, 0.0) | _stack([centre], rows, 1.0) | _stack(right, rows, 2.0)
    height = max(-(top - _height(rows[name])) for name, (_, top) in tops.items())
    tops = _centred(tops, rows, height)
    required = set(frame.loc[frame["required"], "table"])
    with style.look():
        ax = style.new_axes(ax, width=8.0, height=0.2 * height + 0.3)
        for name, (x, top) in tops.items():
            _box(ax, name, rows[name], x, top, thick=name in required)
        for link in links.itertuples():
            if link.table in tops and link.references in tops:
                _arrow(ax, tops, rows, str(link.table), str(link.column), str(link.references))
        ax.set_xlim(-0.1, 3 * _WIDTH + 2 * _GAP + 0.1)
        ax.set_ylim(-height - 0.4, 0.4)
        ax.axis("off")
    return ax


def _rows(part: pd.DataFrame) -> list[tuple[str, bool]]:
    """The lines of a box: (text, bold) for each column shown, and how many are not."""
    shown = part[part["must"] | part["is_key"] | part["references"].notna()]
    lines = [(str(row.column), bool(row.is_key)) for row in shown.itertuples()]
    hidden = len(part) - len(shown)
    return [*lines, (f"+ {hidden} optional", False)] if hidden else lines


def _height(lines: list[tuple[str, bool]]) -> float:
    return _HEAD + len(lines)


def _stack(
    names: list[str], rows: Mapping[str, list[tuple[str, bool]]], column: float
) -> dict[str, tuple[float, float]]:
    """Put boxes under each other: the left edge and the top of each."""
    places, top = {}, 0.0
    for name in names:
        places[name] = (column * (_WIDTH + _GAP), top)
        top -= _height(rows[name]) + 0.8
    return places


def _centred(
    places: Mapping[str, tuple[float, float]], rows: Mapping[str, list[tuple[str, bool]]], height: float
) -> dict[str, tuple[float, float]]:
    """Move each column of boxes down so that it stands in the middle."""
    bottoms: dict[float, float] = {}
    for name, (x, top) in places.items():
        bottoms[x] = min(bottoms.get(x, 0.0), top - _height(rows[name]))
    return {name: (x, top - (height + bottoms[x]) / 2) for name, (x, top) in places.items()}


def _box(ax: Axes, name: str, lines: list[tuple[str, bool]], x: float, top: float, *, thick: bool) -> None:
    from matplotlib.patches import Rectangle

    edge = 2.2 if thick else 0.9
    height = _height(lines)
    ax.add_patch(Rectangle((x, top - height), _WIDTH, height, fill=False, edgecolor=style.INK, linewidth=edge))
    ax.add_patch(Rectangle((x, top - _HEAD), _WIDTH, _HEAD, facecolor=style.BLUE, alpha=0.25, linewidth=0))
    ax.text(x + 0.12, top - _HEAD / 2, name, va="center", fontweight="bold", family=_FONT)
    for number, (text, bold) in enumerate(lines):
        y = top - _HEAD - number - 0.5
        ax.text(x + 0.12, y, text, va="center", fontsize=8, fontweight="bold" if bold else "normal", family=_FONT)


def _arrow(
    ax: Axes,
    places: Mapping[str, tuple[float, float]],
    rows: Mapping[str, list[tuple[str, bool]]],
    table: str,
    column: str,
    target: str,
) -> None:
    """Draw the arrow from a foreign key's line to the header of the table that it points at."""
    x, top = places[table]
    number = [text for text, _ in rows[table]].index(column)
    end_x, end_top = places[target]
    ax.annotate(
        "",
        xy=(end_x, end_top - _HEAD / 2),
        xytext=(x + _WIDTH, top - _HEAD - number - 0.5),
        arrowprops={"arrowstyle": "-|>", "color": style.INK, "lw": 0.9, "connectionstyle": "arc3,rad=0.0"},
    )
