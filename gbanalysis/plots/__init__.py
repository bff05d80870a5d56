"""Charts: one a file, each drawn from a small frame; they know columns and units, not domains."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gbanalysis.plots.ages import plot_ages
    from gbanalysis.plots.bars import plot_bars
    from gbanalysis.plots.caterpillar import plot_caterpillar
    from gbanalysis.plots.forest import plot_forest
    from gbanalysis.plots.heat import plot_heat
    from gbanalysis.plots.interactive import interactive_series
    from gbanalysis.plots.moves import plot_moves
    from gbanalysis.plots.multiples import plot_multiples
    from gbanalysis.plots.projection import plot_projection
    from gbanalysis.plots.rankings import plot_rankings
    from gbanalysis.plots.series import plot_series
    from gbanalysis.plots.tradeoff import plot_tradeoff
    from gbanalysis.plots.waterfall import plot_waterfall

_HOMES = {
    "interactive_series": "interactive",
    "plot_ages": "ages",
    "plot_bars": "bars",
    "plot_caterpillar": "caterpillar",
    "plot_forest": "forest",
    "plot_heat": "heat",
    "plot_moves": "moves",
    "plot_multiples": "multiples",
    "plot_projection": "projection",
    "plot_series": "series",
    "plot_rankings": "rankings",
    "plot_tradeoff": "tradeoff",
    "plot_waterfall": "waterfall",
}

__all__ = [
    "interactive_series",
    "plot_ages",
    "plot_bars",
    "plot_caterpillar",
    "plot_forest",
    "plot_heat",
    "plot_moves",
    "plot_multiples",
    "plot_projection",
    "plot_rankings",
    "plot_series",
    "plot_tradeoff",
    "plot_waterfall",
]


def __getattr__(name: str) -> Any:
    """Load a chart from its file when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
