"""The staging folder: what Sphinx reads, rewritten only where bytes differ, so that Sphinx does only what is needed."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gbanalysis.publish.pages import FRONT_MATTER, OWN_KEYS, Page, fit_links
from gbanalysis.publish.swap import write_if_changed

PAGE_SECONDS = "{{ page_seconds }}"
"""Where this stands in a page, the table of the pages' seconds is put."""


@dataclass(frozen=True)
class Stage:
    """What staging a page needs to know of the others: how each is staged, and its seconds."""

    folder: Path
    suffixes: dict[str, str]
    seconds: dict[str, float]

    def text(self, page: str, text: str) -> str:
        """Make a page's markdown fit this build."""
        return fit_links(text, page, self.suffixes).replace(PAGE_SECONDS, seconds_table(self.seconds))


def seconds_table(seconds: Mapping[str, float]) -> str:
    """Write the seconds of each page as a markdown table.

    >>> print(seconds_table({"sales/trends": 1.25}))
    | Page | Seconds |
    |:--|--:|
    | sales/trends | 1.2 |
    """
    rows = [f"| {page} | {value:.1f} |" for page, value in sorted(seconds.items())]
    return "\n".join(["| Page | Seconds |", "|:--|--:|", *rows])


def stage_notebook(to: Stage, page: Page, notebook: Any) -> Path:
    """Stage an executed page as .ipynb, which is also what the reader downloads."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = to.text(page.name, cell.source)
    path = to.folder / f"{page.name}.ipynb"
    write_if_changed(path, json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    return path


def stage_markdown(to: Stage, page: Page) -> Path:
    """Stage a page without code."""
    import yaml

    meta = {key: value for key, value in page.meta.items() if key not in OWN_KEYS}
    body = FRONT_MATTER.sub("", page.text, count=1)
    front = f"---\n{yaml.safe_dump(meta, sort_keys=True)}---\n" if meta else ""
    path = to.folder / f"{page.name}.md"
    write_if_changed(path, front + to.text(page.name, body))
    return path


def stage_files(book: Path, folder: Path) -> list[Path]:
    """Stage everything in the book that is not a page: styles, pictures, references."""
    staged = []
    for source in sorted(book.rglob("*")):
        if not source.is_file() or source.suffix == ".md" or "__pycache__" in source.parts:
            continue
        target = folder / source.relative_to(book)
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        staged.append(target)
    return staged


def write_yaml(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a YAML file where it differs."""
    import yaml

    write_if_changed(path, yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))
    return path


def clear_others(folder: Path, keep: set[Path]) -> None:
    """Remove what an earlier build staged and this one does not have."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path not in keep:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
