"""Worlds in which the saving of every action is known: lines with a latent deficit, and the same lines acted on.

Goods start with a deficit that their supplier and SKU set, get worse by hours and heat on the way, and are refunded
when the deficit passes a buyer's tolerance. What an action saves is the fall of the lines' own chances when the
cause is replaced. Nothing is shared with the estimator, whose law is another.

Families: ``own`` (few large, many small differences), ``null`` (all suppliers and SKUs alike), ``batch`` (each
supplier and day has its luck), ``link`` (a heavy-tailed tolerance), ``immature`` (the newest days' refunds are reported
in part).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]

FAMILIES = ("own", "null", "batch", "link", "immature")
DAYS, SUPPLIERS, CATEGORIES, SKUS, CENTRALS, GRIDS = 28, 18, 5, 60, 3, 12
STAGES = ("central_warehouse", "grid_warehouse")
TOLERANCE_SD, BATCH_SD = 0.7, 0.35
Q10 = 2.2
DELAY = np.array([0.30, 0.25, 0.17, 0.12, 0.08, 0.05, 0.03])


@dataclass(frozen=True)
class ActionWorld:
    """One world: lines, and what makes their chances."""

    family: str
    lines: pd.DataFrame
    supplier_log: FloatArray
    sku_log: FloatArray
    ageing: FloatArray
    tolerance: FloatArray
    batch: FloatArray

    def chance(self, lines: pd.DataFrame, batch: FloatArray | float = 0.0) -> FloatArray:
        """Chance of a refund of each line; `batch` is what the supplier's luck of the day adds to the deficit."""
        sku, category = lines["sku"].to_numpy(), lines["category"].to_numpy()
        age = sum(
            lines[f"{stage}_hours"].to_numpy() * Q10 ** ((lines[f"{stage}_temperature"].to_numpy() - 15) / 10)
            for stage in STAGES
        )
        log_deficit = (
            self.supplier_log[lines["supplier"].to_numpy()] + self.sku_log[sku] + self.ageing[category] * age + batch
        )
        felt = (log_deficit - self.tolerance[category]) / TOLERANCE_SD
        if self.family == "link":
            return np.asarray(special.stdtr(4, felt * 0.9))
        return np.asarray(special.ndtr(felt))

    def expected(self, lines: pd.DataFrame) -> FloatArray:
        """Chance of a refund of each line, the luck of the day averaged out."""
        if self.family != "batch":
            return self.chance(lines)
        at, weight = np.polynomial.hermite_e.hermegauss(9)
        weight = weight / weight.sum()
        return np.asarray(sum(w * self.chance(lines, BATCH_SD * z) for z, w in zip(at, weight, strict=True)))


def draw_world(rng: np.random.Generator, family: str, n_lines: int = 20_000) -> ActionWorld:
    """Draw a world and its lines."""
    sku_category = np.arange(SKUS) % CATEGORIES
    serves = np.zeros((SUPPLIERS, CATEGORIES, CENTRALS))
    for supplier in range(SUPPLIERS):
        for category in (supplier % CATEGORIES, (supplier * 2 + 1) % CATEGORIES):
            serves[supplier, category] = rng.gamma(4.0, size=CENTRALS) * (rng.random(CENTRALS) < 0.8)
    serves += 1e-9
    weight = rng.pareto(2.5, SKUS) + 0.3
    sku = rng.choice(SKUS, n_lines, p=weight / weight.sum())
    category, grid, day = sku_category[sku], rng.integers(GRIDS, size=n_lines), rng.integers(DAYS, size=n_lines)
    central = grid % CENTRALS
    share = serves.transpose(1, 2, 0) / serves.sum(axis=0).transpose()[..., None].transpose(1, 0, 2)
    pick = share[category, central].cumsum(axis=1)
    supplier = (rng.random(n_lines)[:, None] * pick[:, -1:] > pick).sum(axis=1)
    warmth = 15 + 5 * np.sin(np.arange(DAYS) / 5) + rng.normal(size=DAYS)
    slow = np.where(np.arange(GRIDS) == rng.integers(GRIDS), 7.0, 0.0)
    median = {"central_warehouse": rng.uniform(8, 16, CENTRALS), "grid_warehouse": rng.uniform(5, 9, GRIDS) + slow}
    cooling = {"central_warehouse": rng.normal(0, 2, CENTRALS), "grid_warehouse": rng.normal(0, 2, GRIDS)}
    columns = {}
    for stage, node in zip(STAGES, (central, grid), strict=True):
        size = len(median[stage])
        lorry = np.exp(0.12 * rng.normal(size=(DAYS, size)))
        columns[f"{stage}_hours"] = median[stage][node] * lorry[day, node]
        noise = 0.8 * rng.normal(size=(DAYS, size))
        columns[f"{stage}_temperature"] = 0.5 * warmth[day] + 6 + (cooling[stage] + noise)[day, node]
    null = family == "null"
    supplier_log = 0.0 if null else 0.15 * rng.normal(size=SUPPLIERS) + 0.8 * (rng.random(SUPPLIERS) < 0.12)
    sku_log = 0.0 if null else 0.12 * rng.normal(size=SKUS) + 0.6 * (rng.random(SKUS) < 0.05)
    lines = pd.DataFrame({
        "supplier": supplier, "sku": sku, "category": category, "grid": grid, "central": central, "day": day,
        "amount": np.round(rng.gamma(4.0, 5.0, n_lines), 2), **columns,
    })  # fmt: skip
    return ActionWorld(
        family, lines, np.zeros(SUPPLIERS) + supplier_log, np.zeros(SKUS) + sku_log,
        rng.uniform(0.006, 0.02, CATEGORIES), rng.uniform(1.5, 2.0, CATEGORIES),
        BATCH_SD * rng.normal(size=(DAYS, SUPPLIERS)),
    )  # fmt: skip


def draw_cells(rng: np.random.Generator, world: ActionWorld) -> pd.DataFrame:
    """Draw who is refunded, and give the lines as the estimator's cells."""
    lines = world.lines
    batch = world.batch[lines["day"], lines["supplier"]] if world.family == "batch" else 0.0
    refunded = rng.random(len(lines)) < world.chance(lines, batch)
    known = np.ones(len(lines))
    if world.family == "immature":
        age = np.minimum(DAYS - 1 - lines["day"].to_numpy(), len(DELAY) - 1)
        known = DELAY.cumsum()[age]
        refunded &= rng.random(len(lines)) < known
    whole = lines["amount"] * refunded
    names = {"category": "c", "supplier": "s", "sku": "k", "central": "z", "grid": "g"}
    labels = {name: letter + lines[name].map("{:02d}".format) for name, letter in names.items()}
    return pd.DataFrame({
        "category": labels["category"], "supplier_id": labels["supplier"], "sku_id": labels["sku"],
        "central_id": labels["central"], "grid_id": labels["grid"], "region": labels["central"],
        "day": lines["day"], "n": 1.0, "refunded": refunded.astype(float), "amount": lines["amount"],
        "refunded_amount": 0.8 * whole, "refunded_line_amount": whole, "share_reported": known,
        "central_warehouse_node": labels["central"], "grid_warehouse_node": labels["grid"],
        **{name: lines[name] for stage in STAGES for name in (f"{stage}_hours", f"{stage}_temperature")},
    })  # fmt: skip


def acted_on(
    world: ActionWorld,
    lines: pd.DataFrame,
    kind: str,
    target: str,
    size: float,
    rng: np.random.Generator,
    gone: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """Give the lines as they are after an action; each replaced line takes a drawn peer's supplier or SKU.

    Peers are those of the same category and central warehouse as things were; who is in `gone` is replaced, too.
    """
    after, code = lines.copy(), int(target[1:])
    if kind in ("replace_supplier", "delist_sku"):
        column = "supplier" if kind == "replace_supplier" else "sku"
        own, kept = (world.lines[name].to_numpy() for name in (column, "category"))
        stays = ~np.isin(own, [code, *(int(name[1:]) for name in gone)])
        home = world.lines["central"].to_numpy()
        rows = lines.index[lines[column] == code]
        drawn = np.full(len(rows), code)
        where = lines.loc[rows, ["category", "central"]].to_numpy()
        for category, central in np.unique(where, axis=0):
            peers = stays & (kept == category)
            near = peers & (home == central)
            pool = own[near if near.any() else peers]
            here = (where == (category, central)).all(axis=1)
            if len(pool):
                drawn[here] = rng.choice(pool, here.sum())
        after.loc[rows, column] = drawn
        return after
    stage = "grid_warehouse" if target[0] == "g" else "central_warehouse"
    rows = lines.index[lines["grid" if target[0] == "g" else "central"] == code]
    if kind == "cool_node":
        after.loc[rows, f"{stage}_temperature"] -= size
    else:
        after.loc[rows, f"{stage}_hours"] -= np.minimum(size, after.loc[rows, f"{stage}_hours"])
    return after
