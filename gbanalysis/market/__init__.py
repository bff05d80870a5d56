"""The simulated market with known truth: one mechanism a file, no code shared with the estimators judged on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gbanalysis.market.market import Market
    from gbanalysis.market.simulation import DEFAULT_MARKET, simulate

__all__ = ["DEFAULT_MARKET", "Market", "simulate"]

_HOMES = {"simulate": "simulation", "DEFAULT_MARKET": "simulation", "Market": "market"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
