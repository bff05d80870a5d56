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

from gbanalysis.quality.mechanisms import QUALITY, Stage, players
from gbanalysis.stats.shapley import shapley_weights

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Account:
    """A mechanism's part (some players) split by a key: `dimension` is its name, `key` the column (None: not split).

    ``weights`` turn the rates of all coalitions into the contribution. `centred` accounts belong to the mix: a level
    that grows is credited with its rate less the overall one, for the sum of all shares cannot grow.
    """

    view: str
    mechanism: str
    dimension: str | None
    key: str | None
    weights: FloatArray
    centred: bool = False


def list_accounts(stages: Sequence[Stage]) -> list[Account]:
    """All accounts: first the mechanisms, then the players, then the levels of both views."""
    names = players(stages)
    shapley = dict(zip(names, shapley_weights(len(names)), strict=True))
    quality = [f"quality_{key}" for key in QUALITY]
    parts: dict[str, FloatArray] = {name: shapley[name] for name in ("mix", "allocation", "weather")}
    if stages:
        parts["transit"] = np.sum([shapley[f"transit_{stage.name}"] for stage in stages], axis=0)
    parts["quality"] = np.sum([shapley[name] for name in (*quality, "quality_rest")], axis=0)
    accounts = [Account("mechanism", name, None, None, weights) for name, weights in parts.items()]
    accounts += [Account("player", name, None, None, weights) for name, weights in shapley.items()]

    def split(view: str, name: str, key: str, dimension: str | None = None, player: str | None = None) -> None:
        weights = shapley[player] if player else parts[name]
        accounts.append(Account(view, name, dimension or key, key, weights, centred=name == "mix"))

    for view, keys in (("who", ("category",)), ("where", ("category", "grid_id"))):
        for key in keys:
            split(view, "mix", key)
    split("who", "allocation", "category")
    split("who", "weather", "region")
    for stage in stages:
        split("who", "transit", stage.node, stage.name, f"transit_{stage.name}")
    for key, player in zip(QUALITY, quality, strict=True):
        split("who", "quality", key, player=player)
    accounts.append(Account("who", "quality", "rest", None, shapley["quality_rest"]))
    for key in ("category", "central_id", "grid_id"):
        split("where", "allocation", key)
    for name in ("weather", *(["transit"] if stages else []), "quality"):
        for key in ("category", "supplier_id", "grid_id"):
            split("where", name, key)
    return accounts
