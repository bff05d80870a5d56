"""Every broken folder is refused with one sentence that names its fault, by the function and by the command."""

import subprocess
import sys
from pathlib import Path

import pytest

import gbanalysis as gb
from gbanalysis.errors import ContractError
from tests.broken import BROKEN, Broken, good_frames, write_csv, write_parquet

IDS = [broken.name for broken in BROKEN]


@pytest.mark.parametrize("broken", BROKEN, ids=IDS)
def test_a_broken_folder_is_refused_with_a_sentence_that_names_the_fault(broken: Broken, tmp_path: Path) -> None:
    broken.make(tmp_path)
    report = gb.validate(gb.read_dataset(tmp_path))
    assert not report.ok
    assert any(all(word in line for word in broken.words) for line in report.text().splitlines()), report.text()
    # One fault is planted, so nothing but it (and what follows from it) may be reported.
    assert len(report.findings) <= 3, report.text()


@pytest.mark.parametrize("write", [write_parquet, write_csv])
def test_the_sound_folder_that_the_broken_ones_start_from_is_sound(write, tmp_path: Path) -> None:
    write(good_frames(), tmp_path)
    report = gb.validate(gb.read_dataset(tmp_path))
    assert report.ok, report.text()
    assert report.n_rows == {name: len(frame) for name, frame in good_frames().items()}


def test_there_are_enough_broken_folders() -> None:
    assert len(set(IDS)) == len(BROKEN) >= 35


@pytest.mark.parametrize("broken", BROKEN, ids=IDS)
def test_the_command_refuses_it_with_status_2(broken: Broken, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from gbanalysis.cli import app

    broken.make(tmp_path)
    result = CliRunner().invoke(app, ["validate", str(tmp_path)])
    assert result.exit_code == 2
    assert any(all(word in line for word in broken.words) for line in result.stderr.splitlines())


def test_the_program_itself_ends_with_status_2(tmp_path: Path) -> None:
    code = "from gbanalysis.cli import main; main()"
    run = [sys.executable, "-c", code, "validate"]
    missing = subprocess.run([*run, str(tmp_path / "nowhere")], capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "no folder or file 'nowhere'" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_an_unknown_source_is_a_contract_error() -> None:
    with pytest.raises(ContractError, match="A int cannot be read"):
        gb.read_dataset(3)
