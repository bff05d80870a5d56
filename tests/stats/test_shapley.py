"""Shapley weights against the definition: the mean over all orders of what a player adds."""

from itertools import permutations

import numpy as np
import pytest

from gbanalysis.stats.shapley import shapley_weights


def by_orders(values: np.ndarray, n_players: int) -> np.ndarray:
    found = np.zeros(n_players)
    orders = list(permutations(range(n_players)))
    for order in orders:
        coalition = 0
        for player in order:
            found[player] += values[coalition | 1 << player] - values[coalition]
            coalition |= 1 << player
    return found / len(orders)


@pytest.mark.parametrize("n_players", [1, 2, 3, 5])
def test_weights_are_the_mean_over_all_orders(n_players: int) -> None:
    values = np.random.default_rng(n_players).normal(size=2**n_players)
    np.testing.assert_allclose(shapley_weights(n_players) @ values, by_orders(values, n_players), atol=1e-14)


def test_values_add_up_to_the_whole_and_a_player_that_adds_nothing_gets_nothing() -> None:
    values = np.random.default_rng(1).normal(size=16)
    values = np.concatenate([values, values])  # the fifth player changes nothing
    found = shapley_weights(5) @ values
    assert found.sum() == pytest.approx(values[-1] - values[0], abs=1e-14)
    assert found[4] == pytest.approx(0.0, abs=1e-15)
