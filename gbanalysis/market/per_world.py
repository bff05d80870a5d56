"""Things that are made once for each World object and forgotten with it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from gbanalysis.market.world import World

T = TypeVar("T")


def per_world(make: Callable[[World], T]) -> Callable[[World], T]:
    """Keep what ``make(world)`` gives until that World object goes."""
    kept: dict[int, tuple[weakref.ref[World], T]] = {}

    @wraps(make)
    def get(world: World) -> T:
        key = id(world)
        found = kept.get(key)
        if found is not None and found[0]() is world:
            return found[1]
        made = make(world)
        kept[key] = (weakref.ref(world, lambda _: kept.pop(key, None)), made)
        return made

    return get
