"""Open a data set wherever it is kept: files, a DuckDB file, frames in memory or a database."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.csvfiles import csv_table
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.dataset.files import TableFiles, find_files, stranger_notes, unmatched
from gbanalysis.dataset.frames import to_arrow
from gbanalysis.dataset.raw import RawTable, holds_text, name_columns
from gbanalysis.dataset.renames import ColumnMap, Renames, read_renames, unused_columns
from gbanalysis.dataset.report import Finding
from gbanalysis.dataset.store import Store
from gbanalysis.errors import ContractError


def read_dataset(source: Any, *, columns: ColumnMap | str | Path | None = None) -> Dataset:
    """Open a data set in the data contract. Nothing is loaded until a query needs it.

    Parameters
    ----------
    source
        A folder of parquet or CSV files (mixed; .csv.gz and .tsv too; many part files a table), the path of a DuckDB
        file, a dict of frames (pandas, polars or arrow) by table name, or an Ibis connection to any database. A
        Dataset is returned as it is.
    columns
        The source's own names: ``{"order_lines": {"amount": "金额"}}``, contract name = own name, or the path of a
        TOML file of that shape. The key `table` gives the own name of a table.

    Returns
    -------
    Dataset
        The tables under the contract's names and types. Whether their values keep the contract is asked with
        `validate`.

    Raises
    ------
    ContractError
        There is no such source, or `columns` names what the contract does not have.

    Notes
    -----
    Text is read in the forms that people's tools write. Encodings: UTF-8 with or without BOM, UTF-16, GB18030.
    Separators: comma, semicolon, tab, bar. Dates: 2024-01-31, 2024/1/31, 2024.1.31, 20240131, 2024年1月31日, epoch
    seconds and milliseconds before 2038 (told in the local time of settings.timezone, and the report says so);
    a time of day may follow the day. Numbers: 1234.5, 1,234.50, ¥12, 12元; never a decimal comma, so in files separated
    by semicolons 1,250 is an error. Booleans: 1, 0, true, false, yes, no, y, n, 是, 否. Blank, NULL, N/A, NaN, None and
    the like are null. Day and month are never guessed: 31/01/2024 is an error, and so is a stamp with a time zone.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"line_id": ["L1"], "ordered_at": ["2024/1/31 8:05"], "金额": ["1,234.50"]})
    >>> data = read_dataset({"order_lines": lines}, columns={"order_lines": {"amount": "金额"}})
    >>> data.to_frame("order_lines")
      line_id          ordered_at  amount
    0      L1 2024-01-31 08:05:00  1234.5
    """
    if isinstance(source, Dataset):
        return source
    renames = read_renames(columns)
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.is_dir():
            return _read_folder(path, renames)
        if path.is_file():
            return _read_duckdb(path, renames)
        raise ContractError(f"There is no folder or file {path.name!r} to read.")
    if isinstance(source, Mapping):
        return _read_frames(source, renames)
    if hasattr(source, "table") and hasattr(source, "list_tables"):
        return _read_connection(source, renames)
    raise ContractError(
        f"A {type(source).__name__} cannot be read: give a folder, a DuckDB file, frames by name or an Ibis connection."
    )


def _read_folder(folder: Path, renames: Renames) -> Dataset:
    found = find_files(folder, renames.tables)
    store = Store()
    tables: dict[str, RawTable] = {}
    unreadable = dict(found.unreadable)
    for name, files in found.tables.items():
        try:
            tables[name] = _open_files(store, name, files, renames)
        except ContractError as error:
            unreadable[name] = Finding(name, "readable", str(error))
    source = folder.resolve().name
    notes = (*found.notes, *unused_columns(renames, {**tables, **unreadable}))
    return Dataset(tables, source=source, store=store, unreadable=unreadable, notes=notes)


def _open_files(store: Store, name: str, files: TableFiles, renames: Renames) -> RawTable:
    if files.format == "csv":
        return csv_table(store, CONTRACT[name], files.paths, renames.columns.get(name, {}))
    try:
        relation = store.con.read_parquet(
            [str(path) for path in files.paths],
            table_name=f"files_{name}",
            union_by_name=True,
            hive_partitioning=any("=" in path.parent.name for path in files.paths),
            hive_types_autocast=False,
        )
    except Exception as error:
        first = str(error).splitlines()[0].replace(str(files.paths[0].parent) + "/", "")
        raise ContractError(f"{name}: its parquet files cannot be read: {first}") from error
    return _typed(name, relation, renames)


def _typed(name: str, relation: Any, renames: Renames) -> RawTable:
    """A table of a source that knows types."""
    names, findings = name_columns(CONTRACT[name], relation.columns, renames.columns.get(name, {}))
    clean = holds_text(relation, names, CONTRACT[name])
    return RawTable(lambda: relation, names, clean=clean, findings=tuple(findings))


def _read_duckdb(path: Path, renames: Renames) -> Dataset:
    with path.open("rb") as file:
        if file.read(12)[8:] != b"DUCK":
            raise ContractError(f"{path.name} is neither a folder nor a DuckDB file.")
    store = Store()
    store.attach(path, "source")
    there = _tables_of(store.con, "source")
    return _from_tables(lambda own: store.con.table(own, database=("source", "main")), there, renames, path.name, store)


def _read_connection(con: Any, renames: Renames) -> Dataset:
    return _from_tables(con.table, _tables_of(con), renames, f"{con.name} connection", None)


def _tables_of(con: Any, catalog: str | None = None) -> list[str]:
    """The names of a connection's tables; asked of DuckDB itself, whose list Ibis 12 cannot fetch."""
    if con.name != "duckdb":
        return list(con.list_tables())
    query = "SELECT table_name FROM information_schema.tables WHERE table_catalog = ? AND table_schema = ?"
    where = (catalog or con.current_catalog, "main" if catalog else con.current_database)
    return sorted(row[0] for row in con.con.execute(query, where).fetchall())


def _from_tables(table: Any, there: list[str], renames: Renames, source: str, store: Store | None) -> Dataset:
    own_names = {name: own for name, own in renames.tables.items() if own in there}
    others = sorted(set(there) - set(own_names.values()))
    tables = {name: _typed(name, table(own), renames) for name, own in own_names.items()}
    absent = [name for name, own in renames.tables.items() if name == own and name not in tables]
    notes = stranger_notes("The table ", {other: other for other in others}, absent)
    notes += unused_columns(renames, tables)
    unreadable = unmatched(renames.tables, tables, others, "table")
    return Dataset(tables, source=source, store=store, unreadable=unreadable, notes=tuple(notes))


def _read_frames(frames: Mapping[str, Any], renames: Renames) -> Dataset:
    store = Store()
    for name, frame in frames.items():
        store.con.con.register(f"frame_{name}", to_arrow(name, frame))
    return _from_tables(lambda own: store.con.table(f"frame_{own}"), list(frames), renames, "frames in memory", store)
