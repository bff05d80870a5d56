"""What the attribution is compared with: an oracle and Kitagawa's decomposition."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from benchmarks.worlds.refund_world import (
    CATEGORIES,
    CENTRALS,
    GRIDS,
    HOURS_PER_DEGREE,
    ORIGINS,
    SUPPLIERS,
    RefundWorld,
    probability,
    true_contributions,
)

FloatArray = NDArray[np.float64]


def _codes(cells: pd.DataFrame, *names: str) -> list[NDArray[np.int64]]:
    return [cells[name].to_numpy() for name in names]


def oracle(world: RefundWorld, cells: pd.DataFrame) -> dict[str, float]:
    """Maximum likelihood by one who knows the world's form, which supplier and grid changed, and that no other did.

    In the family `confounder` the oracle sees the rush; in `batch` it fits the marginal logistic, without the batches.
    """
    category, supplier, grid, central, origin = _codes(
        cells, "category", "supplier_id", "grid_id", "central_id", "origin_id"
    )
    period = (cells["period"] == "current").to_numpy(dtype=int)
    n, y = cells["n"].to_numpy(dtype=float), cells["refunded"].to_numpy(dtype=float)
    heat = cells["temperature_c"].to_numpy() - 15.0
    hours = (cells["central_warehouse_hours"] + cells["grid_warehouse_hours"]).to_numpy() - 20.0
    one_c, one_s = np.eye(CATEGORIES)[category], np.eye(SUPPLIERS)[supplier]
    shocked = ((supplier == world.shocked_supplier) & (period == 1))[:, None].astype(float)
    blocks = [one_c, one_s[:, 1:], one_c * hours[:, None], one_c * heat[:, None], shocked]
    if world.family == "heat":
        blocks.append(one_s[:, 1:] * heat[:, None])
    if world.rush:
        blocks.append(cells[["hidden_rush"]].to_numpy())
    matrix = np.hstack(blocks)
    plain = replace(world, batch=0.0)
    theta = _maximum_likelihood(plain, matrix, n, y)
    parts = np.split(theta, np.cumsum([block.shape[1] for block in blocks])[:-1])
    level = np.concatenate([[0.0], parts[1]])
    effect = np.stack([level, level])
    effect[1, world.shocked_supplier] += parts[4][0]
    mix = np.stack([_shares(n * (period == t), (category, grid), (CATEGORIES, GRIDS)) for t in (0, 1)])
    shape = (CENTRALS, CATEGORIES, SUPPLIERS, ORIGINS)
    allocation = _shares(n, (central, category, supplier, origin), shape)
    allocation /= np.maximum(allocation.sum(axis=(2, 3), keepdims=True), 1e-300)
    log_first, log_second = (
        np.log(cells["central_warehouse_hours"]),
        np.log(cells["grid_warehouse_hours"].clip(lower=0.1)),
    )
    first = _group_mean(log_first.to_numpy(), (origin, central), (ORIGINS, CENTRALS), world.central_hours)
    moved = log_second.to_numpy() - np.log1p(HOURS_PER_DEGREE * heat)
    apart = (grid == world.shocked_grid) & (period == 1)
    second = _group_mean(moved, (apart.astype(int), grid), (2, GRIDS), world.grid_hours)
    second[1] = np.where(np.arange(GRIDS) == world.shocked_grid, second[1], second[0])
    return true_contributions(
        replace(
            plain, mix=mix, allocation=allocation, central_hours=first, grid_hours=second, supplier_effect=effect,
            category_effect=parts[0], intercept=0.0, hour_slope=parts[2], heat_slope=parts[3],
            supplier_heat=np.concatenate([[0.0], parts[5]]) if world.family == "heat" else np.zeros(SUPPLIERS),
            rush=float(parts[-1][0]) if world.rush else 0.0,
        )
    )  # fmt: skip


def _maximum_likelihood(world: RefundWorld, matrix: FloatArray, n: FloatArray, y: FloatArray) -> FloatArray:
    """Fisher scoring for the world's own link."""
    theta = np.zeros(matrix.shape[1])
    theta[:CATEGORIES] = special.logit(y.sum() / n.sum())
    for _ in range(50):
        eta = matrix @ theta
        p = np.clip(probability(world, eta), 1e-9, 1 - 1e-9)
        slope = (probability(world, eta + 1e-5) - probability(world, eta - 1e-5)) / 2e-5
        weight = slope / (p * (1 - p))
        information = matrix.T @ (matrix * (n * slope * weight)[:, None])
        step = np.linalg.solve(information + 1e-8 * np.eye(len(theta)), matrix.T @ (weight * (y - n * p)))
        theta = theta + step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-6:
            break
    return theta


def _shares(weights: FloatArray, codes: tuple[NDArray[np.int64], ...], shape: tuple[int, ...]) -> FloatArray:
    flat = np.bincount(np.ravel_multi_index(codes, shape), weights=weights, minlength=int(np.prod(shape)))
    return flat.reshape(shape) / weights.sum()


def _group_mean(
    logs: FloatArray, codes: tuple[NDArray[np.int64], ...], shape: tuple[int, ...], fallback: FloatArray
) -> FloatArray:
    """Exp of the mean log by group."""
    flat = np.ravel_multi_index(codes, shape)
    count = np.bincount(flat, minlength=int(np.prod(shape)))
    mean = np.bincount(flat, weights=logs, minlength=len(count)) / np.maximum(count, 1)
    return np.where(count.reshape(shape) > 0, np.exp(mean).reshape(shape), fallback)


def kitagawa(cells: pd.DataFrame, supplier: int, grid: int) -> dict[str, tuple[float, float]]:
    """Rate and composition effects over category x supplier x grid, told which supplier and grid changed.

    Each is (estimate, standard error by the delta method). A stratum without lines in a period takes the rate of its
    category and supplier there.
    """
    keys = ["category", "supplier_id", "grid_id"]
    sums = cells.pivot_table(index=keys, columns="period", values=["n", "refunded"], aggfunc="sum", fill_value=0)
    n, y = (
        np.stack([sums[what][name].to_numpy(dtype=float) for name in ("base", "current")]) for what in ("n", "refunded")
    )
    wider = sums.groupby(level=[0, 1]).transform("sum")
    fallback = np.stack([(wider["refunded"][p] / wider["n"][p].clip(lower=1)).to_numpy() for p in ("base", "current")])
    rate = np.where(n > 0, y / np.maximum(n, 1), fallback)
    share = n / n.sum(axis=1, keepdims=True)
    middle = share.mean(axis=0)
    by_rate = middle * (rate[1] - rate[0])
    noise = fallback * (1 - fallback) / np.maximum(n, 1)
    by_share = rate.mean(axis=0) * (share[1] - share[0])
    spread = sum(
        ((rate.mean(axis=0) ** 2) @ s - (rate.mean(axis=0) @ s) ** 2) / total
        for s, total in zip(share, n.sum(axis=1), strict=True)
    )
    spread += ((share[1] - share[0]) ** 2 / 4) @ noise.sum(axis=0)
    result = {"mix": (float(by_share.sum()), float(np.sqrt(spread)))}
    for name, level, code in (("supplier", 1, supplier), ("transit", 2, grid)):
        mine = sums.index.get_level_values(level) == code
        variance = (middle[mine] ** 2) @ noise[:, mine].sum(axis=0)
        result[name] = (float(by_rate[mine].sum()), float(np.sqrt(variance)))
    return result
