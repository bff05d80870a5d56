"""Which files of a folder hold which table of the contract."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from gbanalysis.dataset.report import Finding

Format = Literal["parquet", "csv"]
FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
}
UNREAD = (".xlsx", ".xls", ".json", ".jsonl", ".feather", ".arrow", ".orc", ".txt", ".zip", ".gz", ".sqlite")
"""Endings of files that may hold data and are not read; the report names them."""
OWN = ("rejected", "truth", "truth.json", "market.json", "readme.md")
"""What gbanalysis itself writes beside the tables."""
_PART, _PERIOD = r"(part[-_]?)?\d+([-_]of[-_]\d+)?", r"\d{4}[-_.]\d{1,2}([-_.]\d{1,2})?"


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, all of one format."""

    format: Format
    paths: tuple[Path, ...]


@dataclass
class FolderContents:
    """What a folder holds: files by table, tables that cannot be told, and what belongs to no table."""

    tables: dict[str, TableFiles] = field(default_factory=dict)
    unreadable: dict[str, Finding] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_files(folder: Path, own_names: Mapping[str, str]) -> FolderContents:
    """Find the files of each table.

    A table `order_lines` is one file (order_lines.parquet, .csv, .csv.gz, .tsv, .tsv.gz), or part files beside each
    other (order_lines-0001.parquet, order_lines_part2.csv, order_lines_2024-01.csv), or everything below a folder
    order_lines, where folders such as region=R1 give a column. `own_names` maps contract tables to the user's names.
    Two of these for one table are a finding: which one counts is not guessed.
    """
    found = FolderContents()
    ways: dict[str, dict[str, list[Path]]] = {}
    strangers: dict[str, str] = {}
    for entry in sorted(folder.iterdir()):
        name = entry.name.casefold()
        if name.startswith((".", "_")) or name in OWN:
            continue
        stem, format_ = _split(name)
        table, way = _table_of(stem, own_names)
        if table and entry.is_dir():
            ways.setdefault(table, {})[f"the folder {entry.name}"] = list(_data_files(entry))
        elif table and format_:
            key = f"{way} {format_}" if way == "part files in" else entry.name
            ways.setdefault(table, {}).setdefault(key, []).append(entry)
        elif table and name.endswith(UNREAD):
            found.notes.append(f"{entry.name} is not read: save {table} as parquet or CSV.")
        elif format_ or name.endswith(UNREAD) or (entry.is_dir() and any(_data_files(entry))):
            strangers[entry.name] = stem
    for table, by_way in ways.items():
        _settle(table, by_way, found)
    found.notes += stranger_notes("", strangers, [t for t, own in own_names.items() if t == own and t not in ways])
    found.unreadable |= unmatched(own_names, set(ways), strangers.values(), "file")
    return found


def _settle(table: str, by_way: dict[str, list[Path]], found: FolderContents) -> None:
    """Take the one way in which a table is stored, or say why it cannot be told."""
    paths = [path for group in by_way.values() for path in group]
    formats = {_split(path.name.casefold())[1] for path in paths}
    if len(by_way) > 1:
        message = f"{table}: it is there more than once ({', '.join(by_way)}); keep one of them"
        found.unreadable[table] = Finding(table, "files", message, "", len(by_way), tuple(by_way))
    elif not paths:
        way = next(iter(by_way))
        found.unreadable[table] = Finding(table, "files", f"{table}: {way} holds no parquet or CSV file")
    elif len(formats) > 1:
        message = f"{table}: its part files are of more than one format (parquet and CSV); keep one of them"
        found.unreadable[table] = Finding(table, "files", message, "", len(paths), tuple(p.name for p in paths[:5]))
    else:
        found.tables[table] = TableFiles(formats.pop() or "csv", tuple(paths))


def stranger_notes(noun: str, strangers: Mapping[str, str], absent: Collection[str]) -> list[str]:
    """What belongs to no table, as shown = bare name; one that is nearly named like an absent table gets a hint."""
    notes = []
    for shown, bare in strangers.items():
        near = get_close_matches(bare.casefold(), absent, 1, 0.8)
        hint = f"; did you mean {near[0]}? Then rename it, or name it in the column map" if near else ""
        notes.append(f"{noun}{shown} belongs to no table of the contract and is not read{hint}.")
    return notes


def unmatched(
    own_names: Mapping[str, str], there: Collection[str], strangers: Iterable[str], noun: str
) -> dict[str, Finding]:
    """A finding for each table that the column map names otherwise than the contract and that is not there."""
    findings, bare = {}, list(strangers)
    for table, own in own_names.items():
        if own != table and table not in there:
            near = get_close_matches(own.casefold(), bare, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            message = f"{table}: the column map says it is named {own!r}, and no such {noun} is there{hint}"
            findings[table] = Finding(table, "files", message)
    return findings


def _split(name: str) -> tuple[str, Format | None]:
    """A file name without its ending, and the format that the ending stands for."""
    for ending in sorted(FORMATS, key=len, reverse=True):
        if name.endswith(ending):
            return name.removesuffix(ending), FORMATS[ending]
    return name.removesuffix(Path(name).suffix), None


def _table_of(stem: str, own_names: Mapping[str, str]) -> tuple[str | None, str]:
    """The table that a file name (in lower case) stands for, and how."""
    for table, own in own_names.items():
        if stem == own.casefold():
            return table, "the file"
        if re.fullmatch(rf"{re.escape(own.casefold())}[-_. ]?({_PART}|{_PERIOD})", stem):
            return table, "part files in"
    return None, ""


def _data_files(folder: Path) -> Iterator[Path]:
    """Every file below a folder that can be read, in order; hidden ones and those that start with _ do not count."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and _split(path.name.casefold())[1] and not any(p.startswith((".", "_")) for p in inside):
            yield path
