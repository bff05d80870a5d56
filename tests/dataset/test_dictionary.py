"""The data dictionary holds what the registry holds, and data/README.md is its copy."""

from pathlib import Path

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.dictionary import markdown, readme

ROOT = Path(__file__).parents[2]


def test_data_readme_is_what_the_registry_makes() -> None:
    written = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert written == readme(), "run: python -m gbanalysis.dataset.dictionary"


def test_every_column_stands_in_one_row_with_its_rules() -> None:
    sections = markdown().split("### ")[1:]
    assert [section.split("`")[1] for section in sections] == sorted(
        CONTRACT, key=lambda name: (not CONTRACT[name].required, list(CONTRACT).index(name))
    )
    for section in sections:
        table = CONTRACT[section.split("`")[1]]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == list(table.columns)
        for row, column in zip(rows, table.columns.values(), strict=True):
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            assert len(cells) == 6
            assert cells[2:4] == ["no" if column.optional else "yes", "yes" if column.nullable else "no"]
            assert all(f"`{choice}`" in cells[4] for choice in column.choices)
            assert (column.references is not None) == cells[4].startswith("in `")
