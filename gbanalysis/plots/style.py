"""One look for every chart: colours, type, grid, number formats and the font for Chinese labels."""

from __future__ import annotations

from functools import cache
from importlib.metadata import files
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.ticker import FuncFormatter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes

# Okabe and Ito (2008), Color Universal Design. A figure brings its own white card, so that it reads on a dark page too.
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
GREY, INK, CARD = "#999999", "#595959", "#ffffff"
ROLES: Mapping[str, str] = {"base": GREY, "current": BLUE, "harm": VERMILION, "gain": GREEN}
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCH = "////"
BAND_ALPHA = 0.22

_CJK_PACKAGE = "cvttf-notosanscjk-regular"


@cache
def cjk_family() -> str:
    """Register the Noto Sans CJK font that a dependency ships, and give its family name."""
    for file in files(_CJK_PACKAGE) or ():
        if file.suffix == ".otf" and file.name.startswith("NotoSansCJK") and file.locate().is_file():  # type: ignore[attr-defined]
            path = str(file.locate())
            font_manager.fontManager.addfont(path)
            return font_manager.FontProperties(fname=path).get_name()
    raise FileNotFoundError(f"the package {_CJK_PACKAGE} holds no font")


def look(**overrides: Any) -> AbstractContextManager[None]:
    """Draw what stands inside the ``with`` block in the one look; `overrides` change single settings of matplotlib."""
    settings: Any = {
        "figure.dpi": 144,
        "figure.facecolor": CARD,
        "figure.constrained_layout.use": True,
        "savefig.facecolor": CARD,
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.unicode_minus": False,
        "grid.color": GREY,
        "grid.alpha": 0.25,
        "grid.linewidth": 0.6,
        "hatch.linewidth": 0.6,
        "text.color": INK,
        "text.parse_math": False,  # a name may hold a dollar sign
        "xtick.color": INK,
        "ytick.color": INK,
        "font.family": ["DejaVu Sans", cjk_family()],
        "font.size": 9,
        **{name.replace("_", ".", 1): value for name, value in overrides.items()},
    }
    _load_backend()
    return plt.rc_context(settings)


@cache
def _load_backend() -> None:
    """Load the backend before the first context: a notebook sets its hooks then, and they would end with it."""
    plt.switch_backend(plt.get_backend())


def new_axes(ax: Axes | None, *, width: float = 7.2, height: float = 3.2) -> Axes:
    """Give back `ax`, or new axes of this size in inches; call it inside ``with look():``."""
    return ax if ax is not None else plt.subplots(figsize=(width, height))[1]


def format_unit(ax: Axes, unit: str, *, axis: str = "y") -> None:
    """Write an axis in its unit: "share" as per cent, large numbers with thousands separators."""
    scale, sign = (100, "%") if unit == "share" else (1, "")
    formatter = FuncFormatter(lambda value, _: f"{scale * value:,.6g}{sign}")
    (ax.yaxis if axis == "y" else ax.xaxis).set_major_formatter(formatter)


def axis_label(label: str, unit: str) -> str:
    """Join what an axis shows and its unit.

    Examples
    --------
    >>> axis_label("refund rate", "share"), axis_label("GMV", "CNY")
    ('refund rate (%)', 'GMV (CNY)')
    >>> axis_label("active sites", "sites")
    'active sites'
    """
    if unit in label.split():
        return label
    return f"{label} ({'%' if unit == 'share' else unit})" if unit else label


def short_number(value: float, unit: str) -> str:
    """Write a number beside its mark, two to three figures long.

    Examples
    --------
    >>> short_number(0.0312, "share"), short_number(1234567, "CNY"), short_number(-450, "orders")
    ('3.1%', '1.23M', '-450')
    """
    if unit == "share":
        return f"{100 * value:.{2 if 0 < abs(value) < 0.00995 else 1}f}%"
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{value:,.4g}"
