"""A table as its source holds it, and how its columns are named in the contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from gbanalysis.dataset.report import Finding
from gbanalysis.dataset.schema import Table


def _no_findings() -> list[Finding]:
    return []


@dataclass(frozen=True)
class RawTable:
    """A table before anything is read.

    `open` gives the Ibis table under the source's own column names, `names` maps every column's name in the data set
    to its name there, `clean` says that text is as people typed it, `all_text` that there is nothing but text,
    `decimal_comma` that a comma in a number may mark decimals, and `after_reading` gives the findings that only a full
    read can make, such as lines with too many fields.
    """

    open: Callable[[], Any]
    names: Mapping[str, str]
    clean: bool = False
    all_text: bool = False
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    after_reading: Callable[[], list[Finding]] = _no_findings
    decimal_comma: bool = False

    @cached_property
    def relation(self) -> Any:
        """The opened table; a file that cannot be read as text raises a ContractError here."""
        return self.open()


def name_columns(
    table: Table, there: Sequence[str], renames: Mapping[str, str]
) -> tuple[dict[str, str], list[Finding]]:
    """Give each column of a source its name in the data set.

    A column that `renames` names gets its contract name; others keep theirs, where case and blanks around a contract
    name do not matter. Two columns that end with one name are a finding, and so is a name that the source lacks.
    """
    findings = []
    taken: dict[str, list[str]] = {}
    for name, own in renames.items():
        if own in there:
            taken.setdefault(name, []).extend([own] * list(there).count(own))
        else:
            near = get_close_matches(own, there, 1)
            hint = f", did you mean {near[0]!r}?" if near else f"; it has: {', '.join(there)}"
            message = f"{table.name}.{name}: the column map says it is named {own!r}, and no such column is there{hint}"
            findings.append(Finding(table.name, "columns", message, name))
    mapped = set(renames.values())
    lower = {name.casefold(): name for name in table.columns}
    for own in there:
        if own not in mapped:
            taken.setdefault(lower.get(own.strip().casefold(), own), []).append(own)
    for name, owns in taken.items():
        if len(owns) > 1:
            which = " and ".join(repr(own) for own in owns)
            message = f"{table.name}.{name}: {len(owns)} columns of the source would have this name ({which})"
            findings.append(Finding(table.name, "columns", message, name, len(owns), tuple(owns)))
    first = {name: owns[0] for name, owns in taken.items()}
    order = [*(name for name in table.columns if name in first), *(name for name in first if name not in table.columns)]
    return {name: first[name] for name in order}, findings


def holds_text(relation: Any, names: Mapping[str, str], table: Table) -> bool:
    """Whether a column that should be a number, date or the like is stored as text."""
    schema = relation.schema()
    return any(
        schema[own].is_string()
        for name, own in names.items()
        if name in table.columns and table.columns[name].kind not in ("id", "text")
    )
