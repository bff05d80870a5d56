"""What a validation found: findings that break the contract, and notes that do not."""

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Finding:
    """One rule that the data break: `message` is a whole sentence that names table, column, rule, count and keys."""

    table: str
    check: str
    message: str
    column: str = ""
    n_bad: int = 1
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValidationReport:
    """What `validate` found.

    Attributes
    ----------
    source
        What was checked.
    findings
        The broken rules, in the order of the contract; empty when the data are sound.
    notes
        What a reader should know and no rule forbids: columns and files beyond the contract, books that do not add up.
    n_rows
        Rows of each table that could be read.
    absent
        The optional tables that are not there; named last, and of sound data only.
    """

    source: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    n_rows: dict[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the data keep the contract."""
        return not self.findings

    def to_frame(self) -> "pd.DataFrame":
        """One row a finding: table, column, check, n_bad, examples (up to five keys, or values) and message."""
        import pandas as pd

        names = ["table", "column", "check", "n_bad", "examples", "message"]
        rows = [[getattr(finding, name) for name in names] for finding in self.findings]
        return pd.DataFrame(rows, columns=names).astype({"n_bad": "int64"})

    def summary(self) -> str:
        """The verdict in one line."""
        rows = f"{sum(self.n_rows.values()):,} rows in {len(self.n_rows)} {_plural(len(self.n_rows), 'table')}"
        if self.ok:
            return f"{self.source} keeps the data contract ({rows})."
        tables = list(dict.fromkeys(finding.table for finding in self.findings))
        n = len(self.findings)
        return f"{self.source} breaks the data contract: {n} {_plural(n, 'fault')} in {', '.join(tables)} ({rows})."

    def text(self) -> str:
        """The verdict, every finding on a line, then the notes."""
        lines = [self.summary()]
        lines += [f"  - {finding.message}" for finding in self.findings]
        if notes := self._all_notes():
            lines += ["Notes:", *(f"  - {note}" for note in notes)]
        return "\n".join(lines)

    def _all_notes(self) -> tuple[str, ...]:
        """The notes and, of sound data, which optional tables are absent."""
        if not self.absent or not self.ok:
            return self.notes
        noun = f"{len(self.absent)} optional {_plural(len(self.absent), 'table')}"
        return (*self.notes, f"Without {noun}: {', '.join(self.absent)}.")

    def _repr_html_(self) -> str:
        """The verdict and the findings as a table; all that comes from the data is escaped."""
        head = f"<p>{escape(self.summary())}</p>"
        cells = "".join(
            f"<tr><td>{escape(f.table)}</td><td>{escape(f.column)}</td><td>{escape(f.check)}</td>"
            f"<td>{f.n_bad:,}</td><td>{escape(f.message)}</td></tr>"
            for f in self.findings
        )
        names = "".join(f"<th>{name}</th>" for name in ("table", "column", "check", "n_bad", "message"))
        table = f"<table><thead><tr>{names}</tr></thead><tbody>{cells}</tbody></table>" if cells else ""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self._all_notes())
        return head + table + (f"<p>Notes</p><ul>{notes}</ul>" if notes else "")


def _plural(n: int, noun: str) -> str:
    return noun if n == 1 else noun + "s"
