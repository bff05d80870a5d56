"""Which share is in: against what came later in the data, by category; and what a correction needs of it."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.latency.delay_curves import reporting_delays
from gbanalysis.quality.latency.reported import LEAST_SHARE, ReportedShares, reported_shares


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


@pytest.fixture(scope="module")
def shares(sample: Dataset) -> ReportedShares:
    return reported_shares(sample, first="2024-03-01", last="2024-03-20", as_of="2024-03-20", rng=1)


def test_mature_days_are_whole_and_the_rest_falls_with_age(shares: ReportedShares) -> None:
    frame = shares.to_frame()
    mature = frame["day"] <= "2024-03-13"
    assert (frame.loc[mature, "share_reported"] == 1).all() and (frame.loc[mature, "se"] == 0).all()
    assert (frame["mature"] == mature).all()
    open_days = shares.share[:, -7:]
    assert (np.diff(open_days, axis=1) < 0).all() and (open_days > 0).all() and (open_days < 1).all()


def test_what_is_in_divided_by_its_share_is_what_came(sample: Dataset) -> None:
    """All open days of six evenings together: the corrected counts meet the final ones within four per cent."""
    lines, refunds = sample.to_frame("order_lines"), sample.to_frame("refunds")
    products = sample.to_frame("products")[["sku_id", "category"]]
    first_asked = pd.to_datetime(refunds.groupby("line_id")["requested_on"].min()).rename("asked")
    lines = lines.merge(products, on="sku_id").join(first_asked, on="line_id")
    lines["day"] = pd.to_datetime(lines["fulfilled_on"])
    corrected, final, naive = 0.0, 0.0, 0.0
    for evening in pd.date_range("2024-02-17", "2024-03-22", freq="7D"):
        found = reported_shares(sample, first=evening - pd.Timedelta(days=6), last=evening, as_of=evening, rng=1)
        share = found.to_frame().set_index(["category", "day"])["share_reported"]
        part = lines[lines["day"].between(evening - pd.Timedelta(days=6), evening) & lines["asked"].notna()]
        known = part[part["asked"] <= evening].groupby(["category", "day"]).size()
        corrected += float((known / share.reindex(known.index)).sum())
        naive, final = naive + len(part[part["asked"] <= evening]), final + len(part)
    assert naive < 0.9 * final
    assert corrected == pytest.approx(final, rel=0.04)


def test_categories_share_their_error(shares: ReportedShares) -> None:
    covariance = shares.covariance()
    n = shares.share.size
    assert covariance.shape == (n, n)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), shares.to_frame()["se"], rtol=0.01, atol=1e-12)
    newest = shares.draws[:, :, -1]
    between = np.corrcoef(newest, rowvar=False)[np.triu_indices(newest.shape[1], 1)]
    assert between.mean() > 0.04  # a thousand draws and many pairs: its standard error is below 0.01


@pytest.mark.parametrize(
    ("span", "error"),
    [(("2024-03-10", "2024-03-01"), GBAnalysisError), (("2024-03-10", "2024-03-25"), NotEnoughDataError)],
)
def test_periods_that_make_no_sense_are_refused(sample: Dataset, span: tuple[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        reported_shares(sample, first=span[0], last=span[1], as_of="2024-03-20")


def test_curves_are_counted_from_mature_days_only(sample: Dataset) -> None:
    as_of = dt.date(2024, 3, 20)
    found = reporting_delays(sample, by="weekday", as_of=as_of)
    lines, refunds = sample.to_frame("order_lines"), sample.to_frame("refunds")
    asked = pd.to_datetime(refunds.groupby("line_id")["requested_on"].min()).rename("asked")
    lines = lines.join(asked, on="line_id", how="inner")
    day = pd.to_datetime(lines["fulfilled_on"])
    lines = lines.assign(weekday=day.dt.day_name(), delay=(lines["asked"] - day).dt.days.clip(lower=0))
    lines = lines[day <= pd.Timestamp(as_of) - pd.Timedelta(days=7)]
    expected = lines["delay"].le(1).groupby(lines["weekday"]).mean()
    frame = found.to_frame().query("age == 1").set_index("weekday")
    np.testing.assert_allclose(frame["share_reported"], expected.reindex(frame.index))
    assert frame.index[0] == "Monday"
    assert (frame["ci_lower"] < frame["share_reported"]).all() and (frame["share_reported"] < frame["ci_upper"]).all()
    assert "on the day of pickup itself" in found.text() and found.text() in found.alt_text()
    assert len(found.plot().get_lines()) == 6
    assert "by age 0" in found.plot(age=0).get_xlabel()


def test_curves_need_a_mature_day(sample: Dataset) -> None:
    with pytest.raises(NotEnoughDataError, match="whose refund window has closed"):
        reporting_delays(sample, as_of="2024-01-05")


def test_rows_are_joined_by_one_rule(shares: ReportedShares) -> None:
    """A closed day is whole, an open one has its category's share, or that of all where the category is not known."""
    known, when = shares.categories[1], ["2023-06-01", "2024-03-13", "2024-03-19", "2024-03-20"]
    rows = pd.DataFrame([(name, pd.Timestamp(day), 5) for name in (known, "new") for day in when])
    rows.columns = pd.Index(["category", "day", "n"])
    found = shares.joined(rows)
    place = [list(shares.days.astype(str)).index(day) for day in when[2:]]
    np.testing.assert_allclose(found.share[:4], [1, 1, *shares.share[1, place]])
    np.testing.assert_allclose(found.share[4:], [1, 1, *shares.share[:, place].mean(axis=0)])
    assert found.notes == (
        "how late refunds come is not known for new: the mean of all categories stands for it in 10 lines whose "
        "refunds are still coming in",
    )
    np.testing.assert_allclose(
        (found.pairs @ shares.to_frame()["share_reported"])[[2, 3, 6, 7]], found.share[[2, 3, 6, 7]]
    )
    assert found.pairs[[0, 1, 4, 5]].nnz == 0
    assert shares.joined(rows.head(4)).notes == ()


def test_open_days_outside_the_period_are_refused(shares: ReportedShares) -> None:
    rows = pd.DataFrame({"category": [shares.categories[0]], "day": [pd.Timestamp("2024-03-21")], "n": [1]})
    with pytest.raises(GBAnalysisError, match="2024-03-21"):
        shares.joined(rows)


def test_hardly_reported_days_keep_a_least_share(shares: ReportedShares) -> None:
    tiny = replace(shares, share=shares.share * 1e-3)
    rows = pd.DataFrame({"category": shares.categories[:1], "day": [pd.Timestamp("2024-03-20")], "n": [1]})
    assert tiny.joined(rows).share.tolist() == [LEAST_SHARE]
