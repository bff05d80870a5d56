"""A small Sphinx extension: the scripts that come along with the book."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gbanalysis.publish.outputs import PLOTLY_CLASS

MATHJAX = ("tex-chtml.js", "output/chtml/fonts", "input/tex/extensions")
"""What a page with formulas really loads of MathJax."""


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", _load_plotly)
    app.connect("build-finished", _copy_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _load_plotly(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if PLOTLY_CLASS in context.get("body", ""):
        app.add_js_file("plotly.min.js")


def _copy_scripts(app: Any, error: Exception | None) -> None:
    if error:
        return
    static = Path(app.outdir) / "_static"
    plotly = _package("plotly") / "package_data" / "plotly.min.js"
    if not (static / plotly.name).exists() and any(PLOTLY_CLASS in page.read_text("utf-8") for page in _pages(app)):
        shutil.copyfile(plotly, static / plotly.name)
    mathjax = _package("sphinx-mathjax-offline") / "static" / "mathjax"
    for name in MATHJAX:
        source, target = mathjax / name, static / "mathjax" / name
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)


def _pages(app: Any) -> list[Path]:
    return list(Path(app.outdir).rglob("*.html"))


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin).parent
