"""A simulated market on disk: its data set and its truth."""

from __future__ import annotations

import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gbanalysis.dataset.folders import beside, recover, swap_in

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset
    from gbanalysis.market.truth import Truth


class Market:
    """A simulated market: the tables that an analyst would see and the causes that made them.

    Parameters
    ----------
    folder
        Where :func:`gbanalysis.simulate` wrote it.

    Attributes
    ----------
    folder : Path
        The folder of the tables, of ``truth.json`` and of ``truth/``.
    dataset : Dataset
        The tables, read when a query needs them.
    truth : Truth
        What made them.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    @cached_property
    def dataset(self) -> Dataset:
        """The tables that the market fills."""
        from gbanalysis.dataset.read import read_dataset

        return read_dataset(self.folder)

    @cached_property
    def truth(self) -> Truth:
        """The causes: parameters, shocks, uncensored demand and expected contributions."""
        from gbanalysis.market.truth import Truth

        return Truth.load(self.folder)

    def write(self, out: str | os.PathLike[str]) -> Path:
        """Copy the market to a folder that is new, empty or holds an older market.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        GBAnalysisError
            The folder holds something else.
        """
        from gbanalysis.market.simulation import check_target

        target = Path(out)
        check_target(target)
        if target.resolve() != self.folder.resolve():
            recover(target)
            shutil.copytree(self.folder, beside(target))
            swap_in(target)
        return target

    def __repr__(self) -> str:
        """Name the folder."""
        return f"Market({str(self.folder)!r})"
