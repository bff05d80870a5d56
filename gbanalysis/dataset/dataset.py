"""A data set in the contract: tables under one set of names and types, wherever they are kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.parse import FORMS, Style, UnfitTypeError, cleaned, read_column, tidy
from gbanalysis.dataset.raw import RawTable
from gbanalysis.dataset.report import Finding
from gbanalysis.dataset.schema import Column
from gbanalysis.dataset.zones import is_zone
from gbanalysis.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

    from gbanalysis.dataset.store import Store

DEFAULT_ZONE = "Asia/Shanghai"
BAD = "__bad"
"""Ending of the columns that hold, as text, what could not be read; null in every good row."""
EPOCH = "__epoch"
"""Ending of the columns that say whether a date or time was an epoch number."""


@dataclass(frozen=True)
class Settings:
    """What holds for a whole data set.

    Attributes
    ----------
    as_of
        The last day whose data are known. Default: the last date seen in order_lines.ordered_at,
        order_lines.fulfilled_on or refunds.requested_on.
    currency
        The one currency of every amount. Default: CNY.
    presale_cutoff
        An order after this time belongs to the next selling day. Default: None, the selling day is the calendar day.
    refund_window_days
        Days after pickup in which a refund may be asked for. Default: 7.
    timezone
        The zone that every time is local to. Default: Asia/Shanghai.
    """

    as_of: date
    currency: str = "CNY"
    presale_cutoff: time | None = None
    refund_window_days: int = 7
    timezone: str = DEFAULT_ZONE


class Dataset:
    """Tables in the data contract; lazy: nothing is read until a query needs it.

    Made by `read_dataset`. Each table comes as an Ibis expression with the contract's names and types; columns beyond
    the contract are kept. A value that cannot be read is never turned into a null: reading it raises, and
    `validate` counts it.
    """

    def __init__(
        self,
        tables: Mapping[str, RawTable],
        *,
        source: str,
        store: "Store | None" = None,
        unreadable: Mapping[str, Finding] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._raw = {name: tables[name] for name in CONTRACT if name in tables}
        self._store = store
        self._unreadable = dict(unreadable or {})
        self._unfit: dict[str, dict[str, str]] = {}
        self._lenient: dict[str, Any] = {}
        self._strict: dict[str, Any] = {}
        self._settings: Settings | None = None
        self.notes = notes
        self.source = source

    @property
    def tables(self) -> tuple[str, ...]:
        """The contract's tables that are there, in the contract's order."""
        return tuple(self._raw)

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether a table is there, or a column of it."""
        return table in self._raw and (column is None or column in self._raw[table].names)

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table: those of the contract in its order, then the others."""
        self.require(table)
        return tuple(self._raw[table].names)

    def require(self, table: str, *columns: str) -> None:
        """Raise a ContractError, one sentence, unless the table is there with these columns."""
        if table not in CONTRACT:
            near = get_close_matches(table, CONTRACT, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has: {', '.join(CONTRACT)}."
            raise ContractError(f"The data contract has no table {table!r}{hint}")
        if table in self._unreadable:
            raise ContractError(self._unreadable[table].message)
        if table not in self._raw:
            raise ContractError(f"This needs the table {table}, which {self.source} does not have.")
        missing = [column for column in columns if column not in self._raw[table].names]
        if missing:
            noun = "column" if len(missing) == 1 else "columns"
            raise ContractError(
                f"This needs the {noun} {', '.join(missing)} of {table}, which {self.source} does not have."
            )

    def table(self, name: str) -> Any:
        """A table as an Ibis expression, with the contract's column names and types.

        Raises
        ------
        ContractError
            The table is not there, or it cannot be read: a column of the wrong type, lines with a wrong number of
            fields. A single value that cannot be read raises when a query reads its column.
        """
        self.require(name)
        if name not in self._strict:
            self._strict[name] = self._strictly(name)
        return self._strict[name]

    def n_rows(self, table: str) -> int:
        """Rows of a table."""
        return int(self._execute(self.table(table).count()))

    def to_frame(self, table: str, limit: int | None = None) -> "pd.DataFrame":
        """A table as a pandas frame, or its first rows.

        Raises
        ------
        ContractError
            As `table`, and for a value that cannot be read: it names table, column and value.
        """
        found = self.table(table)
        frame: pd.DataFrame = self._execute(found if limit is None else found.limit(limit))
        return frame

    @property
    def settings(self) -> Settings:
        """What holds for the whole data set; what its settings table does not say has the defaults of `Settings`."""
        if self._settings is None:
            given: dict[str, Any] = {}
            if self.has("settings"):
                row = self.to_frame("settings", limit=1).to_dict("records")
                fields = Settings.__dataclass_fields__
                given = {k: v for k, v in (row[0] if row else {}).items() if k in fields and not _is_missing(v)}
            if "as_of" not in given:
                given["as_of"] = self._last_date()
            self._settings = Settings(**{**given, "as_of": _as_date(given["as_of"])})
        return self._settings

    @cached_property
    def zone(self) -> str | None:
        """The time zone of the data set's local times, for epoch numbers; None where settings name no known one.

        Taken from the source itself: to read the settings' own dates the zone must be known already.
        """
        if not self.has("settings", "timezone"):
            return None if "settings" in self._unreadable else DEFAULT_ZONE
        raw = self._raw["settings"]
        try:
            zones = cleaned(raw.relation[raw.names["timezone"]].cast("string"))
            names = zones.name("zone").as_table().limit(1).execute()
        except ContractError:  # a file that is no text; reading the settings says so
            return None
        zone = DEFAULT_ZONE if names.empty or _is_missing(names["zone"][0]) else str(names["zone"][0])
        return zone if is_zone(zone) else None

    def _last_date(self) -> Any:
        """The last date on which anything is known to have happened."""
        seen = []
        for table, column in (
            ("order_lines", "ordered_at"),
            ("order_lines", "fulfilled_on"),
            ("refunds", "requested_on"),
        ):
            if self.has(table, column):
                last = self._execute(self.table(table)[column].cast("date").max())
                seen += [_as_date(last)] if not _is_missing(last) else []
        if not seen:
            raise ContractError(f"{self.source} has no settings.as_of and no dated row to take it from.")
        return max(seen)

    def _execute(self, expression: Any) -> Any:
        """Run a query; a value that could not be read becomes a ContractError with the sentence alone."""
        try:
            return expression.execute()
        except Exception as error:
            said = _SENTENCE.search(str(error))
            if said is None:
                raise
            raise ContractError(f"{said[0]}.") from error

    def lenient(self, name: str) -> Any:
        """A table in the contract's types, null where a value could not be read, with that value in a `__bad` column.

        A column that may hold epoch numbers has an `__epoch` column, true where it does.
        On the embedded engine a text source is parsed once, into the scratch database.
        """
        if name not in self._lenient:
            raw = self._raw[name]
            relation = raw.relation.select(**{**self._tidied(name), **self._originals(name)})
            if raw.clean:
                # The second step stands on a named result of the first: merged into one, the expressions multiply.
                relation = self._store.view(f"tidy_{name}", relation) if self._store else _fenced(relation)
            table = relation.select(**self._read(name, relation))
            if self._store is not None and raw.clean:
                table = self._store.keep(name, table)
            self._lenient[name] = table
        return self._lenient[name]

    def _tidied(self, name: str) -> dict[str, Any]:
        raw, contract = self._raw[name], CONTRACT[name].columns
        return {
            column: tidy(raw.relation[own], contract[column], Style(raw.clean))
            if column in contract
            else raw.relation[own]
            for column, own in raw.names.items()
        }

    def _originals(self, name: str) -> dict[str, Any]:
        raw, contract = self._raw[name], CONTRACT[name].columns
        return {column + BAD: raw.relation[own] for column, own in raw.names.items() if column in contract}

    def _read(self, name: str, relation: Any) -> dict[str, Any]:
        """The readable contract columns, what could not be read in them, and the columns beyond the contract."""
        import ibis

        unfit = self.unfit_columns(name)
        style = Style(self._raw[name].clean, self._raw[name].decimal_comma, self.zone)
        out: dict[str, Any] = {}
        for column in self._raw[name].names:
            rule = CONTRACT[name].columns.get(column)
            if rule is None:
                out[column] = relation[column]
                continue
            if column in unfit:
                continue
            reading = read_column(relation[column], rule, style)
            out[column] = reading.value
            if reading.epoch is not None:
                out[column + EPOCH] = reading.epoch
            if reading.bad is not None:
                out[column + BAD] = ibis.cases((reading.bad, relation[column + BAD].cast("string")))
        return out

    def raw(self, name: str) -> RawTable:
        """A table as its source holds it."""
        return self._raw[name]

    def unreadable(self, name: str) -> Finding | None:
        """Why a table that is there cannot be read at all, if so."""
        return self._unreadable.get(name)

    def readable(self, table: str, column: str) -> bool:
        """Whether a column is there and has a type that can be read."""
        return self.has(table, column) and column not in self.unfit_columns(table)

    def unfit_columns(self, name: str) -> dict[str, str]:
        """The columns of a table whose type can never be the contract's, each with the reason."""
        if name not in self._unfit:
            raw, contract = self._raw[name], CONTRACT[name].columns
            unfit = {}
            # Files of text have no types that could be unfit, and are not opened just to learn that.
            for column, own in {} if raw.all_text else raw.names.items():
                if column in contract:
                    try:
                        read_column(tidy(raw.relation[own], contract[column], Style()), contract[column], Style())
                    except UnfitTypeError as error:
                        unfit[column] = str(error)
            self._unfit[name] = unfit
        return self._unfit[name]

    def _strictly(self, name: str) -> Any:
        """The lenient table where a bad value raises as soon as a query reads it."""
        raw = self._raw[name]
        for column, reason in self.unfit_columns(name).items():
            raise ContractError(f"{name}.{column}: {reason}.")
        table = self.lenient(name)
        for finding in (*raw.findings, *raw.after_reading()):
            raise ContractError(finding.message)
        guarded = {}
        for column in raw.names:
            value = table[column]
            if column + BAD in table.columns:
                value = _raising(
                    value, table[column + BAD], name, CONTRACT[name].columns[column], self._store is not None
                )
            guarded[column] = value
        return table.select(**guarded)

    def __repr__(self) -> str:
        return f"Dataset({self.source!r}, tables: {', '.join(self.tables) or 'none'})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td>{escape(', '.join(self.columns(name)))}</td></tr>" for name in self.tables
        )
        head = "<thead><tr><th>table</th><th>columns</th></tr></thead>"
        return f"<p>Dataset: {escape(self.source)}</p><table>{head}<tbody>{rows}</tbody></table>"


_SENTENCE = re.compile(rf'\w+\.\w+: ".*" is not ({"|".join(map(re.escape, FORMS.values()))})', re.DOTALL)


def _raising(value: Any, bad: Any, table: str, column: Column, embedded: bool) -> Any:
    """The value, or an error of the engine that says which value of which column could not be read."""
    import ibis

    sentence = f'{table}.{column.name}: "' + bad + f'" is not {FORMS[column.kind]}'
    # Elsewhere than in DuckDB a cast that must fail carries the sentence: every engine quotes what it could not cast.
    failing = (
        _error(sentence).cast(value.type()) if embedded else sentence.cast("int64").cast("string").cast(value.type())
    )
    return ibis.cases((bad.notnull(), failing), else_=value)


def _error(sentence: Any) -> Any:
    """DuckDB's own error(text)."""
    import ibis

    def error(message: str) -> str:
        raise NotImplementedError(message)  # the engine's own function of this name is called

    return ibis.udf.scalar.builtin(error)(sentence)


def _fenced(relation: Any) -> Any:
    """The relation as a query that Ibis does not merge with what is built on it."""
    from ibis.expr.operations import SQLQueryResult

    # Not backend.sql(): Ibis 12 cannot ask DuckDB 2 for the types of a query, and they are known here.
    backend = relation.get_backend()
    return SQLQueryResult(backend.compile(relation), relation.schema(), backend).to_expr()


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _as_date(value: Any) -> date:
    """A date from what an engine gives for one."""
    import pandas as pd

    return pd.Timestamp(value).date()
