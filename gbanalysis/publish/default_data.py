"""The data of our own book: the simulated market, made at the first build and again when what makes it changes."""

import json
from collections.abc import Callable
from pathlib import Path

from gbanalysis.dataset.folders import beside, recover, swap_in
from gbanalysis.publish.cache import digest_of
from gbanalysis.publish.project import Project

RECORD = "market.json"


def ensure_market(project: Project, say: Callable[[str], None]) -> Path:
    """Return the folder of the default market, simulated again where its code or its knobs changed."""
    from gbanalysis.market import DEFAULT_MARKET, simulate

    knobs = DEFAULT_MARKET
    digest = market_digest(project.package / "market", repr(sorted(knobs.items())))
    target = project.market
    recover(target)
    if _recorded(target) == digest:
        return target
    say("Simulating the book's market (only at the first build and after a change of its code) ...")
    fresh = beside(target)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    simulate(**knobs, out=fresh)
    record = {"seed": knobs["seed"], "knobs": {name: str(value) for name, value in knobs.items()}}
    own = fresh / RECORD
    record |= json.loads(own.read_text("utf-8")) if own.is_file() else {}
    own.write_text(json.dumps({**record, "digest": digest}, indent=1) + "\n", "utf-8")
    swap_in(target)
    return target


def market_digest(code: Path, knobs: str) -> str:
    """Digest the market's source code and its knobs."""
    sources = {str(path.relative_to(code)): path.read_text("utf-8") for path in sorted(code.rglob("*.py"))}
    return digest_of({"sources": sources, "knobs": knobs})


def _recorded(folder: Path) -> str | None:
    record = folder / RECORD
    return json.loads(record.read_text("utf-8")).get("digest") if record.is_file() else None
