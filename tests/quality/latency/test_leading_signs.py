"""Leading signs: counted as pandas counts them, blind to the future, weighed by their worth."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gbanalysis as gb
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality import facts
from gbanalysis.quality.latency.backtests import ProjectionBacktest
from gbanalysis.quality.latency.leading_signs import blend, log_chance, weigh
from gbanalysis.quality.latency.projection import project_triangle
from gbanalysis.quality.latency.sign_model import all_signs, fit_signs
from gbanalysis.quality.latency.signs import SignArrays, lay_out, share_by_age, signs_at
from gbanalysis.quality.latency.triangle import Triangle

AS_OF = dt.date(2024, 3, 28)
N_DAYS, WINDOW = 120, 4
SHARES = np.array([0.4, 0.25, 0.15, 0.1, 0.1])


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return gb.load_sample()


def trade(seed: int, *, effect: float) -> SignArrays:
    """Four cells of two categories whose refunds grow with the hours on the way by `effect` an hour, on the log."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(150, (4, N_DAYS)).astype(float)
    hours = 40 + rng.normal(0, 3, (4, N_DAYS))
    final = rng.poisson(n * 0.05 * np.exp(effect * (hours - 40)))
    refunded = rng.multinomial(np.minimum(final, n.astype(int)), SHARES).astype(float)
    reviewed = rng.multinomial(rng.poisson(0.1 * n), SHARES).astype(float)
    complained = rng.binomial(reviewed.astype(int), 0.2).astype(float)
    days = np.datetime64("2024-01-01") + np.arange(N_DAYS)
    cell = np.arange(4)
    return SignArrays(
        days, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), n, cell, cell, n, np.array([0, 0, 1, 1]), n,
        refunded.sum(axis=2), refunded, reviewed, complained, {"hours": hours},
    )  # fmt: skip


def test_signs_are_counted_as_pandas_counts_them(sample: Dataset) -> None:
    frame = facts.sign_facts(sample, max_delay=7, first=dt.date(2024, 2, 1), as_of=AS_OF)
    lines, reviews = sample.to_frame("order_lines"), sample.to_frame("reviews")
    lines["day"] = pd.to_datetime(lines["fulfilled_on"])
    lines = lines[lines["day"].between("2024-02-01", str(AS_OF))]
    reviews = reviews[pd.to_datetime(reviews["reviewed_on"]) <= pd.Timestamp(AS_OF)]
    read = lines.merge(reviews, on="line_id")
    assert frame["n"].sum() == len(lines)
    delays = [f"reviewed_{delay}" for delay in range(8)]
    assert frame[delays].to_numpy().sum() == len(read)
    bad = (read["rating"] <= 2).sum()
    complained = frame[[name.replace("reviewed", "complained") for name in delays]].to_numpy().sum()
    assert bad <= complained < len(read) / 2
    flows = sample.to_frame("stage_flows")
    way = flows[flows["shipment_id"].isin(lines["shipment_id"])].groupby(["shipment_id", "sku_id"])
    took = way.agg(came=("arrived_at", "min"), left=("departed_at", "max")).reset_index()
    took = lines.merge(took, on=["shipment_id", "sku_id"])
    expected = (took["left"] - took["came"]).dt.total_seconds() / 3600
    known = took["left"].dt.date <= AS_OF
    assert frame["hours"].sum() / frame["n_hours"].sum() == pytest.approx(expected[known].mean(), rel=0.01)


@pytest.mark.parametrize("age", [0, 2])
def test_a_sign_knows_nothing_of_later_days(age: int) -> None:
    """All counts and measurements that become known after day t + age are changed; the signs of day t are the same."""
    signs, day = trade(1, effect=0.2), 90
    after = np.arange(N_DAYS)[:, None] + np.arange(WINDOW + 1) > day + age
    later = np.arange(N_DAYS) > day + age
    changed = replace(
        signs,
        refunded=np.where(after, 9.0, signs.refunded),
        reviewed=np.where(after, 9.0, signs.reviewed),
        supply_refunded=np.where(np.arange(N_DAYS) + WINDOW > day + age, 30.0, signs.supply_refunded),
        n=np.where(later, 7.0, signs.n),
        measures={"hours": np.where(later, 99.0, signs.measures["hours"])},
    )
    found = []
    for each in (signs, changed):
        shares = [share_by_age(each, k) for k in range(WINDOW)]
        at = signs_at(each, age, shares=shares)
        found.append((at.values[:, day], at.usual[:, day]))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_sign_that_matters_is_learned_and_one_that_does_not_is_not() -> None:
    """Squared error of the predicted refunds to come at age 0, on days that were not learned from."""
    for effect, gain in ((0.15, 0.85), (0.0, 1.05)):
        signs = trade(2, effect=effect)
        by_age = all_signs(signs)
        model = fit_signs(by_age, trained_to=80)
        days = slice(81, N_DAYS - WINDOW)
        made = (model.ages[0].expected, by_age[0].usual)
        ours, usual = (np.mean((each[:, days] - by_age[0].to_come[:, days]) ** 2) for each in made)
        assert ours < gain * usual
        hours = model.ages[0].coefficients[model.names.index("hours")]
        assert hours == pytest.approx(3 * effect, abs=0.1)


def test_what_is_predicted_covers() -> None:
    """Sums over cells and open days in 60 worlds: 54 of 60 expected, four standard errors to each side allowed."""
    hits = 0
    for seed in range(60):
        signs = trade(700 + seed, effect=0.1)
        last = N_DAYS - WINDOW - 1
        drawn = fit_signs(all_signs(signs), trained_to=last).draw(last, 500, np.random.default_rng(seed))
        ages = range(WINDOW - 1, -1, -1)
        truth = sum(signs.refunded[:, last - age, age + 1 :].sum() for age in ages)
        low, high = np.quantile(drawn.sum(axis=(1, 2)), (0.05, 0.95))
        hits += int(low <= truth <= high)
    assert 45 <= hits <= 60


def test_weights_go_to_the_stage_that_gave_the_outcome_more_chance() -> None:
    rng = np.random.default_rng(3)
    final = rng.poisson(20.0, (6, 3)).astype(float)
    right, wrong = rng.poisson(20.0, (800, 6, 3)).astype(float), rng.poisson(32.0, (800, 6, 3)).astype(float)
    chances = [np.stack([log_chance(wrong, final).T, log_chance(right, final).T])]
    assert (weigh(chances)["weight"] > 0.9).all()
    assert (weigh([chances[0][::-1]])["weight"] < 0.1).all()


def test_a_blend_keeps_what_is_reported_and_lies_between_its_parts() -> None:
    rng = np.random.default_rng(4)
    final = rng.poisson(30.0, (3, 40))
    triangle = Triangle(rng.multinomial(final, SHARES).astype(float), start="2024-01-01")
    first = project_triangle(triangle, as_of=triangle.reference[-1], rng=1)
    signs = first.draws + 10
    mixed = blend(first, signs, np.array([0.5, 0.0, 1.0, 0.25]), rng)
    moved = (mixed.estimate - first.estimate)[:, -4:]
    np.testing.assert_allclose(moved, np.tile([2.5, 10.0, 0.0, 5.0], (3, 1)), atol=0.8)
    np.testing.assert_array_equal(mixed.estimate[:, :-4], first.estimate[:, :-4])


@pytest.mark.slow
def test_nothing_after_the_day_is_read(sample: Dataset) -> None:
    """Lines, refunds, reviews, flows and weather after the day are changed or gone; the blend is the same."""
    names = [name for name in sample.tables if name in ("order_lines", "products", "sites", "settings", "suppliers")]
    tables = {name: sample.to_frame(name) for name in (*names, "refunds", "reviews", "stage_flows", "weather")}
    last = pd.Timestamp(AS_OF)
    changed = dict(tables)
    lines = tables["order_lines"]
    lines = lines.assign(fulfilled_on=pd.to_datetime(lines["fulfilled_on"]).where(lambda day: day <= last))
    changed["order_lines"] = lines[pd.to_datetime(lines["ordered_at"]) < last + pd.Timedelta(days=1)]
    for name, column in (("refunds", "requested_on"), ("reviews", "reviewed_on"), ("weather", "date")):
        changed[name] = tables[name][pd.to_datetime(tables[name][column]) <= last]
    flows = tables["stage_flows"]
    flows = flows[flows["arrived_at"] < last + pd.Timedelta(days=1)]
    gone = flows["departed_at"] >= last + pd.Timedelta(days=1)
    changed["stage_flows"] = flows.assign(departed_at=flows["departed_at"].mask(gone, last + pd.Timedelta(days=2)))
    both = [gb.read_dataset(data) for data in (tables, changed)]
    first, second = (gb.quality.project_refund_rate(data, as_of=AS_OF, signs=True, rng=3) for data in both)
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame())
    assert first.weights is not None and second.weights is not None
    pd.testing.assert_frame_equal(first.weights, second.weights)
    assert set(first.to_frame()["method"]) == {"reported", "delay law and signs"}
    assert first.weights["weight"].between(0, 1).all()


@pytest.fixture(scope="module")
def judged(sample: Dataset) -> ProjectionBacktest:
    return gb.quality.backtest_projection(sample, n_cutoffs=2, step=8, rng=1)


def test_the_backtest_counts_forecasts_and_ranks_methods(judged: ProjectionBacktest) -> None:
    frame = judged.to_frame()
    assert set(frame["method"]) == {"reported so far", "chain ladder", "delay law", "leading signs", "blend"}
    whole = frame[frame["level"] == "whole"]
    assert (whole["n"] == 2).all()
    table = judged.overall().set_index("method")
    assert table["mae"].at["delay law"] < 0.6 * table["mae"].at["reported so far"]
    reported = whole[whole["method"] == "reported so far"]
    np.testing.assert_allclose(reported["mae"], -reported["bias"])  # what is reported never exceeds what comes
    np.testing.assert_allclose(reported["mae"], reported["wis"])  # a point has no width
    assert judged.cutoffs == (dt.date(2024, 3, 15), dt.date(2024, 3, 23))
    assert "the delay law by" in judged.text() and judged.text() in judged.alt_text()
    assert len(judged.plot().get_lines()) == 5


def test_a_backtest_that_contradicts_itself_is_refused(judged: ProjectionBacktest) -> None:
    with pytest.raises(GBAnalysisError, match="not a number"):
        replace(judged, frame=judged.frame.assign(mae=-1.0))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"unit": "value", "signs": True}, NotIdentifiedError, "no other caliber"),
        ({"date": "ordered", "signs": True}, NotIdentifiedError, "no other caliber"),
        ({"as_of": "2024-01-20", "signs": True}, NotEnoughDataError, "too few to learn leading signs"),
    ],
)
def test_signs_are_refused_where_they_cannot_be_learned(
    sample: Dataset, arguments: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        gb.quality.project_refund_rate(sample, **arguments)  # type: ignore[arg-type]


def test_backtests_are_refused_where_they_cannot_be_made(sample: Dataset) -> None:
    with pytest.raises(GBAnalysisError, match="step must be 7 days or more"):
        gb.quality.backtest_projection(sample, step=3)
    with pytest.raises(NotEnoughDataError, match="20 cutoffs 10 days apart are too many"):
        gb.quality.backtest_projection(sample, n_cutoffs=20)


def test_rows_of_cells_that_are_gone_are_left_out(sample: Dataset) -> None:
    frame = facts.sign_facts(sample, max_delay=7, first=dt.date(2024, 2, 1), as_of=AS_OF)
    kept = sorted({(c, r) for c, r in zip(frame["category"], frame["region"], strict=True) if c != "fruit"})
    signs = lay_out(frame, cells=kept, as_of=AS_OF, max_delay=7)
    assert signs.n.sum() == frame.loc[frame["category"] != "fruit", "n"].sum()
    assert signs.part_n.sum() == signs.supply_n.sum() == signs.n.sum()


def test_what_the_data_do_not_have_is_no_sign(sample: Dataset) -> None:
    tables = {name: sample.to_frame(name) for name in ("order_lines", "products", "sites", "refunds", "settings")}
    tables["order_lines"] = tables["order_lines"].drop(columns=["supplier_id", "shipment_id"])
    bare = gb.read_dataset(tables)
    found = {}
    for name, data in (("bare", bare), ("full", sample)):
        frame = facts.sign_facts(data, max_delay=7, first=dt.date(2024, 2, 1), as_of=AS_OF)
        cells = sorted(set(zip(frame["category"], frame["region"], strict=True)))
        signs = lay_out(frame, cells=cells, as_of=AS_OF, max_delay=7)
        found[name] = set(all_signs(signs)[0].names)
    gone = {sign.split(":")[0] for sign in found["full"] - found["bare"]}
    assert gone == {
        "hours",
        "hours x level",
        "heat",
        "heat x level",
        "weather",
        "weather x level",
        "complaints in reviews",
    }
    assert found["bare"] < found["full"]
