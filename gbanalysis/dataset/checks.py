"""The rules of the contract as Ibis expressions: each is true in the rows that break it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.dataset import BAD
from gbanalysis.dataset.parse import FORMS
from gbanalysis.dataset.schema import Column, NotBefore

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset


@dataclass(frozen=True)
class Check:
    """A rule of a table's column: rows of `table` where `broken` holds break it.

    `one` and `many` end the sentence "order_lines.amount: 1 value ..." and "... 3 values ...". `value` is the
    column that shows what stood there, if the key alone does not tell.
    """

    table: str
    column: str
    name: str
    rows: Any
    broken: Any
    one: str
    many: str
    value: str = ""


def row_checks(name: str, rows: Any) -> list[Check]:
    """The checks that need one row at a time; all of them are counted in one scan."""
    checks = []
    for column in CONTRACT[name].columns.values():
        if column.name in rows.columns:
            checks += _column_checks(name, rows, column)
    for rule in CONTRACT[name].order:
        if rule.through is None and {rule.later, rule.earlier} <= set(rows.columns):
            checks.append(_order_check(name, rows, rule, rows[rule.later], rows[rule.earlier]))
    return checks


def _column_checks(name: str, rows: Any, column: Column) -> list[Check]:
    value, checks = rows[column.name], []

    def check(kind: str, broken: Any, one: str, many: str, shown: str = "") -> None:
        checks.append(Check(name, column.name, kind, rows, broken, one, many, shown))

    missing = value.isnull()
    if value.type().is_string():
        missing |= value == ""
    if column.name + BAD in rows.columns:
        bad = rows[column.name + BAD].notnull()
        form = FORMS[column.kind]
        check("type", bad, f"is not {form}", f"are not {form}", column.name + BAD)
        missing &= ~bad
    elif column.kind == "number":
        check("type", value.isinf(), "is infinite", "are infinite")
    elif column.kind == "id":
        # Text sources are trimmed when they are read; in typed ones such an id would silently match nothing.
        check(
            "blanks",
            value.startswith(" ") | value.endswith(" "),
            "has blanks around it",
            "have blanks around them",
            column.name,
        )
    if not column.nullable:
        check("null", missing, "is missing", "are missing")
    if column.minimum is not None:
        low = value <= column.minimum if column.above else value < column.minimum
        words = "not above" if column.above else "below"
        check("range", low, f"is {words} {column.minimum:g}", f"are {words} {column.minimum:g}")
    if column.maximum is not None:
        check("range", value > column.maximum, f"is above {column.maximum:g}", f"are above {column.maximum:g}")
    if column.choices:
        allowed = ", ".join(column.choices)
        broken = value.notin(column.choices)
        check("choices", broken, f"is none of {allowed}", f"are none of {allowed}", column.name)
    return checks


def _order_check(name: str, rows: Any, rule: NotBefore, later: Any, earlier: Any) -> Check:
    """Dates are compared by the day as soon as one of them has no time."""
    if later.type().is_date() or earlier.type().is_date():
        later, earlier = later.cast("date"), earlier.cast("date")
    word = "below" if later.type().is_numeric() else "before"
    ending = f"{word} {rule.earlier}"
    return Check(name, rule.later, "order", rows, later < earlier, f"is {ending}", f"are {ending}")


def linked_checks(dataset: "Dataset", name: str, rows: Any) -> list[Check]:
    """The checks that look into another table: foreign keys, and dates that follow dates there."""
    checks = []
    for column in CONTRACT[name].columns.values():
        if column.references and column.name in rows.columns:
            key = CONTRACT[column.references].key[0]
            if dataset.readable(column.references, key):
                known = dataset.lenient(column.references)[[key]].filter(lambda t, key=key: t[key].notnull())
                there = rows.filter(rows[column.name].notnull())
                orphans = there.anti_join(known, there[column.name] == known[key])
                target = f"{column.references}.{key}"
                one, many = f"is not in {target}", f"are not in {target}"
                checks.append(Check(name, column.name, "foreign key", orphans, None, one, many, column.name))
    for rule in CONTRACT[name].order:
        if rule.through is not None and {rule.later, rule.through} <= set(rows.columns):
            table, column_name = rule.earlier.split(".")
            if dataset.readable(table, column_name) and dataset.readable(table, rule.through):
                other = dataset.lenient(table)
                other = other.select(**{rule.through: other[rule.through], "earlier": other[column_name]})
                joined = rows.inner_join(other, rule.through)
                checks.append(_order_check(name, joined, rule, joined[rule.later], joined["earlier"]))
    return checks


def duplicate_keys(name: str, rows: Any) -> Any | None:
    """The key values that name more than one row, with their count `n_same`; None where the table has no whole key.

    A key column that may be absent is left out where it is.
    """
    contract = CONTRACT[name]
    key = [column for column in contract.key if column in rows.columns]
    must = {column for column in contract.key if not contract.columns[column].optional}
    if not key or not must <= set(key):
        return None
    for column in key:
        if not contract.columns[column].nullable:
            rows = rows.filter(rows[column].notnull())
    counted = rows.group_by(key).aggregate(n_same=rows.count())
    return counted.filter(counted["n_same"] > 1)
