"""What the cells cannot tell apart, in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gbanalysis.quality.attribution.influence import indicator
from gbanalysis.quality.attribution.mechanisms import CodedCells

if TYPE_CHECKING:
    import pandas as pd


def overlap_notes(cells: CodedCells, table: pd.DataFrame) -> list[str]:
    """Name suppliers in one region or at one origin alone, levels seen in one period only, and unknown weather."""
    notes = []
    lines = indicator(cells.codes["supplier_id"], cells.size("supplier_id"))
    names = cells.labels["supplier_id"]
    for key, sentence in (
        ("region", "served one region only: its quality and the region's cannot be told apart"),
        ("category", "sold one category only: its quality and the category's cannot be told apart"),
    ):
        if cells.size(key) == 1:
            continue
        met = (lines @ indicator(cells.codes[key], cells.size(key)).T).toarray() > 0
        alone = np.flatnonzero(met.sum(axis=1) == 1)
        if len(alone):
            notes.append(f"supplier {', '.join(str(name) for name in names[alone][:5])} {sentence}")
    share = (lines @ indicator(cells.codes["origin_id"], cells.size("origin_id")).T).toarray() > 0
    joint = [(s, o) for s, o in zip(*np.nonzero(share), strict=True) if share[s].sum() == 1 and share[:, o].sum() == 1]
    if joint:
        notes.append(
            f"suppliers with an origin warehouse of their own ({len(joint)}, such as {names[joint[0][0]]}): "
            "what is said of the supplier holds for the two together"
        )
    once = table[(table["view"] == "who") & (table["note"] != "")]
    if len(once):
        notes.append(f"levels with lines in one period only: {len(once)}")
    if not np.any(cells.temperature):
        notes.append("no temperature is known: the weather's effect is part of quality")
    return notes
