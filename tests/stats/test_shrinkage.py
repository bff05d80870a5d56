"""The long-tailed prior leaves large effects alone and holds small ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gbanalysis.stats.shrinkage import TAIL, sparse_variances


def test_the_common_scale_is_a_fixed_point() -> None:
    squares, scale = np.array([0.01, 0.02, 0.5, 0.001]), 0.1
    variances = sparse_variances(squares, scale)
    level = ((1 + TAIL) * variances - squares) / TAIL
    assert np.ptp(level) < 1e-12
    expected = (len(squares) + 2) / ((1 / variances).sum() + 2 / scale**2)
    np.testing.assert_allclose(level[0], expected, rtol=0.02)


def test_a_large_effect_is_shrunk_far_less_than_a_normal_prior_would() -> None:
    estimates, noise = np.array([0.1, -0.15, 0.05, -0.1, 0.0, 0.1, -0.05, 1.5]), 0.03
    variances = sparse_variances(estimates**2 + noise, 0.05)
    kept = variances / (variances + noise)
    normal = (estimates**2).mean() / ((estimates**2).mean() + noise)
    assert kept[-1] > 0.97 > normal
    assert kept[:-1].max() < 0.6


@given(st.lists(st.floats(0, 4), min_size=1, max_size=12), st.floats(0.01, 1.0))
def test_order_does_not_matter_and_larger_effects_get_larger_variances(squares: list[float], scale: float) -> None:
    values = np.array(squares)
    found = sparse_variances(values, scale)
    np.testing.assert_allclose(sparse_variances(values[::-1], scale)[::-1], found, rtol=1e-9)
    order = np.argsort(values)
    assert (np.diff(found[order]) >= -1e-12).all()
