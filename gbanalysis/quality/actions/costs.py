"""The costs of actions, as the user gives them, and the actions that they make possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gbanalysis.dataset.expressions import NO_VALUE
from gbanalysis.errors import ContractError
from gbanalysis.quality.actions.savings import (
    ACTIONS,
    COOL_NODE,
    DELIST_SKU,
    REPLACE_SUPPLIER,
    SPEED_NODE,
    Action,
    Profiles,
)

if TYPE_CHECKING:
    import pandas as pd

MOST_NAMED = 3
COLUMNS = ("action", "target", "cost_fixed", "cost_per_line")


def check_costs(costs: pd.DataFrame) -> pd.DataFrame:
    """Check the frame of costs and give it with all its columns.

    Parameters
    ----------
    costs
        One row a kind of action or a single action: ``action`` (replace_supplier, delist_sku, speed_node, cool_node),
        ``target`` (an id; null: any that has no row of its own), ``cost_fixed`` and ``cost_per_line`` (money over the
        horizon), and optionally ``size`` (hours for speed_node, null: down to the peers' level; °C for cool_node).

    Raises
    ------
    ContractError
        A column is missing, an action unknown or listed twice, a cost negative or not a number, or a size not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"action": "delist_sku", "target": None, "cost_fixed": 50.0, "cost_per_line": 0.4}
    >>> check_costs(pd.DataFrame([row]))["size"].tolist()
    [nan]
    """
    if not hasattr(costs, "columns"):
        raise ContractError(f"costs must be a frame with the columns {', '.join(COLUMNS)}, not {type(costs).__name__}")
    missing = [name for name in COLUMNS if name not in costs]
    if missing:
        raise ContractError(
            f"costs lacks {', '.join(missing)}; its columns are {', '.join(COLUMNS)} and size (optional)"
        )
    if costs.empty:
        raise ContractError("costs has no row: an action whose cost is not known cannot be ranked")
    costs = costs.reset_index(drop=True)
    costs = costs.assign(size=costs.get("size", np.nan))
    unknown = sorted(set(costs["action"].astype(str)) - set(ACTIONS))
    if unknown:
        raise ContractError(f"costs names the action {unknown[0]!r}; actions are {', '.join(ACTIONS)}")
    twice = costs.duplicated(["action", "target"])
    if twice.any():
        row = costs[twice].iloc[0]
        raise ContractError(f"costs names {row['action']} of {row['target'] or 'any target'} twice")
    for name in ("cost_fixed", "cost_per_line", "size"):
        try:
            value = costs[name].to_numpy(dtype=float)
        except (TypeError, ValueError):
            raise ContractError(f"costs.{name} must hold numbers") from None
        bad = ~np.isfinite(value) | (value < 0) if name != "size" else np.isinf(value) | (value <= 0)
        if bad.any():
            raise ContractError(f"costs.{name} must be a number {'above' if name == 'size' else 'of at least'} zero")
        costs[name] = value
    if costs.loc[costs["action"] == COOL_NODE, "size"].isna().any():
        raise ContractError("costs: cool_node needs a size, the degrees by which a node is cooled")
    return costs


def list_actions(costs: pd.DataFrame, profiles: Profiles) -> tuple[list[Action], pd.DataFrame]:
    """List the actions that have a cost and a target in the data.

    Returns
    -------
    tuple
        The actions, and their row of costs, in the same order. A node that is no slower than its peers has nothing to
        be sped up to and is not listed, unless the costs say by how many hours.
    """
    own: dict[tuple[str, str], int] = {}
    general: dict[str, int] = {}
    for at, (kind, target, is_any) in enumerate(
        zip(costs["action"], costs["target"], costs["target"].isna(), strict=True)
    ):
        if is_any:
            general[kind] = at
        else:
            own[kind, str(target)] = at
    sizes = np.nan_to_num(costs["size"].to_numpy(dtype=float))
    excess = {node: hours for stage in profiles.nodes for node, hours in profiles.excess_hours(stage).items()}
    actions, rows = [], []
    for kind in ACTIONS:
        for target in _targets(kind, profiles):
            place = own.get((kind, target), general.get(kind))
            if place is None:
                continue
            size = float(sizes[place])
            if kind == SPEED_NODE and size == 0.0:
                size = excess[target]
                if size <= 0:
                    continue
            actions.append(Action(kind, target, size))
            rows.append(place)
    return actions, costs.loc[rows].reset_index(drop=True)


def note_absent(costs: pd.DataFrame, profiles: Profiles) -> tuple[str, ...]:
    """Say which targets of the costs no line of the data has."""
    notes = []
    for kind, rows in costs[costs["target"].notna()].groupby("action", sort=False):
        absent = sorted(set(rows["target"].astype(str)) - set(_targets(str(kind), profiles)))
        if absent:
            more = f" and {len(absent) - MOST_NAMED} more" if len(absent) > MOST_NAMED else ""
            notes.append(
                f"{kind}: no line of these days has {', '.join(absent[:MOST_NAMED])}{more}, so it is not ranked"
            )
    return tuple(notes)


def _targets(kind: str, profiles: Profiles) -> list[str]:
    if kind == REPLACE_SUPPLIER:
        names = set(profiles.coded.labels["supplier_id"])
    elif kind == DELIST_SKU:
        names = set(profiles.coded.labels["sku_id"])
    else:
        names = {node for nodes in profiles.nodes.values() for node in nodes}
    return sorted(str(name) for name in names - {NO_VALUE})
