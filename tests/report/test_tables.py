"""Tables on pages: escaped, without persons, without groups of fewer than ten people."""

import datetime as dt
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from gbanalysis.errors import GBAnalysisError
from gbanalysis.report import show
from gbanalysis.report.tables import person_columns


@pytest.fixture(autouse=True)
def outside_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GBANALYSIS_INTERNAL", raising=False)


class Cells(HTMLParser):
    """The texts of a table's cells, as a browser shows them, and every tag that it saw."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.in_table = True
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.in_table and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.in_table = self.in_table and tag != "table"


def test_values_and_headers_are_shown_as_text() -> None:
    nasty = ["<script>alert(1)</script>", "=cmd()", "a & b", '"><img src=x onerror=alert(1)>']
    frame = pd.DataFrame({"<i>name</i>": nasty, "category": pd.Categorical(nasty)})
    cells = Cells(show(frame, note="<script>").html)
    assert cells.tags == {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert [row[0] for row in cells.rows[1:]][:3] == nasty[:3]
    assert cells.rows[0][0] == "<i>name</i>"


@pytest.mark.parametrize("name", ["user_id", "leader_id", "referrer_id", "inviter_id", "invitee_id", "initiator_id"])
def test_persons_are_refused_in_columns_and_in_the_index(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({name: ["P-4711"], "n": [3]})
    for shown in (frame, frame.set_index(name)):
        with pytest.raises(GBAnalysisError, match=name):
            show(shown)
    monkeypatch.setenv("GBANALYSIS_INTERNAL", "1")
    assert "P-4711" in show(frame).html


def test_every_column_that_refers_to_a_person_is_known() -> None:
    assert {"user_id", "leader_id", "referrer_id"} <= person_columns()
    assert not {"site_id", "sku_id", "order_id", "supplier_id"} & person_columns()


def test_small_groups_are_withheld_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"region": list("abcde"), "n_users": [10, 9, 0, np.nan, 250]})
    shown = show(frame)
    assert [row[0] for row in Cells(shown.html).rows[1:]] == ["a", "e"]
    assert "3 rows with fewer than 10 people are not shown." in shown.html
    monkeypatch.setenv("GBANALYSIS_INTERNAL", "1")
    assert len(Cells(show(frame).html).rows) == 6


def test_another_column_can_count_the_people() -> None:
    frame = pd.DataFrame({"site": ["a", "b"], "shoppers": [12, 3]})
    assert len(Cells(show(frame, people="shoppers").html).rows) == 2
    with pytest.raises(GBAnalysisError, match="n_people"):
        show(frame, people="n_people")


def test_the_people_count_even_where_their_column_is_not_shown() -> None:
    frame = pd.DataFrame({"region": ["a", "b"], "n_users": [3, 30], "gmv": [1.0, 2.0]})
    cells = Cells(show(frame, columns=["region", "gmv"]).html)
    assert cells.rows[1:] == [["b", "2"]]


def test_figures_are_written_in_their_unit_with_their_interval() -> None:
    frame = pd.DataFrame(
        {
            "metric": ["refund_rate", "gmv", "users"],
            "unit": ["share", "CNY", "users"],
            "value": [0.031, 61234.4, np.nan],
            "ci_lower": [0.028, 60000, np.nan],
            "ci_upper": [0.034, 62500, np.nan],
        }
    )
    rows = Cells(show(frame).html).rows[1:]
    assert [row[2] for row in rows] == [
        "3.1\xa0% (2.8\xa0% to 3.4\xa0%)",
        "CNY\xa061,234 (60,000 to 62,500)",
        "not known",
    ]


def test_cells_are_written_by_kind() -> None:
    frame = pd.DataFrame(
        {
            "on": [pd.Timestamp("2024-02-01")],
            "at": [pd.Timestamp("2024-02-01 08:30")],
            "day": [dt.date(2024, 2, 3)],
            "ok": [np.bool_(True)],
            "loss_rate": [0.0123],
            "n": [1234567],
            "gone": [pd.NaT],
            "none": [None],
        }
    )
    row = Cells(show(frame).html).rows[1]
    assert row == ["2024-02-01", "2024-02-01 08:30", "2024-02-03", "yes", "1.2\xa0%", "1,234,567", "", ""]


def test_percentage_points_have_a_sign_and_three_decimals_at_most() -> None:
    table = Cells(show(pd.DataFrame({"change_pp": [0.000907, -0.00237, 0.5312, np.nan, -0.0001]})).html)
    assert table.rows == [["change (pp)"], ["+0.001"], ["-0.002"], ["+0.531"], [""], ["0.000"]]


def test_dates_stay_on_one_line_whatever_their_type() -> None:
    days = pd.DataFrame({"day": [None, dt.date(2024, 2, 3)], "word": ["a", "b"]})
    assert '<td class="gb-number">2024-02-03</td><td>b</td>' in show(days).html


def test_long_tables_say_how_many_rows_there_are() -> None:
    shown = show(pd.DataFrame({"n": range(45)}), rows=7)
    assert len(Cells(shown.html).rows) == 8
    assert "The first 7 of 45 rows." in shown.html


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(GBAnalysisError, match="profit"):
        show(pd.DataFrame({"n": [1]}), columns=["n", "profit"])
