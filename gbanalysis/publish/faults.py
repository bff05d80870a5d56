"""Faults as one block each: what failed, where, and why."""

from collections.abc import Mapping, Sequence

from gbanalysis.publish.execute import Executed, Failure
from gbanalysis.publish.outputs import scrub

RULE = "-" * 72
TRACEBACK_LINES = 15


def chapter_block(page: Executed, paths: Mapping[str, str]) -> str:
    """Say which chapter failed, in which cell, with what error."""
    failure = page.failure or Failure(0, "", "no error", "")
    lines = scrub(failure.traceback, paths).splitlines()
    shown = lines if len(lines) <= TRACEBACK_LINES else ["...", *lines[-TRACEBACK_LINES:]]
    parts = [
        f"The chapter {page.name} failed in code cell {failure.cell + 1}:",
        _indent(failure.source),
        scrub(failure.error, paths),
    ]
    return block(*parts, _indent("\n".join(shown)))


def sphinx_block(warnings: Sequence[str]) -> str:
    """Say what Sphinx complained of, page by page."""
    return block(f"Sphinx gave {len(warnings)} warning{'s' if len(warnings) > 1 else ''}:", *warnings)


def active_block(found: Sequence[tuple[str, int, str]]) -> str:
    """Say which pages would run something in the reader's browser."""
    lines = [f"{page}, code cell {cell + 1}: {text}" for page, cell, text in found]
    return block("These outputs would run in the reader's browser; a value of the data was not escaped:", *lines)


def block(*parts: str) -> str:
    """Put a rule above and below."""
    return "\n".join([RULE, *(part for part in parts if part), RULE])


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
