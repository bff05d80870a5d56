"""What every page of the built book holds to."""

import itertools
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from gbanalysis.publish.toc import pages_of, read_toc

REPOSITORY = Path(__file__).parents[2]
PAGES = pages_of(read_toc(REPOSITORY / "_toc.yml"))
RESOURCES = (
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
)
SCARCE = {"Too little data", "Not in your data", "Your data tell another story"}
SAMPLE_IS_SHOWN = not os.environ.get("GBANALYSIS_BOOK")

pytestmark = [pytest.mark.book, pytest.mark.slow]


@pytest.fixture(params=PAGES)
def page(request):
    return request.param


@pytest.fixture
def html(book, page):
    return BeautifulSoup((book / f"{page}.html").read_text("utf-8"), "html.parser")


@pytest.fixture
def article(html):
    return html.find("article")


def test_every_picture_has_a_text_in_its_place(html):
    assert [str(image) for image in html.find_all("img") if not image.get("alt", "").strip()] == []


def test_the_text_in_place_of_a_figure_is_not_its_file_name(article):
    pattern = re.compile(r"\.(png|svg)$|^_images|^[0-9a-f]{20,}")
    assert [image["alt"] for image in article.find_all("img") if pattern.search(image["alt"])] == []


def test_every_figure_has_a_number_and_a_caption(article):
    for figure in article.find_all("figure"):
        caption = figure.find("figcaption")
        assert caption, figure
        assert re.match(r"Figure \d+(\.\d+)?\b", caption.get_text(" ", strip=True))
        assert len(caption.find(class_="caption-text").get_text(strip=True)) > 20


def test_every_computed_picture_and_chart_is_a_figure(article):
    shown = [*article.select(".cell_output img"), *article.select(".gb-interactive")]
    assert [str(picture)[:200] for picture in shown if not picture.find_parent("figure")] == []


def test_a_chart_to_hover_over_has_a_text_in_its_place(article):
    assert [
        str(chart)[:200] for chart in article.select(".gb-interactive") if len(chart.get("aria-label", "")) < 20
    ] == []


def test_nothing_is_loaded_from_outside(html):
    loaded = [tag[name] for kind, name in RESOURCES for tag in html.find_all(kind) if tag.get(name)]
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []


def test_every_link_inside_the_book_leads_somewhere(book, page, html):
    broken = []
    for link in html.find_all("a", href=True):
        parts = urlsplit(link["href"])
        if parts.scheme or link["href"] == "#":
            continue
        target = (book / page).parent / unquote(parts.path) if parts.path else book / f"{page}.html"
        if not target.is_file():
            broken.append(link["href"])
        elif parts.fragment and target.suffix == ".html":
            text = target.read_text("utf-8")
            if f'id="{unquote(parts.fragment)}"' not in text:
                broken.append(link["href"])
    assert broken == []


def test_no_reference_is_left_open(article):
    assert [str(tag) for tag in article.select(".problematic, .system-message")] == []
    assert "??" not in article.get_text()


def test_the_data_are_enough_for_every_section(page, article):
    boxes = [box for box in article.select(".admonition") if box.select_one(".admonition-title").get_text() in SCARCE]
    told = [box.get_text(" ") for box in boxes]
    # In the sample's month before both periods hardly anybody is a likely abuser: a section of its own says so.
    expected = ["fewer than 10"] if page == "quality/what_changed" and SAMPLE_IS_SHOWN else []
    assert len(told) == len(expected)
    assert all(words in text for words, text in zip(expected, told, strict=True))


def test_no_missing_number_stands_in_prose(page, article):
    if page == "reference/api":
        pytest.skip("docstrings speak of nan")
    for code in article.find_all(["pre", "code", "script", "style"]):
        code.decompose()
    assert re.findall(r".{0,40}\b(?:nan|NaN|NaT|inf|<NA>)\b.{0,40}", article.get_text(" ")) == []


def test_headings_go_down_one_level_at_a_time(article):
    levels = [int(heading.name[1]) for heading in article.find_all(re.compile(r"^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


def test_a_keyboard_reaches_the_text_at_once(html):
    skip = html.find("a", href="#main-content")
    assert skip is not None
    assert html.find(id="main-content") is not None
    assert html.find("html")["lang"] == "en"


def test_no_button_that_needs_a_network(html):
    text = str(html)
    assert not re.search(r"mybinder|colab\.research|thebe|require\.js|cdn\.|cdnjs|unpkg|jsdelivr|googleapis", text)


def test_the_download_is_the_executed_notebook(book, page):
    path = book / "_sources" / f"{page}.ipynb"
    if not path.is_file():
        assert "kernelspec" not in (REPOSITORY / "book" / f"{page}.md").read_text("utf-8")
        return
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in cells if not cell["execution_count"]] == []
    assert [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"] == []


def test_the_search_knows_every_page(book):
    text = (book / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    assert set(index["docnames"]) == set(PAGES)


def test_styles_load_nothing_from_outside(book):
    found = {
        str(path.relative_to(book)): addresses
        for path in book.rglob("*.css")
        if (addresses := re.findall(r"(?:@import|url\()\s*['\"]?((?:https?:)?//[^'\")\s]+)", path.read_text("utf-8")))
    }
    assert found == {}


def test_no_file_names_a_folder_of_this_machine(book):
    places = {str(REPOSITORY), str(Path.home()), str(book.parent), os.path.realpath("/tmp") + "/"}
    texts = [path for path in book.rglob("*") if path.suffix in (".html", ".ipynb", ".js", ".md", ".txt", ".json")]
    own = [path for path in texts if "_static" not in path.parts or path.name == "documentation_options.js"]
    found = {
        (str(path.relative_to(book)), place) for path in own for place in places if place in path.read_text("utf-8")
    }
    assert found == set()


def test_chinese_text_has_its_font_and_the_font_its_licence(book):
    fonts = book / "_static" / "fonts"
    assert (fonts / "gbanalysis-cjk.woff2").stat().st_size > 10_000
    assert "SIL OPEN FONT LICENSE" in (fonts / "OFL.txt").read_text("utf-8")
