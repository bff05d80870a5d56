"""Twelve calibers of seven lines worked by hand, and what must hold for any lines."""

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.dataset.expressions import refunds_by_line
from gbanalysis.errors import ContractError, GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality import RefundRate, refund_rate
from gbanalysis.quality.indicator.units import DATE_BASES, UNITS, Unit, caliber_sums, weighted
from gbanalysis.quality.lines import with_refunds

Frames = dict[str, pd.DataFrame]
MONDAY, TUESDAY, WEDNESDAY = dt.date(2024, 3, 4), dt.date(2024, 3, 5), dt.date(2024, 3, 6)
AS_OF = dt.date(2024, 3, 20)


def by_hand() -> Frames:
    """Seven lines of three users; one is never picked up, two are refunded, one of them twice and beyond its amount."""
    names = [
        "line_id",
        "order_id",
        "user_id",
        "sku_id",
        "supplier_id",
        "ordered_at",
        "fulfilled_on",
        "quantity",
        "amount",
    ]
    rows = [
        ("L1", "O1", "U1", "apple", "V1", "2024-03-04 10:00", TUESDAY, 2, 20.0),
        ("L2", "O1", "U1", "pork", "V2", "2024-03-04 10:00", TUESDAY, 1, 30.0),
        ("L3", "O2", "U2", "apple", "V1", "2024-03-04 12:00", TUESDAY, 1, 10.0),
        ("L4", "O3", "U1", "apple", "V1", "2024-03-04 23:30", WEDNESDAY, 1, 10.0),  # after the cutoff: Tuesday's sale
        ("L5", "O4", "U3", "pork", "V2", "2024-03-05 09:00", WEDNESDAY, 1, 30.0),
        ("L6", "O4", "U3", "rice", "V2", "2024-03-05 09:00", WEDNESDAY, 2, 24.0),
        ("L7", "O5", "U2", "rice", "V2", "2024-03-05 20:00", None, 1, 12.0),
    ]
    lines = pd.DataFrame(rows, columns=names).astype({"ordered_at": "datetime64[ns]"}).assign(site_id="S1")
    asked = [
        ("R1", "L1", TUESDAY, 1.0, 10.0, True, TUESDAY),
        ("R2", "L1", WEDNESDAY, 2.0, 15.0, False, WEDNESDAY),  # with R1 more than the line: capped at 2 units and 20
        ("R3", "L4", dt.date(2024, 3, 7), None, 5.0, True, dt.date(2024, 3, 25)),  # half the amount: half a unit
        ("R4", "L7", WEDNESDAY, 1.0, 12.0, None, None),  # never picked up
        ("R5", "L2", dt.date(2024, 3, 21), 1.0, 30.0, True, dt.date(2024, 3, 21)),  # after as_of: not seen
    ]
    columns = ["refund_id", "line_id", "requested_on", "quantity", "amount", "approved", "decided_on"]
    return {
        "settings": pd.DataFrame({"as_of": [dt.date(2024, 3, 31)], "presale_cutoff": [dt.time(23, 0)]}),
        "order_lines": lines,
        "refunds": pd.DataFrame(asked, columns=columns),
        "sites": pd.DataFrame({"site_id": ["S1"], "region": ["Hunan"]}),
        "products": pd.DataFrame({"sku_id": ["apple", "pork", "rice"], "category": ["fruit", "meat", "grain"]}),
    }


# (unit, date): the week's units and refunded units, then those of its two days.
WORKED: dict[tuple[str, str], list[tuple[float, float]]] = {
    ("line", "fulfilled"): [(6, 2), (3, 1), (3, 1)],
    ("order", "fulfilled"): [(4, 2), (2, 1), (2, 1)],
    ("user", "fulfilled"): [(3, 1), (2, 1), (2, 1)],
    ("sku", "fulfilled"): [(3, 1), (2, 1), (3, 1)],
    ("value", "fulfilled"): [(124, 25), (60, 20), (64, 5)],
    ("quantity", "fulfilled"): [(8, 2.5), (4, 2), (4, 0.5)],
    ("line", "ordered"): [(7, 3), (3, 1), (4, 2)],
    ("order", "ordered"): [(5, 3), (2, 1), (3, 2)],
    ("user", "ordered"): [(3, 2), (2, 1), (3, 2)],
    ("sku", "ordered"): [(3, 2), (2, 1), (3, 2)],
    ("value", "ordered"): [(136, 37), (60, 20), (76, 17)],
    ("quantity", "ordered"): [(9, 3.5), (4, 2), (5, 1.5)],
}


@pytest.fixture(scope="module")
def worked() -> Dataset:
    return gb.read_dataset(by_hand())


@pytest.mark.parametrize(("unit", "date"), list(WORKED))
def test_every_caliber_is_the_one_worked_by_hand(worked: Dataset, unit: Any, date: Any) -> None:
    week = refund_rate(worked, unit=unit, date=date, period="W", as_of=AS_OF)
    days = refund_rate(worked, unit=unit, date=date, period="D", as_of=AS_OF)
    found = pd.concat([week.to_frame(), days.to_frame()])
    expected = np.array(WORKED[unit, date])
    np.testing.assert_allclose(found[["n_units", "n_refunded"]].to_numpy(dtype=float), expected, rtol=1e-12)
    np.testing.assert_allclose(found["rate"], expected[:, 1] / expected[:, 0], rtol=1e-12)
    first = TUESDAY if date == "fulfilled" else MONDAY
    assert [day.date() for day in found["period"]] == [MONDAY, first, first + dt.timedelta(days=1)]
    assert week.n_refunded_unfulfilled == 1


def test_granted_refunds_count_once_they_are_decided(worked: Dataset) -> None:
    by_day = {"unit": "value", "period": "W", "approved_only": True}
    assert refund_rate(worked, as_of=AS_OF, **by_day).to_frame()["n_refunded"].item() == 10
    assert refund_rate(worked, as_of="2024-03-25", **by_day).to_frame()["n_refunded"].item() == 45


def test_the_frame_has_the_columns_that_are_promised(worked: Dataset) -> None:
    plain = ["period", "category", "n_units", "n_refunded", "rate", "ci_lower", "ci_upper", "mature"]
    assert list(refund_rate(worked, by="category").to_frame()) == plain
    assert list(refund_rate(worked, by="category", shrink=True).to_frame()) == [
        *plain, "shrunk_rate", "shrunk_lower", "shrunk_upper",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("date", "as_of", "mature"),
    [
        ("fulfilled", "2024-03-16", False),
        ("fulfilled", "2024-03-17", True),  # the week's last day and a window of seven
        ("ordered", "2024-03-17", False),
        ("ordered", "2024-03-18", True),  # the last day's lines are picked up a day later
    ],
)
def test_a_period_is_mature_when_its_window_has_closed(worked: Dataset, date: Any, as_of: str, mature: bool) -> None:
    assert refund_rate(worked, date=date, period="W", as_of=as_of).to_frame()["mature"].tolist() == [mature]


def test_days_without_lines_have_no_rate_and_are_there() -> None:
    frames = by_hand()
    frames["order_lines"].loc[5, "fulfilled_on"] = dt.date(2024, 3, 9)
    found = refund_rate(gb.read_dataset(frames)).to_frame()
    assert len(found) == 5
    gap = found[found["n_units"] == 0]
    assert len(gap) == 2 and gap[["rate", "ci_lower", "ci_upper"]].isna().all(axis=None) and gap["mature"].all()


def test_lines_given_away_for_nothing_have_no_rate_of_value() -> None:
    frames = by_hand()
    frames["order_lines"]["amount"] = frames["order_lines"]["amount"].where(
        frames["order_lines"]["sku_id"] != "rice", 0.0
    )
    found = refund_rate(gb.read_dataset(frames), unit="value", by="sku_id", period="W", shrink=True).to_frame()
    rice = found.set_index("sku_id").loc["rice"]
    assert rice["n_units"] == 0 and np.isnan(rice["rate"]) and 0 < rice["shrunk_rate"] < 1


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"unit": "lines"}, GBAnalysisError, "unit must be one of"),
    ({"date": "paid"}, GBAnalysisError, "date must be one of"),
    ({"period": "Y"}, GBAnalysisError, "period must be one of"),
    ({"confidence": 90}, GBAnalysisError, "confidence"),
    ({"as_of": "2024-04-01"}, NotEnoughDataError, "in the future"),
    ({"as_of": "2024-03-01"}, NotEnoughDataError, "No line was picked up"),
    ({"as_of": "soon"}, GBAnalysisError, "as_of must be a day"),
    ({"by": "user_id"}, ContractError, "user_id"),
    ({"by": "order_id"}, ContractError, "single orders"),
    ({"by": "flavour"}, ContractError, "flavour"),
    ({"by": ["region", "region"]}, GBAnalysisError, "twice"),
]


@pytest.mark.parametrize(("arguments", "error", "said"), BAD, ids=[said for _, _, said in BAD])
def test_bad_arguments_are_refused_with_a_sentence(
    worked: Dataset, arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        refund_rate(worked, **arguments)


def test_without_refunds_there_is_no_rate() -> None:
    frames = by_hand()
    del frames["refunds"]
    with pytest.raises(ContractError, match="needs the table refunds"):
        refund_rate(gb.read_dataset(frames))


def test_without_suppliers_the_sites_are_the_clusters() -> None:
    frames = by_hand()
    frames["order_lines"] = frames["order_lines"].drop(columns="supplier_id")
    found = refund_rate(gb.read_dataset(frames), period="W", as_of=AS_OF).to_frame()
    assert found["n_refunded"].item() == 2 and found["ci_upper"].item() < 1


@st.composite
def trades(draw: st.DrawFn) -> Frames:
    """A few dozen lines over two weeks, with refunds, some for part of a line, some twice."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 40))
    frames = by_hand()
    order = np.sort(rng.integers(0, max(n // 2, 1), n))
    day = rng.integers(0, 12, n)[order]
    lag = rng.choice([1.0, 2.0, np.nan], n, p=[0.8, 0.1, 0.1])
    lines = pd.DataFrame(
        {
            "line_id": [f"L{i}" for i in range(n)], "order_id": [f"O{o}" for o in order],
            "user_id": [f"U{u}" for u in rng.integers(0, 8, n)[order]], "site_id": "S1",
            "sku_id": rng.choice(["apple", "pork", "rice"], n), "supplier_id": rng.choice(["V1", "V2"], n),
            "ordered_at": pd.Timestamp(MONDAY) + pd.to_timedelta(day, "D") + pd.Timedelta("9h"),
            "quantity": rng.integers(1, 4, n).astype(float), "amount": rng.integers(0, 50, n).astype(float),
        }
    )  # fmt: skip
    picked = (lines["ordered_at"].dt.normalize() + pd.to_timedelta(lag, "D")).dt.date
    frames["order_lines"] = lines.assign(fulfilled_on=picked.where(picked.notna(), None))
    which = rng.integers(0, n, draw(st.integers(0, 12)))
    frames["refunds"] = pd.DataFrame(
        {
            "refund_id": [f"R{i}" for i in range(len(which))], "line_id": [f"L{i}" for i in which],
            "requested_on": [MONDAY + dt.timedelta(days=int(day[i] + rng.integers(1, 9))) for i in which],
            "quantity": rng.integers(1, 4, len(which)).astype(float),
            "amount": rng.integers(0, 60, len(which)).astype(float),
        }
    )  # fmt: skip
    return frames


few = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rates(frames: Frames, **options: Any) -> pd.DataFrame:
    return refund_rate(gb.read_dataset(frames), date="ordered", **options).to_frame()


@few
@given(trades())
def test_days_add_up_to_weeks_where_units_do_and_never_fall_short_where_they_do_not(frames: Frames) -> None:
    data = gb.read_dataset(frames)
    for unit in ("line", "value", "quantity", "order", "user"):
        days, weeks = (refund_rate(data, unit=unit, date="ordered", period=period).to_frame() for period in ("D", "W"))
        monday = days["period"].dt.to_period("W").dt.start_time
        for name in ("n_units", "n_refunded"):
            summed = days.groupby(monday)[name].sum().to_numpy()
            if unit in ("line", "value", "quantity", "order"):  # an order has one selling day
                np.testing.assert_allclose(weeks[name], summed, rtol=1e-9)
            else:
                assert (weeks[name].to_numpy() <= summed + 1e-9).all()
                assert (weeks[name].to_numpy() >= days.groupby(monday)[name].max().to_numpy() - 1e-9).all()


@few
@given(trades())
def test_units_nest(frames: Frames) -> None:
    data = gb.read_dataset(frames)
    found = {unit: refund_rate(data, unit=unit, date="ordered", period="W").to_frame() for unit in UNITS[:4]}
    for small, large in (("line", "order"), ("order", "user"), ("line", "sku")):
        for name in ("n_units", "n_refunded"):
            assert (found[small][name] >= found[large][name]).all(), (small, large, name)
    # Where every order has one line, the two calibers are one.
    is_one = found["order"]["n_units"] == found["line"]["n_units"]
    np.testing.assert_allclose(found["order"].loc[is_one, "rate"], found["line"].loc[is_one, "rate"])
    for frame in found.values():
        known = frame.dropna(subset=["rate"])
        assert (known["ci_lower"] <= known["rate"]).all() and (known["rate"] <= known["ci_upper"]).all()


@few
@given(trades(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_the_names_of_things_do_not_matter(frames: Frames, seed: int) -> None:
    shuffled = {name: frame.sample(frac=1, random_state=seed) for name, frame in frames.items()}
    for table in ("order_lines", "refunds"):
        shuffled[table]["line_id"] = "x" + shuffled[table]["line_id"].astype(str).str[::-1]
    shuffled["order_lines"]["user_id"] = shuffled["order_lines"]["user_id"].map(lambda name: f"person {name}")
    for unit in ("line", "user", "value"):
        options: dict[str, Any] = {"unit": unit, "by": "category", "period": "W", "shrink": True}
        pd.testing.assert_frame_equal(rates(frames, **options), rates(shuffled, **options), rtol=1e-9)


@few
@given(trades())
def test_what_became_known_later_never_matters(frames: Frames) -> None:
    known = dt.date(2024, 3, 10)
    past = {name: frame.copy() for name, frame in frames.items()}
    past["settings"]["as_of"] = known
    past["refunds"] = past["refunds"][past["refunds"]["requested_on"] <= known]
    lines = past["order_lines"]
    lines = lines[lines["ordered_at"].dt.date <= known].copy()
    if lines.empty:
        return
    lines["fulfilled_on"] = [day if day is not None and day <= known else None for day in lines["fulfilled_on"]]
    past["order_lines"] = lines
    past["refunds"] = past["refunds"][past["refunds"]["line_id"].isin(lines["line_id"])]
    for unit in ("line", "user"):
        then = refund_rate(gb.read_dataset(past), unit=unit, date="ordered")
        now = refund_rate(gb.read_dataset(frames), unit=unit, date="ordered", as_of=known)
        pd.testing.assert_frame_equal(then.to_frame(), now.to_frame())
        assert then.n_refunded_unfulfilled == now.n_refunded_unfulfilled


def test_the_sample_agrees_with_pandas() -> None:
    data = gb.load_sample()
    lines = data.to_frame("order_lines").merge(data.to_frame("sites")[["site_id", "region"]])
    lines = lines[lines["fulfilled_on"].notna()]
    lines["refunded"] = lines["line_id"].isin(data.to_frame("refunds")["line_id"])
    lines["period"] = pd.to_datetime(lines["fulfilled_on"]).dt.to_period("M").dt.start_time
    for unit, key in {"line": "line_id", "order": "order_id", "user": "user_id", "sku": "sku_id"}.items():
        marks = lines.groupby(["period", "region", key])["refunded"].max().groupby(["period", "region"])
        expected = marks.agg(["size", "sum", "mean"]).reset_index()
        unit_of: Unit = unit  # type: ignore[assignment]
        found = refund_rate(data, unit=unit_of, by="region", period="M").to_frame()
        np.testing.assert_allclose(
            found[["n_units", "n_refunded", "rate"]], expected[["size", "sum", "mean"]].astype(float)
        )


def test_a_span_of_days_has_the_interval_of_its_days_together() -> None:
    data = gb.load_sample()
    daily, weekly = (refund_rate(data, period=period) for period in ("D", "W"))
    week = weekly.to_frame().iloc[4]
    last = week["period"] + pd.Timedelta(days=6)
    span = daily.between(week["period"].date(), last.date()).iloc[0]
    assert span[["n_units", "n_refunded"]].tolist() == week[["n_units", "n_refunded"]].tolist()
    assert span["mature"] == week["mature"]
    ends = ["ci_lower", "ci_upper"]
    np.testing.assert_allclose(span[ends].astype(float), week[ends].astype(float), rtol=0.1)
    by_region = refund_rate(data, by="region").between(week["period"].date(), last.date())
    assert by_region["n_refunded"].sum() == week["n_refunded"] and by_region["region"].is_unique
    with pytest.raises(NotIdentifiedError, match="distinct within one day"):
        refund_rate(data, unit="user").between("2024-01-01", "2024-01-14")
    with pytest.raises(NotEnoughDataError, match="No day with lines"):
        daily.between("2020-01-01", "2020-02-01")


def test_results_are_told_in_words_and_withheld_for_few_people(worked: Dataset) -> None:
    few_users = refund_rate(worked, period="W")
    assert "no week of ten users or more" in few_users.text()
    assert few_users.alt_text().startswith("No chart")
    weekly = refund_rate(gb.load_sample(), period="W")
    last = weekly.latest()
    assert f"{100 * last['rate'].item():.1f}" in weekly.text() and last["mature"].all()
    assert "not final" in weekly.text() and "hatched" in weekly.alt_text()
    sites = refund_rate(gb.load_sample(), by="site_id", period="W")
    drawn = sites.drawn()
    assert (sites.n_users.loc[drawn.index] >= 10).all()
    assert len(drawn) < len(sites.latest())


def test_a_result_refuses_rates_that_do_not_fit(worked: Dataset) -> None:
    found = refund_rate(worked, period="W")
    fields = {name: getattr(found, name) for name in RefundRate.__dataclass_fields__}
    with pytest.raises(GBAnalysisError, match="rate x units"):
        RefundRate(**{**fields, "frame": found.frame.assign(rate=0.4)})
    with pytest.raises(GBAnalysisError, match="outside its interval"):
        RefundRate(**{**fields, "frame": found.frame.assign(ci_lower=0.9)})


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize("unit", UNITS)
def test_the_expressions_compile_for_other_engines(unit: Unit, dialect: str) -> None:
    lines = ibis.table(
        {
            "line_id": "string", "order_id": "string", "user_id": "string", "site_id": "string", "sku_id": "string",
            "supplier_id": "string", "day": "date", "period": "date", "quantity": "float64", "amount": "float64",
        },
        name="order_lines",
    )  # fmt: skip
    refunds = ibis.table(
        {
            "line_id": "string", "requested_on": "date", "amount": "float64", "quantity": "float64",
            "approved": "boolean", "decided_on": "date",
        },
        name="refunds",
    )  # fmt: skip
    asked = with_refunds(lines, refunds, as_of=AS_OF, approved_only=True)
    sums = caliber_sums(weighted(asked, unit=unit, keys=["period"]), unit=unit, keys=["period"])
    assert "SELECT" in str(ibis.to_sql(sums, dialect=dialect))
    assert "n_refunds" in refunds_by_line(refunds, as_of=AS_OF).columns


def test_every_pair_of_unit_and_date_is_worked_by_hand() -> None:
    assert set(WORKED) == {(unit, date) for unit in UNITS for date in DATE_BASES}


def test_a_notebook_withholds_the_rows_of_few_users_as_texts_do() -> None:
    rates = gb.quality.refund_rate(gb.load_sample(), by=("site_id", "sku_id"), period="M")
    few = rates.n_users < 10
    assert few.any() and not few.all() and rates.to_frame()["rate"].notna().all()
    for name in ("n_refunded", "rate", "ci_upper"):
        assert (rates.told()[name].isna() == few).all()
    assert "NaN" in rates.summary() and rates.summary() in rates._repr_html_()
