"""The book on data whose names try to run something and whose people can be found again."""

import pytest

from .conftest import FORMULA, HOSTILE, MARK

pytestmark = [pytest.mark.book, pytest.mark.slow]

TEXTS = (".html", ".ipynb", ".js", ".md", ".json", ".svg")


@pytest.fixture(scope="module")
def texts(hostile_book):
    return {path: path.read_text("utf-8") for path in hostile_book.rglob("*") if path.suffix in TEXTS}


def test_a_name_with_a_script_is_shown_as_text_and_never_as_a_script(texts):
    pages = {path: text for path, text in texts.items() if path.suffix == ".html"}
    assert [str(path) for path, text in pages.items() if HOSTILE in text or "<script>alert" in text] == []
    assert any("&lt;script&gt;alert(" in text for text in pages.values()), (
        "the name is on no page: the test proves nothing"
    )


def test_a_name_that_looks_like_a_formula_is_shown_as_text(texts):
    assert any("=cmd()|" in text for path, text in texts.items() if path.suffix == ".html"), FORMULA


def test_no_person_can_be_found_in_any_file(texts):
    assert [str(path) for path, text in texts.items() if MARK in text] == []
