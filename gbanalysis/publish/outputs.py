"""Makes the outputs of an executed page fit to publish: no machine paths, no foreign scripts, plotly offline."""

import copy
import html
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gbanalysis.publish.execute import ANSI
from gbanalysis.publish.notebooks import code_cells

PLOTLY = "application/vnd.plotly.v1+json"
PLOTLY_CLASS = "gb-interactive"
SETTINGS = json.dumps({"responsive": True, "displaylogo": False, "displayModeBar": "hover"})
"""How plotly draws: the bar of buttons only under the mouse, without the logo."""
ACTIVE = re.compile(
    r"<\s*(?:script|iframe|object|embed)\b|<[^>]+\son[a-z]+\s*=|<[^>]+\s(?:href|src)\s*=\s*[\"']?\s*javascript:",
    re.IGNORECASE,
)
TEXT_TYPES = ("text/html", "text/markdown", "text/plain", "text/latex", "image/svg+xml")


def machine_paths(root: Path, package: Path, data: Path) -> dict[str, str]:
    """Name the folders of this machine that no page may show, and what stands in for each; the longest come first."""
    places = {
        str(data): "data",
        str(package): "gbanalysis",
        str(root): ".",
        sys.prefix: "python",
        sys.base_prefix: "python",
        tempfile.gettempdir(): "tmp",
        str(Path.home()): "~",
    }
    return dict(sorted(((place, name) for place, name in places.items() if len(place) > 1), key=lambda p: -len(p[0])))


def scrub(text: str, paths: Mapping[str, str]) -> str:
    """Replace machine paths in a text and drop colour codes.

    >>> scrub("File /home/x/book.py", {"/home/x": "."})
    'File ./book.py'
    """
    text = ANSI.sub("", text)
    for place, name in paths.items():
        text = re.sub(re.escape(place) + r"(?=[/\\\s\"'<):,;]|$)", name, text)
    return text


def ready_to_stage(notebook: Any, page: str, paths: Mapping[str, str]) -> tuple[Any, list[str]]:
    """Copy an executed notebook as it is to be published.

    Returns
    -------
    tuple
        The notebook, and one line for each text on stderr that was left out of the page.
    """
    staged = copy.deepcopy(notebook)
    left_out = []
    for number, cell in enumerate(code_cells(staged)):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                lines = scrub(output.text, paths).strip().splitlines()
                left_out.append(f"{page}, cell {number + 1}: stderr left out of the page: {lines[0] if lines else ''}")
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for order, output in enumerate(cell.outputs):
            _scrub_output(output, paths)
            if PLOTLY in output.get("data", {}):
                name = f"{page.replace('/', '-')}-{number}-{order}"
                output.data["text/html"] = plotly_html(output.data[PLOTLY], name, _alt(cell))
    return staged, left_out


def active_content(notebook: Any) -> Iterator[tuple[int, str]]:
    """Find outputs that would run in the reader's browser: the code cell's number and the text found."""
    for number, cell in enumerate(code_cells(notebook)):
        for output in cell.outputs:
            for kind in ("text/html", "text/markdown", "image/svg+xml"):
                if found := ACTIVE.search("".join(output.get("data", {}).get(kind, ""))):
                    yield number, found.group(0)


def plotly_html(figure: Mapping[str, Any], name: str, alt: str) -> str:
    """Draw a plotly figure with the plotly.min.js that comes along, which the page loads (see `extension`)."""
    payload = json.dumps({"data": figure.get("data", []), "layout": figure.get("layout", {})}, sort_keys=True)
    safe = payload.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    label = f' role="img" aria-label="{html.escape(alt)}"' if alt else ""
    return (
        f'<div class="{PLOTLY_CLASS}" id="{name}"{label}></div>\n<script>\n'
        f"(() => {{ const figure = {safe};\n"
        f'Plotly.newPlot("{name}", figure.data, figure.layout, {SETTINGS});\n'
        "})();\n</script>"
    )


def _alt(cell: Any) -> str:
    return str(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", ""))


def _scrub_output(output: Any, paths: Mapping[str, str]) -> None:
    if "text" in output:
        output["text"] = scrub(output["text"], paths)
    for kind in TEXT_TYPES:
        if kind in output.get("data", {}):
            output.data[kind] = scrub("".join(output.data[kind]), paths)
