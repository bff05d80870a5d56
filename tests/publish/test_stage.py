import os

from gbanalysis.publish import stage
from gbanalysis.publish.notebooks import code_cell, markdown_cell, notebook_from
from gbanalysis.publish.pages import read_page

FRONT = (
    "---\ngbanalysis:\n  tables: [users]\nmyst:\n  html_meta: {description: short}\n---\n# A\n\n{{ page_seconds }}\n"
)


def test_a_plain_page_keeps_what_sphinx_reads_and_gets_the_seconds(tmp_path):
    (tmp_path / "a.md").write_text(FRONT)
    to = stage.Stage(tmp_path / "src", {"a": ".md"}, {"sales/b": 2.0})
    text = stage.stage_markdown(to, read_page(tmp_path, "a")).read_text()
    assert text.startswith("---\nmyst:\n  html_meta:\n    description: short\n---\n# A\n")
    assert "| sales/b | 2.0 |" in text
    assert "tables" not in text


def test_a_notebook_that_has_not_changed_keeps_its_time(tmp_path):
    (tmp_path / "a.md").write_text("---\nkernelspec: {name: python3}\n---\n# A\n")
    to = stage.Stage(tmp_path / "src", {"a": ".ipynb", "b": ".ipynb"}, {})
    page = read_page(tmp_path, "a")

    def staged():
        cells = [markdown_cell("[b](b.md)"), code_cell("1")]
        for number, cell in enumerate(cells):
            cell["id"] = str(number)
        return stage.stage_notebook(to, page, notebook_from({"cells": cells, "metadata": {}}))

    path = staged()
    assert "[b](b.ipynb)" in path.read_text()
    os.utime(path, (1, 1))
    assert staged().stat().st_mtime == 1


def test_what_is_not_staged_any_more_is_removed_with_its_folder(tmp_path):
    keep, other = tmp_path / "keep" / "a.md", tmp_path / "old" / "b.md"
    for path in (keep, other):
        path.parent.mkdir()
        path.touch()
    stage.clear_others(tmp_path, {keep})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.md", "keep"]


def test_pictures_and_styles_are_staged_and_pages_are_not(tmp_path):
    book, to = tmp_path / "book", tmp_path / "src"
    (book / "_static").mkdir(parents=True)
    (book / "_static" / "a.css").write_text("x")
    (book / "page.md").touch()
    assert stage.stage_files(book, to) == [to / "_static" / "a.css"]
    os.utime(to / "_static" / "a.css", (1, 1))
    stage.stage_files(book, to)
    assert (to / "_static" / "a.css").stat().st_mtime == 1
