import json

import pytest

from gbanalysis import market
from gbanalysis.publish import default_data
from gbanalysis.publish.project import Project


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A project whose market is written by a stand-in, and the list of what the stand-in was asked for."""
    calls = []

    def simulate(*, out, **knobs):
        out.mkdir(parents=True)
        (out / "sites.csv").write_text(json.dumps(knobs))
        calls.append(knobs)

    monkeypatch.setattr(market, "simulate", simulate, raising=False)
    monkeypatch.setattr(market, "DEFAULT_MARKET", {"seed": 7, "n_lines": 10}, raising=False)
    project = Project(root=tmp_path, work=tmp_path, installed=False)
    return project, calls


def ensure(project):
    return default_data.ensure_market(project, lambda text: None)


def test_the_market_is_made_once_with_its_seed_on_record(made):
    project, calls = made
    folder = ensure(project)
    assert folder == project.root / "data" / "market"
    assert json.loads((folder / "market.json").read_text())["seed"] == 7
    assert ensure(project) == folder
    assert calls == [{"seed": 7, "n_lines": 10}]


def test_other_knobs_make_it_again_in_one_piece(made, monkeypatch):
    project, calls = made
    folder = ensure(project)
    (folder / "left.csv").touch()
    monkeypatch.setattr(market, "DEFAULT_MARKET", {"seed": 8}, raising=False)
    ensure(project)
    assert len(calls) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["market.json", "sites.csv"]
    assert [path.name for path in folder.parent.iterdir()] == ["market"]


def test_a_simulation_that_stopped_half_way_leaves_the_last_market(made, monkeypatch):
    project, _ = made
    folder = ensure(project)
    before = (folder / "market.json").read_text()

    def stop(*, out, **knobs):
        out.mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(market, "simulate", stop)
    monkeypatch.setattr(market, "DEFAULT_MARKET", {"seed": 9})
    with pytest.raises(KeyboardInterrupt):
        ensure(project)
    assert (folder / "market.json").read_text() == before


def test_an_edit_of_the_markets_code_changes_its_digest(tmp_path):
    (tmp_path / "world.py").write_text("a = 1")
    first = default_data.market_digest(tmp_path, "k")
    assert default_data.market_digest(tmp_path, "other") != first
    (tmp_path / "world.py").write_text("a = 2")
    assert default_data.market_digest(tmp_path, "k") != first
