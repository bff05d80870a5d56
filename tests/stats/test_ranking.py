"""Counts above a score, against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from gbanalysis.stats.ranking import count_found, recall_at


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_precision_and_recall_are_scikit_learns(rows: list[tuple[int, bool]]) -> None:
    score, bad = (np.array(column) for column in zip(*rows, strict=True))
    if not bad.any():
        return
    found = count_found(score, bad)
    precision, recall, _ = precision_recall_curve(bad, score)
    np.testing.assert_allclose((found.bad / found.flagged)[::-1], precision[:-1])
    np.testing.assert_allclose((found.bad / bad.sum())[::-1], recall[:-1])


def test_ties_count_as_the_mean_over_their_orders() -> None:
    """One honest user allowed of four users in a tie, two of them bad: the mean over all orders of the tie."""
    rng = np.random.default_rng(1)
    bad = np.array([True, True, False, False])
    caught = []
    for _ in range(20_000):
        order = rng.permutation(bad)
        honest = np.cumsum(~order)
        caught.append(order[: int(np.argmax(honest == 1))].sum())  # before the first honest user is flagged
        caught.append(order[: int(np.argmax(honest == 2))].sum())  # before the second
    by_lot = np.array(caught).reshape(-1, 2).mean(axis=0) / 2
    between = recall_at(np.ones(4), bad, [0.25, 0.75])  # half an honest user stands between the two counts
    assert by_lot == pytest.approx([1 / 3, 2 / 3], abs=0.01)
    assert between == pytest.approx([0.25, 0.75])


def test_recall_grows_and_ends_at_one() -> None:
    rng = np.random.default_rng(2)
    score, bad = rng.normal(size=500), rng.random(500) < 0.1
    recall = recall_at(score, bad, np.linspace(0, 1, 50))
    assert (np.diff(recall) >= 0).all() and recall[-1] == 1.0
    shares = [0.1, 0.3]
    assert recall_at(score, bad, shares) == pytest.approx(recall_at(np.exp(score), bad, shares))
