"""Sections for which a user's data are too few.

The package refuses a figure that the data cannot carry with `NotEnoughDataError` or `NotIdentifiedError`. On a user's
data that is an answer, not a fault: the section gets a box with the sentence of the error, and the page goes on. What
the section would have made is taken away, so that no later cell reads an older thing of the same name; a later cell
that misses it gets the same box. Any other error still stops the build, and on the book's own data these do too.
"""

import ast
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from gbanalysis.publish.boxes import heading_levels, is_hidden, part_name, replace_sections
from gbanalysis.publish.notebooks import markdown_cell

HONEST = ("NotEnoughDataError", "NotIdentifiedError")
MARK = "gbanalysis_scarce"
GLUED = re.compile(r"\{glue[^}]*\}`([^`:\s]+)(?::[^`]*)?`")
_UNKNOWN_NAME = re.compile(r"name '(\w+)' is not defined")


class Scarcity:
    """What a page cannot say, as its cells run in order."""

    def __init__(self) -> None:
        self._level = 0
        self._depth = 0
        self._sentence = ""
        self._lost: dict[str, str] = {}

    def skips(self, cell: Any) -> bool:
        """Read the next cell; say whether it stands in a section that is boxed already."""
        for level in heading_levels(cell):
            self._level = level
            if level <= self._depth:
                self._depth = 0
        if self._depth and cell.cell_type == "code":
            self._lose(cell, self._sentence)
            return True
        return False

    def excuses(self, cell: Any, name: str, message: str) -> bool:
        """Say whether the error of a cell means too little data; then the cell is marked and its section boxed."""
        unknown = _UNKNOWN_NAME.search(message) if name == "NameError" else None
        sentence = message if name in HONEST else self._lost.get(unknown[1], "") if unknown else ""
        if not sentence or not (self._level or is_hidden(cell)):
            return False
        self._lose(cell, sentence)
        if not is_hidden(cell):
            self._depth, self._sentence = self._level, sentence
        return True

    def _lose(self, cell: Any, sentence: str) -> None:
        cell.metadata[MARK] = sentence
        cell.outputs = []
        self._lost |= dict.fromkeys(names_made(cell.source), sentence)


def names_made(source: str) -> list[str]:
    r"""List the names that a cell assigns or imports.

    >>> names_made("import a.b as c\nd, e = f(g := 1)")
    ['c', 'd', 'e', 'g']
    """
    tree = list(ast.walk(ast.parse(source)))
    made = {node.id for node in tree if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imports = (alias for node in tree if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names)
    return sorted(made | {alias.asname or alias.name.partition(".")[0] for alias in imports})


def texts_glued(source: str) -> set[str]:
    """List the texts that a cell would hand to the prose.

    >>> texts_glued("report.glue(n_sites='4')")
    {'n_sites'}
    """
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    handed = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "glue"]
    return {keyword.arg for call in handed for keyword in call.keywords if keyword.arg}


def forgetting(source: str) -> str:
    """Write the code that takes away what a cell would have made."""
    return f"for _name in {names_made(source)}:\n    globals().pop(_name, None)"


def box_scarce(cells: Sequence[Any]) -> list[Any]:
    """Replace each section with a marked cell by its heading and a box.

    Where the rest of the page names a text that such a cell would have handed over, "not known" stands instead.
    """
    marked = [cell for cell in cells if MARK in cell.metadata]
    lost = {name for cell in marked for name in texts_glued(cell.source)}
    boxed = replace_sections(cells, lambda cell: [cell.metadata[MARK]] if MARK in cell.metadata else [], _box)
    for cell in boxed if lost else []:
        if cell.cell_type == "markdown":
            cell.source = GLUED.sub(lambda match: "not known" if match[1] in lost else match[0], cell.source)
    return boxed


def _box(heading: str, sentences: Sequence[str]) -> Any:
    said = escape(" ".join(" ".join(sentences).split()))
    title, text = "Too little data", f"There is too little data for this {part_name(heading)}: {said}"
    body = f'<p class="admonition-title">{title}</p><p>{text}</p>'
    return markdown_cell(f'{heading}\n\n<div class="admonition note">{body}</div>')
