"""`gbanalysis build`: from data and source pages to a published book."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gbanalysis as gb
from gbanalysis.dataset.folders import recover
from gbanalysis.errors import ContractError, GBAnalysisError
from gbanalysis.publish import extension, faults, fonts, outputs, site, stage, swap, toc
from gbanalysis.publish.boxes import TRUTH
from gbanalysis.publish.cache import PageCache, data_digest, digest_of, relative_to, setting_digest
from gbanalysis.publish.default_data import ensure_market
from gbanalysis.publish.execute import PAGE_SECONDS, Executed, execute_pages
from gbanalysis.publish.pages import Page, notebook_of, present_in, read_page
from gbanalysis.publish.probe import Watched, used_digest
from gbanalysis.publish.progress import Progress, complain
from gbanalysis.publish.project import Project, find_project
from gbanalysis.report.opening import RECORD

DONE, FAILED, INVALID = 0, 1, 2


class Refused(Exception):  # noqa: N818 - not a fault of the program: the build stops and says why
    """The build stops here with this exit status; the last good book stays."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    project: Project
    data: Path
    columns: Path | None
    out: Path
    parts: tuple[str, ...]
    internal: bool
    quiet: bool
    strict: bool

    @cached_property
    def data_digest(self) -> str:
        """The content of the data, as a digest."""
        return data_digest(self.data, self.columns)

    @property
    def settings(self) -> dict[str, str]:
        """The environment that pages are executed in, besides the fixed part."""
        return {
            "GBANALYSIS_DATA": str(self.data),
            "GBANALYSIS_COLUMNS": str(self.columns or ""),
            "GBANALYSIS_INTERNAL": "1" if self.internal else "",
            "GBANALYSIS_PROJECT": str(self.project.root),
            "PYTHONPATH": str(self.project.package.parent),
        }

    def inputs(self) -> str:
        """Digest what a book of this request is made from, but for the files that its pages open themselves."""
        project = self.project
        sources = [project.root / name for name in ("_config.yml", "_toc.yml", "requirements.lock")]
        sources += [path for folder in (project.book, project.package) for path in sorted(folder.rglob("*"))]
        digests = {
            relative_to(path, project.root): used_digest(path)
            for path in sources
            if path.is_file() and path.suffix != ".pyc"
        }
        asked = {
            "data": self.data_digest,
            "parts": sorted(self.parts),
            "internal": self.internal,
            "strict": self.strict,
        }
        return digest_of({**asked, "sources": digests, "python": sys.version})


def build_book(
    *,
    data: Path | str | None = None,
    columns: Path | str | None = None,
    out: Path | str | None = None,
    parts: Sequence[str] = (),
    internal: bool = False,
    quiet: bool = False,
    strict: bool = False,
    project: Project | None = None,
) -> int:
    """Build the book and swap it in.

    Parameters
    ----------
    data
        The user's data; by default the simulated market that the book is written for.
    columns
        A TOML map of the user's own column names.
    out
        The folder of the published book; by default ``_build/html``.
    parts
        Build only these parts (``sales``, ``quality``, ...) and the first page; by default all.
    internal
        Let pages show user ids and cells under ten people.
    quiet
        Print nothing but faults.
    strict
        Let warnings of Sphinx fail a book on the user's data or of some parts too; the whole book on our own data
        always fails on them.
    project
        The folders of the sources; by default found beside or inside the package.

    Returns
    -------
    int
        0 for a published book; 1 where a chapter or Sphinx failed, 2 where the data break the contract: then the last
        good book stays as it was.

    Raises
    ------
    GBAnalysisError
        Where a part, a page or a folder that was named does not exist or cannot be used.
    """
    project = project or find_project()
    target = Path(out).resolve() if out else project.build / "html"
    for given in (data, columns):
        if given and not Path(given).exists():
            raise GBAnalysisError(f"{given} does not exist.")
    if columns and not data:
        raise GBAnalysisError("A column map needs the data that it is for: give --data too.")
    progress = Progress(quiet=quiet, total=0)
    swap.check_target(target)
    waiting = "Another build is at work in this folder; waiting for it to end ..."
    with swap.lock(project.build, lambda: progress.say(waiting)) as lock:
        recover(target)
        folder = Path(data).resolve() if data else ensure_market(project, progress.say)
        mapped = Path(columns).resolve() if columns else None
        request = Request(project, folder, mapped, target, tuple(parts), internal, quiet, strict)
        try:
            _build(request, own=data is None, lock=lock)
        except Refused as refused:
            if refused.text:
                complain(refused.text)
            return refused.status
    return DONE


def _build(request: Request, *, own: bool, lock: int) -> None:
    begin = time.perf_counter()
    say = Progress(quiet=request.quiet, total=0).say
    first = request.out / "index.html"
    inputs = request.inputs()
    if _is_published(request, inputs):
        say(f"Nothing has changed since the last build.\n{first}")
        return
    contents = toc.only_parts(toc.read_toc(request.project.root / "_toc.yml"), request.parts)
    pages = [read_page(request.project.book, name) for name in toc.pages_of(contents)]
    present = _tables(request, own=own)
    notebooks = {p.name: notebook_of(p, present) for p in pages if p.is_notebook}
    executed = asyncio.run(_executed(request, notebooks, lenient=not own))
    paths = outputs.machine_paths(request.project.root, request.project.package, request.data)
    _check_pages(executed, paths)
    _stage(request, pages, executed, contents, paths)
    work = request.project.build / "work"
    titles = {page.name: page.title for page in pages}
    frame = digest_of({"toc": contents, "titles": titles, "extension": used_digest(Path(extension.__file__))})
    warnings = site.run_sphinx(work, frame, lock)
    html = work / "html"
    if warnings:
        complain(faults.sphinx_block(warnings))
    if (warnings and (request.strict or (own and not request.parts))) or not (html / "index.html").is_file():
        raise Refused(FAILED)
    site.drop_leftovers(html, {page.name for page in pages})
    fonts.put_web_font(html, request.project.build / "cache" / "fonts")
    stamp = {"inputs": inputs, "used": _opened(request, executed)}
    swap.publish(html, request.out, json.dumps(stamp), ignore=(".buildinfo", "objects.inv", ".doctrees"))
    say(f"The book took {time.perf_counter() - begin:.0f} s.\n{first}")


def _tables(request: Request, *, own: bool) -> set[str]:
    """Check the user's data against the contract, and name the tables and columns that there are."""
    try:
        dataset = gb.read_dataset(request.data, columns=request.columns)
    except ContractError as error:
        raise Refused(INVALID, str(error)) from error
    if not own and not (report := gb.validate(dataset)).ok:
        raise Refused(INVALID, report.text())
    truth = {TRUTH} if (request.data / RECORD).is_file() else set()
    return present_in(dataset) | truth


def _check_pages(executed: dict[str, Executed], paths: dict[str, str]) -> None:
    """Refuse to go on with a page that failed or that shows something that would run in the reader's browser."""
    broken = [page for page in executed.values() if page.failure]
    if broken:
        raise Refused(FAILED, "\n".join(faults.chapter_block(page, paths) for page in broken))
    active = [(page.name, *found) for page in executed.values() for found in outputs.active_content(page.notebook)]
    if active:
        raise Refused(FAILED, faults.active_block(active))


async def _executed(request: Request, notebooks: dict[str, Any], *, lenient: bool) -> dict[str, Executed]:
    """Execute the pages that are not in the cache; all of them, in the order of the book.

    Where `lenient`, sections for which the data are too few become boxes.
    """
    lock_file = request.project.root / "requirements.lock"
    settings = {"data": request.data_digest, "lock": used_digest(lock_file) or "", "internal": str(request.internal)}
    settings["lenient"] = str(lenient)
    cache = PageCache(request.project.build / "cache" / "pages", request.project.root, setting_digest(**settings))
    found = {name: page for name, notebook in notebooks.items() if (page := cache.get(name, notebook))}
    rest = {name: notebook for name, notebook in notebooks.items() if name not in found and _has_code(notebook)}
    found |= {name: Executed(name, n, 0.0) for name, n in notebooks.items() if name not in found and name not in rest}
    watched = Watched(request.project.root, request.project.package, request.data)
    with Progress(quiet=request.quiet, total=len(rest)) as progress:
        if rest:
            progress.say(f"Executing {len(rest)} of {len(notebooks)} pages; the others have not changed.")
        async for page in execute_pages(rest, request.settings, watched, lenient=lenient):
            found[page.name] = page
            note = "failed" if page.failure else f"over {PAGE_SECONDS} s" if page.seconds > PAGE_SECONDS else ""
            progress.page(page.name, page.seconds, note)
            if not page.failure:
                cache.put(page, notebooks[page.name])
    return {name: found[name] for name in notebooks}


def _has_code(notebook: Any) -> bool:
    return any(cell.cell_type == "code" for cell in notebook.cells)


def _stage(
    request: Request,
    pages: Sequence[Page],
    executed: dict[str, Executed],
    contents: dict[str, Any],
    paths: dict[str, str],
) -> None:
    """Put all that Sphinx reads into the work folder."""
    source = request.project.build / "work" / "src"
    source.mkdir(parents=True, exist_ok=True)
    seconds = {name: round(page.seconds, 2) for name, page in executed.items()}
    swap.write_if_changed(request.project.build / "timings.json", json.dumps(seconds, indent=1) + "\n")
    to = stage.Stage(source, {page.name: page.suffix for page in pages}, seconds)
    kept = set(stage.stage_files(request.project.book, source))
    for page in pages:
        if page.name not in executed:
            kept.add(stage.stage_markdown(to, page))
            continue
        notebook, left_out = outputs.ready_to_stage(executed[page.name].notebook, page.name, paths)
        kept.add(stage.stage_notebook(to, page, notebook))
        for line in left_out:
            complain(line)
    kept.add(stage.write_yaml(source / "_toc.yml", contents))
    kept.add(site.write_conf(request.project.root / "_config.yml", source, {"external_toc_path": "_toc.yml"}))
    stage.clear_others(source, kept)


def _opened(request: Request, executed: dict[str, Executed]) -> dict[str, str]:
    """Name the files and folders of the project that pages opened themselves, each with its digest."""
    used = {path: digest for page in executed.values() for path, digest in page.used.items()}
    outside = {Path(path): digest for path, digest in used.items() if Path(path).suffix != ".py"}
    return {relative_to(path, request.project.root): digest for path, digest in outside.items()}


def _is_published(request: Request, inputs: str) -> bool:
    """Say whether the published book is the one that this request would make."""
    path = request.out / swap.STAMP
    if not path.is_file() or not (request.out / "index.html").is_file():
        return False
    stamp = json.loads(path.read_text("utf-8"))
    if stamp["inputs"] != inputs:
        return False
    return all(used_digest(request.project.root / name) == digest for name, digest in stamp["used"].items())
