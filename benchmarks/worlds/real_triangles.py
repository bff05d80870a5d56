"""Real reporting triangles from the folder that GBANALYSIS_REAL_DATA names."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from gbanalysis.quality.latency.triangle import Triangle

NOT_GOODS = ("POST", "D", "M", "DOT", "C2", "CRUK", "BANK CHARGES", "PADS", "S", "AMAZONFEE", "B")


def real_data() -> Path | None:
    """Give the folder, or None where it is not named or not there."""
    named = os.environ.get("GBANALYSIS_REAL_DATA")
    return Path(named) if named and Path(named).is_dir() else None


def hospitalisations(folder: Path) -> Triangle:
    """COVID-19 hospitalisations in Germany by day, six age groups, delays up to 40 days."""
    rows = pd.read_parquet(folder / "germany_hospitalisation_triangle" / "triangle.parquet")
    rows = rows[rows["age_group"] != "00+"].rename(columns={"age_group": "cell", "reference_date": "reference"})
    return Triangle.from_frame(rows, max_delay=40)


def dengue(folder: Path, *, max_delay: int = 12) -> Triangle:
    """Dengue cases in Puerto Rico by week of onset, delays up to 12 weeks."""
    rows = pd.read_parquet(folder / "dengue_line_list" / "dengue.parquet")
    onset, report = pd.to_datetime(rows["onset_week"]), pd.to_datetime(rows["report_week"])
    rows = pd.DataFrame({"cell": "all", "reference": onset, "delay": (report - onset).dt.days // 7, "count": 1})
    return Triangle.from_frame(rows, max_delay=max_delay, step=7, cycle=1)


def cancellations(folder: Path, *, max_delay: int = 30) -> Triangle:
    """Lines of a gift shop cancelled within 30 days, by day of purchase; inside and outside the United Kingdom.

    A cancellation belongs to the customer's last earlier purchase of the article; a line counts once, on the day of its
    first cancellation. Rows without a customer, and charges that are no goods, are left out.
    """
    rows = pd.read_parquet(folder / "online_retail" / "online_retail.parquet")
    rows = rows[rows["CustomerID"].notna() & ~rows["StockCode"].isin(NOT_GOODS)].sort_values("InvoiceDate")
    rows = rows.assign(day=rows["InvoiceDate"].dt.normalize(), cell=np.where(
        rows["Country"] == "United Kingdom", "United Kingdom", "abroad"
    ))  # fmt: skip
    cancelled = rows["InvoiceNo"].astype(str).str.startswith("C")
    bought = rows[~cancelled & (rows["Quantity"] > 0)].assign(line=lambda part: np.arange(len(part)))
    key = ["CustomerID", "StockCode"]
    matched = pd.merge_asof(
        rows.loc[cancelled, [*key, "InvoiceDate", "day"]],
        bought[[*key, "InvoiceDate", "day", "cell", "line"]],
        on="InvoiceDate", by=key, suffixes=("", "_bought"),
    ).dropna(subset=["line"]).drop_duplicates("line")  # fmt: skip
    days = pd.DataFrame(
        {
            "cell": matched["cell"],
            "reference": matched["day_bought"],
            "delay": (matched["day"] - matched["day_bought"]).dt.days,
            "count": 1.0,
        }
    )
    sold = pd.DataFrame({"cell": bought["cell"], "reference": bought["day"], "delay": 0, "count": 1.0})
    exposure = Triangle.from_frame(sold, max_delay=0)
    empty = sold.drop_duplicates(["cell", "reference"]).assign(count=0.0)
    counts = Triangle.from_frame(pd.concat([days, empty]), max_delay=max_delay)
    return Triangle(counts.counts, start=counts.start, exposure=exposure.ultimate(), cells=counts.cells)
