"""The refund rate: what it is, what it will be, what moved it, and what to do."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gbanalysis.quality.attribution import ShiftAttribution
    from gbanalysis.quality.triangle import Triangle

_HOMES = {
    "ShiftAttribution": "gbanalysis.quality.attribution",
    "Triangle": "gbanalysis.quality.triangle",
}

__all__ = ["ShiftAttribution", "Triangle"]


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
