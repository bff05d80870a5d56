"""CSV and TSV files as one table of text: nothing is cast, nothing is dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gbanalysis.dataset.raw import RawTable, name_columns
from gbanalysis.dataset.report import Finding
from gbanalysis.dataset.schema import Table
from gbanalysis.dataset.store import Store
from gbanalysis.dataset.text import Dialect, UnreadableTextError, as_utf8, detect_dialect

LONGEST_LINE = 16 << 20


def csv_table(store: Store, table: Table, paths: Sequence[Path], renames: Mapping[str, str]) -> RawTable:
    """The text files of a table; their heads are read now, the rest when the table is first used.

    Raises
    ------
    ContractError
        A file is empty or in an encoding that cannot be told.
    """
    dialects = {}
    for path in paths:
        try:
            dialects[path] = detect_dialect(path)
        except UnreadableTextError as error:
            raise UnreadableTextError(f"{table.name}: {path.name}: {error}") from error
    files = _TextFiles(store, table.name, dialects)
    names, findings = name_columns(table, files.header, renames)
    notes = tuple(
        f"{table.name}: {path.name} lacks columns that other files have, which are null there: {', '.join(lacking)}."
        for path, dialect in dialects.items()
        if (lacking := [name for name in files.header if name not in dialect.header])
    )
    semicolons = any(dialect.separator == ";" for dialect in dialects.values())
    return RawTable(files.open, names, True, True, tuple(findings), notes, files.rejected, semicolons)


@dataclass
class _TextFiles:
    """Text files of one table, the engine that reads them and, once read, which lines it could not split."""

    store: Store
    table: str
    dialects: Mapping[Path, Dialect]
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def header(self) -> list[str]:
        """The column names of all the files; one that is there twice in a file is there twice here."""
        names: list[str] = []
        for dialect in self.dialects.values():
            names += [name for name in dialect.header if dialect.header.count(name) > names.count(name)]
        return names

    def open(self) -> Any:
        """The files as one table of text, by column name; a column that a file lacks is null there."""
        import ibis

        alike: dict[Dialect, list[str]] = {}
        for path, dialect in self.dialects.items():
            try:
                readable = as_utf8(path, dialect.encoding, self.store.folder)
            except UnreadableTextError as error:
                raise UnreadableTextError(f"{self.table}: {path.name}: {error}") from error
            self.origin[str(readable)] = path.name
            shape = Dialect("utf-8", dialect.separator, dialect.skip, dialect.header)
            alike.setdefault(shape, []).append(str(readable))
        parts = [self._read(number, dialect, paths) for number, (dialect, paths) in enumerate(alike.items())]
        return ibis.union(*parts) if len(parts) > 1 else parts[0]

    def _read(self, number: int, dialect: Dialect, paths: list[str]) -> Any:
        import ibis

        relation = self.store.con.read_csv(
            paths,
            table_name=f"text_{self.table}_{number}",
            columns={f"c{place}": "VARCHAR" for place in range(len(dialect.header))},
            auto_detect=False,
            header=True,
            skip=dialect.skip,
            delim=dialect.separator,
            quote='"',
            escape='"',
            nullstr="",
            max_line_size=LONGEST_LINE,
            store_rejects=True,
            rejects_table=f"rejects_{self.table}_{number}",
            rejects_scan=f"scans_{self.table}_{number}",
            rejects_limit=0,
        )
        place = {name: f"c{dialect.header.index(name)}" for name in dialect.header}
        null = ibis.null("string")
        return relation.select(**{name: relation[place[name]] if name in place else null for name in self.header})

    def rejected(self) -> list[Finding]:
        """The lines that could not be split into the right number of fields, each by file and number."""
        shapes = {(d.separator, d.skip, d.header) for d in self.dialects.values()}
        lines = [line for number in range(len(shapes)) for line in self._rejects(number)]
        if not lines:
            return []
        where = [f"{self.origin[path]} line {line}" for path, line, _ in lines]
        first = lines[0][2].splitlines()[0].removesuffix(".")
        shown = ", ".join(where[:5]) + (", ..." if len(where) > 5 else "")
        noun = "line cannot" if len(where) == 1 else "lines cannot"
        message = f"{self.table}: {len(where):,} {noun} be split into the columns ({shown}; the first: {first})"
        return [Finding(self.table, "lines", message, "", len(where), tuple(where[:5]))]

    def _rejects(self, number: int) -> list[tuple[str, int, str]]:
        """Path, line and reason of what DuckDB could not split."""
        query = (
            f"SELECT DISTINCT ON (scan.file_path, fault.line) scan.file_path, fault.line, fault.error_message "  # noqa: S608
            f"FROM rejects_{self.table}_{number} AS fault "
            f"JOIN scans_{self.table}_{number} AS scan USING (scan_id, file_id) ORDER BY ALL"
        )
        return list(self.store.con.con.execute(query).fetchall())
