"""The projected refund rate of a Dataset: sums agree, the future is not read, bad questions get a named answer."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality.latency import maturity
from gbanalysis.quality.latency.projected_rate import ProjectedRate
from gbanalysis.results import rate

AS_OF = dt.date(2024, 3, 20)
COLUMNS = ["n_units", "observed_rate", "rate", "ci_lower", "ci_upper", "share_reported", "mature", "method"]


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


@pytest.fixture(scope="module")
def whole(sample: Dataset) -> ProjectedRate:
    return gb.quality.project_refund_rate(sample, as_of=AS_OF, rng=5)


def frames_of(data: Dataset) -> dict[str, pd.DataFrame]:
    names = ("order_lines", "products", "sites", "refunds", "settings")
    return {name: data.to_frame(name) for name in names}


@pytest.fixture(scope="module")
def tables(sample: Dataset) -> dict[str, pd.DataFrame]:
    return frames_of(sample)


def test_columns_and_which_days_are_open(whole: ProjectedRate) -> None:
    frame = whole.to_frame()
    assert list(frame) == ["period", *COLUMNS]
    assert frame["period"].is_unique
    open_days = frame.loc[~frame["mature"], "period"]
    assert [day.date() for day in open_days] == [AS_OF - dt.timedelta(days=6 - k) for k in range(7)]
    assert set(frame["method"]) == {"reported", "delay law"}


@pytest.mark.parametrize("unit", ["line", "value", "quantity"])
@pytest.mark.parametrize("date", ["fulfilled", "ordered"])
def test_what_is_observed_is_the_refund_rate_of_the_same_caliber(sample: Dataset, unit: str, date: str) -> None:
    caliber = {"unit": unit, "date": date, "as_of": AS_OF}
    rates = gb.quality.refund_rate(sample, **caliber).to_frame().set_index("period")
    ours = gb.quality.project_refund_rate(sample, **caliber, rng=1).to_frame().set_index("period")
    np.testing.assert_allclose(ours["observed_rate"], rates["rate"].reindex(ours.index), atol=1e-12)
    np.testing.assert_allclose(ours["n_units"], rates["n_units"].reindex(ours.index))
    assert len(ours) == len(rates) and (ours["mature"] == rates["mature"]).all()


def test_the_observed_rate_is_what_is_asked_back_by_then(whole: ProjectedRate, tables: dict[str, pd.DataFrame]) -> None:
    lines, refunds = tables["order_lines"], tables["refunds"]
    asked = refunds.loc[pd.to_datetime(refunds["requested_on"]) <= pd.Timestamp(AS_OF), "line_id"]
    day = pd.to_datetime(lines["fulfilled_on"])
    seen = lines[day <= pd.Timestamp(AS_OF)].assign(day=day, asked=lines["line_id"].isin(asked))
    expected = seen.groupby("day")["asked"].agg(["mean", "size"])
    found = whole.to_frame().set_index("period")
    np.testing.assert_allclose(found["observed_rate"], expected["mean"], atol=1e-12)
    np.testing.assert_array_equal(found["n_units"], expected["size"])


@pytest.mark.parametrize("unit", ["line", "value", "quantity"])
@pytest.mark.parametrize("by", [("supplier_id",), ("region", "category"), ("city_tier", "sku_id")])
def test_groups_add_up_to_the_whole(sample: Dataset, unit: str, by: tuple[str, ...]) -> None:
    """With one seed, in every draw: so the sums over days, too, agree for any grouping."""
    ours, groups = (gb.quality.project_refund_rate(sample, unit=unit, by=k, as_of=AS_OF, rng=5) for k in ((), by))
    for name in ("rate", "observed_rate"):
        frame = groups.to_frame()
        summed = frame.assign(part=frame["n_units"] * frame[name]).groupby("period")[["n_units", "part"]].sum()
        np.testing.assert_allclose(summed["part"] / summed["n_units"], ours.to_frame()[name], atol=1e-9)
    size = groups.scale[:, None]
    drawn = (groups.projection.draws * size).sum(axis=1)
    np.testing.assert_allclose(drawn, (ours.projection.draws * ours.scale[:, None])[:, 0], rtol=1e-9)


@pytest.mark.parametrize("unit", ["line", "value", "quantity"])
@pytest.mark.parametrize("date", ["fulfilled", "ordered"])
def test_no_rate_leaves_its_bounds(sample: Dataset, unit: str, date: str) -> None:
    frame = gb.quality.project_refund_rate(sample, unit=unit, date=date, by="grid_id", as_of=AS_OF, rng=1).to_frame()
    assert np.isfinite(frame[COLUMNS[:6]].to_numpy(dtype=float)).all()
    assert (frame["ci_lower"] >= frame["observed_rate"] - 1e-9).all()
    assert (frame["ci_upper"] <= 1 + 1e-9).all() and (frame["rate"] <= 1 + 1e-9).all()
    assert (frame["share_reported"] <= 1).all() and (frame["share_reported"] > 0).all()


def test_nothing_after_the_day_is_read(sample: Dataset, tables: dict[str, pd.DataFrame]) -> None:
    """All that happened after the day is changed: lines, pickups, refunds. The answer is the same, bit for bit."""
    last = pd.Timestamp(AS_OF)
    lines, refunds = tables["order_lines"].copy(), tables["refunds"].copy()
    later = pd.to_datetime(refunds["requested_on"]) > last
    refunds.loc[later, "amount"] = 0.0
    refunds.loc[later, "requested_on"] = pd.Timestamp("2024-03-30")
    lines.loc[pd.to_datetime(lines["fulfilled_on"]) > last, "fulfilled_on"] = None
    lines = lines[pd.to_datetime(lines["ordered_at"]) < last + pd.Timedelta(days=1)]
    refunds = refunds[refunds["line_id"].isin(lines["line_id"])]
    changed = gb.read_dataset({**tables, "order_lines": lines, "refunds": refunds})
    for options in ({}, {"unit": "value", "by": "region"}, {"date": "ordered"}):
        arguments: dict[str, Any] = {**options, "as_of": AS_OF, "rng": 3}
        first, second = (gb.quality.project_refund_rate(data, **arguments).to_frame() for data in (sample, changed))
        pd.testing.assert_frame_equal(first, second)


def test_a_total_is_the_ratio_of_sums_and_narrower_than_its_days(whole: ProjectedRate) -> None:
    frame = whole.to_frame()
    part = frame[frame["period"] >= "2024-03-11"]
    total = whole.total("2024-03-11", AS_OF).iloc[0]
    assert total["n_units"] == part["n_units"].sum()
    assert total["rate"] == pytest.approx(np.average(part["rate"], weights=part["n_units"]))
    newest = part.iloc[-1]
    assert total["ci_upper"] - total["ci_lower"] < newest["ci_upper"] - newest["ci_lower"]
    mature = whole.total("2024-02-01", "2024-02-07").iloc[0]
    assert mature["ci_lower"] == mature["rate"] == mature["ci_upper"]


def test_older_days_stand_as_they_are_reported(
    tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days before those that the delay law is learned from are given too, with refunds however late."""
    monkeypatch.setattr(maturity, "HISTORY_DAYS", 28)
    found = gb.quality.project_refund_rate(gb.read_dataset(tables), by="region", as_of=AS_OF, rng=5)
    older = found.to_frame()[lambda frame: frame["period"] < "2024-02-01"]
    assert len(older) and (older["rate"] == older["observed_rate"]).all() and older["mature"].all()
    january = found.total("2024-01-05", "2024-01-20").set_index("region")
    counted = older[older["period"].between("2024-01-05", "2024-01-20")]
    asked = (counted["n_units"] * counted["rate"]).groupby(counted["region"]).sum()
    np.testing.assert_allclose(january["n_units"] * january["rate"], asked)


def test_a_refund_after_the_window_counts_once_it_is_there(tables: dict[str, pd.DataFrame]) -> None:
    refunds = tables["refunds"].copy()
    lines = tables["order_lines"]
    chosen = lines[pd.to_datetime(lines["fulfilled_on"]) == pd.Timestamp("2024-03-01")]
    chosen = chosen[~chosen["line_id"].isin(refunds["line_id"])].head(5)
    late = refunds.head(5).assign(
        refund_id=[f"late{k}" for k in range(5)],
        line_id=chosen["line_id"].to_numpy(),
        requested_on=dt.date(2024, 3, 15),
    )
    data = gb.read_dataset({**tables, "refunds": pd.concat([refunds, late])})
    before, after = (
        gb.quality.project_refund_rate(data, as_of=day, rng=1).to_frame().set_index("period").loc["2024-03-01"]
        for day in ("2024-03-14", "2024-03-15")
    )
    assert (after["rate"] - before["rate"]) * after["n_units"] == pytest.approx(5)


@pytest.mark.parametrize("unit", ["order", "user", "sku"])
def test_units_that_are_no_sums_over_lines_are_refused(sample: Dataset, unit: str) -> None:
    with pytest.raises(NotIdentifiedError, match=f"by {unit} cannot be projected: "):
        gb.quality.project_refund_rate(sample, unit=unit)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"unit": "kilo"}, GBAnalysisError, "unit must be one of line, value, quantity"),
        ({"date": "shipped"}, GBAnalysisError, "date must be one of fulfilled, ordered"),
        ({"confidence": 90}, GBAnalysisError, "confidence must lie between 0 and 1"),
        ({"as_of": "2025-01-01"}, NotEnoughDataError, "lies in the future"),
        ({"as_of": "2023-06-01"}, NotEnoughDataError, "no line has its reference day"),
        ({"by": "user_id"}, ContractError, "user_id"),
        ({"by": "colour"}, ContractError, "colour"),
    ],
)
def test_bad_questions_get_a_named_answer(
    sample: Dataset, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        gb.quality.project_refund_rate(sample, **arguments)


def test_without_refunds_there_is_nothing_to_project(tables: dict[str, pd.DataFrame]) -> None:
    without = {name: frame for name, frame in tables.items() if name != "refunds"}
    with pytest.raises(ContractError, match="refunds"):
        gb.quality.project_refund_rate(gb.read_dataset(without))
    empty = {**tables, "refunds": tables["refunds"].head(0)}
    with pytest.raises(NotEnoughDataError, match="no refund of the lines"):
        gb.quality.project_refund_rate(gb.read_dataset(empty))


@pytest.mark.parametrize("n_days", [1, 2, 4, 9])
def test_a_short_history_is_told_or_gives_wide_finite_intervals(sample: Dataset, n_days: int) -> None:
    first = dt.date(2024, 1, 2)
    as_of = first + dt.timedelta(days=n_days - 1)
    try:
        frame = gb.quality.project_refund_rate(sample, as_of=as_of, rng=1).to_frame()
    except NotEnoughDataError:
        assert n_days <= 2
        return
    width = frame["ci_upper"] - frame["ci_lower"]
    assert np.isfinite(width).all()
    assert width.iloc[-1] > 0


def test_a_window_longer_than_the_history_leaves_every_day_open(tables: dict[str, pd.DataFrame]) -> None:
    long = {**tables, "settings": tables["settings"].assign(refund_window_days=25)}
    frame = gb.quality.project_refund_rate(gb.read_dataset(long), as_of="2024-01-20", rng=1).to_frame()
    assert not frame["mature"].any()
    assert np.isfinite(frame[COLUMNS[:6]].to_numpy(dtype=float)).all()


def test_a_window_of_no_days_leaves_nothing_open(tables: dict[str, pd.DataFrame]) -> None:
    none = {**tables, "settings": tables["settings"].assign(refund_window_days=0)}
    found = gb.quality.project_refund_rate(gb.read_dataset(none), as_of=AS_OF, rng=1)
    assert found.to_frame()["mature"].all()
    assert "nothing is projected" in found.text()
    with pytest.raises(NotEnoughDataError, match="name the days"):
        found.total()


def test_words_and_charts(sample: Dataset, whole: ProjectedRate) -> None:
    newest = whole.to_frame().iloc[-1]
    assert rate(newest["rate"], digits=2) in whole.text() and "7 days, 2024-03-14 to 2024-03-20" in whole.text()
    axes = whole.plot()
    assert {text.get_text() for text in axes.texts} == {"reported", "projected"}
    assert whole.text() in whole.alt_text()
    groups = gb.quality.project_refund_rate(sample, by="region", as_of=AS_OF, rng=5)
    assert "groups by region" in groups.text()
    assert groups.plot().get_ylabel() == "refund rate (lines) (%)"
    assert len(whole.summary().splitlines()) <= 20


def test_a_frame_that_contradicts_itself_is_refused(whole: ProjectedRate) -> None:
    import dataclasses

    frame = whole.to_frame()
    with pytest.raises(GBAnalysisError, match="below what is reported"):
        dataclasses.replace(whole, frame=frame.assign(rate=frame["observed_rate"] - 0.01))
    with pytest.raises(GBAnalysisError, match="mature day"):
        dataclasses.replace(whole, frame=frame.assign(rate=frame["rate"] + 0.01))
    with pytest.raises(GBAnalysisError, match="not a number"):
        dataclasses.replace(whole, frame=frame.assign(rate=np.nan))
