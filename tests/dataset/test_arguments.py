"""Days, periods and groups as arguments: what is taken, and what is refused with a sentence."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.arguments import as_date, checked, known_day, known_days, known_periods
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError

DAY = dt.date(2024, 3, 1)
AS_OF = dt.date(2024, 3, 31)


@pytest.mark.parametrize("value", [DAY, "2024-03-01", pd.Timestamp(DAY), dt.datetime(2024, 3, 1, 13)])
def test_a_day_may_be_written_in_many_ways(value: Any) -> None:
    assert as_date(value, what="as_of") == DAY


@pytest.mark.parametrize("value", ["soon", None, pd.NaT, "2024-13-01", float("nan")])
def test_what_is_no_day_is_named(value: Any) -> None:
    with pytest.raises(GBAnalysisError, match="as_of must be a day"):
        as_date(value, what="as_of")


def test_the_last_day_is_the_data_s_own_and_none_after_it() -> None:
    data = gb.load_sample()
    last = data.settings.as_of
    assert known_day(data) == last and known_day(data, "2024-02-01") == dt.date(2024, 2, 1)
    with pytest.raises(NotEnoughDataError, match=f"known up to {last}"):
        known_day(data, last + dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("days", "error", "said"),
    [
        (("2024-03-02", "2024-03-01"), GBAnalysisError, "after its last day"),
        (("2024-03-02",), GBAnalysisError, "two days"),
        ("2024-03-02", GBAnalysisError, "two days"),
        (("2024-03-02", "2024-04-01"), NotEnoughDataError, "in the future"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused(days: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        known_days(days, name="base", as_of=AS_OF)


def test_periods_that_are_compared_share_no_day() -> None:
    first, second = ("2024-03-01", "2024-03-07"), ("2024-03-08", "2024-03-14")
    assert known_periods(first, second, as_of=AS_OF)[1] == (dt.date(2024, 3, 8), dt.date(2024, 3, 14))
    assert known_periods(second, first, as_of=AS_OF)[0][0] == dt.date(2024, 3, 8)
    for overlapping in (("2024-03-07", "2024-03-10"), first, ("2024-02-20", "2024-03-20")):
        with pytest.raises(GBAnalysisError, match="must not overlap"):
            known_periods(first, overlapping, as_of=AS_OF)


def test_groups_and_confidence() -> None:
    assert checked("region", confidence=0.9) == ("region",) and checked(["a", "b"], confidence=0.5) == ("a", "b")
    with pytest.raises(GBAnalysisError, match="between 0 and 1"):
        checked((), confidence=90)
    with pytest.raises(GBAnalysisError, match="claim_days"):
        checked((), confidence=0.9, claim_days=-1)
