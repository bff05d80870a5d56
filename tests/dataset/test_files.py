"""Which file is which table: parts named by month, names that are nearly right, and names that the column map gives."""

from pathlib import Path

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.errors import ContractError
from tests.broken import good_frames, write_parquet


def few() -> dict[str, pd.DataFrame]:
    return {name: good_frames()[name] for name in ("order_lines", "products", "sites")}


@pytest.mark.parametrize("form", ["_2024-01", "_202401", "-2024.1", " 2024_01_31", "_20240131", "-part1", "_1-of-2"])
def test_part_files_named_by_number_month_or_day(form: str, tmp_path: Path) -> None:
    frames = few()
    lines = frames.pop("order_lines")
    write_parquet(frames, tmp_path)
    lines.head(4).to_parquet(tmp_path / f"order_lines{form}.parquet")
    lines.tail(2).to_parquet(tmp_path / f"order_lines{form.replace('1', '2')}.parquet")
    report = gb.validate(gb.read_dataset(tmp_path))
    assert report.ok, report.text()
    assert report.n_rows["order_lines"] == 6


def test_a_name_that_is_nearly_a_tables_gets_a_hint(tmp_path: Path) -> None:
    write_parquet({**few(), "refund": good_frames()["refunds"], "users_old": good_frames()["users"]}, tmp_path)
    hint = "did you mean refunds? Then rename it, or name it in the column map"
    assert f"refund.parquet belongs to no table of the contract and is not read; {hint}." in (
        gb.validate(gb.read_dataset(tmp_path)).notes
    )
    frames = {**few(), "refund": good_frames()["refunds"]}
    assert gb.validate(gb.read_dataset(frames)).notes == (
        f"The table refund belongs to no table of the contract and is not read; {hint}.",
    )
    write_parquet({"refunds": good_frames()["refunds"]}, tmp_path)
    notes = gb.validate(gb.read_dataset(tmp_path)).notes
    assert "refund.parquet belongs to no table of the contract and is not read." in notes


def test_a_mapped_table_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    frames = {**few(), "退款单": good_frames()["refunds"]}
    write_parquet(frames, tmp_path)
    columns = {"refunds": {"table": "退款", "amount": "金额"}}
    for source, noun in ((tmp_path, "file"), (frames, "table")):
        data = gb.read_dataset(source, columns=columns)
        said = f"refunds: the column map says it is named '退款', and no such {noun} is there; did you mean '退款单'?"
        assert [finding.message for finding in gb.validate(data).findings] == [said]
        with pytest.raises(ContractError, match="no such"):
            data.table("refunds")


def test_columns_mapped_for_a_table_that_is_not_there_are_noted(tmp_path: Path) -> None:
    write_parquet(few(), tmp_path)
    for source in (tmp_path, few()):
        report = gb.validate(gb.read_dataset(source, columns={"refunds": {"amount": "金额"}}))
        assert report.notes == ("The column map names columns of refunds, which is not there.",)
