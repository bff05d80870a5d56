"""The user's own names for tables and columns: a mapping, or a TOML file of the same shape."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.errors import ContractError

ColumnMap = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Renames:
    """Own names: `columns[table][contract name]`, and the own name of each table."""

    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=lambda: {name: name for name in CONTRACT})


def read_renames(columns: ColumnMap | str | Path | None) -> Renames:
    """Read a column map.

    Parameters
    ----------
    columns
        ``{"order_lines": {"amount": "金额"}}``, contract name = the user's name, or the path of a TOML file of that
        shape. The key `table` inside a table's map names the user's own table or file: ``table = "订单明细"``.

    Raises
    ------
    ContractError
        The file cannot be read, or it names a table or column that the contract does not have.

    Examples
    --------
    >>> read_renames({"order_lines": {"amount": "金额"}}).columns["order_lines"]
    {'amount': '金额'}
    >>> read_renames({"order_lines": {"amout": "金额"}})
    Traceback (most recent call last):
    gbanalysis.errors.ContractError: The column map: order_lines has no column 'amout' in the contract; did you ...
    """
    if columns is None:
        return Renames()
    given = _from_toml(Path(columns)) if isinstance(columns, (str, Path)) else columns
    by_table: dict[str, dict[str, str]] = {}
    tables = {name: name for name in CONTRACT}
    for table, names in given.items():
        if table not in CONTRACT:
            raise ContractError(f"The column map: the contract has no table {table!r}{_hint(table, CONTRACT)}")
        if not isinstance(names, Mapping):
            raise ContractError(f'The column map: {table} must hold lines such as amount = "金额", not {names!r}.')
        for name, own in names.items():
            if not isinstance(own, str):
                raise ContractError(f"The column map: {table}.{name} must be a name in quotes, not {own!r}.")
            if name == "table":
                tables[table] = own
            elif name in CONTRACT[table].columns:
                by_table.setdefault(table, {})[name] = own
            else:
                hint = _hint(name, CONTRACT[table].columns)
                raise ContractError(f"The column map: {table} has no column {name!r} in the contract{hint}")
    return Renames(by_table, tables)


def unused_columns(renames: Renames, there: Collection[str]) -> list[str]:
    """A note for each table that the map renames columns of and that is not there."""
    return [
        f"The column map names columns of {name}, which is not there." for name in renames.columns if name not in there
    ]


def _from_toml(path: Path) -> ColumnMap:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ContractError(f"There is no column map {path.name}.") from error
    except OSError as error:
        raise ContractError(f"The column map {path.name} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ContractError(f"The column map {path.name} is not TOML in UTF-8: {error}.") from error


def _hint(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), 1)
    return f"; did you mean {near[0]!r}?" if near else f"; it has: {', '.join(names)}."
