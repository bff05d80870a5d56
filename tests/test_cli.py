"""The command line: its exit status, its one-sentence faults, its silence."""

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent.parent / "data" / "sample"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gbanalysis.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_sound_data_end_with_status_0_and_quiet_is_silent() -> None:
    done = run("validate", SAMPLE, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_map_in_toml_is_read(tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("站点,省\nT1,广东\n", "utf-8")
    (tmp_path / "products.csv").write_text("sku_id,category\nK1,fruit\n", "utf-8")
    header = "line_id,order_id,user_id,site_id,sku_id,ordered_at,fulfilled_on,quantity,金额\n"
    (tmp_path / "order_lines.csv").write_text(f"{header}L1,O1,U1,T1,K1,2024-01-31 20:00,2024-02-01,1,9.9\n", "utf-8")
    names = '[sites]\nsite_id = "站点"\nregion = "省"\n[order_lines]\namount = "金额"\n'
    (tmp_path / "map.toml").write_text(names, "utf-8")
    assert run("validate", tmp_path, "--columns", tmp_path / "map.toml").returncode == 0
    without = run("validate", tmp_path)
    assert without.returncode == 2
    assert "order_lines.amount" in without.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["validate", "{tmp}/nowhere"], "nowhere"),
        (["validate", "{sample}", "--columns", "{tmp}"], "Is a directory"),
        (["build", "--data", "{tmp}/nowhere"], "nowhere"),
        (["build", "--columns", "{tmp}/map.toml"], "map.toml"),
        (["build", "--data", "{sample}", "--out", "{tmp}/file"], "file"),
        (["build", "--data", "{sample}", "--out", "{tmp}/file/below"], "file"),
        (["build", "--data", "{sample}", "--out", "{tmp}/new", "--part", "qualty"], "qualty"),
        (["simulate", "--seed", "1", "--out", "{tmp}/m", "--family", "odd"], "odd"),
        (["simulate", "--seed", "1", "--out", "{tmp}/file"], "file"),
        (["convert", "complete-trip", "--out", "{tmp}/c"], "complete-trip"),
    ],
)
def test_a_user_s_fault_is_one_sentence_and_status_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "file").write_text("not a folder", "utf-8")
    places = {"tmp": str(tmp_path), "sample": str(SAMPLE)}
    done = run(*(text.format(**places) for text in arguments))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert said.format(**places) in done.stderr


def test_simulate_writes_the_same_market_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        size = ("--lines", "500", "--days", "8", "--seed", "3")
        assert run("simulate", *size, "--out", tmp_path / name, "--quiet").returncode == 0
    one, two = ((tmp_path / name / "order_lines.parquet").read_bytes() for name in ("one", "two"))
    assert one == two
