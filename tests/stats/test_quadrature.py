"""Gauss points keep the moments that they promise, for any sample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbanalysis.stats.quadrature import gauss_rule


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 9)), min_size=1, max_size=30),
    st.integers(1, 4),
)
def test_moments_are_kept(sample: list[tuple[int, int]], n_nodes: int) -> None:
    values, weights = np.array(sample, dtype=float).T
    values = values / 50
    nodes, shares = gauss_rule(values, weights, n_nodes)
    assert nodes.shape == shares.shape == (n_nodes,)
    for power in range(2 * n_nodes):
        assert shares @ nodes**power == pytest.approx(np.average(values**power, weights=weights), abs=1e-8)


def test_points_of_the_normal_law_are_those_of_hermite() -> None:
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    nodes, shares = gauss_rule(points, weights, 3)
    np.testing.assert_allclose(nodes, [-np.sqrt(3), 0, np.sqrt(3)], atol=1e-9)
    np.testing.assert_allclose(shares, [1 / 6, 2 / 3, 1 / 6], atol=1e-9)
