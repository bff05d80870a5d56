"""Moments on a case worked by hand, and the market's beside those of two real data sets."""

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.market.moments import line_frame, moments, online_retail_delays, online_retail_lines, refund_delays
from tools.reference_moments import OUT

WIDER = 1.35
# moments in which the market differs from both real data sets, and why
DIFFERENT = {
    "lines_per_order_mean": "a group-buying basket holds a few lines, a supermarket's or a wholesale order many",
    "lines_per_order_median": "as above",
    "lines_per_order_p95": "as above",
    "single_line_share": "as above",
    "top_category_share": "eight categories of fresh goods; groceries are two thirds of a supermarket",
    "top_fifth_categories_share": "as above",
    "zero_day_share": "a day's list of 180 SKUs, not a range of thousands",
    "refund_delay_p50": "fresh goods are looked at on the day of pickup; gifts are returned weeks later",
    "refund_delay_p75": "as above",
    "refund_delay_p90": "as above",
}


@pytest.fixture(scope="module")
def lines():
    """Three users, four orders, seven lines."""
    return pd.DataFrame(
        {
            "order_id": [1, 1, 1, 2, 3, 3, 4],
            "user_id": ["u", "u", "u", "u", "v", "v", "w"],
            "sku_id": ["a", "b", "c", "a", "a", "b", "a"],
            "category": ["f", "f", "g", "f", "f", "f", "f"],
            "ordered_on": pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-20"] + ["2024-01-10"] * 2 + ["2024-02-29"]),
            "quantity": [1, 2, 1, 1, 1, 1, 3],
        }
    )


def test_by_hand(lines):
    found = moments(lines, delays=np.array([0.0, 1.0, 2.0, 9.0]))
    assert found["lines_per_order_mean"] == 7 / 4
    assert found["single_line_share"] == 2 / 4
    assert found["several_units_share"] == pytest.approx(2 / 7)
    assert found["orders_per_user_mean"] == pytest.approx(4 / 3)
    assert found["repeat_rate"] == pytest.approx(1 / 3)
    assert found["returned_in_30_days"] == 0
    assert found["top_category_share"] == pytest.approx(6 / 7)
    assert found["zero_day_share"] == pytest.approx(1 - (4 + 2 + 1) / 3 / 60)
    assert found["refund_delay_p50"] == 1.5


def test_return_within_thirty_days_counts_those_seen_long_enough(lines):
    soon = lines.assign(ordered_on=lines["ordered_on"].where(lines["order_id"] != 2, pd.Timestamp("2024-01-31")))
    assert moments(soon)["returned_in_30_days"] == pytest.approx(1 / 2)


def test_zipf_exponent_and_gamma_shape_are_recovered():
    rng = np.random.default_rng(3)
    n_users = 4_000
    orders = rng.poisson(rng.gamma(0.8, 10, n_users))
    user = np.repeat(np.arange(n_users), orders)
    weight = np.arange(1, 201) ** -0.9
    drawn = pd.DataFrame(
        {
            "order_id": np.arange(len(user)),
            "user_id": user,
            "sku_id": rng.choice(200, len(user), p=weight / weight.sum()),
            "category": "f",
            "ordered_on": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 50, len(user)), unit="D"),
            "quantity": 1,
        }
    )
    found = moments(drawn)
    assert found["zipf_exponent"] == pytest.approx(0.9, abs=0.03)
    seen = orders[orders > 0]
    assert found["order_rate_shape"] == pytest.approx(seen.mean() ** 2 / (seen.var() - seen.mean()), rel=1e-9)


def test_a_cancellation_is_matched_to_the_last_purchase_before_it():
    sales = pd.DataFrame(
        {
            "InvoiceNo": ["1", "2", "C3", "C4", "5"],
            "StockCode": ["x", "x", "x", "y", "x"],
            "Quantity": [2.0, 1.0, -1.0, -1.0, 4.0],
            "InvoiceDate": pd.to_datetime(["2011-01-01", "2011-01-05", "2011-01-09", "2011-01-09", "2011-01-20"]),
            "UnitPrice": 1.0,
            "CustomerID": [7.0, 7.0, 7.0, 7.0, np.nan],
        }
    )
    assert online_retail_delays(sales).tolist() == [4.0]
    assert online_retail_lines(sales)["order_id"].tolist() == ["1", "2"]


def test_the_market_is_like_real_data_but_for_what_is_said():
    sample = gb.load_sample()
    market = moments(line_frame(sample), delays=refund_delays(sample))
    real = [
        pd.read_csv(OUT / f"{name}_moments.csv").set_index("moment")["value"]
        for name in ("complete_journey", "online_retail")
    ]
    spans = pd.concat(real, axis=1).agg(["min", "max"], axis=1)
    inside = market.between(spans["min"] / WIDER, spans["max"] * WIDER)[market.index.intersection(spans.index)]
    assert set(inside.index[~inside]) == set(DIFFERENT)
