"""The business at a glance: key figures, service level and margin, read across the domains from the contract tables."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gbanalysis.overview.figures import KeyFigures, key_figures
    from gbanalysis.overview.margins import Margin, margin
    from gbanalysis.overview.service import ServiceLevel, service_level

_HOMES = {
    "KeyFigures": "gbanalysis.overview.figures",
    "Margin": "gbanalysis.overview.margins",
    "ServiceLevel": "gbanalysis.overview.service",
    "key_figures": "gbanalysis.overview.figures",
    "margin": "gbanalysis.overview.margins",
    "service_level": "gbanalysis.overview.service",
}

__all__ = ["KeyFigures", "Margin", "ServiceLevel", "key_figures", "margin", "service_level"]


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
