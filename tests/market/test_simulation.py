"""The whole market: the same rows whatever the chunks and workers, sound by the contract, and the recorded sample."""

import datetime as dt
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import gbanalysis as gb
from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.errors import GBAnalysisError
from gbanalysis.market.day import DAY_TABLES, Day
from gbanalysis.market.static_tables import STATIC_TABLES
from tools.make_sample import SAMPLE, make_sample, recorded_knobs

SMALL = {"seed": 13, "n_lines": 6_000, "n_days": 40}
FILLED = [
    "settings",
    "order_lines",
    "products",
    "sites",
    "refunds",
    "suppliers",
    "users",
    "leaders",
    "nodes",
    "stage_flows",
    "inspections",
    "policies",
    "promotions",
    "prices",
    "stockouts",
    "weather",
    "calendar",
    "reviews",
]


def tables(folder: Path) -> dict[str, pa.Table]:
    """Every table of a market, its parts in order."""
    found: dict[str, list[pa.Table]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        inside = path.relative_to(folder)
        name = inside.parent if path.name.startswith("part-") else inside.with_suffix("")
        found.setdefault(str(name), []).append(pq.read_table(path))
    return {name: pa.concat_tables(parts).combine_chunks() for name, parts in found.items()}


def digest(folder: Path) -> str:
    """One number for all rows of a market."""
    whole = hashlib.blake2b(digest_size=16)
    for name, table in sorted(tables(folder).items()):
        whole.update(name.encode())
        for column in table.column_names:
            whole.update(repr(table[column].to_pylist()).encode())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return gb.simulate(**SMALL, out=tmp_path_factory.mktemp("market") / "m")


@pytest.mark.parametrize("cut", [{"chunk_lines": 1}, {"chunk_lines": 700}, {"chunk_lines": 1500, "workers": 2}])
def test_rows_do_not_depend_on_chunks_and_workers(market, tmp_path, cut):
    other = gb.simulate(**SMALL, out=tmp_path / "m", **cut)
    assert any(path.name.startswith("part-00001") for path in other.folder.rglob("*.parquet"))
    assert digest(other.folder) == digest(market.folder)


def test_another_seed_makes_other_rows(market, tmp_path):
    other = gb.simulate(**(SMALL | {"seed": 14}), out=tmp_path / "m")
    assert digest(other.folder) != digest(market.folder)


def test_every_table_is_filled_and_in_the_contract(market):
    found = tables(market.folder)
    assert sorted(name for name in found if not name.startswith("truth/")) == sorted(FILLED)
    for name in FILLED:
        assert found[name].num_rows > 0, name
        assert set(found[name].column_names) <= set(CONTRACT[name].columns)


def test_registries_name_each_table_once(market):
    made = [*STATIC_TABLES, *(name for rows_of in DAY_TABLES for name in rows_of(Day(market.truth.world, 3)))]
    assert len(made) == len(set(made))
    assert set(FILLED) <= set(made)


@pytest.mark.parametrize("family", ["standard", "batch", "link", "interaction", "confounder", "drift"])
def test_the_market_is_sound_by_the_contract(tmp_path, family):
    made = gb.simulate(seed=3, n_lines=5_000, n_days=60, family=family, out=tmp_path / "m")
    report = gb.validate(made.dataset)
    assert report.ok, report.text()


def test_nothing_lies_after_the_last_day(market):
    found = tables(market.folder)
    last = found["settings"]["as_of"][0].as_py()
    assert last == dt.date(2024, 1, 1) + dt.timedelta(days=SMALL["n_days"] - 1)
    for name in ("order_lines", "refunds", "stage_flows", "inspections", "reviews", "stockouts"):
        for field in found[name].schema:
            if pa.types.is_date(field.type) or pa.types.is_timestamp(field.type):
                latest = pc.max(found[name][field.name]).as_py()
                assert (latest.date() if isinstance(latest, dt.datetime) else latest) <= last, (name, field.name)


def test_number_of_lines_is_what_was_asked_for(tmp_path):
    made = gb.simulate(seed=2, n_lines=30_000, n_days=45, shocks="none", stock_cover=50.0, out=tmp_path / "m")
    assert tables(made.folder)["order_lines"].num_rows == pytest.approx(30_000, rel=0.03)


def test_progress_counts_the_days(tmp_path):
    told = []
    gb.simulate(**SMALL, out=tmp_path / "m", chunk_lines=1_000, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (40, 40)
    assert len(told) > 4


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(GBAnalysisError, match="holds files that are not a market"):
        gb.simulate(**SMALL, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_failure_leaves_the_old_market_in_place(tmp_path, monkeypatch):
    from gbanalysis.market import writing

    folder = gb.simulate(**SMALL, out=tmp_path / "m").folder
    before = digest(folder)

    def fail(*_):
        raise RuntimeError("out of paper")

    monkeypatch.setattr(writing, "write_batch", fail)
    with pytest.raises(RuntimeError, match="out of paper"):
        gb.simulate(**(SMALL | {"seed": 99}), out=folder)
    assert digest(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_an_older_market_is_replaced_and_written_elsewhere(market, tmp_path):
    folder = gb.simulate(seed=1, n_lines=500, n_days=10, out=tmp_path / "m").folder
    market.write(folder)
    assert digest(folder) == digest(market.folder)


def test_a_worker_that_fails_says_why(tmp_path):
    from gbanalysis.market.config import Config
    from gbanalysis.market.world import build_world
    from gbanalysis.market.writing import Batch, write_batches

    world = build_world(Config(seed=1, n_lines=500, n_days=10))
    batches = [Batch(0, range(5), False), Batch(1, range(5, 99), False)]
    with pytest.raises(GBAnalysisError, match="a worker of the simulation failed: IndexError"):
        write_batches(world, batches, tmp_path, workers=2, done=lambda _: None)


def test_an_unknown_knob_is_named():
    with pytest.raises(TypeError, match="no knob colour"):
        gb.simulate(seed=1, colour="red")


def test_the_sample_is_what_its_recorded_seed_makes(tmp_path):
    made, kept = tables(make_sample(tmp_path / "sample")), tables(SAMPLE)
    assert made.keys() == kept.keys()
    for name, table in made.items():
        assert table.equals(kept[name]), name
    truths = [json.loads((folder / "truth.json").read_text()) for folder in (tmp_path / "sample", SAMPLE)]
    assert [truth.pop("code_digest") for truth in truths] and truths[0] == truths[1]


def test_the_sample_is_small():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*.parquet")) < 6e6
    assert recorded_knobs()["n_days"] == 90
    assert 36_000 < tables(SAMPLE)["order_lines"].num_rows < 44_000
