"""The source pages keep the house's rules: short cells, no definitions, alt text, sources and terms that exist."""

import ast
import re
from pathlib import Path

import pytest
from myst_nb.core.read import read_myst_markdown_notebook
from pybtex.database import parse_file

BOOK = Path(__file__).parents[2] / "book"
PAGES = sorted(path for path in BOOK.rglob("*.md") if "_static" not in path.parts)
TEXTS = {path.relative_to(BOOK).as_posix(): path.read_text("utf-8") for path in PAGES}
NOTEBOOKS = {name: read_myst_markdown_notebook(text) for name, text in TEXTS.items() if "{code-cell}" in text}
CELLS = [
    pytest.param(cell, id=f"{name}-{number}")
    for name, notebook in NOTEBOOKS.items()
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code")
]
MAX_CELL_LINES = 15
HAN = re.compile(r"[\u4e00-\u9fff]")


def _code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _tags(cell):
    return cell.metadata.get("tags", [])


def _glossary():
    """The entries of the glossary: their names and their meaning."""
    blocks = re.findall(r"```\{glossary\}\n(.*?)```", TEXTS["reference/glossary.md"], re.DOTALL)
    for entry in re.split(r"\n\n+", "\n\n".join(block.strip() for block in blocks)):
        lines = entry.split("\n")
        yield (
            [line for line in lines if not line.startswith(" ")],
            " ".join(line.strip() for line in lines if line.startswith(" ")),
        )


TERMS = {name.casefold() for names, _ in _glossary() for name in names}
KEYS = set(parse_file(str(BOOK / "references.bib")).entries)


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_is_short_and_defines_nothing(cell):
    tree = ast.parse(cell.source)
    assert len(cell.source.strip().splitlines()) <= MAX_CELL_LINES
    defined = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    assert not defined, "a chapter calls, it never defines"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_first_cell_holds_the_parameters(name):
    first = _code(NOTEBOOKS[name])[0]
    assert "parameters" in _tags(first)
    statements = ast.parse(first.source).body
    assert statements and all(
        isinstance(node, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom) for node in statements
    )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_last_cell_holds_the_page_to_its_story(name):
    last = _code(NOTEBOOKS[name])[-1]
    assert "remove-cell" in _tags(last)
    assert re.search(r"\bassert\b|report\.expect\(", last.source)


@pytest.mark.parametrize("cell", CELLS)
def test_a_figure_has_caption_name_and_alt_text(cell):
    draws = re.search(r"\bplot_\w+\(|\.plot\(", cell.source)
    shown = draws and not {"remove-cell", "remove-output"} & set(_tags(cell))
    figure, image = (cell.metadata.get("mystnb", {}).get(kind, {}) for kind in ("figure", "image"))
    if shown or figure:
        assert figure.get("caption", "").strip().endswith(".")
        assert re.fullmatch(r"fig-[a-z0-9-]+", figure.get("name", ""))
        assert len(image.get("alt", "").split()) >= 5


def test_figure_names_are_unique_and_referred_to_names_exist():
    names = [
        cell.metadata["mystnb"]["figure"]["name"]
        for notebook in NOTEBOOKS.values()
        for cell in _code(notebook)
        if cell.metadata.get("mystnb", {}).get("figure")
    ]
    assert len(names) == len(set(names))
    referred = {name for text in TEXTS.values() for name in re.findall(r"\{numref\}`(?:[^`<]*<)?(fig-[^`>]+)>?`", text)}
    assert referred <= set(names)


@pytest.mark.parametrize("name", TEXTS)
def test_cited_sources_exist(name):
    cited = {key.strip() for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", TEXTS[name]) for key in keys.split(",")}
    assert cited <= KEYS


@pytest.mark.parametrize("name", TEXTS)
def test_terms_stand_in_the_glossary(name):
    used = re.findall(r"\{term\}`([^`]+)`", TEXTS[name])
    plain = {re.sub(r"\s+", " ", re.sub(r".*<([^>]+)>", r"\1", term, flags=re.DOTALL)).casefold() for term in used}
    assert plain <= TERMS


@pytest.mark.parametrize("name", TEXTS)
def test_links_to_pages_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#\s:]+\.md)(?:#[^)]*)?\)", TEXTS[name]):
        assert ((BOOK / name).parent / target).resolve().is_file(), target


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_measured_figure_is_typed_into_prose(name):
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"```.*?```|`[^`]*`", "", cell.source, flags=re.DOTALL)
            assert not re.search(r"\d\s?(?:%|per cent|percentage points)|(?:CNY|¥|\$)\s?\d", prose), prose


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_glued_texts_are_made_on_the_page(name):
    code = "\n".join(cell.source for cell in _code(NOTEBOOKS[name]))
    for key in re.findall(r"\{glue:text\}`([\w-]+)(?::[^`]*)?`", TEXTS[name]):
        assert re.search(rf"\b{key}\s*=|[\"']{key}[\"']", code), key


def test_the_glossary_is_in_two_languages():
    entries = list(_glossary())
    assert len(entries) >= 60
    for names, meaning in entries:
        chinese = [name for name in names if HAN.search(name)]
        english = [name for name in names if re.match(r"[A-Za-z]", name)]
        assert chinese and english, names
        assert len(meaning.split()) >= 4 and meaning.endswith("."), names
    assert len(TERMS) == sum(len(names) for names, _ in entries), "a term stands twice"


def test_the_bibliography_has_author_title_and_year():
    for key, entry in parse_file(str(BOOK / "references.bib")).entries.items():
        assert entry.persons.get("author") and entry.fields.get("title"), key
        assert entry.fields["year"] in key, key


def test_sources_of_docstrings_stand_in_the_bibliography():
    listed = {
        (person.last_names[-1].casefold(), entry.fields["year"])
        for entry in parse_file(str(BOOK / "references.bib")).entries.values()
        for person in entry.persons["author"]
    }
    package = BOOK.parent / "gbanalysis"
    named = {
        (surname.casefold(), year, path.name)
        for path in package.rglob("*.py")
        for surname, year in re.findall(r"\b[A-Z]\. ([A-Z][A-Za-z]+) \(((?:19|20)\d\d)\)", path.read_text("utf-8"))
    }
    assert named, "no docstring names a source"
    missing = {(surname, year, name) for surname, year, name in named if (surname, year) not in listed}
    assert not missing, f"add to book/references.bib: {sorted(missing)}"
