"""The small trade as a data set, whole or without some of its tables."""

from collections.abc import Callable
from pathlib import Path

import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset

from .small_trade import Frames, make_frames, write


@pytest.fixture(scope="session")
def frames() -> Frames:
    return make_frames()


@pytest.fixture(scope="session")
def trade(frames: Frames, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return gb.read_dataset(write(frames, tmp_path_factory.mktemp("trade")))


@pytest.fixture
def without(frames: Frames, tmp_path: Path) -> Callable[..., Dataset]:
    """Open the trade without some tables or columns ("table" or "table.column")."""

    def open_without(*names: str) -> Dataset:
        kept = {name: frame for name, frame in frames.items() if name not in names}
        for name in names:
            table, _, column = name.partition(".")
            if column:
                kept[table] = kept[table].drop(columns=column)
        return gb.read_dataset(write(kept, tmp_path))

    return open_without
