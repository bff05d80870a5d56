"""Which data a page runs on, and what is known of where they come from."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis import report
from gbanalysis.dataset.sample import project_folder
from gbanalysis.errors import GBAnalysisError

SAMPLE = project_folder() / "data" / "sample"


@pytest.fixture
def own_data(tmp_path: Path) -> Path:
    """A user's folder: the sample's three required tables without its record."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("order_lines", "products", "sites"):
        shutil.copy(SAMPLE / f"{name}.parquet", folder)
    return folder


def test_the_environment_names_the_data(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GBANALYSIS_DATA", str(own_data))
    monkeypatch.delenv("GBANALYSIS_COLUMNS", raising=False)
    data = report.open_data()
    assert data.tables == ("order_lines", "products", "sites")
    assert not report.is_simulated(data)
    assert "own" in report.data_kind(data) and "supplied" in report.data_kind(data)


def test_column_names_come_from_the_mapping_file(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    products = pd.read_parquet(own_data / "products.parquet").rename(columns={"category": "品类"})
    products.to_parquet(own_data / "products.parquet")
    mapping = own_data.parent / "map.toml"
    mapping.write_text('[products]\ncategory = "品类"\n', encoding="utf-8")
    monkeypatch.setenv("GBANALYSIS_DATA", str(own_data))
    monkeypatch.setenv("GBANALYSIS_COLUMNS", str(mapping))
    assert report.open_data().has("products", "category")


def test_data_that_are_not_there_are_named_without_their_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GBANALYSIS_DATA", str(tmp_path / "gone"))
    with pytest.raises(GBAnalysisError, match="'gone'") as caught:
        report.open_data()
    assert str(tmp_path) not in str(caught.value)


def test_the_sample_is_called_simulated_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GBANALYSIS_DATA", raising=False)
    seed = json.loads((SAMPLE / "truth.json").read_text())["config"]["seed"]
    sample = gb.load_sample()
    assert report.is_simulated(sample)
    assert report.data_kind(sample) == (
        f"The figures on this page come from a simulated market (seed {seed}), not from real trade."
    )


def test_a_damaged_record_is_an_error(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_data / "truth.json").write_text("{")
    monkeypatch.setenv("GBANALYSIS_DATA", str(own_data))
    with pytest.raises(GBAnalysisError, match=r"truth\.json"):
        report.is_simulated(report.open_data())


def test_a_story_that_fails_is_a_fault_on_our_data_and_news_on_others(
    own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GBANALYSIS_DATA", raising=False)
    sample = gb.load_sample()
    assert report.expect(sample, True, "Sales rise.") is None
    with pytest.raises(AssertionError, match="Sales rise"):
        report.expect(sample, False, "Sales rise.")
    monkeypatch.setenv("GBANALYSIS_DATA", str(own_data))
    box = report.expect(report.open_data(), False, "Sales <rise>.")
    assert box is not None and "Sales &lt;rise&gt;." in box.html and "warning" in box.html


def test_a_users_own_simulation_does_not_have_to_tell_our_story(
    own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SAMPLE / "truth.json", own_data)
    monkeypatch.setenv("GBANALYSIS_DATA", str(own_data))
    data = report.open_data()
    assert report.is_simulated(data)
    assert report.expect(data, False, "Sales rise.") is not None


def test_provenance_names_source_rows_days_and_versions_but_no_path(
    own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GBANALYSIS_DATA", str(own_data))
    lines = pd.read_parquet(own_data / "order_lines.parquet")
    html = report.provenance(report.open_data()).html
    expected = (f"{len(lines):,} order lines", str(lines["ordered_at"].min())[:10], str(lines["ordered_at"].max())[:10])
    for text in (*expected, f"gbanalysis {gb.__version__}", "own"):
        assert text in html
    assert str(own_data.parent) not in html


def test_periods_of_other_data_are_the_last_days(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GBANALYSIS_DATA", str(own_data))
    data = report.open_data()
    base, current, as_of = report.choose_periods(data, days=14)
    assert as_of == current[1] == data.settings.as_of
    assert (current[0] - base[1]).days == 1 and (base[1] - base[0]).days == (current[1] - current[0]).days == 13
    with pytest.raises(ValueError, match="both periods"):
        report.choose_periods(data, base=base)
