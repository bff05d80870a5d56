"""Folders that are whole at every moment."""

from gbanalysis.dataset.folders import recover


def folder(path, **files):
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def content(path):
    return {file.name: file.read_text() for file in path.iterdir()}


def names(path):
    return sorted(child.name for child in path.iterdir())


def test_a_build_killed_between_the_two_renames_is_put_back(tmp_path):
    folder(tmp_path / ".html.old", a="last good")
    folder(tmp_path / ".html.new", a="half")
    recover(tmp_path / "html")
    assert content(tmp_path / "html") == {"a": "last good"}
    assert names(tmp_path) == ["html"]


def test_a_build_killed_before_the_first_rename_leaves_the_last_book(tmp_path):
    folder(tmp_path / "html", a="last good")
    folder(tmp_path / ".html.new", a="half")
    recover(tmp_path / "html")
    assert content(tmp_path / "html") == {"a": "last good"}
    assert names(tmp_path) == ["html"]


def test_a_build_killed_after_the_second_rename_leaves_the_new_book(tmp_path):
    folder(tmp_path / "html", a="new")
    folder(tmp_path / ".html.old", a="old")
    recover(tmp_path / "html")
    assert content(tmp_path / "html") == {"a": "new"}
    assert names(tmp_path) == ["html"]
