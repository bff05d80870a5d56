import asyncio

import pytest

from gbanalysis.publish import execute, probe
from gbanalysis.publish.notebooks import code_cell, code_cells, markdown_cell, notebook_from
from gbanalysis.publish.scarcity import MARK, Scarcity, box_scarce

TOO_FEW = "from gbanalysis.errors import NotEnoughDataError; raise NotEnoughDataError('Two weeks are too few.')"
SENTENCE = "There is too little data for this section: Two weeks are too few."


def hidden(source):
    return code_cell(source, {"tags": ["remove-cell"]})


def run(tmp_path, *cells, lenient=True):
    notebook = notebook_from({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    watched = probe.Watched(tmp_path, tmp_path, tmp_path)

    async def collect():
        found = execute.execute_pages({"p": notebook}, {"PYTHONPATH": "."}, watched, lenient=lenient)
        return [page async for page in found]

    (page,) = asyncio.run(collect())
    return page


def texts(page):
    return [cell.source for cell in page.notebook.cells]


def test_a_section_with_too_little_data_becomes_a_box_and_the_page_goes_on(tmp_path):
    page = run(
        tmp_path,
        markdown_cell("# A\n\n## B\n\nwhy"),
        code_cell(TOO_FEW),
        markdown_cell("### C"),
        code_cell("1 / 0"),
        markdown_cell("## D"),
        code_cell("d = 4; print(d)"),
    )
    assert page.failure is None
    assert texts(page)[0] == "# A"
    assert texts(page)[1].startswith("## B\n") and SENTENCE in texts(page)[1]
    assert texts(page)[2:] == ["## D", "d = 4; print(d)"]
    assert code_cells(page.notebook)[0].outputs[0].text == "4\n"
    assert not [cell for cell in page.notebook.cells if MARK in cell.metadata]


def test_what_rests_on_a_boxed_section_gets_its_box_and_never_reads_an_older_value(tmp_path):
    page = run(
        tmp_path,
        markdown_cell("# A"),
        code_cell("rates = 'of another section'"),
        markdown_cell("## B"),
        code_cell(f"{TOO_FEW}\nrates = 1"),
        code_cell("later = rates"),
        markdown_cell("## C"),
        code_cell("print(rates)"),
        markdown_cell("## D"),
        code_cell("print(later)"),
        hidden("assert later == rates"),
    )
    assert page.failure is None
    boxes = texts(page)[2:]
    assert [box.split("\n")[0] for box in boxes] == ["## B", "## C", "## D"]
    assert all(SENTENCE in box for box in boxes)


@pytest.mark.parametrize(
    ("cells", "lenient", "error"),
    [
        ([code_cell("1 / 0")], True, "ZeroDivisionError: division by zero"),
        ([code_cell("print(never_made)")], True, "NameError: name 'never_made' is not defined"),
        ([code_cell(TOO_FEW)], False, "NotEnoughDataError: Two weeks are too few."),
        ([code_cell("class NotEnoughDataErrors(Exception): pass\nraise NotEnoughDataErrors('x')")], True, "NotEnough"),
    ],
)
def test_any_other_fault_still_stops_the_page(tmp_path, cells, lenient, error):
    page = run(tmp_path, markdown_cell("# A"), *cells, lenient=lenient)
    assert page.failure is not None
    assert page.failure.error.startswith(error)


def test_a_fault_before_any_heading_has_no_section_to_box(tmp_path):
    assert run(tmp_path, code_cell(TOO_FEW)).failure is not None


def test_a_hidden_check_that_lacks_data_is_left_out_alone(tmp_path):
    page = run(tmp_path, markdown_cell("# A"), code_cell("a = 1"), hidden(TOO_FEW))
    assert texts(page) == ["# A", "a = 1"]


def test_the_sentence_is_shown_as_text_and_lost_numbers_are_said_to_be():
    cells = [markdown_cell("# A\n\n{glue:text}`x`, {glue:text}`y:.2f`\n\n## B"), code_cell("report.glue(y='1')")]
    scarce = Scarcity()
    assert not any(scarce.skips(cell) for cell in cells)
    assert scarce.excuses(cells[1], "NotIdentifiedError", "no <script>\n\n# x")
    boxed = box_scarce(cells)
    assert boxed[0].source == "# A\n\n{glue:text}`x`, not known"
    assert "no &lt;script&gt; # x" in boxed[1].source
