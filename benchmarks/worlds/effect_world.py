"""Worlds in which the effect of hours and of suppliers is known.

    hours    leg(supplier's home, region) + stay(grid) + 0.25 rain + lorry(grid, day) + own noise
    logit    category + region's taste + supplier's quality + care(grid) + bend(category) * (hours / 12)^1.8
             + 0.03 * heat + batch(supplier, day) + hidden(grid, day)

Regions of long roads also buy other goods and complain more, good suppliers deliver far, and the dose bends: three ways
to mislead a comparison of raw rates. Families: "own"; "batch" (supplier x day and grid x day luck of the outcome);
"hidden" (crowding at a grid that nobody records, and that slows lorries and spoils goods).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]

FAMILIES = ("own", "batch", "hidden")
CATEGORIES, REGIONS, GRIDS_A_REGION, SUPPLIERS, DAYS, LINES_A_DAY = 4, 3, 3, 24, 70, 400
LORRY_SD, OWN_SD, BATCH_SD, HIDDEN_SD, HIDDEN_HOURS = 1.5, 1.0, 0.45, 0.35, 1.5
STEP = 0.25


@dataclass(frozen=True, eq=False)
class EffectWorld:
    """One drawn world: its parameters, and its lines with their expected rate at any hours."""

    family: str
    bend: FloatArray
    base: FloatArray
    quality: FloatArray
    lines: pd.DataFrame
    batch_sd: float

    def rate(self, hours: FloatArray, supplier_quality: FloatArray | None = None) -> FloatArray:
        """Expected refund rate of each line at these hours, luck of batches and crowding averaged out."""
        lines = self.lines
        own = lines["quality"].to_numpy() if supplier_quality is None else supplier_quality
        logit = lines["rest"].to_numpy() + own + self.bend[lines["category_code"]] * (np.maximum(hours, 0) / 12) ** 1.8
        nodes, weights = np.polynomial.hermite_e.hermegauss(7)
        total = sum(w * special.expit(logit + self.batch_sd * x) for x, w in zip(nodes, weights, strict=True))
        return np.asarray(total / weights.sum())


def draw_world(rng: np.random.Generator, family: str) -> EffectWorld:
    """Draw a world and its lines."""
    n = DAYS * LINES_A_DAY
    day = np.repeat(np.arange(DAYS), LINES_A_DAY)
    region = rng.choice(REGIONS, n, p=[0.5, 0.3, 0.2])
    taste = rng.dirichlet(np.full(CATEGORIES, 6.0), REGIONS)
    category = (rng.random(n)[:, None] > np.cumsum(taste, axis=1)[region]).sum(axis=1)
    sells = np.arange(SUPPLIERS) % CATEGORIES
    serves = rng.random((SUPPLIERS, REGIONS)) < 0.8
    serves[np.arange(CATEGORIES * 2), :] = True
    size = rng.gamma(3.0, size=SUPPLIERS)
    weight = (sells[None, None] == np.arange(CATEGORIES)[:, None, None]) * serves.T[None] * size
    share = np.cumsum(weight / weight.sum(axis=2, keepdims=True), axis=2)
    supplier = np.minimum((rng.random(n)[:, None] > share[category, region]).sum(axis=1), SUPPLIERS - 1)
    grid = region * GRIDS_A_REGION + rng.integers(GRIDS_A_REGION, size=n)

    quality = 0.25 * rng.standard_t(3, SUPPLIERS)
    leg = 4 + 3 * np.arange(REGIONS) + rng.uniform(0, 6, (SUPPLIERS, REGIONS)) - 2 * np.clip(quality, -1, 1)[:, None]
    stay = rng.uniform(2, 6, REGIONS * GRIDS_A_REGION)
    rain = rng.gamma(0.5, 4, (DAYS, REGIONS))
    heat = 16 + 9 * np.sin(2 * np.pi * np.arange(DAYS) / DAYS)[:, None] + rng.normal(0, 2, (DAYS, REGIONS))
    crowd = rng.standard_normal((DAYS, REGIONS * GRIDS_A_REGION)) * (family == "hidden")
    lorry = LORRY_SD * rng.standard_normal((DAYS, REGIONS * GRIDS_A_REGION))
    care = 0.3 * rng.standard_normal(REGIONS * GRIDS_A_REGION)
    base = np.array([-3.6, -3.9, -4.3, -4.0]) + 0.1 * rng.standard_normal(CATEGORIES)
    bend = np.array([0.55, 0.4, 0.05, 0.25]) * rng.uniform(0.8, 1.2, CATEGORIES)

    noise = (
        0.25 * (rain[day, region] - 2)
        + lorry[day, grid]
        + OWN_SD * rng.standard_normal(n)
        + HIDDEN_HOURS * crowd[day, grid]
    )
    hours = leg[supplier, region] + stay[grid] + 0.5 + noise
    hours = np.maximum(np.round(hours / STEP) * STEP, 0.5)
    rest = base[category] + 0.25 * region + care[grid] + 0.03 * (heat[day, region] - 16) + HIDDEN_SD * crowd[day, grid]
    batch_sd = BATCH_SD * np.sqrt(2) * (family == "batch")
    lines = pd.DataFrame({
        "day": day, "category_code": category, "region_code": region, "supplier_code": supplier, "grid_code": grid,
        "hours": hours, "usual": hours - noise, "rest": rest, "quality": quality[supplier],
        "outside": heat[day, region],
    })  # fmt: skip
    world = EffectWorld(family, bend, base, quality, lines, batch_sd)
    luck = BATCH_SD * (family == "batch")
    of_supplier, of_grid = luck * rng.standard_normal((DAYS, SUPPLIERS)), luck * rng.standard_normal(lorry.shape)
    logit = (
        rest
        + quality[supplier]
        + bend[category] * (hours / 12) ** 1.8
        + of_supplier[day, supplier]
        + of_grid[day, grid]
    )
    lines["refunded"] = (rng.random(n) < special.expit(logit)).astype(float)
    return world


def to_cells(world: EffectWorld) -> pd.DataFrame:
    """Sum the lines to cells as `facts.effect_cells` does; what is hidden stays hidden."""
    lines = world.lines
    named = pd.DataFrame({
        "category": "c" + lines["category_code"].astype(str), "supplier_id": "s" + lines["supplier_code"].astype(str),
        "region": "r" + lines["region_code"].astype(str), "grid_id": "g" + lines["grid_code"].astype(str),
        "due_on": pd.Timestamp("2024-01-01") + pd.to_timedelta(lines["day"], unit="D"),
        "treatment": lines["hours"], "outside": lines["outside"], "refunded": lines["refunded"], "n": 1.0,
    })  # fmt: skip
    named = named.assign(goods=named["category"], central_id="z" + named["region"])
    keys = [name for name in named if name not in ("refunded", "n")]
    cells = named.groupby(keys, as_index=False, sort=False)[["n", "refunded"]].sum()
    return cells.assign(at_supplier=cells["outside"])


def true_slopes(world: EffectWorld) -> FloatArray:
    """Mean effect of one hour more over the lines of each category."""
    hours = world.lines["hours"].to_numpy()
    gain = world.rate(hours + 0.5) - world.rate(hours - 0.5)
    code = world.lines["category_code"].to_numpy()
    return np.asarray(np.bincount(code, gain) / np.bincount(code))


def true_curve(world: EffectWorld, at: FloatArray) -> FloatArray:
    """Mean effect over lines of so many hours more than usual, against the usual."""
    usual = world.lines["usual"].to_numpy()
    start = world.rate(usual).mean()
    return np.array([world.rate(usual + extra).mean() - start for extra in at])


def true_suppliers(world: EffectWorld) -> pd.Series:
    """What the lines of each supplier would be spared if the others there, by their shares, delivered them."""
    lines = world.lines.assign(rate=world.rate(world.lines["hours"].to_numpy()))
    lines["month"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(lines["day"], unit="D")).dt.month
    keys = ["category_code", "region_code", "month"]
    own = lines.groupby([*keys, "supplier_code"])["rate"].agg(["sum", "size"]).reset_index()
    whole = own.groupby(keys)[["sum", "size"]].transform("sum")
    others = (whole - own[["sum", "size"]]).to_numpy()
    own["gap"] = own["sum"] / own["size"] - others[:, 0] / np.where(others[:, 1] > 0, others[:, 1], np.nan)
    own = own.dropna(subset=["gap"]).assign(part=lambda frame: frame["gap"] * frame["size"])
    sums = own.groupby(["category_code", "supplier_code"])[["part", "size"]].sum()
    result = sums["part"] / sums["size"]
    result.index = [f"c{category}/s{supplier}" for category, supplier in result.index]
    return result
