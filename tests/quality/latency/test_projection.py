"""The projection's promises: sums, bounds, no look ahead, honest intervals, and odd input."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.worlds.latency import make_world
from benchmarks.worlds.real_triangles import dengue, hospitalisations, real_data
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError
from gbanalysis.quality.latency.projection import Projection, project_triangle
from gbanalysis.quality.latency.triangle import Triangle

START = "2026-03-02"
SHARES = np.array([0.5, 0.25, 0.15, 0.1])


def small_triangle(seed: int, *, n_cells: int = 3, n_days: int = 35, size: float = 20.0) -> Triangle:
    rng = np.random.default_rng(seed)
    final = rng.poisson(size, (n_cells, n_days))
    counts = rng.multinomial(final, SHARES).astype(float)
    return Triangle(counts, start=START, exposure=final + rng.poisson(10 * size, (n_cells, n_days)).astype(float))


@pytest.fixture(scope="module")
def projected() -> tuple[Triangle, Projection]:
    triangle = small_triangle(1)
    return triangle, project_triangle(triangle, as_of=triangle.reference[-1], rng=1)


@pytest.mark.parametrize(
    "arguments, said",
    [({"confidence": 90}, "confidence must lie"), ({"as_of": "soon"}, "is no day"), ({"as_of": None}, "is no day")],
)
def test_bad_arguments_are_named(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(GBAnalysisError, match=said):
        project_triangle(small_triangle(1), **{"as_of": START, **arguments})  # type: ignore[arg-type]


def test_mature_days_are_what_was_observed(projected: tuple[Triangle, Projection]) -> None:
    triangle, found = projected
    assert found.n_mature == triangle.n_days - 3
    np.testing.assert_array_equal(found.estimate[:, :-3], triangle.ultimate()[:, :-3])
    np.testing.assert_array_equal(found.interval()[:, :-3, 0], found.interval()[:, :-3, 1])
    assert (found.share_reported[:, :-3] == 1).all()


def test_frame_adds_up_to_the_whole(projected: tuple[Triangle, Projection]) -> None:
    frame = projected[1].to_frame()
    cells, whole = frame[frame["cell"].notna()], frame[frame["cell"].isna()]
    for column in ("n_observed", "estimate", "exposure"):
        np.testing.assert_allclose(cells.groupby("reference")[column].sum(), whole[column])
    np.testing.assert_allclose(whole["rate"], whole["estimate"] / whole["exposure"])
    assert (whole["rate_ci_lower"] <= whole["rate"]).all() and (whole["rate"] <= whole["rate_ci_upper"]).all()


def test_the_whole_is_not_narrower_than_independent_cells_would_make_it() -> None:
    """Cells share the delay law: its error does not average out, so the whole's variance exceeds the cells' sum."""
    world = make_world("overdispersed", 11)
    found = project_triangle(world.triangle, as_of=world.triangle.reference[-1], rng=1)
    newest = found.draws[:, :, -1]
    assert newest.sum(axis=1).var() > 1.5 * newest.var(axis=0).sum()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), size=st.sampled_from([0.05, 0.5, 5.0]), n_days=st.integers(3, 30))
def test_bounds_hold_on_any_triangle(seed: int, size: float, n_days: int) -> None:
    triangle = small_triangle(seed, n_days=n_days, size=size)
    try:
        found = project_triangle(triangle, as_of=triangle.reference[-1], rng=seed)
    except NotEnoughDataError:
        known = triangle.as_of(triangle.reference[-1])
        assert known.counts[:, :-1].sum() == 0
        return
    quantiles = found.quantiles()
    assert np.isfinite(quantiles).all() and np.isfinite(found.share_reported).all()
    assert (quantiles >= found.observed[:, :, None]).all() and (
        found.draws >= found.observed[:, found.n_mature :]
    ).all()
    assert triangle.exposure is not None
    assert (quantiles <= triangle.exposure[:, :, None]).all() and (found.estimate <= triangle.exposure).all()
    assert (np.diff(quantiles, axis=2) >= 0).all()


def test_the_future_is_not_read() -> None:
    triangle = small_triangle(2)
    day = triangle.reference[-8]
    told = project_triangle(triangle, as_of=day, rng=3)
    changed = replace(triangle, counts=np.where(triangle.known(day), triangle.counts, 0.0))
    np.testing.assert_array_equal(project_triangle(changed, as_of=day, rng=3).draws, told.draws)


def test_one_seed_gives_one_answer_and_the_unit_of_exposure_does_not_matter() -> None:
    triangle = small_triangle(3)
    day = triangle.reference[-1]
    first = project_triangle(triangle, as_of=day, rng=5)
    np.testing.assert_array_equal(project_triangle(triangle, as_of=day, rng=5).draws, first.draws)
    assert triangle.exposure is not None
    scaled = project_triangle(replace(triangle, exposure=1000 * triangle.exposure), as_of=day, rng=5)
    np.testing.assert_allclose(scaled.estimate[:, -3:], first.estimate[:, -3:], rtol=0.02)


def test_new_cells_empty_cells_and_closed_days_stay_finite() -> None:
    triangle = small_triangle(4)
    counts, exposure = triangle.counts.copy(), np.asarray(triangle.exposure).copy()
    counts[0, :-2], exposure[0, :-2] = 0, 0  # opened two days ago
    counts[1], exposure[1] = 0, 0  # never sold
    counts[:, -1], exposure[:, -1] = 0, 0  # closed today
    found = project_triangle(replace(triangle, counts=counts, exposure=exposure), as_of=triangle.reference[-1], rng=1)
    assert np.isfinite(found.draws).all() and np.isfinite(found.interval()).all()
    assert found.estimate[1].sum() == 0
    assert (found.estimate[:, -1] == 0).all()
    frame = found.to_frame()
    assert frame.loc[frame["exposure"] == 0, "rate"].isna().all()
    assert frame.loc[frame["exposure"] > 0, "rate"].notna().all()


def test_intervals_cover_and_beat_the_rate_seen_so_far() -> None:
    """Sixty worlds, whole and newest three days: 180 hits of 0.90, four standard errors over worlds below at most."""
    hits, ours, naive = [], [], []
    for seed in range(60):
        triangle = small_triangle(5_000 + seed, size=30.0)
        found = project_triangle(triangle, as_of=triangle.reference[-1], rng=seed)
        final = triangle.ultimate().sum(axis=0)[-3:]
        low, high = found.whole().interval()[0, -3:].T
        hits.append((low <= final) & (final <= high))
        ours.append(abs(found.estimate.sum(axis=0)[-3:] - final))
        naive.append(abs(found.observed.sum(axis=0)[-3:] - final))
    assert 0.80 <= np.mean(hits) <= 0.98
    assert np.mean(ours) < 0.35 * np.mean(naive)


def test_a_triangle_that_is_complete_is_left_alone() -> None:
    triangle = small_triangle(6)
    found = project_triangle(triangle, as_of="2026-12-31", rng=1)
    np.testing.assert_array_equal(found.estimate, triangle.ultimate())
    assert "complete" in found.text()


def test_days_without_sales_after_the_last_one_bring_more_reports() -> None:
    triangle = small_triangle(7)
    later = triangle.reference[-1] + 2
    found = project_triangle(triangle, as_of=later, rng=1)
    assert found.n_mature == triangle.n_days - 1
    np.testing.assert_array_equal(found.observed, triangle.observed(later))
    assert found.share_reported[:, -1] == pytest.approx([0.9] * 3, abs=0.03)


def test_a_long_history_is_cut_without_moving_the_newest_days() -> None:
    triangle = small_triangle(8, n_days=150)
    found = project_triangle(triangle, as_of=triangle.reference[-1], rng=1)
    assert found.estimate.shape == (3, 150)
    np.testing.assert_array_equal(found.observed, triangle.observed(triangle.reference[-1]))
    final = triangle.ultimate()[:, -3:].sum()
    assert found.estimate[:, -3:].sum() == pytest.approx(final, rel=0.15)


def test_a_projection_whose_parts_do_not_add_up_is_refused(projected: tuple[Triangle, Projection]) -> None:
    with pytest.raises(GBAnalysisError, match="mean of the draws"):
        replace(projected[1], estimate=projected[1].estimate + 1)


def test_words_and_chart(projected: tuple[Triangle, Projection]) -> None:
    found = projected[1]
    newest = found.whole().estimate[0, -1]
    assert f"{newest:,.0f} expected" in found.text()
    axes = found.plot()
    assert axes.get_ylabel()
    assert found.alt_text().startswith("Line of the final rate")
    assert len(found.summary().splitlines()) <= 20
    assert replace(found, exposure=None).alt_text().startswith("Line of the final count")


@pytest.mark.real_data
@pytest.mark.skipif(real_data() is None, reason="GBANALYSIS_REAL_DATA names no folder")
@pytest.mark.parametrize(
    ("load", "place"), [(dengue, 700), (hospitalisations, 130)], ids=["dengue", "hospitalisations"]
)
def test_real_triangles_are_projected_nearer_than_they_stand(load: object, place: int) -> None:
    folder = real_data()
    assert folder is not None and callable(load)
    triangle = load(folder)
    found = project_triangle(triangle, as_of=triangle.reference[place], rng=1)
    final = triangle.ultimate().sum(axis=0)[: place + 1]
    ours = abs(found.estimate.sum(axis=0) - final).sum()
    assert ours < abs(found.observed.sum(axis=0) - final).sum()
    assert np.isfinite(found.quantiles()).all()
