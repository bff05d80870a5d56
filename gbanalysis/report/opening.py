"""The data that a page runs on, and what is known of where they come from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gbanalysis.errors import GBAnalysisError

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

RECORD = "truth.json"
"""The file that a simulated market leaves in its folder: the config that made it, with the seed, and its truth."""


def data_location() -> Path:
    """Give the folder or file that pages read: ``GBANALYSIS_DATA``, else data/market, else data/sample.

    Raises
    ------
    GBAnalysisError
        Where ``GBANALYSIS_DATA`` names nothing that is there.
    """
    named = os.environ.get("GBANALYSIS_DATA")
    if named:
        if not Path(named).exists():
            raise GBAnalysisError(f"GBANALYSIS_DATA names {Path(named).name!r}, which is not there.")
        return Path(named)
    from gbanalysis.dataset.sample import project_folder

    market = project_folder() / "data" / "market"
    return market if (market / RECORD).is_file() else market.with_name("sample")


def open_data() -> Dataset:
    """Open the data set that the book is built on.

    Returns
    -------
    Dataset
        From `data_location`, with the column names of ``GBANALYSIS_COLUMNS`` where that is set.

    Examples
    --------
    >>> data = open_data()
    >>> data.has("order_lines")
    True
    """
    from gbanalysis.dataset.read import read_dataset

    columns = os.environ.get("GBANALYSIS_COLUMNS")
    return read_dataset(data_location(), columns=Path(columns) if columns else None)


def market_folder(data: Dataset) -> Path | None:
    """Give the folder of the simulated market that the data were opened from; None where they are no simulated market.

    A data set knows its source by name only, so that no page can print a path of the machine. The folder of that name
    is looked for where pages read, and among the data that come along.
    """
    from gbanalysis.dataset.sample import project_folder

    along = project_folder() / "data"
    for folder in (data_location(), along / "market", along / "sample"):
        if folder.name == data.source:
            return folder if (folder / RECORD).is_file() else None
    return None


def market_record(data: Dataset) -> dict[str, Any] | None:
    """Read the record of the simulation that made the data; None where they were not simulated by gbanalysis.

    Raises
    ------
    GBAnalysisError
        Where the record is there and cannot be read.
    """
    folder = market_folder(data)
    if folder is None:
        return None
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except ValueError as error:
        raise GBAnalysisError(f"{RECORD} beside the data is damaged: {error}") from error
    return record


def is_simulated(data: Dataset) -> bool:
    """Say whether the data were made by the simulated market and are no real trade."""
    return market_record(data) is not None


def comes_along(data: Dataset) -> bool:
    """Say whether these are the simulated data that come with the book, whose story the chapters' checks expect."""
    from gbanalysis.dataset.sample import project_folder

    folder = market_folder(data)
    return folder is not None and folder.resolve().parent in (project_folder() / "data", Path("_build").resolve())
