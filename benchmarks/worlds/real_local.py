"""Real cancellations of a gift shop with a shift planted in one cell: nothing else moves, for days are dealt at random.

The lines of Online Retail by article group, country and time of day; a line counts as refunded when it is cancelled
within 30 days. The days of the year go to the base and to the current period by lot, so that counts, batches and small
cells are real and no place has moved. Then further lines of one cell are cancelled at random in the current period.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.worlds.local import LocalWorld
from benchmarks.worlds.real_triangles import NOT_GOODS

MOST_GROUPS, WINDOW_DAYS, LEAST_EVENTS = 12, 30, 20
DIMENSIONS = ("group", "abroad", "late")
DAYS_EACH = 60


@cache
def cancelled_lines(folder: Path) -> pd.DataFrame:
    """One row a line bought: day, dimensions, and whether it is cancelled within 30 days."""
    rows = pd.read_parquet(folder / "online_retail" / "online_retail.parquet")
    rows = rows[rows["CustomerID"].notna() & ~rows["StockCode"].isin(NOT_GOODS)].sort_values("InvoiceDate")
    is_cancel = rows["InvoiceNo"].astype(str).str.startswith("C")
    bought = rows[~is_cancel & (rows["Quantity"] > 0)].assign(line=lambda part: np.arange(len(part)))
    key = ["CustomerID", "StockCode"]
    cancels = rows.loc[is_cancel, [*key, "InvoiceDate"]].assign(cancelled_at=lambda part: part["InvoiceDate"])
    pairs = pd.merge_asof(cancels, bought[[*key, "InvoiceDate", "line"]], on="InvoiceDate", by=key).dropna(
        subset=["line"]
    )
    first = pairs.groupby("line")["cancelled_at"].min()
    waited = first.reindex(bought["line"]).to_numpy() - bought["InvoiceDate"].to_numpy()
    group = bought["StockCode"].astype(str).str[:2]
    common = group.value_counts().index[:MOST_GROUPS]
    lines = pd.DataFrame(
        {
            "day": bought["InvoiceDate"].dt.normalize().to_numpy(),
            "group": np.where(group.isin(common), group, "other"),
            "abroad": bought["Country"].ne("United Kingdom").to_numpy(),
            "late": (bought["InvoiceDate"].dt.hour >= 13).to_numpy(),
            "refunded": pd.Series(waited).le(pd.Timedelta(days=WINDOW_DAYS)).to_numpy(),
        }
    )
    settled: pd.DataFrame = lines[lines["day"] <= lines["day"].max() - pd.Timedelta(days=WINDOW_DAYS)]
    return settled


def make_real_world(folder: Path, seed: int, *, size: float = 1.0) -> LocalWorld:
    """Deal days to two periods, and plant a shift of `size` in a cell of at least twenty cancellations."""
    rng, lines = np.random.default_rng(seed), cancelled_lines(folder)
    days = rng.permutation(lines["day"].unique())[: 2 * DAYS_EACH]
    lines = lines[lines["day"].isin(days)]
    cells, cell = np.unique(lines[list(DIMENSIONS)].astype(str).to_numpy(dtype=str), axis=0, return_inverse=True)
    codes = np.stack([np.unique(column, return_inverse=True)[1] for column in cells.T], axis=1)
    place = pd.Series(np.arange(2 * DAYS_EACH), index=days)[lines["day"]].to_numpy()
    counts = np.zeros((2, 2, len(cells), DAYS_EACH))
    for k, value in enumerate((np.ones(len(lines)), lines["refunded"].to_numpy(dtype=float))):
        np.add.at(counts[k], (place // DAYS_EACH, cell.reshape(-1), place % DAYS_EACH), value)
    offered, refunded = counts
    rate = refunded.sum(axis=(0, 2)) / np.maximum(offered.sum(axis=(0, 2)), 1)
    struck = None
    if size != 1:
        enough = np.flatnonzero(refunded[0].sum(axis=1) >= LEAST_EVENTS)
        struck = int(rng.choice(enough))
        left = offered[1, struck] - refunded[1, struck]
        chance = min((size - 1) * rate[struck] / (1 - rate[struck]), 1.0)
        refunded[1, struck] += rng.binomial(left.astype(int), chance)
    return LocalWorld(codes, offered, refunded, rate, struck)
