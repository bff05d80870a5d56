"""From what a source holds to what the contract says: one Ibis expression a column, for every engine.

Text is read in the forms that people's tools write (see `FORMS`); what cannot be read for sure is never guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gbanalysis.dataset.schema import Column, Kind
from gbanalysis.dataset.zones import LAST_EPOCH, utc_offsets
from gbanalysis.errors import ContractError

NULL_STRINGS = ("", "null", "n/a", "#n/a", "nan", "nat", "<na>", "none", "\\n")
"""Text that stands for a missing value, whatever its case, in text sources (CSV files, tables kept all as text)."""

TRUE_STRINGS = ("1", "1.0", "true", "t", "yes", "y", "是")
FALSE_STRINGS = ("0", "0.0", "false", "f", "no", "n", "否")

FORMS: dict[Kind, str] = {
    "id": "an id as text",
    "text": "text",
    "integer": "a whole number such as 12",
    "number": "a number such as 1234.50",
    "boolean": "one of 1, 0, true, false, yes, no, 是, 否",
    "date": "a date such as 2024-01-31",
    "timestamp": "a time stamp such as 2024-01-31 08:05:00",
    "time": "a time of day such as 23:00",
}

_FULL_WIDTH, _ASCII = "０１２３４５６７８９．，－", "0123456789.,-"
_PLAIN_NUMBER = r"^[+-]?(\d{1,40}\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$"
_DRESSED_NUMBER = r"^[+-]?[¥￥$€£]?\s?[+-]?([1-9]\d{0,2}(,\d{3})+|\d{1,40})(\.\d*)?\s?元?$"
_LONE_COMMA = r"^[^,.]*,[^,.]*$"
_DRESS = r"[¥￥$€£,元\s]"
_DAMAGED_ID = r"^\d(\.\d+)?[eE]\+\d+$"
_ISO = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$"
_LOOSE = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]\s*(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?$"
_COMPACT, _EPOCH = r"^([12]\d{3})(\d{2})(\d{2})$", r"^[1-9](\d{9}|\d{12})$"
_CLOCK = r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$"
_ISO_PARTS = ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2))
_EXACT = 2.0**53


class UnfitTypeError(ContractError):
    """The type of a source's column cannot hold what the contract asks for."""


@dataclass(frozen=True)
class Style:
    """How a source writes values: what its text may mean.

    Attributes
    ----------
    clean
        Text is as people typed it: blanks around it are cut and `NULL_STRINGS` are null.
    decimal_comma
        A comma may mark decimals (files separated by semicolons), so 1,250 cannot be told.
    zone
        The time zone that epoch numbers are turned into local time with; None, and they are bad.
    """

    clean: bool = False
    decimal_comma: bool = False
    zone: str | None = None


@dataclass(frozen=True)
class Reading:
    """A column as the contract wants it: `value` is null where `bad` is true; `bad` is None where nothing can fail.

    `epoch` is true where the value was an epoch number; None where there can be none.
    """

    value: Any
    bad: Any | None = None
    epoch: Any | None = None


def tidy(raw: Any, column: Column, style: Style) -> Any:
    """Text in a shape that `read_column` reads cheaply; typed columns pass as they are.

    Kept apart from `read_column`, so that an engine does the slow part once a value (put a view between the two).
    """
    kind = raw.type()
    if column.kind in ("id", "text"):
        return cleaned(raw) if style.clean and kind.is_string() else raw
    if column.kind in ("date", "timestamp"):
        if kind.is_string():
            return _shaped(cleaned(raw))
        if kind.is_integer() or kind.is_floating() or kind.is_decimal():
            return _shaped(_id(raw).value)
        return raw
    if column.kind == "boolean" and kind.is_numeric() and not kind.is_boolean():
        return raw.cast("string")
    return cleaned(raw) if kind.is_string() else raw


def read_column(tidied: Any, column: Column, style: Style) -> Reading:
    """Read an Ibis column, made by `tidy`, as a column of the contract.

    In a text source an id that a spreadsheet turned into 1.23E+12 is bad: its digits are lost.

    Raises
    ------
    UnfitTypeError
        The column's type can never be read as the contract's.
    """
    import ibis

    if _is_empty_type(tidied.type()):
        return Reading(ibis.null(_TYPES[column.kind]))
    if style.clean and column.kind == "id" and tidied.type().is_string():
        damaged = ibis.cases((tidied.contains("+"), tidied.re_search(_DAMAGED_ID)), else_=False)
        return Reading(_where(~damaged, tidied), damaged)
    return _READERS[column.kind](tidied, style)


def _is_empty_type(kind: Any) -> bool:
    """Whether a column without any value says so by its type, as parquet does; Ibis has no name for DuckDB's."""
    return bool(kind.is_null() or (kind.is_unknown() and 'kind="NULL"' in str(kind)))


def cleaned(text: Any) -> Any:
    """Text without blanks around it, null where it stands for a missing value."""
    import ibis

    # The cheap test comes first, for engines evaluate only the branch that they take.
    bare = text.strip()
    null = ibis.null("string")
    return ibis.cases(
        (bare.length() > max(map(len, NULL_STRINGS)), bare), (bare.lower().isin(NULL_STRINGS), null), else_=bare
    )


def _id(raw: Any, style: Style = Style()) -> Reading:
    """Keys stay text: leading zeros count, whole numbers lose a pandas '.0', and what Excel damaged is bad."""
    kind = raw.type()
    if kind.is_string():
        return Reading(raw)
    if kind.is_integer() or kind.is_uuid() or (kind.is_decimal() and kind.scale == 0):
        return Reading(raw.cast("string"))
    if kind.is_floating() or kind.is_decimal():
        whole = _whole(raw.cast("float64"))
        return Reading(whole.cast("string"), _there(raw) & whole.isnull())
    raise UnfitTypeError(f"it holds {kind}, which cannot be an id; store ids as text")


def _text(raw: Any, style: Style) -> Reading:
    kind = raw.type()
    if kind.is_string():
        return Reading(raw)
    if kind.is_numeric() or kind.is_boolean() or kind.is_date() or kind.is_uuid():
        return Reading(raw.cast("string"))
    raise UnfitTypeError(f"it holds {kind}, which cannot be read as text")


def _number(raw: Any, style: Style) -> Reading:
    import ibis

    kind = raw.type()
    if kind.is_floating():
        return Reading(_where(~raw.isnan(), raw.cast("float64")))
    if kind.is_numeric() and not kind.is_boolean():
        return Reading(raw.cast("float64"))
    if not kind.is_string():
        raise UnfitTypeError(f"it holds {kind}, which is not a number")
    half = raw.translate(_FULL_WIDTH, _ASCII)
    doubtful = [(half.re_search(_LONE_COMMA), ibis.null("float64"))] if style.decimal_comma else []
    value = ibis.cases(
        (raw.re_search(_PLAIN_NUMBER), raw.cast("float64")),
        *doubtful,
        (raw.re_search(_DRESSED_NUMBER), raw.re_replace(_DRESS, "").cast("float64")),
        (half.re_search(_DRESSED_NUMBER), half.re_replace(_DRESS, "").cast("float64")),
    )
    return Reading(value, raw.notnull() & value.isnull())


def _integer(raw: Any, style: Style) -> Reading:
    if raw.type().is_integer():
        return Reading(raw.cast("int64"))
    value = _whole(_number(raw, style).value)
    return Reading(value, _there(raw) & value.isnull())


def _boolean(raw: Any, style: Style) -> Reading:
    import ibis

    kind = raw.type()
    if kind.is_boolean():
        return Reading(raw)
    if not kind.is_string():
        raise UnfitTypeError(f"it holds {kind}, which is not true or false")
    text = raw.lower()
    value = ibis.cases((text.isin(TRUE_STRINGS), True), (text.isin(FALSE_STRINGS), False))
    return Reading(value, raw.notnull() & value.isnull())


def _timestamp(raw: Any, style: Style) -> Reading:
    kind = raw.type()
    # Ibis has no name for DuckDB's TIMESTAMPTZ_NS, the type of pandas' usual stamps with a zone.
    if getattr(kind, "timezone", None) is not None or "TIMESTAMPTZ" in str(kind):
        raise UnfitTypeError(
            "its time stamps carry a time zone; the contract wants local time without a zone: "
            "convert them to the data set's own zone and drop it"
        )
    if kind.is_timestamp():
        return Reading(raw.cast("timestamp(6)") if kind.scale not in (None, 6) else raw)
    if kind.is_date():
        return Reading(raw.cast("timestamp"))
    if not kind.is_string():
        raise UnfitTypeError(f"it holds {kind}, which is not a date or time")
    moment, epoch = _moment(raw, style.zone)
    return Reading(moment, raw.notnull() & moment.isnull(), epoch)


def _date(raw: Any, style: Style) -> Reading:
    """The day; of a time stamp its date."""
    if raw.type().is_date():
        return Reading(raw)
    moment = _timestamp(raw, style)
    return Reading(moment.value.date(), moment.bad, moment.epoch)


def _time(raw: Any, style: Style) -> Reading:
    import ibis

    kind = raw.type()
    if kind.is_time():
        return Reading(raw)
    if not kind.is_string():
        raise UnfitTypeError(f"it holds {kind}, which is not a time of day")
    padded = ibis.cases((raw.substr(1, 1) == ":", "0" + raw), else_=raw)
    hour, minute, second = (padded.substr(start, 2).nullif("").cast("int32") for start in (0, 3, 6))
    fine = (hour <= 23) & (minute <= 59) & (second.fill_null(0) <= 59)
    value = ibis.cases((raw.re_search(_CLOCK), _where(fine, padded.cast("time"))))
    return Reading(value, raw.notnull() & value.isnull())


def _moment(text: Any, zone: str | None) -> tuple[Any, Any]:
    """Tidy text as a time stamp, and whether it is an epoch number, which is told in the local time of the zone."""
    import ibis

    is_epoch = text.length().isin([10, 13]) & text.re_search(_EPOCH)
    number = text.cast("int64")
    milliseconds = ibis.cases((text.length() == 10, number * 1000), else_=number)
    seconds = milliseconds // 1000
    offset = _offset(seconds, zone) if zone else ibis.null("int64")
    since = ibis.timestamp("1970-01-01 00:00:00")
    moment = ibis.cases(
        (text.re_search(_ISO), _where(_exists(text), text.cast("timestamp"))),
        (is_epoch, since + (seconds + offset).as_interval("s") + (milliseconds % 1000).as_interval("ms")),
    )
    return moment, is_epoch


def _offset(seconds: Any, zone: str) -> Any:
    """Seconds that the local time of a zone is ahead of UTC at epoch seconds; null from `LAST_EPOCH` on."""
    import ibis

    steps = utc_offsets(zone)
    ends = [*(start for start, _ in steps[1:]), LAST_EPOCH]
    return ibis.cases(*((seconds < end, offset) for end, (_, offset) in zip(ends, steps, strict=True)))


def _exists(text: Any) -> Any:
    """Whether the moment that ISO text names exists: there is no 30 February and no 25:00."""
    import ibis

    year, month, day, *clock = (text.substr(*at).nullif("").cast("int32") for at in _ISO_PARTS)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = ibis.cases((month.isin([4, 6, 9, 11]), 30), ((month == 2) & leap, 29), ((month == 2), 28), else_=31)
    fine = (year >= 1) & month.between(1, 12) & (day >= 1) & (day <= last)
    for part, most in zip(clock, (23, 59, 59), strict=True):
        fine &= part.fill_null(0) <= most
    return fine


def _shaped(text: Any) -> Any:
    """Dates and times such as 2024/1/31 8:05, 2024年1月31日 and 20240131 written as ISO text; the rest as it is."""
    import ibis

    dashed = text.re_replace(_LOOSE, r"\1-\2-\3 \4").strip()
    for single, padded in ((r"-(\d)-", r"-0\1-"), (r"-(\d)( |$)", r"-0\1\2"), (r" (\d):", r" 0\1:")):
        dashed = dashed.re_replace(single, padded)
    return ibis.cases(
        (text.re_search(_ISO), text),
        (text.re_search(_COMPACT), text.re_replace(_COMPACT, r"\1-\2-\3")),
        else_=dashed,
    )


def _whole(number: Any) -> Any:
    """A float as a whole number, null where it has a fraction or is too large to be exact."""
    import ibis

    inside = ibis.cases((number.abs() < _EXACT, number == number.floor()), else_=False)
    return _where(inside, number.cast("int64"))


def _there(raw: Any) -> Any:
    """Whether a raw value stands for something: neither null nor NaN."""
    return raw.notnull() & ~raw.isnan() if raw.type().is_floating() else raw.notnull()


def _where(condition: Any, value: Any) -> Any:
    """The value where the condition holds, else null."""
    import ibis

    return ibis.cases((condition, value))


_READERS: dict[Kind, Callable[[Any, Style], Reading]] = {
    "id": _id,
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "time": _time,
}
_TYPES: dict[Kind, str] = {
    "id": "string",
    "text": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "time": "time",
}
