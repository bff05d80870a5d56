"""Which larger group each small group belongs to: sites to grids to regions, SKUs to categories, all to the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

IntArray = NDArray[np.int64]

ANCESTORS: Mapping[str, tuple[str, ...]] = {
    "site_id": ("grid_id", "central_id", "region"),
    "grid_id": ("central_id", "region"),
    "central_id": ("region",),
    "city": ("region",),
    "sku_id": ("subcategory", "category"),
    "subcategory": ("category",),
}


def place_in_tree(
    rows: pd.DataFrame, by: Sequence[str], ancestors: Callable[[str, Sequence[str]], pd.DataFrame]
) -> list[IntArray]:
    """Give for each row its parent, for each parent its own, and so on up to the whole of the row's period.

    The last column of `by` climbs through its ancestors and is dropped; then the one before it climbs. An ancestor that
    is not the only one of its kind (a grid served by two central warehouses) is passed over.

    Parameters
    ----------
    rows
        ``period`` and the columns of `by`, one row a leaf.
    ancestors
        Gives a frame of a column and of those of its ancestors that the data have, each pair once.
    """
    leaves = rows[["period", *by]].copy()
    paths: list[list[str]] = []
    for place in reversed(range(len(by))):
        column, kept = by[place], list(by[:place])
        table = ancestors(column, ANCESTORS.get(column, ()))
        known = [name for name in table.columns.drop(column) if _is_unique(table[[column, name]], column)]
        new = [name for name in known if name not in leaves]
        leaves = leaves.merge(table[[column, *new]].drop_duplicates(), on=column, how="left", validate="many_to_one")
        paths += [[*kept, *known[start:]] for start in range(len(known) + 1)]
    parents = []
    below: pd.DataFrame = leaves
    for path in paths:
        keys = list(dict.fromkeys(["period", *path]))
        number = below.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
        parents.append(number.astype(np.int64))
        below = below.assign(_node=number).drop_duplicates("_node").sort_values("_node").drop(columns="_node")
    return parents


def _is_unique(pairs: pd.DataFrame, column: str) -> bool:
    return not bool(pairs.drop_duplicates()[column].duplicated().any())
