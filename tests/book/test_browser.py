"""A real browser opens pages of the book from the disk and asks nobody for anything."""

import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-extensions --virtual-time-budget=10000""".split()  # noqa: SIM905
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"

pytestmark = [
    pytest.mark.book,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH"),
]


def visit(url, folder):
    """Open a page; return its document after the scripts ran, and the addresses that were asked for."""
    log = folder / "net.json"
    command = [
        CHROMIUM,
        *FLAGS,
        NO_NETWORK,
        f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={log}",
        "--dump-dom",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout, asked_for(log.read_text("utf-8"))


def asked_for(log):
    """List the addresses that pages asked for; what the browser asks on its own account has no origin."""
    try:
        events = json.loads(log)["events"]
    except ValueError:  # the log of a browser that was stopped has no end
        events = json.loads(log.rstrip().rstrip(",") + "]}")["events"]
    parameters = [event.get("params", {}) for event in events]
    asked = {p["url"] for p in parameters if "url" in p and p.get("initiator", "not an origin") != "not an origin"}
    return {url for url in asked if not url.startswith(("file:", "data:", "blob:"))}


def pages(book):
    return sorted(path for path in book.rglob("*.html") if "_static" not in path.parts)


def frames(paths, folder):
    """Write one page that holds the others."""
    page = folder / "frames.html"
    page.write_text("".join(f'<iframe src="{path.as_uri()}" width="1200" height="900"></iframe>' for path in paths))
    return page


def test_the_log_would_show_a_request(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<img src="http://127.0.0.1:9/x.png"><script src="https://example.invalid/y.js"></script>')
    asked = {"http://127.0.0.1:9/x.png", "https://example.invalid/y.js"}
    assert visit(frames([page], tmp_path).as_uri(), tmp_path)[1] == asked


def test_no_page_asks_anybody_for_anything(book, tmp_path):
    assert visit(frames(pages(book), tmp_path).as_uri(), tmp_path)[1] == set()


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
