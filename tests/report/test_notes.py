"""Notes on a page: what the data do not state is said."""

import pandas as pd

import gbanalysis as gb
from gbanalysis.report import notes


def test_the_footer_says_which_settings_are_assumed(tmp_path):
    tables = {
        "order_lines": pd.DataFrame(
            {
                "line_id": ["L1"], "order_id": ["O1"], "user_id": ["U1"], "site_id": ["T1"], "sku_id": ["K1"],
                "ordered_at": pd.to_datetime(["2024-01-30 20:00"]), "fulfilled_on": [pd.Timestamp("2024-01-31")],
                "quantity": [1.0], "amount": [9.9],
            }
        ),
        "products": pd.DataFrame({"sku_id": ["K1"], "category": ["fruit"]}),
        "sites": pd.DataFrame({"site_id": ["T1"], "region": ["Hubei"]}),
    }  # fmt: skip
    said = notes.provenance(gb.read_dataset(tables)).html
    assert "assumed: the last date seen, 2024-01-31" in said
    assert "CNY as the currency" in said
    settings = {"as_of": ["2024-01-31"], "currency": ["USD"], "presale_cutoff": ["23:00"], "refund_window_days": [3]}
    stated = gb.read_dataset({**tables, "settings": pd.DataFrame({**settings, "timezone": ["Asia/Tokyo"]})})
    assert "assumed" not in notes.provenance(stated).html
