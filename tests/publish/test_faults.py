from gbanalysis.publish import faults
from gbanalysis.publish.execute import Executed, Failure


def test_the_block_names_chapter_cell_source_and_error_with_a_short_traceback_and_no_machine_path():
    trace = "\n".join([*(f"frame {number}" for number in range(40)), "File /srv/book/gbanalysis/x.py:3"])
    page = Executed(
        "sales/a", None, 1.0, {}, Failure(3, "a = 1\nb = a / 0", "ZeroDivisionError: division by zero", trace)
    )
    lines = faults.chapter_block(page, {"/srv/book/gbanalysis": "gbanalysis"}).splitlines()
    assert lines[1:5] == [
        "The chapter sales/a failed in code cell 4:",
        "    a = 1",
        "    b = a / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert lines[-2] == "    File gbanalysis/x.py:3"
    assert "    frame 0" not in lines
    assert len(lines) < 25


def test_one_warning_and_many():
    assert "Sphinx gave 1 warning:" in faults.sphinx_block(["a"])
    assert "Sphinx gave 2 warnings:" in faults.sphinx_block(["a", "b"])
