"""The whole way from source pages to a swapped book, each build in a process of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from bs4 import BeautifulSoup

from . import minibook

pytestmark = [pytest.mark.book, pytest.mark.slow]

RATES, REFUNDS = "sales/rates", "quality/refunds"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small book, built once; tests that change it take a copy (`root`)."""
    root = tmp_path_factory.mktemp("small") / "book"
    minibook.make_project(root)
    done = minibook.run_build(root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root, done


@pytest.fixture
def root(built, tmp_path):
    """A copy of the small book with everything that its build left."""
    copied = tmp_path / "book"
    shutil.copytree(built[0], copied)
    return copied


def executed(done):
    return set(re.findall(r"^  (\S+) +\d+\.\d s", done.stdout, re.MULTILINE))


def book_bytes(root):
    html = root / "_build" / "html"
    return {str(path.relative_to(html)): path.read_bytes() for path in html.rglob("*") if path.is_file()}


def wait_for(condition, seconds=40):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def change(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_the_log_has_one_line_a_page_with_its_seconds_and_ends_with_the_first_page(built):
    root, done = built
    assert executed(done) == {RATES, REFUNDS}
    assert done.stdout.splitlines()[-1] == str(root / "_build" / "html" / "index.html")
    assert done.stderr == ""
    timings = json.loads((root / "_build" / "timings.json").read_text())
    assert set(timings) == {RATES, REFUNDS}
    assert all(0 < seconds < 60 for seconds in timings.values())


def test_links_figures_boxes_and_numbers_are_in_the_html(built):
    html = built[0] / "_build" / "html"
    index, rates = (html / "index.html").read_text("utf-8"), (html / f"{RATES}.html").read_text("utf-8")
    assert 'href="sales/rates.html#fig-rates"' in index
    assert "Figure 1.1" in index
    assert 'href="quality/refunds.html#refunds"' in index
    assert "This section needs the table suppliers, which your data do not have." in rates
    assert "no suppliers" not in rates
    assert 'alt="A line that rises from 0 to 4."' in rates


def test_plotly_is_loaded_by_the_page_that_needs_it_and_no_other(built):
    html = built[0] / "_build" / "html"
    assert 'src="../_static/plotly.min.js' in (html / f"{REFUNDS}.html").read_text("utf-8")
    assert "plotly.min.js" not in (html / f"{RATES}.html").read_text("utf-8")
    assert (html / "_static" / "plotly.min.js").is_file()


def test_a_plotly_figure_has_its_number_caption_and_text(built):
    page = BeautifulSoup((built[0] / "_build" / "html" / f"{REFUNDS}.html").read_text("utf-8"), "html.parser")
    figure = page.find(class_="gb-interactive").find_parent("figure")
    assert figure.find("figcaption").get_text(" ", strip=True).startswith("Figure 2.1 One bar with a name")
    assert figure.find(class_="gb-interactive")["aria-label"] == "One bar of height 3."
    assert "<script>alert" not in str(page)


def test_the_download_is_the_executed_notebook(built):
    page = json.loads((built[0] / "_build" / "html" / "_sources" / f"{RATES}.ipynb").read_text("utf-8"))
    figures = [out for cell in page["cells"] for out in cell.get("outputs", ()) if "image/png" in out.get("data", {})]
    assert len(figures) == 1
    assert "probe" not in json.dumps(page)


def test_no_file_of_the_book_names_a_folder_of_this_machine(built):
    root, _ = built
    places = [str(root).encode(), str(minibook.REPOSITORY).encode()]
    assert [name for name, content in book_bytes(root).items() if any(place in content for place in places)] == []


def test_a_second_build_does_nothing_and_is_fast(root):
    begin = time.monotonic()
    first = minibook.run_build(root)  # the copy lies elsewhere: pages come from the cache
    assert executed(first) == set()
    second = minibook.run_build(root)
    assert "Nothing has changed since the last build." in second.stdout
    assert time.monotonic() - begin < 60


def test_quiet_is_silent(root):
    done = minibook.run_build(root, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_edited_page_runs_again_and_no_other(root):
    change(root / "book" / f"{RATES}.md", "scale = 2", "scale = 5")
    assert executed(minibook.run_build(root)) == {RATES}
    assert ">5</span>" in (root / "_build" / "html" / f"{RATES}.html").read_text("utf-8")


def test_prose_that_changes_links_only_runs_nothing_that_has_not_changed(root):
    change(root / "book" / "index.md", "Start with", "Begin with")
    done = minibook.run_build(root)
    assert executed(done) == set()
    assert "Begin with" in (root / "_build" / "html" / "index.html").read_text("utf-8")


def test_a_new_title_stands_in_the_navigation_of_every_page(root):
    change(root / "book" / f"{REFUNDS}.md", "# Refunds", "# Money back")
    assert minibook.run_build(root).returncode == 0
    html = root / "_build" / "html"
    assert all("Money back" in (html / f"{page}.html").read_text("utf-8") for page in ("index", RATES, REFUNDS))


@pytest.mark.parametrize("name", ["data/sample/sites.csv", "requirements.lock"])
def test_other_data_or_another_lock_runs_every_page(root, name):
    path = root / name
    path.write_text(path.read_text() + "\n" if name == "requirements.lock" else path.read_text().replace("dong", "xi"))
    assert executed(minibook.run_build(root)) == {RATES, REFUNDS}


def test_internal_runs_every_page_for_it_may_show_more(root):
    assert executed(minibook.run_build(root, "--internal")) == {RATES, REFUNDS}


def test_an_edit_in_a_module_runs_the_pages_that_import_it_and_no_other(root, tmp_path):
    package = tmp_path / "site"
    shutil.copytree(
        minibook.REPOSITORY / "gbanalysis", package / "gbanalysis", ignore=shutil.ignore_patterns("__pycache__")
    )
    for domain, page in (("mock_sales", RATES), ("mock_quality", REFUNDS)):
        (package / "gbanalysis" / f"{domain}.py").write_text("FACTOR = 1\n")
        change(root / "book" / f"{page}.md", "scale = ", f"from gbanalysis.{domain} import FACTOR\n\nscale = FACTOR * ")
    assert executed(minibook.run_build(root, package=package)) == {RATES, REFUNDS}
    (package / "gbanalysis" / "mock_sales.py").write_text("FACTOR = 7\n")
    assert executed(minibook.run_build(root, package=package)) == {RATES}
    assert ">14</span>" in (root / "_build" / "html" / f"{RATES}.html").read_text("utf-8")
    (package / "gbanalysis" / "unused.py").write_text("FACTOR = 7\n")
    assert executed(minibook.run_build(root, package=package)) == set()


def test_a_failing_chapter_is_one_block_and_the_last_book_stays(root):
    before = book_bytes(root)
    change(root / "book" / f"{REFUNDS}.md", "y=[scale]", "y=[scale / 0]")
    done = minibook.run_build(root)
    assert done.returncode == 1
    assert f"The chapter {REFUNDS} failed in code cell 2:" in done.stderr
    assert "y=[scale / 0]" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert RATES not in done.stderr
    assert str(root) not in done.stderr
    assert book_bytes(root) == before


def test_a_warning_of_sphinx_fails_a_strict_build_and_again_the_next_time(root):
    before = book_bytes(root)
    change(root / "book" / "index.md", "{numref}`fig-rates`", "{numref}`fig-gone`")
    for _ in range(2):
        done = minibook.run_build(root, "--strict")
        assert done.returncode == 1
        assert "index.md:3: WARNING:" in done.stderr
        assert "fig-gone" in done.stderr
        assert book_bytes(root) == before


def test_a_script_that_was_not_escaped_is_refused(root):
    before = book_bytes(root)
    change(
        root / "book" / f"{RATES}.md",
        "glue(",
        'from IPython.display import HTML\n\ndisplay(HTML("<script>1</script>"))\nglue(',
    )
    done = minibook.run_build(root)
    assert done.returncode == 1
    assert f"{RATES}, code cell 2: <script" in done.stderr
    assert book_bytes(root) == before


def test_data_that_break_the_contract_stop_before_any_page(root):
    before = book_bytes(root)
    path = root / "data" / "sample" / "order_lines.csv"
    change(path, "1,9.5", "1,-9.5")
    done = minibook.run_build(root)
    assert done.returncode == 2
    assert "amount" in done.stderr
    assert executed(done) == set()
    assert book_bytes(root) == before


def test_a_part_alone_is_a_book_with_only_its_pages(root):
    done = minibook.run_build(root, "quality")
    assert done.returncode == 0
    pages = {name for name in book_bytes(root) if name.endswith(".html")}
    assert {"index.html", f"{REFUNDS}.html"} <= pages
    assert f"{RATES}.html" not in pages
    assert 'href="sales' not in (root / "_build" / "html" / "index.html").read_text("utf-8")


def test_killed_while_pages_run_the_last_book_is_whole_and_the_next_build_works(root):
    before = book_bytes(root)
    started = root / "started"
    sleeper = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    change(root / "book" / f"{RATES}.md", "scale = 2", f"scale = 4\n{sleeper}")
    build = subprocess.Popen(minibook.command(root), env=minibook.environment(), stdout=subprocess.DEVNULL)
    wait_for(lambda: started.is_file() and started.read_text())
    os.kill(build.pid, signal.SIGKILL)
    build.wait()
    assert book_bytes(root) == before
    wait_for(lambda: not _alive(int(started.read_text())))
    change(root / "book" / f"{RATES}.md", f"\n{sleeper}", "")
    assert minibook.run_build(root).returncode == 0
    assert ">4</span>" in (root / "_build" / "html" / f"{RATES}.html").read_text("utf-8")


def test_killed_while_sphinx_writes_the_last_book_is_whole_and_the_next_build_works(root):
    before = book_bytes(root)
    slow, started = root / "slow", root / "started"
    slow.touch()
    (root / "slow_pages.py").write_text(
        "import pathlib, time\n"
        f"slow, started = pathlib.Path({str(slow)!r}), pathlib.Path({str(started)!r})\n"
        "def wait(app, page, template, context, doctree):\n"
        "    while page == 'sales/rates' and slow.exists():\n"
        "        started.touch()\n"
        "        time.sleep(0.05)\n"
        "def setup(app):\n"
        "    app.connect('html-page-context', wait)\n"
    )
    change(
        root / "_config.yml",
        "    - gbanalysis.publish.extension",
        "    - gbanalysis.publish.extension\n    - slow_pages",
    )
    change(root / "book" / f"{RATES}.md", "scale = 2", "scale = 6")
    environment = {**os.environ, "PYTHONPATH": f"{minibook.REPOSITORY}{os.pathsep}{root}"}
    build = subprocess.Popen(minibook.command(root), env=environment, stdout=subprocess.DEVNULL)
    wait_for(started.exists)
    os.kill(build.pid, signal.SIGKILL)
    build.wait()
    assert book_bytes(root) == before
    slow.unlink()
    change(root / "_config.yml", "\n    - slow_pages", "")
    assert minibook.run_build(root).returncode == 0
    assert ">6</span>" in (root / "_build" / "html" / f"{RATES}.html").read_text("utf-8")
    assert {name for name in book_bytes(root) if name.endswith(".html")} == {n for n in before if n.endswith(".html")}


def _alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
