"""The simulated sample that comes along: 90 days and about 40 thousand order lines, for doctests and first steps."""

from pathlib import Path
from typing import TYPE_CHECKING

from gbanalysis.errors import GBAnalysisError

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset


def project_folder() -> Path:
    """The folder that holds book/, data/sample/ and the lock: the checkout, or the copy inside an installed package."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent, package / "_project"):
        if (folder / "_toc.yml").is_file():
            return folder
    raise GBAnalysisError("gbanalysis does not find its own book and sample: the installation is incomplete.")


def load_sample() -> "Dataset":
    """Open the sample market: a small simulated data set with every table that the market fills.

    Returns
    -------
    Dataset
        Ninety days of a simulated market. Nothing is read until a query needs it.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> data = gb.load_sample()
    >>> data.has("order_lines", "amount")
    True
    """
    from gbanalysis.dataset.read import read_dataset

    return read_dataset(project_folder() / "data" / "sample")
