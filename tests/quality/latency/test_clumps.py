"""In what clumps events come, and that a projection allows for them."""

from dataclasses import replace

import numpy as np
import pytest

from gbanalysis.quality.latency.clumps import LARGEST, clump_size, in_clumps
from gbanalysis.quality.latency.delays import fit_delays
from gbanalysis.quality.latency.projection import project_triangle
from gbanalysis.quality.latency.triangle import Triangle

SHARES = np.array([0.5, 0.25, 0.15, 0.1])


def clumped(size: int, seed: int, *, n_cells: int = 2, clumps: float = 8.0) -> Triangle:
    """Reports that come `size` at a time."""
    counts = size * np.random.default_rng(seed).poisson(clumps * SHARES, (n_cells, 84, 4))
    return Triangle(counts.astype(float), start="2026-01-05")


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_size_of_clumps_is_found(size: int) -> None:
    found = [clump_size(fit_delays(clumped(size, seed))) for seed in (1, 2, 3)]
    assert np.mean(found) == pytest.approx(size, rel=0.25)


def test_many_events_that_scatter_in_proportion_are_no_clumps() -> None:
    rng = np.random.default_rng(1)
    weight = SHARES * np.exp(0.3 * rng.standard_normal((2, 84, 4)))
    counts = rng.poisson(5000 * weight / weight.sum(axis=2, keepdims=True)).astype(float)
    assert clump_size(fit_delays(Triangle(counts, start="2026-01-05"))) == 1.0


def test_it_stays_within_bounds() -> None:
    assert 2 < clump_size(fit_delays(clumped(30, 1, clumps=0.3))) <= LARGEST
    assert clump_size(fit_delays(clumped(19, 1, clumps=2.0))) == LARGEST
    nothing_late = Triangle(np.ones((1, 20, 2)) * np.array([1.0, 0.0]), start="2026-01-05")
    assert clump_size(fit_delays(nothing_late)) == 1.0


def test_units_of_a_clump_keep_the_rates() -> None:
    triangle = replace(clumped(2, 1), exposure=np.full((2, 84), 400.0))
    units = in_clumps(triangle, 2.0)
    assert units.exposure is not None and triangle.exposure is not None
    np.testing.assert_allclose(units.ultimate() / units.exposure, triangle.ultimate() / triangle.exposure)


def test_events_in_clumps_are_covered() -> None:
    """Forty worlds, the newest three days of the whole: events in fours, whose counts scatter twice as far."""
    hits = []
    for seed in range(40):
        triangle = clumped(4, 7_000 + seed, n_cells=1)
        found = project_triangle(triangle, as_of=triangle.reference[-1], rng=seed).whole()
        final = triangle.ultimate().sum(axis=0)[-3:]
        low, high = found.interval()[0, -3:].T
        hits.append((low <= final) & (final <= high))
    assert 0.82 <= np.mean(hits) <= 0.98
