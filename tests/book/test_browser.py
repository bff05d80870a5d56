"""A real browser opens pages of the book from the disk and asks nobody for anything."""

import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --virtual-time-budget=8000"
).split()

pytestmark = [
    pytest.mark.book,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH"),
]


def visit(url, folder):
    """Open a page; return its document after the scripts ran, and the addresses that were asked for."""
    log = folder / "net.json"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout, asked_for(log.read_text("utf-8"))


def asked_for(log):
    """List the addresses in a network log, those of the browser's own pages left out."""
    try:
        events = json.loads(log)["events"]
    except ValueError:  # the log of a browser that was stopped has no end
        events = json.loads(log.rstrip().rstrip(",") + "]}")["events"]
    urls = {event["params"]["url"] for event in events if "url" in event.get("params", {})}
    return {url for url in urls if not url.startswith(("file:", "data:", "chrome", "devtools:", "about:", "blob:"))}


def pages(book):
    return sorted(path for path in book.rglob("*.html") if "_static" not in path.parts)


def test_the_log_would_show_a_request(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<img src="http://127.0.0.1:9/x.png">')
    assert "http://127.0.0.1:9/x.png" in visit(page.as_uri(), tmp_path)[1]


def test_no_page_asks_anybody_for_anything(book, tmp_path):
    asked = {}
    for number, page in enumerate(pages(book)):
        folder = tmp_path / str(number)
        folder.mkdir()
        asked[page.name] = visit(page.as_uri(), folder)[1]
    assert {name: urls for name, urls in asked.items() if urls} == {}


def test_the_search_finds_pages_from_the_disk(book, tmp_path):
    document, _ = visit((book / "search.html").as_uri() + "?q=refund", tmp_path)
    found = re.search(r"found (\d+) page", document)
    assert found, "the search did not finish"
    assert int(found.group(1)) > 1


def test_formulas_and_charts_are_drawn(book, tmp_path):
    for number, page in enumerate(pages(book)):
        text = page.read_text("utf-8")
        if 'class="math' not in text and "gb-interactive" not in text:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        document, _ = visit(page.as_uri(), folder)
        assert text.count('class="math') == 0 or "<mjx-container" in document, page
        assert "gb-interactive" not in text or "main-svg" in document, page
