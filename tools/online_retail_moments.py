"""Compute the moments of the UCI Online Retail data for the page known_truth: `python -m tools.online_retail_moments`.

The data (Chen, Sain and Guo 2012, CC BY 4.0) do not come with the repository; only these few figures of them do. The
folder that ``GBANALYSIS_REAL_DATA`` names must hold ``online_retail/online_retail.parquet``.
"""

import os
import sys
from pathlib import Path

import pandas as pd

from gbanalysis.market.moments import moments, online_retail_delays, online_retail_lines

OUT = Path(__file__).resolve().parent.parent / "data" / "reference" / "online_retail_moments.csv"


def online_retail_moments(sales: pd.DataFrame) -> pd.DataFrame:
    """Describe Online Retail by the market's own moments, those of categories left out: the data name none."""
    found = moments(online_retail_lines(sales), delays=online_retail_delays(sales))
    kept = found[~found.index.str.contains("categor")].rename_axis("moment")
    return kept.round(4).rename("value").reset_index()


def main() -> int:
    """Write the table; status 2 where the data are not there."""
    folder = os.environ.get("GBANALYSIS_REAL_DATA")
    source = Path(folder or "") / "online_retail" / "online_retail.parquet"
    if not folder or not source.is_file():
        print(
            "GBANALYSIS_REAL_DATA must name the folder that holds online_retail/online_retail.parquet", file=sys.stderr
        )
        return 2
    table = online_retail_moments(pd.read_parquet(source))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(OUT, index=False)
    print(f"{OUT.name}: {len(table)} moments")
    return 0


if __name__ == "__main__":
    sys.exit(main())
