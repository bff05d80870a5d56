import asyncio
import json
import os
from pathlib import Path

import pytest

from gbanalysis.publish import execute, probe
from gbanalysis.publish.notebooks import code_cell, code_cells, markdown_cell, notebook_from


@pytest.fixture
def watched(tmp_path):
    for name in ("project", "package", "data"):
        (tmp_path / name).mkdir()
    return probe.Watched(tmp_path / "project", tmp_path / "package", tmp_path / "data")


def run(watched, *sources, settings=None, workers=None):
    pages = {
        f"part/{n}": notebook_from(
            {"cells": [code_cell(s) for s in page], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        )
        for n, page in enumerate(sources)
    }

    async def collect():
        found = execute.execute_pages(pages, settings or {}, watched, workers=workers)
        return {page.name: page async for page in found}

    return asyncio.run(collect())


def printed(page):
    return [
        output.text for cell in code_cells(page.notebook) for output in cell.outputs if output.output_type == "stream"
    ]


def test_pages_run_apart_from_each_other_and_are_numbered_from_one(watched):
    pages = run(watched, ["a = 1", "print(a)"], ["print('a' in globals())"])
    assert printed(pages["part/0"]) == ["1\n"]
    assert printed(pages["part/1"]) == ["False\n"]
    assert [cell.execution_count for cell in code_cells(pages["part/0"].notebook)] == [1, 2]


def test_a_page_sees_the_settings_and_nothing_else_of_the_callers_environment(watched, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    source = "import os, json; print(json.dumps(dict(os.environ)))"
    (text,) = printed(run(watched, [source], settings={"GBANALYSIS_DATA": "/x"})["part/0"])
    seen = json.loads(text)
    assert seen["GBANALYSIS_DATA"] == "/x"
    assert seen["OMP_NUM_THREADS"] == "1"
    assert "hunter2" not in text


def test_a_failing_cell_is_named_with_its_source_and_error_and_stops_the_page(watched):
    page = run(watched, ["a = 1", "1 / 0", "print('never')"])["part/0"]
    assert page.failure is not None
    assert (page.failure.cell, page.failure.source) == (1, "1 / 0")
    assert page.failure.error == "ZeroDivisionError: division by zero"
    assert "1 / 0" in page.failure.traceback
    assert printed(page) == []


def test_a_dead_kernel_is_a_failure_of_its_cell(watched):
    page = run(watched, ["a = 1", "import os; os._exit(3)"])["part/0"]
    assert page.failure is not None
    assert page.failure.error.startswith("DeadKernel: ")
    assert page.failure.source == "import os; os._exit(3)"


def test_a_page_that_takes_too_long_is_stopped(watched, monkeypatch):
    monkeypatch.setattr(execute, "PAGE_TIMEOUT", 4)
    page = run(watched, ["print('begun')", "import time; time.sleep(60)"])["part/0"]
    assert page.failure is not None
    assert page.failure.error == "Timeout: the page took over 4 seconds"
    assert page.failure.source == "import time; time.sleep(60)"
    assert page.seconds < 20


def test_a_page_records_the_files_it_read_and_the_folders_it_listed(watched):
    read, listed, unread = (watched.root / name for name in ("read.json", "results", "unread.json"))
    read.write_text("{}")
    unread.write_text("{}")
    listed.mkdir()
    (listed / "a.json").write_text("{}")
    (watched.data / "rows.csv").write_text("1")
    source = (
        f"import os; open({str(read)!r}).read(); os.listdir({str(listed)!r}); open({str(watched.data / 'rows.csv')!r})"
    )
    used = run(watched, [source])["part/0"].used
    inside = {path: digest for path, digest in used.items() if path.startswith(str(watched.root))}
    assert inside == {str(read): probe.used_digest(read), str(listed): probe.used_digest(listed)}


def test_a_page_records_the_modules_of_the_package_that_it_imported(watched):
    source = "import gbanalysis.errors"
    environment = {"PYTHONPATH": str(Path.cwd())}
    used = run(watched, [source], settings=environment)["part/0"].used
    assert {os.path.relpath(path) for path in used} >= {"gbanalysis/__init__.py", "gbanalysis/errors.py"}
    assert not [path for path in used if "publish" in path]


def test_the_probe_leaves_no_trace():
    notebook = notebook_from({"cells": [markdown_cell("# A"), code_cell("1")], "metadata": {}})
    probed = probe.with_probe(notebook, probe.Watched(*(3 * [probe.Path("/x")])))
    assert [cell.source for cell in probe.without_probe(probed).cells] == ["# A", "1"]


def test_at_most_the_given_number_of_pages_run_at_a_time(watched):
    source = ["import time; a = time.time(); time.sleep(0.5); print(a, time.time())"]
    spans = sorted(
        tuple(map(float, printed(page)[0].split())) for page in run(watched, source, source, workers=1).values()
    )
    assert spans[0][1] <= spans[1][0]
