"""Open a data set wherever it is kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.dataset.raw import RawTable, holds_text, name_columns
from gbanalysis.dataset.store import Store
from gbanalysis.errors import ContractError


def read_dataset(source: Any, *, columns: Mapping[str, Mapping[str, str]] | str | Path | None = None) -> Dataset:
    """Open a data set."""
    if isinstance(source, Dataset):
        return source
    store = Store()
    tables = {}
    if isinstance(source, (str, Path)):
        for path in sorted(Path(source).iterdir()):
            if path.stem in CONTRACT:
                pattern = str(path / "**" / "*.parquet") if path.is_dir() else str(path)
                relation = store.con.read_parquet(pattern, table_name=f"raw_{path.stem}")
                names, findings = name_columns(CONTRACT[path.stem], relation.columns, {})
                tables[path.stem] = RawTable(
                    relation, names, holds_text(relation, names, CONTRACT[path.stem]), tuple(findings)
                )
        return Dataset(tables, source=Path(source).name, store=store)
    raise ContractError("thin")
