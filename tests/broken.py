"""A small sound data set, and a generator of folders that each break the data contract in one way.

`BROKEN` holds (name, make, words): `make(folder)` writes the folder, and every one of `words` must stand in the
sentence that refuses it.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

Frames = dict[str, pd.DataFrame]


def good_frames() -> Frames:
    """A sound data set of a few rows, with dates, times, booleans, nulls, Chinese text and leading zeros."""
    day = pd.to_datetime
    return {
        "settings": pd.DataFrame(
            {
                "as_of": [day("2024-02-10").date()],
                "currency": ["CNY"],
                "refund_window_days": [14],
                "timezone": ["Asia/Shanghai"],
            }
        ),
        "order_lines": pd.DataFrame(
            {
                "line_id": ["L1", "L2", "L3", "L4", "L5", "L6"],
                "order_id": ["0001", "0001", "0002", "0003", "0004", "0005"],
                "user_id": ["U1", "U1", "U2", "U3", "U2", "U1"],
                "site_id": ["007", "007", "007", "012", "012", "007"],
                "sku_id": ["K1", "K2", "K1", "K3", "K2", "K1"],
                "supplier_id": ["P1", "P2", "P1", "P1", "P2", "P1"],
                "ordered_at": day(
                    [
                        "2024-01-30 08:05:00",
                        "2024-01-30 08:05:00",
                        "2024-01-31 22:59:59",
                        "2024-02-01 00:00:00",
                        "2024-02-02 12:30:15",
                        "2024-02-03 09:00:00",
                    ]
                ).astype("datetime64[us]"),
                "fulfilled_on": [
                    day(d).date() for d in ("2024-01-31", "2024-01-31", "2024-02-01", "2024-02-02", "2024-02-03")
                ]
                + [None],
                "quantity": [1.0, 2.0, 1.0, 3.0, 1.0, 12.0],
                "amount": [12.5, 30.0, 12.5, 0.0, 15.0, 1234.5],
            }
        ),
        "products": pd.DataFrame(
            {
                "sku_id": ["K1", "K2", "K3"],
                "category": ["fruit", "vegetables", "meat"],
                "name": ["苹果, 红", 'a "sweet"\npepper', "猪肉"],
                "shelf_life_days": [14.0, 5.0, None],
                "unit_price": [12.5, 15.0, 1234.5],
            }
        ),
        "sites": pd.DataFrame(
            {
                "site_id": ["007", "012"],
                "region": ["安徽", "江苏"],
                "city_tier": [2, 4],
                "opened_on": [day("2023-01-01").date(), day("2023-06-01").date()],
                "closed_on": [None, day("2024-02-09").date()],
            }
        ),
        "refunds": pd.DataFrame(
            {
                "refund_id": ["R1", "R2", "R3"],
                "line_id": ["L1", "L3", "L3"],
                "requested_on": [day(d).date() for d in ("2024-02-01", "2024-02-02", "2024-02-03")],
                "amount": [12.5, 5.0, 7.5],
                "refund_only": [True, False, None],
                "approved": [True, True, False],
            }
        ),
        "suppliers": pd.DataFrame({"supplier_id": ["P1", "P2"], "name": ["甲", "乙"]}),
        "users": pd.DataFrame(
            {
                "user_id": ["U1", "U2", "U3"],
                "registered_on": [day("2023-12-01").date()] * 3,
                "referrer_id": [None, "U1", "U1"],
            }
        ),
        "nodes": pd.DataFrame({"node_id": ["W1", "G1"], "stage": ["central_warehouse", "grid_warehouse"]}),
        "stage_flows": pd.DataFrame(
            {
                "shipment_id": ["S1", "S1"],
                "stage": ["central_warehouse", "grid_warehouse"],
                "sku_id": ["K1", "K1"],
                "node_id": ["W1", "G1"],
                "arrived_at": day(["2024-01-30 20:00:00", "2024-01-31 03:00:00"]).astype("datetime64[us]"),
                "departed_at": day(["2024-01-31 01:00:00", None]).astype("datetime64[us]"),
                "quantity_in": [100.0, 98.0],
                "quantity_out": [98.0, 97.0],
            }
        ),
        "promotions": pd.DataFrame(
            {
                "sku_id": ["K1", "K2"],
                "starts_on": [day("2024-02-01").date(), day("2024-02-03").date()],
                "ends_on": [day("2024-02-02").date(), day("2024-02-03").date()],
                "intensity": [0.5, 1.0],
            }
        ),
        "calendar": pd.DataFrame(
            {
                "date": [day("2024-02-10").date()],
                "event": ["Spring Festival"],
                "kind": ["holiday"],
                "ends_on": [day("2024-02-17").date()],
            }
        ),
        "reviews": pd.DataFrame(
            {
                "line_id": ["L1", "L2"],
                "reviewed_on": [day("2024-02-02").date()] * 2,
                "rating": [5, 1],
                "text": ["好", "坏,了"],
            }
        ),
        "leaders": pd.DataFrame({"leader_id": ["M1"], "recruited_on": [day("2023-01-01").date()], "left_on": [None]}),
        "inspections": pd.DataFrame(
            {
                "inspection_id": ["I1"],
                "sku_id": ["K1"],
                "inspected_on": [day("2024-01-30").date()],
                "n_sampled": [20],
                "n_defective": [3],
            }
        ),
    }


def frames_with(table: str) -> Frames:
    """The sound required tables and one more: less to check than all of them."""
    return {name: frame for name, frame in good_frames().items() if name in {"order_lines", "products", "sites", table}}


def write_parquet(frames: Frames, folder: Path) -> None:
    """Each frame as one parquet file."""
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def write_csv(frames: Frames, folder: Path, **options: Any) -> None:
    """Each frame as one CSV file."""
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False, **options)


class Broken(NamedTuple):
    """A folder with one fault: its name, how to write it, and words of the sentence that must name the fault."""

    name: str
    make: Callable[[Path], None]
    words: tuple[str, ...]


def _changed(table: str, change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> Callable[[Path], None]:
    """Sound parquet tables, but one is changed; None takes it away."""

    def make(folder: Path) -> None:
        frames = frames_with(table)
        frame = change(frames.pop(table).copy())
        write_parquet(frames | ({} if frame is None else {table: frame}), folder)

    return make


def _with(table: str, column: str, row: int, value: Any) -> Callable[[Path], None]:
    """Sound parquet tables, but one value of one of them is another."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object).tolist()
        values[row] = value
        return frame.assign(**{column: values})

    return _changed(table, change)


def _text(table: str, column: str, row: int, value: str) -> Callable[[Path], None]:
    """Sound CSV files, but one field of one of them holds this text."""

    def make(folder: Path) -> None:
        frames = frames_with(table)
        values = frames[table][column].astype(object).tolist()
        values[row] = value
        frames[table] = frames[table].assign(**{column: values})
        write_csv(frames, folder)

    return make


def _lines(table: str, change: Callable[[list[str]], list[str]], encoding: str = "utf-8") -> Callable[[Path], None]:
    """Sound CSV files, but the lines of one of them are changed."""

    def make(folder: Path) -> None:
        write_csv(frames_with(table), folder)
        path = folder / f"{table}.csv"
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n", encoding=encoding)

    return make


def _bytes(file: str, content: bytes, instead_of: str | None = None) -> Callable[[Path], None]:
    """Sound parquet tables, but one file holds these bytes."""

    def make(folder: Path) -> None:
        write_parquet(frames_with("sites"), folder)
        if instead_of:
            (folder / instead_of).unlink()
        (folder / file).write_bytes(content)

    return make


def _zoned(folder: Path) -> None:
    frames = frames_with("suppliers")
    lines = frames["order_lines"]
    frames["order_lines"] = lines.assign(ordered_at=lines["ordered_at"].dt.tz_localize("Asia/Shanghai"))
    write_parquet(frames, folder)


def _zoned_nanoseconds(folder: Path) -> None:
    frames = frames_with("suppliers")
    lines = frames["order_lines"]
    zoned = lines["ordered_at"].astype("datetime64[ns]").dt.tz_localize("Asia/Shanghai")
    frames["order_lines"] = lines.assign(ordered_at=zoned)
    write_parquet(frames, folder)


def _impressions(folder: Path) -> None:
    shown = {"user_id": ["U1"], "shown_at": ["2024-01-30 08:00"], "sku_id": ["K1"], "position": [-1]}
    write_parquet({**frames_with("sites"), "impressions": pd.DataFrame(shown)}, folder)


def _semicolons(folder: Path) -> None:
    frames = frames_with("sites")
    write_csv({"products": frames.pop("products").assign(unit_price="1,250")}, folder, sep=";")
    write_parquet(frames, folder)


def _truncated(folder: Path) -> None:
    write_parquet(frames_with("sites"), folder)
    path = folder / "order_lines.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _scrambled_pages(folder: Path) -> None:
    write_parquet(frames_with("sites"), folder)
    path = folder / "order_lines.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(bytes(content))


def _both_formats(folder: Path) -> None:
    write_parquet(frames_with("sites"), folder)
    write_csv({"sites": good_frames()["sites"]}, folder)


def _mixed_parts(folder: Path) -> None:
    frames = frames_with("suppliers")
    lines = frames.pop("order_lines")
    write_parquet(frames, folder)
    (folder / "order_lines").mkdir()
    lines.head(3).to_parquet(folder / "order_lines" / "a.parquet")
    lines.tail(3).to_csv(folder / "order_lines" / "b.csv", index=False)


def _empty_folder_of_parts(folder: Path) -> None:
    frames = frames_with("suppliers")
    frames.pop("products")
    write_parquet(frames, folder)
    (folder / "products").mkdir()


def _same_name_twice(folder: Path) -> None:
    write_parquet(frames_with("sites"), folder)
    table = pq.read_table(folder / "sites.parquet")
    both = pa.Table.from_arrays([*table.columns, table["region"]], names=[*table.column_names, "Region "])
    pq.write_table(both, folder / "sites.parquet")


def _latin(folder: Path) -> None:
    frames = frames_with("suppliers")
    frames["suppliers"] = frames["suppliers"].assign(name=["Müller Söhne Äpfel", "Crème brûlée"])
    write_csv({"suppliers": frames.pop("suppliers")}, folder, encoding="latin-1")
    write_parquet(frames, folder)


def _half_utf8(folder: Path) -> None:
    frames = frames_with("suppliers")
    write_csv({"suppliers": frames.pop("suppliers")}, folder, encoding="utf-8-sig")
    write_parquet(frames, folder)
    path = folder / "suppliers.csv"
    path.write_bytes(path.read_bytes() + b"P3,\xff\xff\n")


def _cut_gzip(folder: Path) -> None:
    frames = frames_with("suppliers")
    products = frames.pop("products").to_csv(index=False).encode()
    write_parquet(frames, folder)
    (folder / "products.csv.gz").write_bytes(gzip.compress(products * 50)[:-20])


def _two_settings(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame])


def _first_twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.head(1)])


def _days(*texts: str) -> list[Any]:
    return [pd.Timestamp(text).date() for text in texts]


BROKEN: tuple[Broken, ...] = (
    Broken("no_sites", _changed("sites", lambda f: None), ("sites", "required table", "missing")),
    Broken(
        "no_amount",
        _changed("order_lines", lambda f: f.drop(columns="amount")),
        ("order_lines.amount", "required column"),
    ),
    Broken(
        "amount_misspelt",
        _changed("order_lines", lambda f: f.rename(columns={"amount": "amout"})),
        ("order_lines.amount", "'amout'", "column map"),
    ),
    Broken("no_rows", _changed("products", lambda f: f.head(0)), ("products", "no rows")),
    Broken("two_settings", _changed("settings", _two_settings), ("settings", "one row", "2")),
    Broken("null_line_id", _with("order_lines", "line_id", 2, None), ("order_lines.line_id", "1 value is missing")),
    Broken("null_user", _with("order_lines", "user_id", 2, None), ("order_lines.user_id", "missing", "L3")),
    Broken("blank_region", _with("sites", "region", 0, ""), ("sites.region", "missing", "007")),
    Broken(
        "padded_sku",
        _with("order_lines", "sku_id", 0, "K1 "),
        ("order_lines.sku_id", "blanks around it", 'L1 "K1 "'),
    ),
    Broken("nan_amount", _with("order_lines", "amount", 4, float("nan")), ("order_lines.amount", "missing", "L5")),
    Broken(
        "infinite_amount", _with("order_lines", "amount", 4, float("inf")), ("order_lines.amount", "infinite", "L5")
    ),
    Broken("duplicate_line", _changed("order_lines", _first_twice), ("order_lines", "more than once", "line_id L1")),
    Broken(
        "duplicate_flow",
        _changed("stage_flows", _first_twice),
        ("stage_flows", "more than once", "shipment_id/stage/sku_id", "S1/central_warehouse/K1"),
    ),
    Broken("duplicate_calendar", _changed("calendar", _first_twice), ("calendar", "more than once", "Spring Festival")),
    Broken(
        "unknown_sku", _with("order_lines", "sku_id", 3, "K9"), ("order_lines.sku_id", "products.sku_id", 'L4 "K9"')
    ),
    Broken("unknown_site", _with("order_lines", "site_id", 3, "12"), ("order_lines.site_id", "sites.site_id", "L4")),
    Broken(
        "refund_of_nothing", _with("refunds", "line_id", 1, "L99"), ("refunds.line_id", "order_lines.line_id", "R2")
    ),
    Broken("unknown_referrer", _with("users", "referrer_id", 1, "U77"), ("users.referrer_id", "users.user_id", "U2")),
    Broken("negative_amount", _with("order_lines", "amount", 1, -3.0), ("order_lines.amount", "below 0", "line_id L2")),
    Broken("zero_quantity", _with("order_lines", "quantity", 1, 0.0), ("order_lines.quantity", "not above 0", "L2")),
    Broken("tier_9", _with("sites", "city_tier", 1, 9), ("sites.city_tier", "above 5", "012")),
    Broken("intensity_2", _with("promotions", "intensity", 0, 2.0), ("promotions.intensity", "above 1", "K1")),
    Broken("rating_half", _with("reviews", "rating", 0, 4.5), ("reviews.rating", "whole", "4.5", "L1")),
    Broken("unknown_stage", _with("nodes", "stage", 1, "hub"), ("nodes.stage", "none of", 'G1 "hub"')),
    Broken("unknown_kind", _with("calendar", "kind", 0, "party"), ("calendar.kind", "none of", "holiday", "party")),
    Broken(
        "picked_up_before_ordered",
        _with("order_lines", "fulfilled_on", 0, _days("2024-01-29")[0]),
        ("order_lines.fulfilled_on", "before ordered_at", "L1"),
    ),
    Broken(
        "refund_before_order",
        _with("refunds", "requested_on", 0, _days("2024-01-01")[0]),
        ("refunds.requested_on", "before order_lines.ordered_at", "R1"),
    ),
    Broken(
        "departed_before_arrived",
        _with("stage_flows", "departed_at", 0, pd.Timestamp("2024-01-30 19:00")),
        ("stage_flows.departed_at", "before arrived_at", "S1"),
    ),
    Broken(
        "ends_before_starts",
        _with("promotions", "ends_on", 0, _days("2024-01-01")[0]),
        ("promotions.ends_on", "before starts_on", "K1"),
    ),
    Broken(
        "more_defective_than_sampled",
        _with("inspections", "n_defective", 0, 21),
        ("inspections.n_sampled", "below n_defective", "I1"),
    ),
    Broken(
        "more_out_than_in",
        _with("stage_flows", "quantity_out", 0, 101.0),
        ("stage_flows.quantity_in", "below quantity_out", "S1/central_warehouse/K1"),
    ),
    Broken(
        "no_such_hour",
        _changed("settings", lambda f: f.assign(presale_cutoff="24:00")),
        ("settings.presale_cutoff", "time of day", "24:00"),
    ),
    Broken(
        "negative_window",
        _with("settings", "refund_window_days", 0, -7),
        ("settings.refund_window_days", "below 0 (-7)"),
    ),
    Broken("no_such_zone", _with("settings", "timezone", 0, "Mars/X"), ("settings.timezone", "'Mars/X'", "time zone")),
    Broken(
        "no_key_and_bad_value",
        _changed("order_lines", lambda f: f.drop(columns="line_id").assign(amount=[-10.0, *f["amount"][1:]])),
        ("order_lines.amount", "1 value is below 0 (-10.0)"),
    ),
    Broken("keyless_table", _impressions, ("impressions.position", "1 value is below 0 (-1)")),
    Broken(
        "two_faults",
        _changed(
            "order_lines", lambda f: f.assign(line_id=[None, *f["line_id"][1:]], amount=[-10.0, *f["amount"][1:]])
        ),
        ("order_lines.amount", "1 value is below 0 (no line_id)"),
    ),
    Broken("zoned_stamps", _zoned, ("order_lines.ordered_at", "time zone", "local time")),
    Broken("zoned_nanoseconds", _zoned_nanoseconds, ("order_lines.ordered_at", "time zone", "local time")),
    Broken(
        "number_as_list",
        _changed("suppliers", lambda f: f.assign(name=[["a"], ["b"]])),
        ("suppliers.name", "array", "text"),
    ),
    Broken(
        "boolean_amount",
        _changed("order_lines", lambda f: f.assign(amount=True)),
        ("order_lines.amount", "boolean", "not a number"),
    ),
    Broken(
        "fractional_id",
        _changed("suppliers", lambda f: f.assign(supplier_id=[1.5, 2.0])),
        ("suppliers.supplier_id", "1.5"),
    ),
    Broken(
        "text_amount",
        _text("order_lines", "amount", 1, "thirty"),
        ("order_lines.amount", "not a number", 'L2 "thirty"'),
    ),
    Broken(
        "decimal_comma",
        _text("order_lines", "amount", 1, "12,5"),
        ("order_lines.amount", "12,5", "decimals with a point"),
    ),
    Broken(
        "decimal_comma_with_three_digits",
        _text("order_lines", "amount", 1, "0,500"),
        ("order_lines.amount", "0,500", "decimals with a point"),
    ),
    Broken("comma_in_semicolons", _semicolons, ("products.unit_price", "1,250", "decimals or thousands")),
    Broken(
        "day_month_ambiguous",
        _text("refunds", "requested_on", 0, "03/02/2024"),
        ("refunds.requested_on", "03/02/2024", "day and month"),
    ),
    Broken(
        "no_such_day",
        _text("refunds", "requested_on", 0, "2024-02-30"),
        ("refunds.requested_on", "2024-02-30", "no such day"),
    ),
    Broken(
        "zoned_text",
        _text("order_lines", "ordered_at", 0, "2024-01-30T08:05:00Z"),
        ("order_lines.ordered_at", "without a zone"),
    ),
    Broken(
        "spreadsheet_day", _text("refunds", "requested_on", 0, "45322"), ("refunds.requested_on", "45322", "day number")
    ),
    Broken(
        "spreadsheet_id",
        _text("order_lines", "line_id", 5, "1.23E+12"),
        ("order_lines.line_id", "1.23E+12", "spreadsheet"),
    ),
    Broken("odd_boolean", _text("refunds", "approved", 1, "maybe"), ("refunds.approved", "maybe", "R2")),
    Broken(
        "ragged_short",
        _lines("suppliers", lambda t: [*t, "P3"]),
        ("suppliers", "suppliers.csv line 4", "cannot be split"),
    ),
    Broken(
        "ragged_long",
        _lines("suppliers", lambda t: [*t, "P3,丙,x,y"]),
        ("suppliers", "suppliers.csv line 4", "cannot be split"),
    ),
    Broken("open_quote", _lines("suppliers", lambda t: [*t, 'P3,"丙']), ("suppliers", "suppliers.csv line 4")),
    Broken(
        "header_twice",
        _lines("suppliers", lambda t: [t[0] + ",name", *(line + ",x" for line in t[1:])]),
        ("suppliers.name", "2 columns"),
    ),
    Broken("same_name_twice", _same_name_twice, ("sites.region", "2 columns", "'Region '")),
    Broken("latin_1", _latin, ("suppliers.csv", "encoding", "UTF-8")),
    Broken("bytes_not_text", _half_utf8, ("suppliers.csv", "line 4", "not UTF-8")),
    Broken("empty_csv", _bytes("sites.csv", b"", "sites.parquet"), ("sites.csv", "empty")),
    Broken("blank_header", _bytes("sites.csv", b",,\n1,2,3\n", "sites.parquet"), ("sites.csv", "blank")),
    Broken("cut_gzip", _cut_gzip, ("products.csv.gz", "unpacked")),
    Broken("not_parquet", _bytes("sites.parquet", b"site_id,region\n1,2\n"), ("sites", "parquet", "cannot be read")),
    Broken("cut_parquet", _truncated, ("order_lines", "cannot be read")),
    Broken("scrambled_parquet", _scrambled_pages, ("order_lines", "cannot be read")),
    Broken("both_formats", _both_formats, ("sites", "more than once", "sites.csv", "sites.parquet")),
    Broken("mixed_parts", _mixed_parts, ("order_lines", "more than one format")),
    Broken("no_parts", _empty_folder_of_parts, ("products", "no parquet or CSV")),
    Broken("excel_only", _bytes("sites.xlsx", b"PK", "sites.parquet"), ("sites.xlsx", "save sites as parquet or CSV")),
    Broken("nothing_there", lambda folder: None, ("order_lines", "required table")),
)
