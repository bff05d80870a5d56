"""A small trade, drawn at random, small enough to be counted by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

Frames = dict[str, pd.DataFrame]
FIRST = dt.date(2024, 1, 1)
AS_OF = dt.date(2024, 1, 31)


def make_frames(seed: int = 1, n_orders: int = 700) -> Frames:
    """Four sites, six SKUs, three suppliers, a month of orders with refunds, shipments, losses and leaders."""
    rng = np.random.default_rng(seed)
    sites = pd.DataFrame(
        {
            "site_id": [f"S{i}" for i in range(4)],
            "region": ["Hunan", "Hunan", "Hubei", "Hubei"],
            "leader_id": [f"G{i}" for i in range(4)],
        }
    )
    products = pd.DataFrame(
        {
            "sku_id": [f"K{i}" for i in range(6)],
            "category": ["fruit", "fruit", "meat", "meat", "rice", "rice"],
            "unit_cost": [2.0, 3.0, 11.0, 9.0, 4.0, 5.0],
        }
    )
    leaders = pd.DataFrame({"leader_id": sites["leader_id"], "commission_rate": [0.1, 0.08, 0.1, 0.12]})
    seconds = rng.integers(0, 86_400, n_orders)
    orders = pd.DataFrame(
        {
            "order_id": [f"O{i:04d}" for i in range(n_orders)],
            "user_id": [f"U{i:03d}" for i in rng.integers(0, 150, n_orders)],
            "site_id": rng.choice(sites["site_id"], n_orders),
            "ordered_at": pd.Timestamp(FIRST)
            + pd.to_timedelta(rng.integers(0, 31, n_orders), unit="D")
            + pd.to_timedelta(seconds, unit="s"),
        }
    )
    lines = orders.loc[np.repeat(orders.index, rng.integers(1, 4, n_orders))].reset_index(drop=True)
    n = len(lines)
    lines["line_id"] = [f"L{i:05d}" for i in range(n)]
    lines["sku_id"] = rng.choice(products["sku_id"], n)
    lines["supplier_id"] = [f"V{int(sku[1]) // 2}" for sku in lines["sku_id"]]
    lines["quantity"] = rng.integers(1, 4, n)
    lines["amount"] = (lines["quantity"] * rng.uniform(4, 20, n)).round(2)
    selling = lines["ordered_at"].dt.normalize() + pd.to_timedelta((lines["ordered_at"].dt.hour >= 23).astype(int), "D")
    days_later = rng.choice([1.0, 1.0, 1.0, 1.0, 2.0, np.nan], n)
    lines["fulfilled_on"] = (selling + pd.to_timedelta(days_later, unit="D")).dt.date
    lines.loc[lines["fulfilled_on"].isna(), "fulfilled_on"] = None
    lines["shipment_id"] = selling.dt.strftime("%m%d") + lines["supplier_id"] + lines["site_id"]
    refunds = lines.sample(n // 12, random_state=seed)[["line_id", "amount", "ordered_at"]]
    refunds = pd.concat([refunds, refunds.head(5)], ignore_index=True)
    refunds = pd.DataFrame(
        {
            "refund_id": [f"R{i}" for i in range(len(refunds))],
            "line_id": refunds["line_id"],
            "requested_on": (
                refunds["ordered_at"].dt.normalize() + pd.to_timedelta(rng.integers(1, 9, len(refunds)), "D")
            ).dt.date,
            "amount": (refunds["amount"] * rng.uniform(0.4, 1.0, len(refunds))).round(2),
        }
    )
    settings = pd.DataFrame(
        {
            "as_of": [AS_OF],
            "currency": ["CNY"],
            "presale_cutoff": [dt.time(22, 59, 59)],
            "refund_window_days": [7],
        }
    )
    return {
        "settings": settings,
        "order_lines": lines,
        "products": products,
        "sites": sites,
        "leaders": leaders,
        "refunds": refunds,
        "stage_flows": _flows(lines, selling, rng),
    }


def _flows(lines: pd.DataFrame, selling: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Two stages for each shipment and SKU; some units are lost at each, and spares travel along."""
    keys = ["shipment_id", "sku_id", "supplier_id", "site_id"]
    carried = (
        lines.assign(day=selling).groupby(keys, as_index=False).agg(day=("day", "min"), ordered=("quantity", "sum"))
    )
    entered = carried["ordered"] + rng.integers(0, 2, len(carried))
    passed = entered - rng.binomial(entered, 0.04)
    handed = passed - rng.binomial(passed, 0.06)
    first = carried.assign(stage="supplier", node_id=carried["supplier_id"], quantity_in=entered, quantity_out=passed)
    last = carried.assign(stage="community_site", node_id=carried["site_id"], quantity_in=passed, quantity_out=handed)
    first["arrived_at"], last["arrived_at"] = first["day"] + pd.Timedelta("20h"), last["day"] + pd.Timedelta("30h")
    flows = pd.concat([first, last], ignore_index=True)
    flows["departed_at"] = flows["arrived_at"] + pd.Timedelta("2h")
    columns = ["shipment_id", "stage", "sku_id", "node_id", "arrived_at", "departed_at", "quantity_in", "quantity_out"]
    return flows[columns]


def write(frames: Frames, folder: Path) -> Path:
    """Write the tables as parquet and give the folder."""
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder
