"""The words that the data contract is written in: a table, its columns and the rules that their values keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "integer", "number", "boolean", "date", "timestamp", "time"]


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    `optional` says that the column may be absent, `nullable` that a value may be. `references` names the table whose
    key the values must be found in. `minimum` is kept with ``>=``, or with ``>`` where `above` is set.
    """

    name: str
    kind: Kind
    meaning: str
    optional: bool = False
    nullable: bool = False
    references: str | None = None
    minimum: float | None = None
    above: bool = False
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class NotBefore:
    """The rule that a date or number stands at or after another: `later` >= `earlier`, wherever both are there.

    `earlier` may stand in another table: then it is written ``table.column`` and `through` names the shared key.
    """

    later: str
    earlier: str
    through: str | None = None


@dataclass(frozen=True)
class Table:
    """One table of the contract; `key` lists the columns that name a row (of those, the ones that are there)."""

    name: str
    meaning: str
    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    required: bool = False
    single_row: bool = False
    order: tuple[NotBefore, ...] = ()

    @property
    def required_columns(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return tuple(name for name, column in self.columns.items() if not column.optional)
