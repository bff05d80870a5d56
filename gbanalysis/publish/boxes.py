"""Boxes that stand in for what the data cannot show.

A section is a heading down to the next heading of the same or a higher level. Where it holds a code cell tagged
``needs-<table>`` or ``needs-<table>.<column>`` and the data have no such table or column, its heading stays and one box
takes the place of the rest. ``needs-truth`` asks for the known truth of a simulated market.
A tagged cell that is hidden (``remove-cell``) only checks something: it alone is left out, and its section stays.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from gbanalysis.publish.notebooks import markdown_cell

HEADING = re.compile(r"^(#{1,6})\s+\S")
LABEL = re.compile(r"^\([^()\s]+\)=\s*$")
FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,}|:{3,})")
FIGURE_LINK = re.compile(r"\{numref\}`([^`<>]+)`")
NEEDS = "needs-"
TRUTH = "truth"


def box_sections(cells: Sequence[Any], present: Collection[str]) -> list[Any]:
    """Replace each section that needs a missing table or column by its heading and a box."""
    return replace_sections(cells, lambda cell: _missing(cell, present), box_for)


def replace_sections(
    cells: Sequence[Any], lacks: Callable[[Any], list[str]], box: Callable[[str, Sequence[str]], Any]
) -> list[Any]:
    """Replace each section with a cell that lacks something by what `box` makes of its heading and of what it lacks."""
    if not any(lacks(cell) for cell in cells):
        return list(cells)
    shown = [cell for cell in cells if not (is_hidden(cell) and lacks(cell))]
    pieces = [piece for cell in shown for piece in _split(cell)]
    boxed: list[Any] = []
    start = 0
    while start < len(pieces):
        end = _section_end(pieces, start)
        missing = sorted({lack for piece in _own(pieces, start, end) for lack in lacks(piece)})
        if missing and _level(pieces[start]):
            boxed.append(box(_heading(pieces[start]), missing))
            start = end
        else:
            boxed.append(pieces[start])
            start += 1
    gone = _figures(cells) - _figures(boxed)
    for cell in boxed if gone else []:
        if cell.cell_type == "markdown":
            cell.source = FIGURE_LINK.sub(lambda link: "the figure" if link[1] in gone else link[0], cell.source)
    return boxed


def _figures(cells: Sequence[Any]) -> set[str]:
    """Name the figures that cells make."""
    found = (cell.metadata.get("mystnb", {}).get("figure", {}).get("name") for cell in cells)
    return {name for name in found if name}


def box_for(heading: str, missing: Sequence[str]) -> Any:
    """Make the markdown cell with a heading and the sentence that says which tables and columns are missing.

    >>> print(box_for("## Refunds", ["refunds"]).source)
    ## Refunds
    <BLANKLINE>
    :::{admonition} Not in your data
    :class: note
    This section needs the table refunds, which your data do not have.
    :::
    """
    if TRUTH in missing:
        sentence = f"This {part_name(heading)} marks the method against the known truth of a simulated market."
        return _box(heading, f"{sentence} Your data have none; the book as it was published shows it.")
    lacks = {kind: [name for name in missing if ("." in name) == (kind == "column")] for kind in ("table", "column")}
    names = " and the ".join(_listed(kind, found) for kind, found in lacks.items() if found)
    sentence = f"This {part_name(heading)} needs the {names}, which your data do not have."
    return _box(heading, sentence)


def _box(heading: str, sentence: str) -> Any:
    return markdown_cell(f"{heading}\n\n:::{{admonition}} Not in your data\n:class: note\n{sentence}\n:::")


def _listed(kind: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{kind} {names[0]}"
    return f"{kind}s {', '.join(names[:-1])} and {names[-1]}"


def part_name(heading: str) -> str:
    """Say what a heading stands over: a chapter or a section."""
    return "chapter" if _level_of(heading.splitlines()[-1]) == 1 else "section"


def heading_levels(cell: Any) -> list[int]:
    """List the levels of the headings in a cell, in order; nothing for a cell with code."""
    if cell.cell_type != "markdown":
        return []
    lines = cell.source.split("\n")
    return [_level_of(lines[number]) for number in _heading_lines(lines)]


def _missing(cell: Any, present: Collection[str]) -> list[str]:
    tags = cell.metadata.get("tags", ())
    return [tag[len(NEEDS) :] for tag in tags if tag.startswith(NEEDS) and tag[len(NEEDS) :] not in present]


def is_hidden(cell: Any) -> bool:
    """Say whether a cell only checks something and is not shown."""
    return "remove-cell" in cell.metadata.get("tags", ())


def _split(cell: Any) -> Iterator[Any]:
    """Cut a markdown cell before each heading, its labels included; other cells stay whole."""
    if cell.cell_type != "markdown":
        yield cell
        return
    lines = cell.source.split("\n")
    cuts = sorted({0, *(_label_start(lines, number) for number in _heading_lines(lines))})
    for start, end in zip(cuts, [*cuts[1:], len(lines)], strict=True):
        yield markdown_cell("\n".join(lines[start:end]).strip("\n"), metadata=cell.metadata)


def _heading_lines(lines: Sequence[str]) -> Iterator[int]:
    fence = ""
    for number, line in enumerate(lines):
        match = FENCE.match(line)
        if match and not fence:
            fence = match[1]
        elif fence:
            if line.strip().startswith(fence):
                fence = ""
        elif HEADING.match(line):
            yield number


def _label_start(lines: Sequence[str], heading: int) -> int:
    start = heading
    while start > 0 and (LABEL.match(lines[start - 1]) or not lines[start - 1].strip()):
        start -= 1
    return start


def _heading(piece: Any) -> str:
    lines = piece.source.split("\n")
    return "\n".join(lines[: next(_heading_lines(lines)) + 1]).strip("\n")


def _level(piece: Any) -> int:
    return next(iter(heading_levels(piece)), 0)


def _level_of(line: str) -> int:
    match = HEADING.match(line)
    return len(match[1]) if match else 0


def _section_end(pieces: Sequence[Any], start: int) -> int:
    level = _level(pieces[start])
    for number in range(start + 1, len(pieces)):
        if 0 < _level(pieces[number]) <= level:
            return number
    return len(pieces)


def _own(pieces: Sequence[Any], start: int, end: int) -> Iterator[Any]:
    """Yield the cells under a heading, but not those under the headings below it."""
    for piece in pieces[start + 1 : end]:
        if _level(piece):
            return
        yield piece
