import pytest

from gbanalysis.publish.cache import KEPT_RUNS, PageCache, data_digest
from gbanalysis.publish.execute import Executed
from gbanalysis.publish.notebooks import code_cell, notebook_from
from gbanalysis.publish.probe import used_digest


def notebook(source="x"):
    return notebook_from({"cells": [code_cell(source)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def kept(tmp_path):
    """A cache with one page that used one module and one folder."""
    module, folder = tmp_path / "module.py", tmp_path / "results"
    module.write_text("a = 1")
    folder.mkdir()
    cache = PageCache(tmp_path / "cache", tmp_path, "setting")
    used = {str(path): used_digest(path) for path in (module, folder)}
    cache.put(Executed("part/page", notebook(), 1.5, used), notebook())
    return cache


def test_a_page_is_found_with_its_outputs_and_seconds(kept):
    page = kept.get("part/page", notebook())
    assert page.seconds == 1.5
    assert page.notebook.cells[0].source == "x"


def test_another_source_or_setting_or_page_is_not_found(kept):
    assert kept.get("part/page", notebook("y")) is None
    assert kept.get("part/other", notebook()) is None
    assert PageCache(kept.folder, kept.root, "other").get("part/page", notebook()) is None


def test_tags_are_part_of_the_source(kept):
    tagged = notebook()
    tagged.cells[0].metadata["tags"] = ["hide-input"]
    assert kept.get("part/page", tagged) is None


def test_a_used_module_that_changed_or_went_is_a_miss(kept):
    module = kept.root / "module.py"
    module.write_text("a = 2")
    assert kept.get("part/page", notebook()) is None
    module.unlink()
    assert kept.get("part/page", notebook()) is None
    module.write_text("a = 1")
    assert kept.get("part/page", notebook()) is not None


def test_a_new_file_in_a_listed_folder_is_a_miss(kept):
    (kept.root / "results" / "new.json").write_text("{}")
    assert kept.get("part/page", notebook()) is None


def test_the_cache_survives_a_move_of_the_project(kept, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "project"
    kept.root.rename(moved)
    assert PageCache(moved / "cache", moved, "setting").get("part/page", notebook()) is not None


def test_only_the_latest_runs_of_a_page_are_kept_and_other_pages_are_left_alone(kept):
    kept.put(Executed("part/page-2", notebook(), 1.0), notebook())
    for number in range(KEPT_RUNS + 2):
        kept.put(Executed("part/page", notebook(str(number)), 1.0), notebook(str(number)))
    assert kept.get("part/page-2", notebook()) is not None
    found = [kept.get("part/page", notebook(str(number))) is not None for number in range(KEPT_RUNS + 2)]
    assert found == [False, False] + KEPT_RUNS * [True]


def test_data_are_digested_by_content_and_name(tmp_path):
    data, columns = tmp_path / "data", tmp_path / "map.toml"
    (data / "orders").mkdir(parents=True)
    part = data / "orders" / "1.csv"
    part.write_text("a")
    columns.write_text("")
    first = data_digest(data)
    assert data_digest(data, columns) != first
    part.write_text("b")
    second = data_digest(data)
    part.rename(data / "orders" / "2.csv")
    assert len({first, second, data_digest(data)}) == 3
    assert data_digest(data / "orders" / "2.csv") != data_digest(columns)
