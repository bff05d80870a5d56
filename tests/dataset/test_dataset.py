"""The Dataset's own promises: what is there, what is missing, settings, and values that cannot be read."""

from datetime import date, time
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import gbanalysis as gb
from gbanalysis.errors import ContractError
from tests.broken import good_frames, write_csv, write_parquet


@pytest.fixture(scope="module")
def data() -> gb.Dataset:
    return gb.read_dataset(good_frames() | {"products": good_frames()["products"].assign(colour="red")})


def test_tables_and_columns_stand_in_the_contracts_order_and_extras_at_the_end(data: gb.Dataset) -> None:
    assert data.tables[:5] == ("settings", "order_lines", "products", "sites", "refunds")
    columns = ("sku_id", "category", "name", "shelf_life_days", "unit_price", "colour")
    assert data.columns("products") == columns == tuple(data.table("products").columns)
    assert data.has("products", "colour")
    assert not data.has("products", "unit_cost")
    assert not data.has("weather")


def test_types_are_the_contracts(data: gb.Dataset) -> None:
    schema = data.table("order_lines").schema()
    kinds = {"line_id": "string", "ordered_at": "timestamp(6)", "fulfilled_on": "date", "amount": "float64"}
    assert {name: str(schema[name]) for name in kinds} == kinds
    assert str(data.table("sites").schema()["city_tier"]) == "int64"


def test_require_says_in_one_sentence_what_is_missing(data: gb.Dataset) -> None:
    data.require("order_lines", "amount", "quantity")
    with pytest.raises(ContractError, match=r"needs the table weather, which frames in memory does not have\.$"):
        data.require("weather")
    with pytest.raises(ContractError, match="needs the columns unit_cost, weight_kg of products"):
        data.require("products", "unit_cost", "weight_kg")
    with pytest.raises(ContractError, match=r"no table 'product'; did you mean 'products'\?"):
        data.require("product")
    with pytest.raises(ContractError, match="needs the table weather"):
        data.table("weather")


def test_settings_are_read_and_their_defaults_are_those_documented(data: gb.Dataset) -> None:
    assert (data.settings.as_of, data.settings.refund_window_days) == (date(2024, 2, 10), 14)
    frames = good_frames()
    del frames["settings"]
    bare = gb.read_dataset(frames).settings
    assert bare.as_of == date(2024, 2, 3)  # both the last order and the last refund
    assert (bare.currency, bare.presale_cutoff, bare.refund_window_days, bare.timezone) == (
        "CNY",
        None,
        7,
        "Asia/Shanghai",
    )
    frames["refunds"] = frames["refunds"].assign(requested_on=date(2024, 3, 1))
    assert gb.read_dataset(frames).settings.as_of == date(2024, 3, 1)
    frames["settings"] = pd.DataFrame({"as_of": ["2024/4/1"], "presale_cutoff": ["23:00"], "currency": [None]})
    given = gb.read_dataset(frames).settings
    assert (given.as_of, given.presale_cutoff, given.currency) == (date(2024, 4, 1), time(23), "CNY")


def test_a_data_set_without_any_date_has_no_as_of() -> None:
    with pytest.raises(ContractError, match="no dated row"):
        gb.read_dataset({"sites": good_frames()["sites"]}).settings  # noqa: B018


def test_a_bad_value_raises_where_it_is_read_and_nowhere_else(tmp_path: Path) -> None:
    frames = good_frames()
    frames["order_lines"]["amount"] = ["12.5", "30", "thirty", "0", "15", "1"]
    write_csv(frames, tmp_path)
    data = gb.read_dataset(tmp_path)
    with pytest.raises(ContractError, match=r'^order_lines\.amount: "thirty" is not a number such as 1234\.50\.$'):
        data.to_frame("order_lines")
    lines = data.table("order_lines")
    assert lines.quantity.sum().execute() == 20
    with pytest.raises(duckdb.Error, match=r'order_lines\.amount: "thirty" is not a number such as 1234\.50'):
        lines.amount.sum().execute()


def test_ragged_lines_and_bad_bytes_refuse_the_table_and_leave_the_others(tmp_path: Path) -> None:
    write_csv(good_frames(), tmp_path)
    with (tmp_path / "sites.csv").open("a", encoding="utf-8") as file:
        file.write("099,x\n")
    data = gb.read_dataset(tmp_path)
    with pytest.raises(ContractError, match=r"sites: 1 line cannot be split into the columns \(sites.csv line 4"):
        data.table("sites")
    assert data.n_rows("products") == 3


def test_the_same_data_set_and_nothing_else_is_handed_back(data: gb.Dataset) -> None:
    assert gb.read_dataset(data) is data
    with pytest.raises(ContractError, match="a list is not a pandas, polars or arrow table"):
        gb.read_dataset({"sites": [1]})
    with pytest.raises(ContractError, match="more than one column is named a"):
        gb.read_dataset({"sites": pa.table([[1], [2]], names=["a", "a"])})


def test_a_file_that_is_no_duckdb_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.xlsx").write_bytes(b"PK")
    with pytest.raises(ContractError, match=r"data\.xlsx is neither a folder nor a DuckDB file"):
        gb.read_dataset(tmp_path / "data.xlsx")


def test_reports_escape_what_comes_from_the_data_and_name_extras(tmp_path: Path) -> None:
    frames = good_frames()
    frames["nodes"] = frames["nodes"].assign(stage="<script>alert(1)</script>", more=1)
    write_parquet(frames, tmp_path)
    (tmp_path / "mystery.csv").write_text("a\n1\n")
    data = gb.read_dataset(tmp_path)
    report = gb.validate(data)
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()
    assert "nodes has columns beyond the contract, which are kept: more." in report.notes
    assert "mystery.csv belongs to no table of the contract and is not read." in report.notes
    assert list(report.to_frame()) == ["table", "column", "check", "n_bad", "examples", "message"]
    assert report.to_frame().loc[0, ["table", "column", "check", "n_bad"]].tolist() == ["nodes", "stage", "choices", 2]
    assert len(report.summary().splitlines()) == 1
    assert "<td>nodes</td>" in data._repr_html_()
    assert str(tmp_path) not in repr(data) + report.text() + report._repr_html_()


def test_progress_has_one_line_a_table_that_is_there(data: gb.Dataset) -> None:
    lines: list[str] = []
    gb.validate(data, progress=lines.append)
    assert [line.split(":")[0] for line in lines] == list(data.tables)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"order_line": {}}, "no table 'order_line'; did you mean 'order_lines'?"),
        ({"sites": {"regin": "x"}}, "sites has no column 'regin' in the contract; did you mean 'region'?"),
        ({"sites": {"region": 3}}, "sites.region must be a name in quotes"),
        ({"sites": "x"}, "sites must hold lines such as"),
        ("nowhere.toml", "There is no column map nowhere.toml"),
    ],
)
def test_a_wrong_column_map_is_refused(columns: object, words: str) -> None:
    with pytest.raises(ContractError) as error:
        gb.read_dataset(good_frames(), columns=columns)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_a_column_map_that_is_not_toml_or_names_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"column map .* cannot be read: Is a directory"):
        gb.read_dataset(good_frames(), columns=tmp_path)
    (tmp_path / "map.toml").write_text("[sites\n")
    with pytest.raises(ContractError, match=r"column map map\.toml is not TOML"):
        gb.read_dataset(good_frames(), columns=tmp_path / "map.toml")
    report = gb.validate(gb.read_dataset(good_frames(), columns={"sites": {"region": "rgion"}}))
    assert "sites.region: the column map says it is named 'rgion'" in report.text()
    assert "did you mean 'region'?" in report.text()


def test_absent_tables_are_named_last_and_of_sound_data_only() -> None:
    frames = good_frames() | {"other": pd.DataFrame({"a": [1]})}
    report = gb.validate(gb.read_dataset(frames))
    assert report.text().splitlines()[-1].startswith("  - Without 18 optional tables: inventory, purchase_orders, ")
    assert len(report.absent) == 18
    assert "Without 18 optional tables" in report._repr_html_()
    frames["sites"] = frames["sites"].assign(region=None)
    assert "Without" not in gb.validate(gb.read_dataset(frames)).text()


def test_a_row_without_its_key_is_told_by_that() -> None:
    frames = good_frames()
    frames["order_lines"] = frames["order_lines"].assign(line_id=["L1", None, None, "L4", "L5", "L6"], quantity=0.0)
    flows = frames["stage_flows"]
    frames["stage_flows"] = flows.assign(sku_id=None, node_id=None)
    messages = [finding.message for finding in gb.validate(gb.read_dataset(frames)).findings]
    assert "order_lines.line_id: 2 values are missing (no line_id)" in messages
    assert "order_lines.quantity: 6 values are not above 0 (line_id L1, L4, L5, L6, no line_id)" in messages
    key = "shipment_id/stage/sku_id S1/central_warehouse/no sku_id, S1/grid_warehouse/no sku_id"
    assert f"stage_flows.node_id: 2 values are missing ({key})" in messages
