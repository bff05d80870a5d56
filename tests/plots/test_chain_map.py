"""The picture of the chain: steps follow each other on the clock, and the picture says so."""

import matplotlib.pyplot as plt
import pytest

from gbanalysis.plots.chain_map import plot_chain_map, typical_day


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("cutoff", [20.0, 23.0, 23.5])
def test_each_step_starts_when_the_one_before_ends(cutoff):
    day = typical_day(cutoff)
    assert day["starts_hour"].iloc[1:].tolist() == day["ends_hour"].iloc[:-1].tolist()
    assert day["ends_hour"].iloc[0] == cutoff
    assert (day["ends_hour"] > day["starts_hour"]).all()


def test_bars_stand_where_the_frame_says():
    day = typical_day(22.0)
    ax = plot_chain_map(day)
    bars = ax.containers
    drawn = [(bar[0].get_x(), bar[0].get_x() + bar[0].get_width()) for bar in bars]
    assert drawn == [pytest.approx(pair) for pair in zip(day["starts_hour"], day["ends_hour"], strict=True)]


def test_cutoff_and_both_languages_are_written():
    ax = plot_chain_map(typical_day(22.5))
    texts = "\n".join(text.get_text() for text in ax.texts)
    assert "cutoff 22:30" in texts
    for name in (
        "Shared warehouse 共享仓",
        "Central warehouse 中心仓",
        "Grid warehouse 网格仓",
        "Community site 自提点",
    ):
        assert name in texts


def test_draws_on_the_axes_given():
    _, ax = plt.subplots()
    assert plot_chain_map(typical_day(), ax=ax) is ax
