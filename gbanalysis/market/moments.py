"""How a market looks from outside: the moments by which a simulated market is laid beside real data.

The same function runs on the simulated market, on Complete Journey (a Dataset in the contract) and on Online Retail (a
frame). Where the market differs from both, it does so for a reason that the page *known truth* gives, or it is a flaw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.dataset import Dataset

RETURN_DAYS = 30
DELAY_QUANTILES = (0.5, 0.75, 0.9)


def line_frame(data: Dataset) -> pd.DataFrame:
    """Read what `moments` needs of a Dataset, one row an order line."""
    lines, products = data.table("order_lines"), data.table("products")
    joined = lines.join(products.select("sku_id", "category"), "sku_id")
    wanted = joined.select(
        "order_id", "user_id", "sku_id", "category", "quantity", ordered_on=joined.ordered_at.cast("date")
    )
    frame: pd.DataFrame = wanted.execute()
    return frame


def refund_delays(data: Dataset) -> NDArray[np.float64]:
    """Read the days from pickup to the first request of every refunded line that was picked up."""
    refunds, lines = data.table("refunds"), data.table("order_lines")
    first = refunds.group_by("line_id").agg(requested_on=refunds.requested_on.min())
    joined = first.join(lines.select("line_id", "fulfilled_on"), "line_id")
    days = joined.filter(joined.fulfilled_on.notnull()).select("requested_on", "fulfilled_on").execute()
    gap = days["requested_on"].astype("datetime64[s]") - days["fulfilled_on"].astype("datetime64[s]")
    delays: NDArray[np.float64] = np.maximum(gap.dt.days.to_numpy(dtype=float), 0.0)
    return delays


def online_retail_lines(sales: pd.DataFrame) -> pd.DataFrame:
    """Turn the Online Retail frame into the lines that `moments` reads: its sales with a customer, one category."""
    kept = sales[(sales["Quantity"] > 0) & sales["CustomerID"].notna()]
    return kept.assign(
        order_id=kept["InvoiceNo"],
        user_id=kept["CustomerID"],
        sku_id=kept["StockCode"],
        category="gifts",
        ordered_on=kept["InvoiceDate"].dt.normalize(),
        quantity=kept["Quantity"],
    )[["order_id", "user_id", "sku_id", "category", "ordered_on", "quantity"]]


def online_retail_delays(sales: pd.DataFrame) -> NDArray[np.float64]:
    """Give the days from purchase to cancellation in the Online Retail frame.

    Each cancelled row is matched to the customer's last purchase of the SKU before it.
    """
    import pandas as pd

    known = sales[sales["CustomerID"].notna()].sort_values("InvoiceDate")
    cancelled = known["InvoiceNo"].astype(str).str.startswith("C")
    bought = known[~cancelled & (known["Quantity"] > 0)].assign(bought_at=lambda frame: frame["InvoiceDate"])
    matched = pd.merge_asof(
        known[cancelled],
        bought[["CustomerID", "StockCode", "InvoiceDate", "bought_at"]],
        on="InvoiceDate",
        by=["CustomerID", "StockCode"],
    ).dropna(subset=["bought_at"])
    return np.asarray((matched["InvoiceDate"] - matched["bought_at"]).dt.days, dtype=float)


def moments(lines: pd.DataFrame, *, delays: NDArray[np.float64] | None = None) -> pd.Series[float]:
    """Describe a market's lines by a handful of numbers: what would one see first of all?

    Parameters
    ----------
    lines
        One row an order line: order_id, user_id, sku_id, category, ordered_on, quantity.
    delays
        Days from pickup (or purchase) to the refund request, one a refunded line.

    Returns
    -------
    pandas.Series
        Indexed by name: baskets (``lines_per_order_*``, ``single_line_share``), users (``orders_per_user_mean``,
        ``repeat_rate``, ``returned_in_30_days``, ``order_rate_shape``: the gamma shape of the orders a user), goods
        (``*_share`` of lines in the top goods and categories, ``zipf_exponent``), intermittency of SKU × day
        (``zero_day_share`` and ``lumpy_share``, Syntetos and Boylan 2005), and the refund delay's quantiles in days.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame(
    ...     {
    ...         "order_id": [1, 1, 2, 3],
    ...         "user_id": [1, 1, 1, 2],
    ...         "sku_id": ["a", "b", "a", "a"],
    ...         "category": "fruit",
    ...         "ordered_on": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-05", "2024-01-05"]),
    ...         "quantity": 1,
    ...     }
    ... )
    >>> moments(lines)[["single_line_share", "repeat_rate"]].round(2).to_dict()
    {'single_line_share': 0.67, 'repeat_rate': 0.5}
    """
    import pandas as pd

    found = _baskets(lines) | _users(lines) | _goods(lines) | _intermittency(lines)
    if delays is not None and len(delays):
        found |= {f"refund_delay_p{round(100 * q)}": float(np.quantile(delays, q)) for q in DELAY_QUANTILES}
    return pd.Series(found, dtype=float)


def _baskets(lines: pd.DataFrame) -> dict[str, float]:
    size = lines.groupby("order_id", observed=True)["sku_id"].size().to_numpy()
    return {
        "lines_per_order_mean": float(size.mean()),
        "lines_per_order_median": float(np.median(size)),
        "lines_per_order_p95": float(np.quantile(size, 0.95)),
        "lines_per_order_cv": float(size.std() / size.mean()),
        "single_line_share": float((size == 1).mean()),
        "several_units_share": float((lines["quantity"] > 1).mean()),
    }


def _users(lines: pd.DataFrame) -> dict[str, float]:
    orders = lines.drop_duplicates("order_id")
    count = orders.groupby("user_id", observed=True).size().to_numpy().astype(float)
    visits = orders.assign(day=orders["ordered_on"].astype("datetime64[s]")).sort_values("day")
    of_user = visits.groupby("user_id", observed=True)["day"]
    first = of_user.transform("min")
    later = (visits["day"] > first) & ((visits["day"] - first).dt.days <= RETURN_DAYS)
    came_back = later.groupby(visits["user_id"], observed=True).any()
    observed = (visits["day"].max() - of_user.min()).dt.days >= RETURN_DAYS
    share = float(came_back[observed].mean()) if observed.any() else float("nan")
    spread = count.var() - count.mean()
    return {
        "orders_per_user_mean": float(count.mean()),
        "repeat_rate": float((count > 1).mean()),
        "returned_in_30_days": share,
        "order_rate_shape": float(count.mean() ** 2 / spread) if spread > 0 else float("inf"),
        "top_tenth_users_share": _top_share(count, 0.1),
    }


def _goods(lines: pd.DataFrame) -> dict[str, float]:
    per_sku = np.sort(lines.groupby("sku_id", observed=True).size().to_numpy())[::-1].astype(float)
    per_category = lines.groupby("category", observed=True).size().to_numpy().astype(float)
    rank = np.arange(1, len(per_sku) + 1)
    head = slice(0, max(2, len(per_sku) // 2))
    slope = float(np.polyfit(np.log(rank[head]), np.log(per_sku[head]), 1)[0]) if len(per_sku) > 1 else float("nan")
    return {
        "top_tenth_skus_share": _top_share(per_sku, 0.1),
        "zipf_exponent": -slope,
        "top_category_share": float(per_category.max() / per_category.sum()),
        "top_fifth_categories_share": _top_share(per_category, 0.2),
    }


def _intermittency(lines: pd.DataFrame) -> dict[str, float]:
    day = lines["ordered_on"].astype("datetime64[s]")
    n_days = (day.max() - day.min()).days + 1
    sold = lines.groupby(["sku_id", day.rename("day")], observed=True)["quantity"].sum()
    by_sku: Any = sold.groupby(level="sku_id", observed=True)
    days_sold, mean, sd = by_sku.size(), by_sku.mean(), by_sku.std()
    interval, cv2 = n_days / days_sold, (sd / mean) ** 2
    return {
        "zero_day_share": float(1 - days_sold.mean() / n_days),
        "lumpy_share": float(((interval > 1.32) & (cv2 > 0.49)).mean()),
    }


def _top_share(count: NDArray[np.float64], share: float) -> float:
    """Give the part of the sum that the largest `share` of the entries holds."""
    largest = np.sort(count)[::-1][: max(1, round(share * len(count)))]
    return float(largest.sum() / count.sum())
