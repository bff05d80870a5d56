"""Check a data set against the data contract, in the engine that holds it."""

import time
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from gbanalysis.dataset.books import book_notes
from gbanalysis.dataset.checks import Check, duplicate_keys, linked_checks, row_checks
from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.dataset.hints import hint
from gbanalysis.dataset.report import Finding, ValidationReport
from gbanalysis.errors import ContractError

N_EXAMPLES = 5


def validate(dataset: Dataset, *, progress: Callable[[str], None] | None = None) -> ValidationReport:
    """Say whether a data set keeps the data contract, and where it does not.

    Every check runs in the engine: the rules of a table's rows are counted in one scan of it, duplicate keys and
    foreign keys in one query each. Rows are looked up only for rules that are broken.

    Parameters
    ----------
    dataset
        What `read_dataset` gave.
    progress
        Called with one line of text after each table.

    Returns
    -------
    ValidationReport
        `ok`, the findings (one sentence each, with up to five keys) and notes.

    Examples
    --------
    >>> import pandas as pd
    >>> from gbanalysis.dataset.read import read_dataset
    >>> sites = pd.DataFrame({"site_id": ["A", "A"], "region": ["Anhui", None]})
    >>> report = validate(read_dataset({"sites": sites}))
    >>> report.ok
    False
    >>> for finding in report.findings:
    ...     print(finding.message)
    order_lines: this required table is missing
    products: this required table is missing
    sites.region: 1 value is missing (site_id A)
    sites: 1 key is there more than once (site_id A)
    """
    findings: list[Finding] = []
    notes = list(dataset.notes)
    n_rows: dict[str, int] = {}
    for name in CONTRACT:
        started = time.perf_counter()
        found = _check_table(dataset, name, n_rows)
        findings += found
        if progress is not None and dataset.has(name):
            faults = f"{len(found)} fault{'s' * (len(found) != 1)}" if found else "sound"
            progress(f"{name}: {n_rows.get(name, 0):,} rows, {faults}, {time.perf_counter() - started:.1f} s")
    absent = tuple(name for name, table in CONTRACT.items() if not table.required and not dataset.has(name))
    faulty = {finding.table for finding in findings}
    notes += [*_extras(dataset), *book_notes(dataset, [name for name in n_rows if name not in faulty])]
    return ValidationReport(dataset.source, tuple(findings), tuple(notes), n_rows, absent)


def _check_table(dataset: Dataset, name: str, n_rows: dict[str, int]) -> list[Finding]:
    """All the findings of one table; `n_rows` gets its number of rows."""
    if not dataset.has(name):
        return _absent(dataset, name)
    findings = [*dataset.raw(name).findings, *_missing_columns(dataset, name)]
    try:
        findings += [
            Finding(name, "type", f"{name}.{column}: {reason}", column)
            for column, reason in dataset.unfit_columns(name).items()
        ]
        rows = dataset.lenient(name)
        findings += dataset.raw(name).after_reading()
        findings += _check_rows(dataset, name, rows, n_rows)
    except ContractError as error:
        findings.append(Finding(name, "readable", str(error)))
    except Exception as error:
        if not type(error).__module__.startswith(("duckdb", "_duckdb", "psycopg", "pyspark")):
            raise
        findings.append(Finding(name, "readable", f"{name}: it cannot be read: {str(error).splitlines()[0]}"))
    return findings


def _absent(dataset: Dataset, name: str) -> list[Finding]:
    unreadable = dataset.unreadable(name)
    if unreadable is not None:
        return [unreadable]
    return [Finding(name, "table", f"{name}: this required table is missing")] if CONTRACT[name].required else []


def _missing_columns(dataset: Dataset, name: str) -> list[Finding]:
    there = dataset.columns(name)
    findings = []
    for column in CONTRACT[name].required_columns:
        if column not in there:
            others = [other for other in there if other not in CONTRACT[name].columns]
            near = get_close_matches(column, others, 1)
            advice = f"; is it {near[0]!r}? Then say so in the column map" if near else f"; it has: {', '.join(there)}"
            findings.append(
                Finding(name, "column", f"{name}.{column}: this required column is missing{advice}", column)
            )
    return findings


def _check_rows(dataset: Dataset, name: str, rows: Any, n_rows: dict[str, int]) -> list[Finding]:
    checks = row_checks(name, rows)
    counts = rows.aggregate(
        n_rows=rows.count(), **{f"n_{place}": rows.count(where=check.broken) for place, check in enumerate(checks)}
    )
    counted = counts.execute().iloc[0]
    n_rows[name] = int(counted["n_rows"])
    findings = [
        _finding(check, int(counted[f"n_{place}"]), check.rows.filter(check.broken))
        for place, check in enumerate(checks)
        if counted[f"n_{place}"]
    ]
    if CONTRACT[name].single_row and n_rows[name] != 1:
        findings.append(Finding(name, "rows", f"{name}: there must be one row, and there are {n_rows[name]:,}"))
    if name == "settings" and dataset.zone is None:
        message = f"settings.timezone: {rows['timezone'].max().execute()!r} is no time zone such as Asia/Shanghai"
        findings.append(Finding(name, "zone", message, "timezone"))
    if CONTRACT[name].required and n_rows[name] == 0:
        findings.append(Finding(name, "rows", f"{name}: the table has no rows"))
    findings += _duplicates(name, rows)
    for check in linked_checks(dataset, name, rows):
        broken = check.rows if check.broken is None else check.rows.filter(check.broken)
        n_bad = int(broken.count().execute())
        if n_bad:
            findings.append(_finding(check, n_bad, broken))
    return findings


def _duplicates(name: str, rows: Any) -> list[Finding]:
    same = duplicate_keys(name, rows)
    if same is None:
        return []
    n_bad = int(same.count().execute())
    if not n_bad:
        return []
    key = [column for column in same.columns if column != "n_same"]
    keys = _keys(same.order_by(key), key)
    message = f"{name}: {n_bad:,} {'key is' if n_bad == 1 else 'keys are'} there more than once{_shown(key, keys)}"
    return [Finding(name, "duplicate key", message, "/".join(key), n_bad, tuple(keys))]


def _finding(check: Check, n_bad: int, broken: Any) -> Finding:
    """A broken rule as a sentence, with up to five keys and, where it helps, what stood there."""
    key = [column for column in CONTRACT[check.table].key if column in broken.columns]
    value = check.value or ("" if key else check.column)  # where no key tells the row, the value itself is shown
    columns = list(dict.fromkeys([*key, *([value] if value else [])]))
    frame = broken.order_by(key or columns).select(*columns).limit(N_EXAMPLES).execute()
    values = [str(there) for there in frame[value].dropna()] if value else []
    keys = _joined(frame, key)
    shown = [f'{a} "{b}"' for a, b in zip(keys, values, strict=True)] if values and key else keys or values
    said = f"{n_bad:,} {'value ' + check.one if n_bad == 1 else 'values ' + check.many}"
    kind = CONTRACT[check.table].columns[check.column].kind
    advice = hint(kind, values) if check.name == "type" else ""
    message = f"{check.table}.{check.column}: {said}{_shown(key, shown)}" + (f"; {advice}" if advice else "")
    return Finding(check.table, check.name, message, check.column, n_bad, tuple(keys or values))


def _keys(rows: Any, key: list[str]) -> list[str]:
    return _joined(rows.select(*key).limit(N_EXAMPLES).execute(), key)


def _joined(frame: Any, key: list[str]) -> list[str]:
    """The keys of a frame's rows as text; the parts of a compound key are joined by a slash."""
    import pandas as pd

    rows = frame[key].itertuples(index=False, name=None) if key else []
    return [
        "/".join(f"no {name}" if pd.isna(part) else str(part) for name, part in zip(key, row, strict=True))
        for row in rows
    ]


def _shown(key: list[str], examples: list[str]) -> str:
    """The examples in brackets, after the name of the key."""
    each = list(dict.fromkeys(examples))
    name = "/".join(key)
    named = f"{name} " if key and each and not each[0].startswith(f"no {name}") else ""
    return f" ({named}{', '.join(each)})" if each else ""


def _extras(dataset: Dataset) -> list[str]:
    """What is there beyond the contract."""
    notes: list[str] = []
    for name in dataset.tables:
        notes += dataset.raw(name).notes
        others = [column for column in dataset.columns(name) if column not in CONTRACT[name].columns]
        if others:
            notes.append(f"{name} has columns beyond the contract, which are kept: {', '.join(others)}.")
    return notes
