"""What every source page holds to: chapters call, they do not define."""

import ast
import re
from pathlib import Path

import pytest

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.publish.notebooks import code_cells
from gbanalysis.publish.pages import notebook_of, read_page
from gbanalysis.publish.toc import pages_of, read_toc

REPOSITORY = Path(__file__).parents[2]
BOOK = REPOSITORY / "book"
PAGES = pages_of(read_toc(REPOSITORY / "_toc.yml"))
NOTEBOOKS = [name for name in PAGES if (BOOK / f"{name}.md").is_file() and read_page(BOOK, name).is_notebook]
MOST_LINES = 15


@pytest.fixture(params=NOTEBOOKS)
def cells(request):
    return code_cells(notebook_of(read_page(BOOK, request.param), set(CONTRACT)))


def tags(cell):
    return cell.metadata.get("tags", ())


def test_every_page_of_the_book_folder_is_in_the_table_of_contents():
    there = {str(path.relative_to(BOOK).with_suffix("")) for path in BOOK.rglob("*.md")}
    assert there == set(PAGES)


def test_the_first_cell_holds_the_parameters(cells):
    assert "parameters" in tags(cells[0])
    assert all(isinstance(node, ast.Assign | ast.AnnAssign) for node in ast.parse(cells[0].source).body)


def test_the_last_cell_is_hidden_and_holds_the_page_to_its_story(cells):
    assert "remove-cell" in tags(cells[-1])
    assert re.search(r"^\s*(report\.expect\(|assert )", cells[-1].source, re.MULTILINE)


def test_no_cell_defines_and_none_is_long(cells):
    for cell in cells:
        defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, defined)], cell.source
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= MOST_LINES, cell.source


def test_needed_tables_are_tables_of_the_contract(cells):
    known = set(CONTRACT)
    asked = {tag.removeprefix("needs-") for cell in cells for tag in tags(cell) if tag.startswith("needs-")}
    assert asked <= known


def test_every_figure_has_caption_name_and_text_in_its_place(cells):
    for cell in cells:
        settings = cell.metadata.get("mystnb", {})
        if "figure" in settings:
            assert settings["figure"].get("caption"), cell.source
            assert re.fullmatch(r"fig-[a-z0-9-]+", settings["figure"]["name"]), settings
            assert settings.get("image", {}).get("alt"), cell.source
