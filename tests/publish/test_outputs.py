import json
import re
from pathlib import Path

import pytest

from gbanalysis.publish import outputs
from gbanalysis.publish.notebooks import code_cell, notebook_from


def notebook(*found, metadata=None):
    cell = code_cell("x", metadata)
    cell.outputs = [dict(output_type="display_data", metadata={}, **output) for output in found]
    return notebook_from({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_machine_paths_are_replaced_in_every_kind_of_text():
    found = notebook(
        {"data": {"text/html": "<p>/srv/book/data/x.csv</p>", "text/plain": "/srv/book"}},
        {"name": "stdout", "text": "read /srv/book/data/x.csv, not /srv/bookshop\n"},
    )
    paths = outputs.machine_paths(Path("/srv/book"), Path("/srv/book/gbanalysis"), Path("/srv/book/data"))
    staged, _ = outputs.ready_to_stage(found, "p", paths)
    assert staged.cells[0].outputs[0].data == {"text/html": "<p>data/x.csv</p>", "text/plain": "."}
    assert staged.cells[0].outputs[1].text == "read data/x.csv, not /srv/bookshop\n"


def test_the_home_folder_and_python_are_machine_paths():
    paths = outputs.machine_paths(Path("/srv/book"), Path("/srv/book/gbanalysis"), Path("/srv/data"))
    assert paths[str(Path.home())] == "~"
    lengths = [len(path) for path in paths]
    assert lengths == sorted(lengths, reverse=True)


def test_stderr_is_left_out_and_told():
    found = notebook(
        {"name": "stderr", "text": "/srv/x.py:1: UserWarning\n  odd data\n"}, {"name": "stdout", "text": "a"}
    )
    staged, left_out = outputs.ready_to_stage(found, "sales/a", {"/srv": "."})
    assert [output.name for output in staged.cells[0].outputs] == ["stdout"]
    assert left_out == ["sales/a, cell 1: stderr left out of the page: ./x.py:1: UserWarning"]


@pytest.mark.parametrize(
    "html",
    ["<b><script>x()</script></b>", '<img src=x onerror="x()">', "<a href='javascript:x()'>a</a>", "<IFRAME src=a>"],
)
def test_values_that_would_run_in_the_browser_are_found(html):
    assert [number for number, _ in outputs.active_content(notebook({"data": {"text/html": html}}))] == [0]
    assert [number for number, _ in outputs.active_content(notebook({"data": {"text/markdown": html}}))] == [0]


@pytest.mark.parametrize(
    "html",
    ["&lt;script&gt;alert(1)&lt;/script&gt;", "<td>=cmd()</td>", "<p>a one = two</p>", "<td>javascript:x()</td>"],
)
def test_escaped_values_pass(html):
    assert list(outputs.active_content(notebook({"data": {"text/html": html}}))) == []


def test_a_plotly_figure_holds_its_data_whatever_its_labels_say():
    label = "</script><script>alert(1)</script>"
    figure = {"data": [{"type": "bar", "x": [label], "y": [1]}], "layout": {"height": 300}}
    found = notebook({"data": {outputs.PLOTLY: figure}}, metadata={"mystnb": {"image": {"alt": 'A "bar"'}}})
    staged, _ = outputs.ready_to_stage(found, "sales/a", {})
    html = staged.cells[0].outputs[0].data["text/html"]
    assert html.count("<script>") == html.count("</script>") == 1
    assert 'aria-label="A &quot;bar&quot;"' in html
    payload = re.search(r"const figure = (\{.*\});\n", html)
    assert json.loads(payload.group(1)) == figure
