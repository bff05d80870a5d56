"""Make data/sample/ from the seed and knobs recorded in data/sample/market.json.

Run from the checkout: ``python -m tools.make_sample``. A test holds the folder to exactly what this makes.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import gbanalysis as gb

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
RECORD = "market.json"


def recorded_knobs(folder: Path = SAMPLE) -> dict[str, Any]:
    """Read the arguments of `gbanalysis.simulate` that make the sample."""
    knobs: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    knobs["start"] = dt.date.fromisoformat(knobs["start"])
    return knobs


def make_sample(out: Path = SAMPLE) -> Path:
    """Simulate the sample into a folder, with the record of its seed and knobs."""
    record, knobs = (SAMPLE / RECORD).read_text(encoding="utf-8"), recorded_knobs()
    with tempfile.TemporaryDirectory() as draft:
        made = gb.simulate(**knobs, out=Path(draft) / "sample", workers=1).folder
        (made / RECORD).write_text(record, encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)
    return out


if __name__ == "__main__":
    folder = make_sample()
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    print(f"{folder.name}: {size / 1e6:.2f} MB of parquet")
