"""The embedded engine of a data set: a DuckDB connection with a temporary folder that goes when the engine goes."""

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any


class Store:
    """DuckDB in memory for views over files, and a scratch database on disk for text that was parsed once."""

    def __init__(self) -> None:
        import ibis

        self.folder = Path(tempfile.mkdtemp(prefix="gbanalysis-"))
        self.con: Any = ibis.duckdb.connect(temp_directory=str(self.folder / "spill"))
        # Bound to the connection: an expression outlives the Dataset that it came from, and keeps the connection.
        weakref.finalize(self.con, shutil.rmtree, self.folder, ignore_errors=True)
        self._has_scratch = False

    def attach(self, path: Path, name: str) -> None:
        """Open another DuckDB file for reading."""
        self.con.attach(str(path), name, read_only=True)

    def view(self, name: str, table: Any) -> Any:
        """Name an expression, so that the engine computes its columns once."""
        return self.con.create_view(name, table, overwrite=True)

    def keep(self, name: str, table: Any) -> Any:
        """Write an expression to the scratch database and return it as a table."""
        if not self._has_scratch:
            self.con.attach(str(self.folder / "scratch.duckdb"), "scratch")
            self._has_scratch = True
        return self.con.create_table(name, table, database=("scratch", "main"))
