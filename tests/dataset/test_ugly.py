"""A sound data set written in each ugly way gives exactly the tables of its clean parquet files."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from tests.broken import Frames, good_frames, write_csv, write_parquet


def tables(dataset: Dataset) -> Frames:
    """Every table as pandas, in an order of rows that does not depend on the source."""
    frames = {name: dataset.to_frame(name) for name in dataset.tables}
    return {name: frame.sort_values(list(frame.columns[:3])).reset_index(drop=True) for name, frame in frames.items()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    folder = tmp_path_factory.mktemp("clean")
    write_parquet(good_frames(), folder)
    return tables(gb.read_dataset(folder))


def assert_same(dataset: Dataset, clean: Frames) -> None:
    found = tables(dataset)
    assert set(found) >= {"order_lines", "products", "sites"}
    for name, frame in found.items():
        assert_frame_equal(frame, clean[name], obj=name)
    report = gb.validate(dataset)
    assert report.ok, report.text()


def few_frames() -> Frames:
    """The required tables, and one more with dates and booleans: enough to meet every kind of column."""
    return {name: good_frames()[name] for name in ("order_lines", "products", "sites", "refunds")}


def test_the_clean_tables_hold_what_was_written(clean: Frames) -> None:
    good = good_frames()
    assert clean["order_lines"]["site_id"].tolist() == good["order_lines"]["site_id"].tolist()
    assert clean["order_lines"]["ordered_at"].tolist() == good["order_lines"]["ordered_at"].tolist()
    assert clean["order_lines"]["amount"].tolist() == good["order_lines"]["amount"].tolist()
    days = clean["order_lines"]["fulfilled_on"]
    assert [None if pd.isna(day) else day.date() for day in days] == good["order_lines"]["fulfilled_on"].tolist()
    assert clean["refunds"]["refund_only"].tolist()[:2] == [True, False]
    assert clean["products"]["name"].tolist() == good["products"]["name"].tolist()


# Encodings and separators

WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bom": {"encoding": "utf-8-sig"},
    "gb18030": {"encoding": "gb18030"},
    "utf_16": {"encoding": "utf-16"},
    "utf_16_le_without_bom": {"encoding": "utf-16-le"},
    "utf_16_be_without_bom": {"encoding": "utf-16-be"},
    "semicolon": {"sep": ";"},
    "tab": {"sep": "\t"},
    "bar": {"sep": "|"},
    "windows_line_ends": {"lineterminator": "\r\n"},
    "all_quoted": {"quoting": 1},
    "null_words": {"na_rep": "NULL"},
    "na_words": {"na_rep": "#N/A"},
}


@pytest.mark.parametrize("way", WAYS)
def test_csv_in_every_encoding_and_with_every_separator(way: str, clean: Frames, tmp_path: Path) -> None:
    write_csv(few_frames(), tmp_path, **WAYS[way])
    assert_same(gb.read_dataset(tmp_path), clean)


def test_semicolon_gb18030_with_an_excel_sep_line(clean: Frames, tmp_path: Path) -> None:
    for name, frame in few_frames().items():
        text = "sep=;\r\n" + frame.to_csv(index=False, sep=";", lineterminator="\r\n")
        (tmp_path / f"{name}.csv").write_bytes(text.encode("gb18030"))
    assert_same(gb.read_dataset(tmp_path), clean)


def test_gzipped_csv_and_tsv(clean: Frames, tmp_path: Path) -> None:
    for number, (name, frame) in enumerate(few_frames().items()):
        ending, sep = (".csv.gz", ",") if number % 2 else (".tsv.gz", "\t")
        encoding = "gb18030" if number % 3 == 0 else "utf-8"
        (tmp_path / f"{name}{ending}").write_bytes(gzip.compress(frame.to_csv(index=False, sep=sep).encode(encoding)))
    assert_same(gb.read_dataset(tmp_path), clean)


def test_chinese_late_in_a_long_file_is_found_by_the_whole_read(tmp_path: Path) -> None:
    frames = good_frames()
    filler = pd.DataFrame({"supplier_id": [f"Q{i:07d}" for i in range(150_000)], "name": "plain"})
    frames["suppliers"] = pd.concat([filler, frames["suppliers"]])
    write_csv({"suppliers": frames["suppliers"]}, tmp_path, encoding="gb18030")
    assert (tmp_path / "suppliers.csv").stat().st_size > 1 << 20
    names = gb.read_dataset(tmp_path).to_frame("suppliers")["name"]
    assert names.tolist()[-2:] == ["甲", "乙"]


# Values


def _dates(frames: Frames, write: Callable[[pd.Timestamp], Any]) -> Frames:
    """Every date column (a day, no time) written otherwise."""
    for frame in frames.values():
        for column in frame.columns:
            if column.endswith("_on") or column in ("as_of", "date"):
                frame[column] = [None if pd.isna(day) else write(pd.Timestamp(day)) for day in frame[column]]
    return frames


def _stamps(frames: Frames, write: Callable[[pd.Timestamp], Any]) -> Frames:
    for frame in frames.values():
        for column in frame.columns:
            if column.endswith("_at"):
                frame[column] = [None if pd.isna(stamp) else write(stamp) for stamp in frame[column]]
    return frames


def _shanghai(local: pd.Timestamp) -> int:
    """Epoch seconds of a local time in the zone that data sets without settings are in."""
    return int(local.tz_localize("Asia/Shanghai").timestamp())


DATES: dict[str, Callable[[pd.Timestamp], Any]] = {
    "slashes": lambda d: f"{d.year}/{d.month}/{d.day}",
    "slashes_padded": lambda d: d.strftime("%Y/%m/%d"),
    "dots": lambda d: f"{d.year}.{d.month}.{d.day}",
    "compact": lambda d: d.strftime("%Y%m%d"),
    "chinese": lambda d: f"{d.year}年{d.month}月{d.day}日",
    "with_midnight": lambda d: f"{d.year}/{d.month}/{d.day} 0:00",
    "epoch_ms": lambda d: str(_shanghai(d) * 1000),
    "epoch_s": lambda d: str(_shanghai(d)),
    "blanks_around": lambda d: f"  {d.date()} ",
}
STAMPS: dict[str, Callable[[pd.Timestamp], Any]] = {
    "t": lambda s: s.isoformat(),
    "fraction": lambda s: s.strftime("%Y-%m-%d %H:%M:%S.000"),
    "nine_digits": lambda s: s.strftime("%Y-%m-%dT%H:%M:%S.000000000"),
    "slashes": lambda s: f"{s.year}/{s.month}/{s.day} {s.hour}:{s.minute:02d}:{s.second:02d}",
    "chinese": lambda s: f"{s.year}年{s.month}月{s.day}日 {s.hour}:{s.minute:02d}:{s.second:02d}",
    "epoch_ms": lambda s: str(_shanghai(s) * 1000),
    "epoch_s": lambda s: str(_shanghai(s)),
}


@pytest.mark.parametrize("form", DATES)
def test_dates_in_every_form(form: str, clean: Frames, tmp_path: Path) -> None:
    write_csv(_dates(few_frames(), DATES[form]), tmp_path)
    assert_same(gb.read_dataset(tmp_path), clean)


@pytest.mark.parametrize("form", STAMPS)
def test_time_stamps_in_every_form(form: str, clean: Frames, tmp_path: Path) -> None:
    write_csv(_stamps(few_frames(), STAMPS[form]), tmp_path)
    assert_same(gb.read_dataset(tmp_path), clean)


@pytest.mark.parametrize("form", ["compact", "epoch_ms", "epoch_s"])
def test_dates_and_stamps_as_whole_numbers_in_parquet(form: str, clean: Frames, tmp_path: Path) -> None:
    frames = _dates(few_frames(), lambda d: int(DATES[form](d)))
    if form != "compact":
        frames = _stamps(frames, lambda s: int(STAMPS[form](s)))
    write_parquet({name: frame.convert_dtypes() for name, frame in frames.items()}, tmp_path)
    assert_same(gb.read_dataset(tmp_path), clean)


def test_minutes_without_seconds_and_fractions_are_kept(tmp_path: Path) -> None:
    lines = pd.DataFrame({"line_id": ["a", "b"], "ordered_at": ["2024/1/31 8:05", "2024-01-31 08:05:06.123456"]})
    write_csv({"order_lines": lines}, tmp_path)
    read = gb.read_dataset(tmp_path).to_frame("order_lines")["ordered_at"]
    assert read.tolist() == [pd.Timestamp("2024-01-31 08:05"), pd.Timestamp("2024-01-31 08:05:06.123456")]


BOOLEANS = {
    "digits": ("1", "0"), "words": ("true", "false"), "capitals": ("TRUE", "FALSE"), "chinese": ("是", "否"),
    "letters": ("Y", "N"), "yes_no": ("yes", "no"), "floats": ("1.0", "0.0"),
}  # fmt: skip


@pytest.mark.parametrize("form", BOOLEANS)
def test_booleans_in_every_form(form: str, clean: Frames, tmp_path: Path) -> None:
    frames = few_frames()
    for column in ("refund_only", "approved"):
        values = frames["refunds"][column]
        frames["refunds"][column] = [None if pd.isna(v) else BOOLEANS[form][0 if v else 1] for v in values]
    write_csv(frames, tmp_path)
    assert_same(gb.read_dataset(tmp_path), clean)


NUMBERS: dict[str, Callable[[float], str]] = {
    "thousands": lambda v: f"{v:,.2f}",
    "yuan_sign": lambda v: f"¥{v:,.2f}",
    "yuan_word": lambda v: f"{v}元",
    "full_width": lambda v: f"{v:,.2f}".translate(str.maketrans("0123456789.,", "０１２３４５６７８９．，")),
    "scientific": lambda v: f"{v:.6e}",
    "blanks": lambda v: f" {v} ",
}


@pytest.mark.parametrize("form", NUMBERS)
def test_numbers_in_every_form(form: str, clean: Frames, tmp_path: Path) -> None:
    frames = few_frames()
    frames["order_lines"]["amount"] = frames["order_lines"]["amount"].map(NUMBERS[form])
    frames["products"]["unit_price"] = frames["products"]["unit_price"].map(NUMBERS[form])
    write_csv(frames, tmp_path)
    assert_same(gb.read_dataset(tmp_path), clean)


def test_blanks_around_text_and_names_of_columns(clean: Frames, tmp_path: Path) -> None:
    frames = few_frames()
    for frame in frames.values():
        for column in frame.columns:
            if column.endswith("_id"):
                frame[column] = [None if pd.isna(value) else f"{value}  " for value in frame[column]]
        frame.columns = [f" {column.upper()} " for column in frame.columns]
    write_csv(frames, tmp_path)
    assert_same(gb.read_dataset(tmp_path), clean)


# Names


def test_chinese_names_through_the_column_map(clean: Frames, tmp_path: Path) -> None:
    frames = few_frames()
    frames["order_lines"] = frames["order_lines"].rename(columns={"amount": "金额", "line_id": "订单行号"})
    frames["订单退款"] = frames.pop("refunds")
    write_csv(frames, tmp_path, encoding="gb18030")
    columns = {"order_lines": {"amount": "金额", "line_id": "订单行号"}, "refunds": {"table": "订单退款"}}
    toml = tmp_path / "map.toml"
    toml.write_text(
        '[order_lines]\namount = "金额"\nline_id = "订单行号"\n[refunds]\ntable = "订单退款"\n', encoding="utf-8"
    )
    for given in (columns, toml, str(toml)):
        assert_same(gb.read_dataset(tmp_path, columns=given), clean)
    assert not gb.read_dataset(tmp_path).has("order_lines", "amount")


# Parts, folders and types


def test_part_files_of_every_kind(clean: Frames, tmp_path: Path) -> None:
    frames = good_frames()
    lines, refunds, users = (frames.pop(name) for name in ("order_lines", "refunds", "users"))
    write_parquet(frames, tmp_path)
    lines.head(2).to_parquet(tmp_path / "order_lines-0001.parquet")
    lines.tail(4).to_parquet(tmp_path / "order_lines-0002.parquet")
    (tmp_path / "refunds").mkdir()
    refunds.head(1).to_csv(tmp_path / "refunds" / "x.csv", index=False, sep=";")
    refunds.tail(2)[refunds.columns[::-1]].to_csv(tmp_path / "refunds" / "y.csv", index=False, encoding="utf-16")
    users.head(1).to_csv(tmp_path / "users_part1.csv", index=False)
    (tmp_path / "users_part2.csv.gz").write_bytes(gzip.compress(users.tail(2).to_csv(index=False).encode()))
    assert_same(gb.read_dataset(tmp_path), clean)


def test_partitions_give_their_column_as_text(tmp_path: Path) -> None:
    frames = good_frames()
    write_parquet(frames, tmp_path)
    (tmp_path / "sites.parquet").unlink()
    for region, sites in frames["sites"].assign(region=["007", "12"]).groupby("region"):
        below = tmp_path / "sites" / f"region={region}"
        below.mkdir(parents=True)
        sites.drop(columns="region").to_parquet(below / "part-0.parquet")
    read = gb.read_dataset(tmp_path).to_frame("sites").set_index("site_id")["region"]
    assert read.to_dict() == {"007": "007", "012": "12"}


def test_parquet_types_of_other_tools(clean: Frames, tmp_path: Path) -> None:
    write_parquet(good_frames(), tmp_path)
    for name, changes in {
        "order_lines": {
            "line_id": pa.large_string(),
            "site_id": pa.dictionary(pa.int32(), pa.string()),
            "amount": pa.decimal128(12, 2),
            "quantity": pa.int16(),
            "ordered_at": pa.timestamp("ns"),
            "fulfilled_on": pa.timestamp("ms"),
        },
        "sites": {"city_tier": pa.float64()},
        "users": {"registered_on": pa.date64()},
    }.items():
        table = pq.read_table(tmp_path / f"{name}.parquet")
        for column, kind in changes.items():
            place = table.column_names.index(column)
            values = table[column]
            values = values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
            table = table.set_column(place, column, values)
        pq.write_table(table, tmp_path / f"{name}.parquet")
    assert_same(gb.read_dataset(tmp_path), clean)


def test_whole_number_ids_become_text_and_a_pandas_float_loses_its_point(tmp_path: Path) -> None:
    ids = pd.DataFrame({"line_id": [1, 2], "order_id": [7.0, 8.0], "group_id": [3.0, None]})
    read = gb.read_dataset({"order_lines": ids}).to_frame("order_lines")
    assert read["line_id"].tolist() == ["1", "2"]
    assert read["order_id"].tolist() == ["7", "8"]
    assert read["group_id"].tolist()[0] == "3"
    assert pd.isna(read["group_id"].tolist()[1])


def test_everything_as_text_in_parquet(clean: Frames, tmp_path: Path) -> None:
    frames = {
        name: frame.apply(lambda column: column.map(lambda v: None if pd.isna(v) else str(v)))
        for name, frame in good_frames().items()
    }
    write_parquet(frames, tmp_path)
    assert_same(gb.read_dataset(tmp_path), clean)


# Other kinds of source


def test_frames_of_pandas_polars_and_arrow(clean: Frames) -> None:
    pandas = good_frames()
    assert_same(gb.read_dataset(pandas), clean)
    arrow = {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in pandas.items()}
    assert_same(gb.read_dataset(arrow), clean)
    polars = {name: pl.from_arrow(table) for name, table in arrow.items()}
    assert_same(gb.read_dataset(polars), clean)
    assert_same(gb.read_dataset({name: frame.lazy() for name, frame in polars.items()}), clean)


def test_a_duckdb_file_and_an_ibis_connection(clean: Frames, tmp_path: Path) -> None:
    import duckdb
    import ibis

    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as con:
        for name, frame in good_frames().items():
            con.register("frame", pa.Table.from_pandas(frame, preserve_index=False))
            con.execute(f'CREATE TABLE "{name}" AS SELECT * FROM frame')
        con.execute("CREATE TABLE other AS SELECT 1 AS x")
    copy = Path(shutil.copy(path, tmp_path / "copy.duckdb"))  # DuckDB opens a file once in a process
    for dataset in (gb.read_dataset(path), gb.read_dataset(ibis.duckdb.connect(str(copy)))):
        assert_same(dataset, clean)
        assert "The table other belongs to no table of the contract" in gb.validate(dataset).text()


def test_a_connection_with_everything_as_text_is_read_and_validated_too(clean: Frames) -> None:
    import ibis

    con = ibis.duckdb.connect()
    for name, frame in _dates(few_frames(), DATES["slashes"]).items():
        text = frame.apply(lambda column: column.map(lambda v: None if pd.isna(v) else str(v)))
        con.create_table(
            name, pa.Table.from_pandas(text, preserve_index=False, schema=pa.schema([(c, pa.string()) for c in text]))
        )
    assert_same(gb.read_dataset(con), clean)


def test_the_temporary_folder_goes_with_the_data_set(tmp_path: Path) -> None:
    import gc

    write_csv(good_frames(), tmp_path)
    dataset = gb.read_dataset(tmp_path)
    assert dataset._store is not None
    folder = dataset._store.folder
    table = dataset.table("order_lines")
    assert any(folder.iterdir())
    del dataset
    gc.collect()
    assert table.count().execute() == 6  # the expression keeps what it needs
    del table
    gc.collect()
    left = folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
    assert not left
