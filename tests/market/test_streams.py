"""Streams are independent by seed, mechanism and day, and stay what they were."""

import numpy as np

from gbanalysis.market.streams import stream


def test_each_argument_makes_another_stream():
    base = stream(1, "a", 1).random(4)
    for other in (stream(2, "a", 1), stream(1, "b", 1), stream(1, "a", 2), stream(1, "a"), stream(11, "a", 1)):
        assert not np.any(base == other.random(4))


def test_first_draws_are_pinned():
    """A change here changes every recorded market: data/sample must be made anew."""
    assert stream(42, "orders.visits", 3).integers(0, 2**32, 3).tolist() == [1066646566, 2531458405, 3068949093]


def test_streams_of_successive_days_are_uncorrelated():
    draws = np.array([stream(5, "x", day).standard_normal(400) for day in range(200)])
    lagged = np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]
    assert abs(lagged) < 4 / np.sqrt(draws[:-1].size)
