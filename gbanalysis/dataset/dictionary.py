"""The data dictionary in markdown, made from the registry: data/README.md and a page of the book.

    python -m gbanalysis.dataset.dictionary

writes data/README.md anew.
"""

from collections.abc import Iterable

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.schema import Column, NotBefore, Table

_KIND_WORDS = {
    "id": "id (text)",
    "integer": "whole number",
    "timestamp": "time stamp, local, no zone",
    "time": "time of day",
}


def markdown(*, level: int = 2) -> str:
    """Every table and column of the data contract as markdown.

    Parameters
    ----------
    level
        Depth of the tables' headings, so that the text fits below a page's own.

    Examples
    --------
    >>> print(markdown().splitlines()[0])
    ## Required tables
    """
    required = [table for table in CONTRACT.values() if table.required]
    optional = [table for table in CONTRACT.values() if not table.required]
    parts = [f"{'#' * level} Required tables", *(_table(table, level + 1) for table in required)]
    parts += [f"{'#' * level} Optional tables", *(_table(table, level + 1) for table in optional)]
    return "\n\n".join(parts) + "\n"


def readme() -> str:
    """The text of data/README.md."""
    return f"""# Data

`sample/` is a simulated market, made by `make sample` from the seed recorded in `sample/market.json`; its known truth
is in `sample/truth.json` and `sample/truth/`. `market/` (not committed) is the larger market that the book is built on,
made at the first build. `reference/` holds small figures from real data sets, each with its source.

Your own data need the three required tables below, as parquet or CSV files in one folder, in a DuckDB file, or in any
database that Ibis connects to; `gbanalysis validate DIR` says what does not fit, and `--columns map.toml` gives
columns that have other names: `[order_lines]`, then `amount = "金额"`.

Keys and ids are text. `*_on` is a date, `*_at` a time stamp in local time without a zone. Money is in the data set's
one currency, quantities in sale units. Columns beyond these are kept and may be used.

This file is made from the registry `gbanalysis/dataset/contract.py` by `python -m gbanalysis.dataset.dictionary`.

{markdown()}"""


def _table(table: Table, level: int) -> str:
    key = f"Key: {', '.join(f'`{name}`' for name in table.key)}." if table.key else "No key."
    head = f"{'#' * level} `{table.name}`\n\n{table.meaning} {key}"
    if any(table.columns[name].optional for name in table.key):
        head += " A key column that is absent is left out of the key."
    rows = ["| column | kind | must be there | may be null | rule | meaning |", "|---|---|---|---|---|---|"]
    rows += [_row(column) for column in table.columns.values()]
    order = "".join(f"\n- {_order(rule)}" for rule in table.order)
    return f"{head}\n\n" + "\n".join(rows) + (f"\n{order}" if order else "")


def _row(column: Column) -> str:
    kind = _KIND_WORDS.get(column.kind, column.kind)
    must, null = ("no" if column.optional else "yes"), ("yes" if column.nullable else "no")
    meaning = column.meaning + (f" ({column.unit})" if column.unit else "")
    return f"| `{column.name}` | {kind} | {must} | {null} | {'; '.join(_rules(column))} | {meaning} |"


def _rules(column: Column) -> Iterable[str]:
    """The range, the values and the foreign key of a column in words."""
    if column.references:
        yield f"in `{column.references}.{CONTRACT[column.references].key[0]}`"
    if column.minimum is not None:
        yield f"{'above' if column.above else 'at least'} {column.minimum:g}"
    if column.maximum is not None:
        yield f"at most {column.maximum:g}"
    if column.choices:
        yield "one of " + ", ".join(f"`{choice}`" for choice in column.choices)


def _order(rule: NotBefore) -> str:
    word = "before" if rule.later.endswith(("_on", "_at")) else "below"
    return f"`{rule.later}` is not {word} `{rule.earlier}`" + (f" (through `{rule.through}`)" if rule.through else "")


if __name__ == "__main__":
    from gbanalysis.dataset.sample import project_folder

    (project_folder() / "data" / "README.md").write_text(readme(), encoding="utf-8")
