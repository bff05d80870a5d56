"""The supply-chain graph: what it claims, what it can identify, and that it is drawn as it stands."""

from itertools import chain, combinations

import networkx as nx
import numpy as np
import pytest

import gbanalysis as gb
from gbanalysis.errors import GBAnalysisError, NotIdentifiedError
from gbanalysis.quality.effects.causes import Arrow, Node
from gbanalysis.quality.effects.graph import CausalGraph, supply_chain_graph


def graph_of(arrows, *, hidden=()):
    """A small graph; nodes in `hidden` are recorded nowhere."""
    names = sorted({end for arrow in arrows.split() for end in arrow.split(">")})
    nodes = tuple(Node(name, name, () if name in hidden else (f"t.{name}",), (0, 0)) for name in names)
    return CausalGraph(nodes, tuple(Arrow(*arrow.split(">"), "for the test") for arrow in arrows.split()))


def valid_sets(graph, treatment, outcome):
    """All back-door sets, by trying every one (Pearl's criterion)."""
    full = graph.to_networkx()
    allowed = set(graph.observed) - {treatment, outcome} - nx.descendants(full, treatment)
    cut = full.copy()
    cut.remove_edges_from(list(full.out_edges(treatment)))
    tried = chain.from_iterable(combinations(sorted(allowed), size) for size in range(len(allowed) + 1))
    return [set(each) for each in tried if nx.is_d_separator(cut, {treatment}, {outcome}, set(each))]


@pytest.mark.parametrize("treatment", ["transit_hours", "temperature", "supplier", "category", "policy"])
def test_the_set_to_hold_fixed_is_the_smallest_of_all_valid_ones(treatment):
    graph = supply_chain_graph()
    found, valid = graph.identify(treatment), valid_sets(graph, treatment, "refund")
    assert set(found.needed) in valid
    assert len(found.needed) == min(len(each) for each in valid)
    assert set(found.needed) | set(found.helpful) in valid
    assert not set(found.forbidden) & set(found.needed + found.helpful)


def test_what_a_treatment_moves_is_forbidden():
    found = supply_chain_graph(stages_apart=True).identify("grid_warehouse_hours")
    assert {"community_site_hours", "units_lost", "rating"} == set(found.forbidden)


def test_earlier_stages_must_be_held_fixed_for_the_last_one():
    found = supply_chain_graph(stages_apart=True).identify("community_site_hours")
    assert {"supplier_hours", "central_warehouse_hours", "grid_warehouse_hours"} <= set(found.needed)


def test_without_weather_the_effect_of_hours_is_refused_and_the_reason_named():
    tables = {name: gb.load_sample().to_frame(name) for name in ("order_lines", "products", "sites", "refunds")}
    graph = supply_chain_graph(gb.read_dataset(tables))
    assert {"weather", "transit_hours", "policy"} <= {name for name, _ in graph.missing}
    with pytest.raises(NotIdentifiedError, match="transit hours is not in the data"):
        graph.identify("transit_hours")
    whole = supply_chain_graph()
    hidden = CausalGraph(whole.nodes, whole.arrows, (("weather", "no table"),))
    with pytest.raises(NotIdentifiedError, match=r"not recorded \(weather\)"):
        hidden.identify("transit_hours")
    assert hidden.identify("supplier").needed == ("category", "place", "season")


def test_a_hidden_common_cause_leaves_the_front_door():
    graph = graph_of("u>x x>m m>y u>y", hidden=("u",))
    assert graph.identify("x", "y").frontdoor == ("m",)
    with pytest.raises(NotIdentifiedError, match=r"\(u\)"):
        graph_of("u>x x>y u>y", hidden=("u",)).identify("x", "y")


def test_an_instrument_is_named():
    assert graph_of("z>x x>y u>x u>y", hidden=("u",)).identify("x", "y").instruments == ("z",)


def test_no_path_is_no_effect():
    with pytest.raises(NotIdentifiedError, match="has no effect"):
        supply_chain_graph().identify("rating")


@pytest.mark.parametrize("stages_apart", [False, True])
def test_every_implication_is_a_d_separation(stages_apart):
    graph = supply_chain_graph(stages_apart=stages_apart)
    full, claims = graph.to_networkx(), graph.implications()
    assert len(claims) > 5
    for claim in claims:
        assert nx.is_d_separator(full, {claim.node}, {claim.other}, set(claim.given)), claim


def test_a_circle_is_refused():
    with pytest.raises(GBAnalysisError, match="circle"):
        graph_of("a>b b>a")


def test_dot_and_frame_hold_every_arrow():
    graph = supply_chain_graph()
    assert graph.to_dot().count("->") == len(graph.to_frame()) == graph.to_networkx().number_of_edges()
    assert graph.to_frame()["reason"].str.len().min() > 5
    assert "arrival_quality [style=dashed]" in graph.to_dot()


@pytest.mark.parametrize("stages_apart", [False, True])
def test_no_label_of_the_drawing_covers_another(stages_apart):
    ax = supply_chain_graph(stages_apart=stages_apart).plot()
    ax.figure.canvas.draw()
    boxes = [text.get_bbox_patch().get_window_extent() for text in ax.texts if text.get_text()]
    assert len(boxes) == 15
    assert not any(one.overlaps(two) for one, two in combinations(boxes, 2))
    frame = ax.figure.bbox
    assert all(np.all(frame.min <= box.min) and np.all(box.max <= frame.max) for box in boxes)
