"""Where the book's sources are and where what is made of them goes."""

from dataclasses import dataclass
from pathlib import Path

import gbanalysis
from gbanalysis.dataset.sample import project_folder


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
    """Find the book's sources: in the repository, or inside an installed wheel, where `cwd` takes what is made.

    Raises
    ------
    GBAnalysisError
        Where neither place holds them.
    """
    root = project_folder()
    installed = root.is_relative_to(package_folder())
    return Project(root=root, work=(cwd or Path.cwd()).resolve() if installed else root, installed=installed)
