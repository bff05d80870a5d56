"""What is written in any of the forms is read back as it was: Hypothesis against Python's own dates and numbers."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gbanalysis.dataset.hints import hint
from gbanalysis.dataset.parse import FALSE_STRINGS, NULL_STRINGS, TRUE_STRINGS, Style, read_column, tidy
from gbanalysis.dataset.schema import Column, Kind
from gbanalysis.dataset.zones import utc_offsets

CON = duckdb.connect()
IN_UTC = Style(clean=True, zone="UTC")
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def query(kind: Kind, style: Style) -> str:
    """The SQL that reads column c of the table texts; compiled once, for that is what takes time."""
    column = Column("c", kind, "")
    texts = ibis.table({"place": "int64", "c": "string"}, name="texts")
    first = ibis.to_sql(texts.select("place", c=tidy(texts["c"], column, style)), dialect="duckdb")
    texts = ibis.table({"place": "int64", "c": "string"}, name="tidied")
    reading = read_column(texts["c"], column, style)
    bad = ibis.literal(False) if reading.bad is None else reading.bad
    second = ibis.to_sql(texts.select("place", value=reading.value, bad=bad).order_by("place"), dialect="duckdb")
    return f"WITH tidied AS MATERIALIZED ({first}) {second}"


def read(kind: Kind, texts: list[str | None], style: Style = IN_UTC) -> list[tuple[Any, bool]]:
    """Each text as (value, whether it is bad)."""
    CON.register("texts", pa.table({"place": list(range(len(texts))), "c": pa.array(texts, pa.string())}))
    return [(value, bool(bad)) for _, value, bad in CON.execute(query(kind, style)).fetchall()]


DAYS = st.lists(st.dates(date(1900, 1, 1), date(2199, 12, 31)), min_size=1, max_size=40)
MOMENTS = st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)), min_size=1, max_size=40)


@FEW
@given(DAYS)
def test_a_day_comes_back_from_every_form(days: list[date]) -> None:
    for write in (
        lambda d: d.isoformat(),
        lambda d: f"{d.year}/{d.month}/{d.day}",
        lambda d: f"{d.year}.{d.month:02d}.{d.day}",
        lambda d: f"{d.year}年{d.month}月{d.day}日",
        lambda d: f"{d:%Y%m%d}",
        lambda d: f" {d.year}-{d.month}-{d.day} 0:00:00 ",
    ):
        assert read("date", [write(day) for day in days]) == [(day, False) for day in days]


@FEW
@given(MOMENTS)
def test_a_moment_comes_back_to_the_microsecond(moments: list[datetime]) -> None:
    for write in (
        lambda m: m.isoformat(),
        lambda m: f"{m:%Y-%m-%d %H:%M:%S.%f}",
        lambda m: f"{m.year}/{m.month}/{m.day} {m.hour}:{m:%M:%S.%f}",
    ):
        assert read("timestamp", [write(moment) for moment in moments]) == [(moment, False) for moment in moments]


@FEW
@given(st.lists(st.integers(10**9, 2**31 - 1), min_size=1, max_size=40))
def test_epoch_seconds_and_milliseconds_come_back(seconds: list[int]) -> None:
    expected = [(datetime(1970, 1, 1) + timedelta(seconds=s), False) for s in seconds]
    assert read("timestamp", [str(s) for s in seconds]) == expected
    assert read("timestamp", [f"{s}007" for s in seconds]) == [(m + timedelta(milliseconds=7), b) for m, b in expected]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Africa/Casablanca", "Australia/Lord_Howe"])
@FEW
@given(seconds=st.lists(st.integers(10**9, 2**31 - 1), min_size=1, max_size=40))
def test_epoch_numbers_are_told_in_local_time_as_python_tells_it(zone: str, seconds: list[int]) -> None:
    expected = [datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=None) for second in seconds]
    style, texts = Style(clean=True, zone=zone), [str(second) for second in seconds]
    assert read("timestamp", texts, style) == [(moment, False) for moment in expected]
    assert read("date", texts, style) == [(moment.date(), False) for moment in expected]


def test_both_sides_of_every_change_of_a_zone_are_exact() -> None:
    zone = ZoneInfo("America/New_York")
    for start, _ in utc_offsets("America/New_York"):
        for second in (start - 1, start):
            local = datetime.fromtimestamp(second, zone).replace(tzinfo=None)
            assert (
                read("timestamp", [str(second)], Style(clean=True, zone=zone.key)) == [(local, False)] or start == 10**9
            )


def test_an_epoch_number_without_a_known_zone_or_from_2038_on_is_bad() -> None:
    assert read("timestamp", ["1704123000000", "1704123000"], Style(clean=True)) == [(None, True)] * 2
    assert read("timestamp", [str(2**31 - 1), str(2**31)]) == [(datetime(2038, 1, 19, 3, 14, 7), False), (None, True)]


COMMAS = ["1,250", "-1,250", "¥1,250", "１，２５０", "1,250元"]


def test_a_lone_comma_is_a_thousands_mark_only_where_commas_do_not_mark_decimals() -> None:
    assert [value for value, _ in read("number", COMMAS)] == [1250, -1250, 1250, 1250, 1250]
    semicolons = Style(clean=True, decimal_comma=True)
    assert read("number", COMMAS, semicolons) == [(None, True)] * len(COMMAS)
    assert read("integer", ["1,250"], semicolons) == [(None, True)]
    told = ["1,250,000", "1,250.5", "1250.5", "12"]
    assert [value for value, _ in read("number", told, semicolons)] == [1250000, 1250.5, 1250.5, 12]


@FEW
@given(st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=40))
def test_a_number_comes_back_from_every_form(numbers: list[Any]) -> None:
    for write in (str, lambda n: f"{n:,}", lambda n: f"¥{n:,}", lambda n: f" {n}元", lambda n: f"{float(n)!r}"):
        assert read("number", [write(n) for n in numbers]) == [(float(n), False) for n in numbers]


@FEW
@given(st.lists(st.text("0123456789ABC-_中文", min_size=5, max_size=20), min_size=1, max_size=40))
def test_ids_are_never_touched(ids: list[str]) -> None:
    assert read("id", ids) == [(text, False) for text in ids]


def test_no_day_that_does_not_exist_is_read() -> None:
    for year in (1900, 2000, 2023, 2024):
        for month in range(0, 14):
            texts = [f"{year}-{month:02d}-{day:02d}" for day in range(0, 33)]
            for text, (value, bad) in zip(texts, read("date", list(texts)), strict=True):
                try:
                    expected = date.fromisoformat(text)
                except ValueError:
                    expected = None
                assert (value, bad) == (expected, expected is None), text


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "date", "timestamp", "time", "id", "text"])
def test_every_null_word_is_null_and_not_bad(kind: Kind) -> None:
    words = [form for word in NULL_STRINGS for form in (word, word.upper(), f" {word}\t")]
    assert read(kind, [*words, None]) == [(None, False)] * (len(words) + 1)


def test_booleans() -> None:
    assert read("boolean", list(TRUE_STRINGS)) == [(True, False)] * len(TRUE_STRINGS)
    assert read("boolean", list(FALSE_STRINGS)) == [(False, False)] * len(FALSE_STRINGS)


@pytest.mark.parametrize(
    ("kind", "text", "advice"),
    [
        ("date", "31/01/2024", "day and month"), ("date", "1/2/24", "day and month"), ("date", "45322", "day number"),
        ("date", "2024-02-30", "no such day"), ("date", "soon", ""), ("timestamp", "2024-01-31T08:05:00Z", "zone"),
        ("timestamp", "2024-01-31 08:05:00+08:00", "zone"), ("timestamp", "2024-01-31 25:00", "no such"),
        ("timestamp", "2024/1/31 8:05 PM", "0 to 23"),
        ("number", "12,5", "point"), ("number", "0,500", "point"), ("number", "1234,5", "point"),
        ("number", "-0,125", "point"), ("number", "1234,500", "point"), ("number", "1.234,50", "point"),
        ("number", "12%", "0.12"),
        ("number", "1,23,4", ""), ("number", "inf", ""), ("integer", "1.5", "whole"), ("boolean", "2", ""),
        ("id", "1.23E+12", "spreadsheet"), ("time", "24:00", ""), ("time", "8", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_bad_and_the_advice_fits(kind: Kind, text: str, advice: str) -> None:
    assert read(kind, [text]) == [(None, True)]
    assert (advice in hint(kind, [text])) if advice else hint(kind, [text]) == ""
