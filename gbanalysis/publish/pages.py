"""Source pages: MyST markdown read as notebooks, boxes where the data lack a table, links that fit the build."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import join, normpath
from typing import TYPE_CHECKING, Any

import yaml

from gbanalysis.errors import GBAnalysisError
from gbanalysis.publish.boxes import box_for, box_sections

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
PAGE_LINK = re.compile(r"(?P<open>(?<!!)\[(?P<text>[^\[\]]*)\]\()(?P<path>[^()\s:#]+)\.md(?P<rest>#[^()\s]*)?\)")
GLUE_LINK = re.compile(r"(?P<open>\{glue[^}]*\}`)(?P<path>[^`:\s]+)\.md::")
OWN_KEYS = ("gbanalysis", "jupytext", "file_format")


@dataclass(frozen=True)
class Page:
    """One source page: its name without suffix, its text, and what its front matter says."""

    name: str
    text: str
    meta: dict[str, Any]

    @property
    def is_notebook(self) -> bool:
        """Whether the page holds code to execute."""
        return "kernelspec" in self.meta

    @property
    def title(self) -> str:
        """The heading of the page, with its number sign."""
        match = re.search(r"^# .+$", self.text, re.MULTILINE)
        return match.group(0) if match else "# Untitled"

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables (or columns, as ``table.column``) without which the page says nothing."""
        return tuple(self.meta.get("gbanalysis", {}).get("tables", ()))

    @property
    def suffix(self) -> str:
        """The suffix of the staged page."""
        return ".ipynb" if self.is_notebook else ".md"


def read_page(book: Path, name: str) -> Page:
    """Read one source page."""
    path = book / f"{name}.md"
    if not path.is_file():
        raise GBAnalysisError(f"_toc.yml names the page {name}, but book/{name}.md does not exist.")
    text = path.read_text("utf-8")
    match = FRONT_MATTER.match(text)
    try:
        meta = yaml.safe_load(match.group(1)) if match else {}
    except yaml.YAMLError as error:
        raise GBAnalysisError(f"The front matter of book/{name}.md is not YAML: {error}") from error
    return Page(name, text, meta or {})


def present_in(dataset: "Dataset") -> set[str]:
    """Name the tables of a data set that hold rows, and their columns as ``table.column``: what pages may need."""
    tables = [name for name in dataset.tables if len(dataset.to_frame(name, limit=1))]
    return {*tables, *(f"{table}.{column}" for table in tables for column in dataset.columns(table))}


def notebook_of(page: Page, present: Collection[str]) -> Any:
    """Make the notebook of a page, with one box in place of each part whose tables the data lack.

    Parameters
    ----------
    page
        A page with code.
    present
        What the data have, from `present_in`.
    """
    from myst_nb.core.read import read_myst_markdown_notebook

    notebook = read_myst_markdown_notebook(page.text)
    missing = [table for table in page.tables if table not in present]
    if missing:
        notebook.cells = [box_for(page.title, missing)]
    else:
        notebook.cells = box_sections(notebook.cells, present)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.metadata = {key: value for key, value in notebook.metadata.items() if key not in OWN_KEYS}
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python", "file_extension": ".py", "pygments_lexer": "ipython3"}
    return notebook


def fit_links(text: str, page: str, suffixes: dict[str, str]) -> str:
    """Point links to other pages at their staged files; a link to a page that is not built becomes its text.

    >>> fit_links("see [rates](../quality/rates.md#b)", "sales/a", {"quality/rates": ".ipynb"})
    'see [rates](../quality/rates.ipynb#b)'
    >>> fit_links("see [rates](../quality/rates.md)", "sales/a", {})
    'see rates'
    """

    def target(path: str) -> str:
        return normpath(join(page, "..", path)) if not path.startswith("/") else path.lstrip("/")

    def link(match: re.Match[str]) -> str:
        suffix = suffixes.get(target(match["path"]))
        if suffix is None:
            return match["text"] or PurePosixPath(match["path"]).name.replace("_", " ")
        return f"{match['open']}{match['path']}{suffix}{match['rest'] or ''})"

    def glue(match: re.Match[str]) -> str:
        return f"{match['open']}{match['path']}{suffixes.get(target(match['path']), '.md')}::"

    return GLUE_LINK.sub(glue, PAGE_LINK.sub(link, text))
