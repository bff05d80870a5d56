import pytest

from gbanalysis.errors import GBAnalysisError
from gbanalysis.publish import toc

CONTENTS = {
    "root": "index",
    "defaults": {"numbered": 1},
    "parts": [
        {"caption": "Sales", "chapters": [{"file": "sales/a", "sections": [{"file": "sales/b"}]}, {"file": "loss/x"}]},
        {"caption": "Quality", "chapters": [{"file": "quality/c"}]},
    ],
}


def test_pages_come_in_reading_order_with_sections_after_their_chapter():
    assert toc.pages_of(CONTENTS) == ["index", "sales/a", "sales/b", "loss/x", "quality/c"]


def test_only_the_named_parts_are_left_and_empty_captions_go():
    left = toc.only_parts(CONTENTS, ["sales"])
    assert toc.pages_of(left) == ["index", "sales/a", "sales/b"]
    assert [part["caption"] for part in left["parts"]] == ["Sales"]
    assert left["defaults"] == {"numbered": 1}


def test_without_parts_the_whole_book_is_left():
    assert toc.only_parts(CONTENTS, []) == CONTENTS


def test_an_unknown_part_is_named_with_the_parts_that_exist():
    with pytest.raises(GBAnalysisError, match="no part qualty; its parts are loss, quality, sales"):
        toc.only_parts(CONTENTS, ["qualty"])


def test_a_toc_without_a_root_is_refused(tmp_path):
    path = tmp_path / "_toc.yml"
    path.write_text("format: jb-book\n")
    with pytest.raises(GBAnalysisError, match="names no root page"):
        toc.read_toc(path)
