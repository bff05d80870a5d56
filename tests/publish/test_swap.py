import os
import subprocess
import sys

import pytest

from gbanalysis.errors import GBAnalysisError
from gbanalysis.publish import swap


def folder(path, **files):
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def names(path):
    return sorted(child.name for child in path.iterdir())


def content(path):
    return {file.name: file.read_text() for file in path.iterdir()}


def test_the_new_book_takes_the_whole_place_of_the_old(tmp_path):
    out = folder(tmp_path / "html", a="old", b="old")
    swap.publish(folder(tmp_path / "work", a="new"), out, "stamp")
    assert content(out) == {"a": "new", swap.STAMP: "stamp"}
    assert names(tmp_path) == ["html", "work"]


def test_a_folder_with_other_files_is_never_replaced(tmp_path):
    with pytest.raises(GBAnalysisError, match="holds files that are not a book"):
        swap.check_target(folder(tmp_path / "thesis", chapter="1"))
    (tmp_path / "file").write_text("")
    with pytest.raises(GBAnalysisError, match="is not a folder"):
        swap.check_target(tmp_path / "file")
    with pytest.raises(GBAnalysisError, match="cannot be made"):
        swap.check_target(tmp_path / "file" / "below")
    swap.check_target(folder(tmp_path / "empty"))
    swap.check_target(folder(tmp_path / "book", **{swap.STAMP: ""}))
    swap.check_target(tmp_path / "new")


def test_a_second_build_waits_and_says_so(tmp_path):
    program = (
        "import sys, pathlib; from gbanalysis.publish.swap import lock\n"
        "with lock(pathlib.Path(sys.argv[1]), lambda: print('waiting', flush=True)): print('in', flush=True)"
    )
    with swap.lock(tmp_path, lambda: pytest.fail("nobody else holds it")):
        second = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert second.stdout.readline() == "waiting\n"
        assert second.poll() is None
    assert second.communicate(timeout=20)[0] == "in\n"
    assert second.returncode == 0


def test_a_file_that_does_not_change_keeps_its_time(tmp_path):
    path = tmp_path / "a" / "b"
    assert swap.write_if_changed(path, "x")
    os.utime(path, (1, 1))
    assert not swap.write_if_changed(path, "x")
    assert path.stat().st_mtime == 1
    assert swap.write_if_changed(path, "y")
    assert path.read_text() == "y"
    assert names(path.parent) == ["b"]
