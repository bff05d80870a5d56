"""The supply-chain graph: what causes what between the supplier and a refund, and what of it the data record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from gbanalysis.errors import GBAnalysisError
from gbanalysis.quality.effects import causes
from gbanalysis.quality.effects.identification import Identification, identify_effect
from gbanalysis.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gbanalysis.dataset.dataset import Dataset


class Implication(NamedTuple):
    """A claim that the graph makes on the data: `node` and `other` are unrelated among rows alike in `given`."""

    node: str
    other: str
    given: tuple[str, ...]

    def text(self) -> str:
        """Say the claim in words."""
        node, other, *given = (name.replace("_", " ") for name in (self.node, self.other, *self.given))
        return f"once {', '.join(given)} are known, {other} says nothing more about {node}"


@dataclass(frozen=True)
class CausalGraph(Result):
    """Nodes and arrows of the way from the supplier to a refund; made by `supply_chain_graph`.

    Attributes
    ----------
    nodes, arrows
        What there is, and what has an effect on what, each arrow with its reason.
    missing
        Nodes that could be recorded but are not in the data, with what is lacking.
    """

    nodes: tuple[causes.Node, ...]
    arrows: tuple[causes.Arrow, ...]
    missing: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        import networkx as nx  # type: ignore[import-untyped]

        names = {node.name for node in self.nodes}
        if not {name for arrow in self.arrows for name in arrow[:2]} <= names:
            raise GBAnalysisError("an arrow of the graph leads to a node that is not there")
        if not nx.is_directed_acyclic_graph(self.to_networkx()):
            raise GBAnalysisError("the graph has a circle: an effect cannot be its own cause")

    @property
    def observed(self) -> tuple[str, ...]:
        """Nodes that the data record."""
        absent = {name for name, _ in self.missing}
        return tuple(node.name for node in self.nodes if node.columns and node.name not in absent)

    def to_frame(self) -> pd.DataFrame:
        """Give the arrows: ``cause``, ``effect``, ``reason``."""
        return pd.DataFrame(self.arrows, columns=["cause", "effect", "reason"])

    def node_frame(self) -> pd.DataFrame:
        """Give the nodes: ``node``, ``meaning``, ``observed``, the ``columns`` that record it, what is ``lacking``."""
        lacking, observed = dict(self.missing), set(self.observed)
        rows = [
            (
                node.name,
                node.meaning,
                node.name in observed,
                ", ".join(node.columns),
                lacking.get(node.name, "" if node.columns else "never recorded"),
            )
            for node in self.nodes
        ]
        return pd.DataFrame(rows, columns=["node", "meaning", "observed", "columns", "lacking"])

    def to_networkx(self) -> Any:
        """Give the graph for networkx and dowhy; nodes have ``observed``, arrows have ``reason``."""
        import networkx as nx

        graph = nx.DiGraph()
        observed = set(self.observed)
        graph.add_nodes_from((node.name, {"observed": node.name in observed}) for node in self.nodes)
        graph.add_edges_from((arrow.cause, arrow.effect, {"reason": arrow.reason}) for arrow in self.arrows)
        return graph

    def to_dot(self) -> str:
        """Give the graph in the DOT language; nodes that nobody recorded are dashed."""
        observed = set(self.observed)
        nodes = [f"  {node.name}{'' if node.name in observed else ' [style=dashed]'};" for node in self.nodes]
        arrows = [f"  {arrow.cause} -> {arrow.effect};" for arrow in self.arrows]
        return "\n".join(["digraph {", *nodes, *arrows, "}"])

    def identify(self, treatment: str, outcome: str = causes.OUTCOME) -> Identification:
        """Say what must be held fixed to read an effect off the data.

        Parameters
        ----------
        treatment, outcome
            Nodes of the graph.

        Raises
        ------
        NotIdentifiedError
            Where an unobserved node stands in the way; the message names it.

        References
        ----------
        J. Pearl (2009), Causality, 2nd ed., section 3.3.

        Examples
        --------
        >>> supply_chain_graph().identify("transit_hours").needed
        ('place', 'season', 'supplier', 'weather')
        """
        return identify_effect(
            self.to_networkx(),
            treatment=treatment,
            outcome=outcome,
            observed=self.observed,
            absent=[name for name, _ in self.missing],
        )

    def implications(self) -> tuple[Implication, ...]:
        """Give what the graph claims of the data and the data could deny.

        Once its causes are known, a node is unrelated to everything that it has no effect on (the local Markov
        property). Only nodes whose causes are all observed are listed; the other claims cannot be tested.
        """
        import networkx as nx

        graph, observed = self.to_networkx(), set(self.observed)
        found, seen = [], set()
        for node in nx.topological_sort(graph):
            parents = set(graph.predecessors(node))
            if node not in observed or not parents or not parents <= observed:
                continue
            for other in sorted(observed - parents - set(nx.descendants(graph, node)) - {node}):
                if frozenset((node, other)) not in seen:
                    seen.add(frozenset((node, other)))
                    found.append(Implication(node, other, tuple(sorted(parents))))
        return tuple(found)

    def text(self) -> str:
        """Say how many nodes and arrows there are, and what is not recorded."""
        hidden = [node.name.replace("_", " ") for node in self.nodes if node.name not in self.observed]
        return (
            f"The graph has {len(self.nodes)} nodes and {len(self.arrows)} arrows. Recorded: "
            f"{len(self.observed)} nodes. Not recorded: {', '.join(hidden)}."
        )

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the graph: boxes with a full line are recorded, dashed ones are not; stages are drawn as one way."""
        from gbanalysis.plots.causal_graph import plot_causal_graph

        nodes = self.node_frame().assign(x=[n.place[0] for n in self.nodes], y=[n.place[1] for n in self.nodes])
        nodes = nodes.assign(node=nodes["node"].map(causes.whole)).drop_duplicates("node")
        arrows = self.to_frame().assign(**{end: self.to_frame()[end].map(causes.whole) for end in ("cause", "effect")})
        arrows = arrows[arrows["cause"] != arrows["effect"]].drop_duplicates(["cause", "effect"])
        return plot_causal_graph(nodes, arrows, outcome=causes.OUTCOME, ax=ax)

    def alt_text(self) -> str:
        """List the arrows by cause."""
        effects = self.to_frame().groupby("cause", sort=False)["effect"].agg(", ".join)
        told = "; ".join(f"{cause} moves {effect}" for cause, effect in effects.items()).replace("_", " ")
        return f"Causal graph. {self.text()} Arrows: {told}."


def supply_chain_graph(dataset: Dataset | None = None, *, stages_apart: bool = False) -> CausalGraph:
    """Answer what causes what between the supplier and a refund, and what of it the data record.

    Parameters
    ----------
    dataset
        Nodes whose tables or columns it lacks count as not recorded; None for a data set that has everything.
    stages_apart
        Whether the hours and temperature of every stage are nodes of their own; by default there is one node for the
        hours of the whole way and one for its temperature.

    Returns
    -------
    CausalGraph
        Its arrows are knowledge of the trade, not found in the data. The quality of the goods is on no account
        recorded: it is only seen through inspections at the supplier and complaints at the end.

    References
    ----------
    J. Pearl (2009), Causality, 2nd ed.; A. Sharma and E. Kiciman (2020), DoWhy.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> graph = supply_chain_graph(gb.load_sample())
    >>> "arrival_quality" in graph.observed, "transit_hours" in graph.observed
    (False, True)
    """
    nodes, arrows = causes.apart() if stages_apart else causes.together()
    missing = []
    for node in nodes:
        lacking = [] if dataset is None else [name for name in node.columns if not dataset.has(*name.split("."))]
        if lacking:
            missing.append((node.name, f"the data have no {', '.join(lacking)}"))
    return CausalGraph(nodes, arrows, tuple(missing))
