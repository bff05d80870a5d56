"""Tables on a page: every value escaped, no personal column, no group of fewer than ten people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from gbanalysis.errors import GBAnalysisError
from gbanalysis.results import SMALLEST_GROUP, Html, Result, change_of, figure, is_internal, number, rate

PEOPLE = "n_users"
_ENDS = ("ci_lower", "ci_upper")
_POINTS = "_pp"
_FIGURES = ("value", "base", "current", "change")


def show(
    frame: pd.DataFrame | Result,
    *,
    people: str | None = None,
    columns: Sequence[str] | None = None,
    rows: int = 30,
    note: str = "",
) -> Html:
    """Show a table on a page that others will read.

    Values and headers are escaped, so that a product named ``<script>`` is shown as text. A row that describes fewer
    than ten people is withheld, and a footnote says how many were. Where there are ``unit``, ``ci_lower`` and
    ``ci_upper``, the figures are written in their unit, and the interval stands behind the value or change. With
    ``GBANALYSIS_INTERNAL=1`` nothing is withheld.

    Parameters
    ----------
    frame
        The table, or a result that has one.
    people
        The column that counts the people behind a row; by default ``n_users`` where there is one.
    columns
        Which columns to show, in this order; by default all.
    rows
        At most so many rows; a footnote says how many more there are.
    note
        Text below the table.

    Raises
    ------
    GBAnalysisError
        Where a column names persons (``user_id``, ``leader_id`` and the like), or `people` or `columns` are not there.

    Notes
    -----
    Withheld rows can sometimes be worked out from a total and the rows that are left; do not show both where that
    matters.

    Examples
    --------
    >>> sites = pd.DataFrame({"region": ["湖南", "广东"], "n_users": [2300, 4]})
    >>> "广东" in show(sites).html
    False
    """
    table = frame.told() if isinstance(frame, Result) else frame
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    notes = [note] if note else []
    if not is_internal():
        _refuse_persons(table)
        table, withheld = _withhold(table, people)
        if withheld:
            notes.append(f"{withheld:,} rows with fewer than {SMALLEST_GROUP} people are not shown.")
    missing = [name for name in columns or () if name not in table.columns]
    if missing:
        raise GBAnalysisError(f"show: the table has no column {', '.join(missing)}")
    table = _write_figures(table)
    if columns:
        table = table[[name for name in columns if name in table.columns]]
    if len(table) > rows:
        notes.append(f"The first {rows:,} of {len(table):,} rows.")
    return Html(_render(table.head(rows), notes))


def person_columns() -> frozenset[str]:
    """Give the contract's columns that name a person: keys of users and leaders, and whatever refers to them."""
    from gbanalysis.dataset.contract import CONTRACT

    people = ("users", "leaders")
    found = {key for name in people for key in CONTRACT[name].key}
    for table in CONTRACT.values():
        found |= {column.name for column in table.columns.values() if column.references in people}
    return frozenset(found | {"initiator_id", "inviter_id", "invitee_id", "invited_by"})


def _refuse_persons(table: pd.DataFrame) -> None:
    persons = [str(name) for name in table.columns if str(name) in person_columns()]
    if persons:
        raise GBAnalysisError(
            f"show: {', '.join(persons)} names persons; count them instead, or build the book with --internal"
        )


def _withhold(table: pd.DataFrame, people: str | None) -> tuple[pd.DataFrame, int]:
    """Leave out the rows of too few people; rows whose number of people is not known go too."""
    if people is None and PEOPLE not in table.columns:
        return table, 0
    column = people or PEOPLE
    if column not in table.columns:
        raise GBAnalysisError(f"show: the table has no column {column} that counts people")
    enough = pd.to_numeric(table[column], errors="coerce") >= SMALLEST_GROUP
    return table[enough], int((~enough).sum())


def _write_figures(table: pd.DataFrame) -> pd.DataFrame:
    """Write the columns of figures in each row's unit, with the interval behind the value or change."""
    if not {"unit", *_ENDS} <= set(table.columns):
        return table
    told = next((name for name in ("value", "change") if name in table.columns), None)
    written = {}
    for name in (column for column in _FIGURES if column in table.columns):
        ends = _ENDS if name == told else ()
        write = change_of if name == "change" else figure
        written[name] = [
            write(row[0], str(row[1]), (row[2], row[3]) if ends else None)
            for row in table[[name, "unit", *ends]].itertuples(index=False, name=None)
        ]
    return table.assign(**written).drop(columns=list(_ENDS))


def _cell(value: Any, column: str) -> str:
    """Write one value: dates as ISO, truth as yes or no, numbers as their column says, nothing for nothing."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == datetime.min.time() else "%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return _number(float(value), column) if isinstance(value, Real) else str(value)


def _number(value: float, column: str) -> str:
    """Write a share as per cent, percentage points with their sign, anything else as a number."""
    if column.endswith(_POINTS):
        return f"{value:+.3f}" if round(value, 3) else "0.000"
    return rate(value) if column.endswith(("_rate", "_share")) else number(value)


def _header(name: str) -> str:
    """Write the name of a column for readers."""
    plain = f"{name.removesuffix(_POINTS)} (pp)" if name.endswith(_POINTS) else name
    return plain.replace("_", " ")


def _is_numeric(column: pd.Series[Any]) -> bool:
    """Say whether a column holds numbers or dates, which stand to the right and on one line."""
    if pd.api.types.is_bool_dtype(column):
        return False
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return True
    return bool(column.map(lambda value: isinstance(value, date)).any())


def _render(table: pd.DataFrame, notes: Sequence[str]) -> str:
    names = [str(name) for name in table.columns]
    figures = [name in _FIGURES or _is_numeric(table.iloc[:, place]) for place, name in enumerate(names)]
    kinds = [' class="gb-number"' if is_figure else "" for is_figure in figures]
    head = "".join(
        f'<th scope="col"{kind}>{escape(_header(name))}</th>' for name, kind in zip(names, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{escape(_cell(value, name))}</td>" for value, name, kind in zip(row, names, kinds, strict=True)
        )
        + "</tr>"
        for row in table.itertuples(index=False, name=None)
    )
    foot = "".join(f'<p class="gb-note">{escape(note)}</p>' for note in notes)
    return f'<table class="gb-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}'
