"""What causes what on the way from the supplier to a refund: the nodes and arrows of the supply-chain graph.

Every arrow has a reason. An arrow that is not there is a claim too, and the stronger one: it says that the first has no
effect on the second but through the nodes between them.
"""

from __future__ import annotations

from typing import NamedTuple

from gbanalysis.dataset.contract import STAGES

OUTCOME = "refund"
HOURS_PLACE, HEAT_PLACE = (2, 1.15), (2, 0.3)
STAGE_NAMES = {stage: stage.replace("_", " ") for stage in STAGES}


class Node(NamedTuple):
    """A node: its name, what it is, the ``table.column`` entries that record it, and its place in a drawing.

    All entries must be there; without any it is never recorded by anyone. The place is (column, row).
    """

    name: str
    meaning: str
    columns: tuple[str, ...]
    place: tuple[float, float]


class Arrow(NamedTuple):
    """An effect of one node on another, and why it is believed."""

    cause: str
    effect: str
    reason: str


_FLOWS = ("order_lines.shipment_id", "stage_flows.arrived_at")
_HEAT = ("order_lines.shipment_id", "stage_flows.temperature_c")

_SURROUNDINGS = (
    Node("season", "the day: season, festivals, day of the week", ("order_lines.ordered_at",), (0, -0.3)),
    Node("place", "where it is sold, and the warehouses that serve it", ("sites.region",), (0.3, 1.4)),
    Node("category", "what is sold", ("products.category",), (0, 3.1)),
    Node("weather", "heat and rain on the way", ("weather.temperature_c",), (1.05, 0.75)),
    Node("supplier", "who delivers", ("order_lines.supplier_id",), (1, 2.3)),
    Node("policy", "the refund rule in force", ("policies.starts_on",), (3.3, -0.3)),
    Node("start_quality", "quality of the goods when they leave the supplier", (), (2, 3.1)),
    Node("handling", "care at docks and warehouses", (), (2, 2.05)),
    Node("arrival_quality", "quality of the goods at pickup", (), (3, 2.2)),
    Node("units_lost", "units that went missing on the way", (*_FLOWS, "stage_flows.quantity_out"), (3, 1.0)),
    Node("buyer", "the buyer's tolerance and habits", (), (3.4, 3.3)),
    Node(OUTCOME, "a refund of the line was asked for", ("refunds.line_id",), (4.1, 1.1)),
    Node("rating", "stars given in a review", ("reviews.rating",), (4.1, 2.5)),
)

_AROUND = (
    Arrow("season", "category", "what people buy follows the season"),
    Arrow("season", "supplier", "harvests and contracts move the suppliers' shares"),
    Arrow("season", "weather", "summer is hot"),
    Arrow("season", "start_quality", "goods are better at the height of their harvest"),
    Arrow("season", "policy", "refund rules start on a day"),
    Arrow("place", "category", "tastes differ by region"),
    Arrow("place", "supplier", "suppliers serve some regions only"),
    Arrow("place", "weather", "each region has its own weather"),
    Arrow("place", "policy", "refund rules start region by region"),
    Arrow("place", "buyer", "people differ by neighbourhood"),
    Arrow("place", "handling", "docks and crews differ by warehouse"),
    Arrow("category", "supplier", "a supplier sells some categories only"),
    Arrow("category", "start_quality", "some goods are harder to deliver sound"),
    Arrow("category", "handling", "fragile goods suffer more from the same hand"),
    Arrow("category", "arrival_quality", "shelf lives differ"),
    Arrow("category", OUTCOME, "what people expect, and bother to claim, differs by goods"),
    Arrow("weather", "start_quality", "heat and rain at the farm"),
    Arrow("supplier", "start_quality", "growing, sorting and packing"),
    Arrow("start_quality", "arrival_quality", "what leaves bad arrives bad"),
    Arrow("handling", "arrival_quality", "bruises"),
    Arrow("handling", "units_lost", "what is dropped or miscounted does not arrive"),
    Arrow("arrival_quality", OUTCOME, "bad goods are complained of"),
    Arrow("arrival_quality", "rating", "bad goods are rated low"),
    Arrow("units_lost", OUTCOME, "units that did not come are paid back"),
    Arrow("buyer", OUTCOME, "some complain sooner than others"),
    Arrow("buyer", "rating", "some rate lower than others"),
    Arrow("policy", OUTCOME, "easier rules, more requests"),
    Arrow(OUTCOME, "rating", "how a refund went colours the review"),
)

_TRANSIT_CAUSES = {
    "season": "lorries and docks are slower on busy days",
    "place": "roads and docks differ by place",
    "weather": "rain slows lorries, heat slows docks",
    "supplier": "suppliers lie near or far",
}
_HEAT_CAUSES = {
    "place": "warehouses are cooled more or less well",
    "category": "chilled goods are kept cool, others feel the weather",
    "weather": "heat leaks in",
    "supplier": "suppliers cool more or less well",
    "season": "cooling is switched with the season",
}


def together() -> tuple[tuple[Node, ...], tuple[Arrow, ...]]:
    """Give the graph with one node for the hours of the whole way and one for its temperature."""
    nodes = (
        Node("transit_hours", "hours from the supplier to the buyer", _FLOWS, HOURS_PLACE),
        Node("temperature", "mean temperature on the way", _HEAT, HEAT_PLACE),
    )
    arrows = [Arrow(cause, "transit_hours", reason) for cause, reason in _TRANSIT_CAUSES.items()]
    arrows += [Arrow(cause, "temperature", reason) for cause, reason in _HEAT_CAUSES.items()]
    for node in ("transit_hours", "temperature"):
        arrows += _to_the_goods(node)
    return (*_SURROUNDINGS, *nodes), (*_AROUND, *arrows)


def apart() -> tuple[tuple[Node, ...], tuple[Arrow, ...]]:
    """Give the graph with the hours and the temperature of every stage as nodes of their own."""
    nodes, arrows = [], []
    for stage in STAGES:
        hours, heat = f"{stage}_hours", f"{stage}_temperature"
        nodes.append(Node(hours, f"hours at the {STAGE_NAMES[stage]}, the leg in and the stay", _FLOWS, HOURS_PLACE))
        nodes.append(Node(heat, f"temperature at the {STAGE_NAMES[stage]}", _HEAT, HEAT_PLACE))
        arrows += [Arrow(cause, hours, reason) for cause, reason in _TRANSIT_CAUSES.items()]
        arrows += [Arrow(cause, heat, reason) for cause, reason in _HEAT_CAUSES.items()]
        for node in (hours, heat):
            arrows += _to_the_goods(node)
        if stage != STAGES[-1]:
            reason = "who comes too late for the day's pickup waits for the next"
            arrows.append(Arrow(hours, f"{STAGES[-1]}_hours", reason))
    return (*_SURROUNDINGS, *nodes), (*_AROUND, *arrows)


def whole(node: str) -> str:
    """Give the node of the whole way that a stage's node is part of.

    Examples
    --------
    >>> whole("grid_warehouse_hours"), whole("refund")
    ('transit_hours', 'refund')
    """
    stage, _, what = node.rpartition("_")
    return {"hours": "transit_hours", "temperature": "temperature"}[what] if stage in STAGES else node


def _to_the_goods(node: str) -> list[Arrow]:
    what = "time" if node.endswith("hours") else "heat"
    return [
        Arrow(node, "arrival_quality", f"goods age with {what}"),
        Arrow(node, "units_lost", f"what spoils by {what} is thrown away"),
    ]
