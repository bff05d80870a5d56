"""The few things of nbformat that the build needs, with types."""

from collections.abc import Mapping
from typing import Any


def markdown_cell(source: str, metadata: Mapping[str, Any] | None = None) -> Any:
    """Make a markdown cell."""
    from nbformat import v4

    return v4.new_markdown_cell(source, metadata=dict(metadata or {}))  # type: ignore[no-untyped-call]


def code_cell(source: str, metadata: Mapping[str, Any] | None = None) -> Any:
    """Make a code cell."""
    from nbformat import v4

    return v4.new_code_cell(source, metadata=dict(metadata or {}))  # type: ignore[no-untyped-call]


def notebook_from(content: Mapping[str, Any]) -> Any:
    """Make a notebook from what JSON held."""
    from nbformat import from_dict

    return from_dict(content)  # type: ignore[no-untyped-call]


def code_cells(notebook: Any) -> list[Any]:
    """List the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
