"""Which contributions are reported: the mechanisms, and their levels in the two accountings "who" and "where".

The levels of a dimension lie on disjoint routes, and the expected rate is a sum over routes. So a mechanism's Shapley
value, restricted to the routes of a level, is that level's own Shapley value in the game with every level as a player
(for the mechanism's own dimension), and the levels add up to the mechanism exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.attribution.design import Design
from gbanalysis.quality.attribution.mechanisms import PARENT, CodedCells

IntArray = NDArray[np.int64]

PLACES = ("category", "supplier_id", "grid_id", "region")


@dataclass(frozen=True)
class Account:
    """A mechanism's part (the sum of some players) split by a key: `dimension` is its name, `key` the column.

    `key` None: not split. `centred` accounts belong to the mix: a level that grows is credited with its rate less the
    overall one, for the sum of all shares cannot grow.
    """

    view: str
    mechanism: str
    dimension: str | None
    key: str | None
    players: tuple[int, ...]
    centred: bool = False


def list_accounts(cells: CodedCells) -> list[Account]:
    """All accounts: first the mechanisms, then the players, then the levels of both views."""
    names = cells.players
    parts: dict[str, tuple[int, ...]] = {}
    for place, name in enumerate(names):
        mechanism = name.split("_")[0]
        parts[mechanism] = (*parts.get(mechanism, ()), place)
    accounts = [Account("mechanism", name, None, None, players) for name, players in parts.items()]
    accounts += [Account("player", name, None, None, (place,)) for place, name in enumerate(names)]

    def split(view: str, name: str, key: str, dimension: str | None = None, player: str | None = None) -> None:
        players = (names.index(player),) if player else parts[name]
        accounts.append(Account(view, name, dimension or key, key, players, centred=name == "mix"))

    split("who", "mix", "category")
    split("who", "allocation", "category")
    split("who", "weather", "region")
    for mechanism in ("transit", "temperature"):
        for stage in cells.stages:
            if f"{mechanism}_{stage.name}" in names:
                split("who", mechanism, stage.node, stage.name, f"{mechanism}_{stage.name}")
    if "policy" in parts:
        split("who", "policy", "region")
    for key in cells.quality:
        split("who", "quality", key, player=f"quality_{key}")
    accounts.append(Account("who", "quality", "rest", None, (names.index("quality_rest"),)))
    parents = (PARENT,) if PARENT in cells.codes else ()
    for name in parts:
        keys = {"mix": ("category", "grid_id", "region"), "allocation": ("category", "central_id", "grid_id", "region")}
        for key in (*parents, *keys.get(name, PLACES)):
            split("where", name, key)
    return accounts


def own_columns(cells: CodedCells, design: Design, accounts: Sequence[Account]) -> IntArray:
    """For each figure the effect of the model that it shows, if it is a level's change of quality; else -1."""
    first = len(cells.players) - design.n_quality
    place = {first + term.player: k for k, term in enumerate(design.terms) if term.player is not None}
    found = []
    for account in accounts:
        size = 1 if account.key is None else cells.size(account.key)
        is_level = account.view == "who" and account.players[0] in place
        found.append(design.offsets[place[account.players[0]]] + np.arange(size) if is_level else np.full(size, -1))
    return np.concatenate(found)
