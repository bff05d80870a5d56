from gbanalysis.publish import site


def test_warnings_are_told_apart_and_name_the_page(tmp_path):
    report = tmp_path / "warnings.txt"
    staged = tmp_path / "src"
    report.write_text(
        f"\x1b[91m{staged}/sales/a.ipynb:20002: WARNING: first\x1b[39;49;00m\n  more of it\n"
        f"{staged}/b.md:3: ERROR: second\n"
    )
    assert site.read_warnings(report, staged) == [
        "sales/a.ipynb:20002: WARNING: first\n  more of it",
        "b.md:3: ERROR: second",
    ]
    assert site.read_warnings(tmp_path / "none.txt", staged) == []


def test_what_earlier_builds_left_is_dropped_and_the_rest_stays(tmp_path):
    kept = ["index.html", "sales/a.html", "search.html", "genindex.html", "_images/shown.png", "_sources/sales/a.ipynb"]
    kept += ["_static/frame.html"]
    gone = ["sales/b.html", "_sources/sales/b.ipynb", "_images/secret.png"]
    for name in [*kept, *gone]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('<img src="../_images/shown.png">' if name == "sales/a.html" else "x")
    site.drop_leftovers(tmp_path, {"index", "sales/a"})
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(kept)
