"""The table of contents: which pages there are, in what order, and what is left when only some parts are built."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from gbanalysis.errors import GBAnalysisError


def read_toc(path: Path) -> dict[str, Any]:
    """Read ``_toc.yml`` as sphinx-external-toc understands it, its pages named from the book's folder."""
    toc = read_inside_book(path)
    if "root" not in toc:
        raise GBAnalysisError(f"{path.name} names no root page.")
    return toc


def read_inside_book(path: Path) -> dict[str, Any]:
    """Read a YAML file of the root; paths in it that begin with ``book/`` then begin inside that folder."""
    import yaml

    found = _inside_book(yaml.safe_load(path.read_text("utf-8")))
    if not isinstance(found, dict):
        raise GBAnalysisError(f"{path.name} holds no mapping.")
    return found


def _inside_book(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _inside_book(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_inside_book(value) for value in node]
    return node.removeprefix("book/") if isinstance(node, str) else node


def pages_of(toc: Mapping[str, Any]) -> list[str]:
    """List the pages, without suffix, in reading order.

    >>> pages_of({"root": "index", "parts": [{"caption": "A", "chapters": [{"file": "a/one"}]}]})
    ['index', 'a/one']
    """
    return [toc["root"], *_files(toc)]


def only_parts(toc: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """Keep the root page and the pages in the named folders (``sales``, ``quality``, ...).

    >>> toc = {"root": "index", "parts": [{"chapters": [{"file": "a/one"}]}, {"chapters": [{"file": "b/two"}]}]}
    >>> pages_of(only_parts(toc, ["b"]))
    ['index', 'b/two']
    """
    if not parts:
        return dict(toc)
    known = sorted({part for page in _files(toc) if (part := part_of(page))})
    unknown = sorted(set(parts) - set(known))
    if unknown:
        raise GBAnalysisError(f"The book has no part {', '.join(unknown)}; its parts are {', '.join(known)}.")
    return {**_kept(toc, set(parts)), "root": toc["root"]}


def part_of(page: str) -> str:
    """Name the part a page belongs to, its first folder; the root page belongs to none."""
    folders = PurePosixPath(page).parts[:-1]
    return folders[0] if folders else ""


def _files(node: Mapping[str, Any]) -> Iterator[str]:
    for child in _children(node):
        if "file" in child:
            yield str(child["file"])
        yield from _files(child)


def _children(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("parts", "subtrees", "chapters", "sections", "entries"):
        yield from node.get(key, ())


def _kept(node: Mapping[str, Any], parts: set[str]) -> dict[str, Any]:
    kept = dict(node)
    for key in ("parts", "subtrees", "chapters", "sections", "entries"):
        if key in node:
            kept[key] = [_kept(child, parts) for child in node[key] if _keeps(child, parts)]
            if not kept[key]:
                del kept[key]
    return kept


def _keeps(node: Mapping[str, Any], parts: set[str]) -> bool:
    if "file" in node and part_of(str(node["file"])) in parts:
        return True
    return any(_keeps(child, parts) for child in _children(node))
