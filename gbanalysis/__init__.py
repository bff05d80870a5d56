"""Analysis of community group-buying: what happened, why, how sure are we, what do we do.

    import gbanalysis as gb
    data = gb.load_sample()
    gb.validate(data)
    gb.overview.key_figures(data, period="W")

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gbanalysis import errors, overview, quality
    from gbanalysis.dataset import sources
    from gbanalysis.dataset.dataset import Dataset
    from gbanalysis.dataset.read import read_dataset
    from gbanalysis.dataset.sample import load_sample
    from gbanalysis.dataset.validate import validate
    from gbanalysis.market.simulation import simulate

__version__ = "0.1.0"

__all__ = ["Dataset", "errors", "load_sample", "overview", "quality", "read_dataset", "simulate", "sources", "validate"]

_HOMES = {
    "Dataset": "gbanalysis.dataset.dataset",
    "load_sample": "gbanalysis.dataset.sample",
    "read_dataset": "gbanalysis.dataset.read",
    "simulate": "gbanalysis.market.simulation",
    "validate": "gbanalysis.dataset.validate",
}
_MODULES = {
    "errors": "gbanalysis.errors",
    "overview": "gbanalysis.overview",
    "quality": "gbanalysis.quality",
    "sources": "gbanalysis.dataset.sources",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module where it lives."""
    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        found = import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'gbanalysis' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
