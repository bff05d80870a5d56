"""Where the book's sources are and where what is made of them goes."""

from dataclasses import dataclass
from pathlib import Path

import gbanalysis
from gbanalysis.errors import GBAnalysisError


@dataclass(frozen=True)
class Project:
    """The folders of one book.

    Attributes
    ----------
    root
        Holds ``_config.yml``, ``_toc.yml``, ``book/`` and ``requirements.lock``.
    work
        Holds ``_build/`` and, for the default data, the simulated market.
    installed
        True where the sources came with an installed wheel, and so must not be written to.
    """

    root: Path
    work: Path
    installed: bool

    @property
    def book(self) -> Path:
        """The folder of the source pages."""
        return self.root / "book"

    @property
    def build(self) -> Path:
        """The folder of everything that can be made again."""
        return self.work / "_build"

    @property
    def market(self) -> Path:
        """The folder of the book's default data."""
        return self.build / "market" if self.installed else self.root / "data" / "market"

    @property
    def package(self) -> Path:
        """The folder of the imported gbanalysis package."""
        return package_folder()


def package_folder() -> Path:
    """Return the folder of the imported gbanalysis package."""
    return Path(gbanalysis.__file__).resolve().parent


def find_project(cwd: Path | None = None) -> Project:
    """Find the book's sources: in the repository, or inside an installed wheel.

    Raises
    ------
    GBAnalysisError
        Where neither place holds a ``_config.yml``.
    """
    package = package_folder()
    checkout, wheel = package.parent, package / "_project"
    if _holds_a_book(checkout):
        return Project(root=checkout, work=checkout, installed=False)
    if _holds_a_book(wheel):
        return Project(root=wheel, work=(cwd or Path.cwd()).resolve(), installed=True)
    raise GBAnalysisError("The book's sources are missing: neither the repository nor the installed package has them.")


def _holds_a_book(folder: Path) -> bool:
    return (folder / "_config.yml").is_file() and (folder / "_toc.yml").is_file()
