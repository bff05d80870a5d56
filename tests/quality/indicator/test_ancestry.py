"""Who is whose parent, and what happens where a group has two."""

from collections.abc import Sequence

import pandas as pd

from gbanalysis.quality.indicator.ancestry import place_in_tree

SITES = pd.DataFrame(
    {
        "site_id": ["a", "b", "c", "d"],
        "grid_id": ["g", "g", "h", "h"],
        "central_id": ["x", "x", "x", "y"],
        "region": ["N", "N", "N", "N"],
    }
)


def known(column: str, ancestors: Sequence[str]) -> pd.DataFrame:
    if column not in SITES:
        return pd.DataFrame({column: []})
    return SITES[[column, *(name for name in ancestors if name in SITES)]].drop_duplicates()


def members(rows: pd.DataFrame, by: Sequence[str]) -> list[set[frozenset[int]]]:
    """For each level above the leaves, which leaves share a node."""
    found, node = [], pd.Series(range(len(rows)))
    for parent in place_in_tree(rows, by, known):
        node = pd.Series(parent[node.to_numpy()])
        found.append({frozenset(part.index) for _, part in node.groupby(node)})
    return found


def test_sites_climb_to_grid_central_warehouse_region_and_the_whole_of_their_period() -> None:
    rows = pd.DataFrame({"period": [1, 1, 1, 1, 2], "site_id": ["a", "b", "c", "d", "a"]})
    split = {frozenset({0, 1}), frozenset({2}), frozenset({3}), frozenset({4})}
    by_grid = {frozenset({0, 1}), frozenset({2}), frozenset({3}), frozenset({4})}
    whole = {frozenset({0, 1, 2, 3}), frozenset({4})}
    # Grid h has two central warehouses: within each of them it is a node of its own.
    assert members(rows, ["site_id"]) == [by_grid, {frozenset({0, 1, 2}), frozenset({3}), frozenset({4})}, whole, whole]
    assert split == by_grid


def test_an_ancestor_that_is_not_the_only_one_is_passed_over() -> None:
    rows = pd.DataFrame({"period": 1, "grid_id": ["g", "h"]})
    assert members(rows, ["grid_id"]) == [
        {frozenset({0, 1})},
        {frozenset({0, 1})},
    ]  # region, whole; no central warehouse


def test_the_last_column_climbs_first() -> None:
    rows = pd.DataFrame({"period": 1, "supplier_id": ["v", "v", "w"], "site_id": ["a", "b", "a"]})
    levels = members(rows, ["supplier_id", "site_id"])
    assert levels[0] == {frozenset({0, 1}), frozenset({2})}  # the grid within the supplier
    assert levels[-1] == {frozenset({0, 1, 2})}


def test_every_row_has_a_place_though_a_value_is_not_known() -> None:
    rows = pd.DataFrame({"period": 1, "site_id": ["a", "nowhere"]})
    assert members(rows, ["site_id"])[-1] == {frozenset({0, 1})}
