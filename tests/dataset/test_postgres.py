"""The same data set read from Postgres through Ibis: native types, and a database that keeps everything as text.

Skipped unless psycopg is installed and GBANALYSIS_POSTGRES holds the address of a database that may be written to.
"""

import os
from typing import Any

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.errors import ContractError
from tests.broken import good_frames

pytest.importorskip("psycopg")
ADDRESS = os.environ.get("GBANALYSIS_POSTGRES")
pytestmark = pytest.mark.skipif(not ADDRESS, reason="GBANALYSIS_POSTGRES is not set")
TYPES = {
    "bool": "boolean", "int": "bigint", "int64": "bigint", "float": "double precision", "float64": "double precision",
    "Timestamp": "timestamp", "date": "date", "str": "text",
}  # fmt: skip


@pytest.fixture(params=["native", "text"])
def con(request: pytest.FixtureRequest) -> Any:
    import ibis

    con = ibis.connect(ADDRESS)
    schema = f"gbanalysis_test_{request.param}"
    con.raw_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    con.raw_sql(f"CREATE SCHEMA {schema}")
    con.raw_sql(f"SET search_path TO {schema}")
    with con.con.cursor() as cursor:
        for name, frame in good_frames().items():
            kinds = [
                "text"
                if request.param == "text" or values.dropna().empty
                else TYPES[type(values.dropna().iloc[0]).__name__]
                for _, values in frame.items()
            ]
            columns = ", ".join(f'"{column}" {kind}' for column, kind in zip(frame, kinds, strict=True))
            cursor.execute(f'CREATE TABLE "{name}" ({columns})')
            for row in frame.astype(object).itertuples(index=False):
                values = [None if pd.isna(value) else str(value) if request.param == "text" else value for value in row]
                cursor.execute(f'INSERT INTO "{name}" VALUES ({", ".join(["%s"] * len(row))})', values)
    yield con
    con.raw_sql(f"DROP SCHEMA {schema} CASCADE")
    con.disconnect()


def test_postgres_gives_the_tables_of_the_embedded_engine(con: Any) -> None:
    dataset = gb.read_dataset(con)
    expected = gb.read_dataset(good_frames())
    assert gb.validate(dataset).ok, gb.validate(dataset).text()
    for name in expected.tables:
        there, here = dataset.to_frame(name), expected.to_frame(name)
        assert list(there) == list(here)
        for column in here:
            said = [None if pd.isna(value) else str(value) for value in there[column]]
            assert said == [None if pd.isna(value) else str(value) for value in here[column]], (name, column)


def test_a_bad_value_in_postgres_is_found_and_never_null(con: Any) -> None:
    with con.con.cursor() as cursor:
        cursor.execute("ALTER TABLE order_lines ALTER amount TYPE text")
        cursor.execute("UPDATE order_lines SET amount = 'thirty' WHERE line_id = 'L2'")
    dataset = gb.read_dataset(con)
    sentence = 'order_lines.amount: 1 value is not a number such as 1234.50 (line_id L2 "thirty")'
    assert [finding.message for finding in gb.validate(dataset).findings] == [sentence]
    with pytest.raises(ContractError, match=r'order_lines\.amount: "thirty" is not a number'):
        dataset.to_frame("order_lines")
