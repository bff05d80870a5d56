"""Can an effect be read off the data at all? Adjustment sets of a causal graph, found by dowhy, in plain words."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gbanalysis.errors import NotIdentifiedError


@dataclass(frozen=True)
class Identification:
    """How the effect of one node on another can be read off the data; made by `CausalGraph.identify`.

    Attributes
    ----------
    treatment, outcome
        The two nodes.
    needed
        The smallest set of observed nodes to hold fixed so that no back door is open (empty: none needs to be).
    helpful
        Further observed nodes that may be held fixed; they make the estimate sharper, not truer.
    forbidden
        Observed nodes that must not be held fixed: the treatment moves them, on the way to the outcome or beyond.
    frontdoor, instruments
        Other ways to the same effect, where the graph has them.
    unobserved
        Nodes that nobody recorded.
    """

    treatment: str
    outcome: str
    needed: tuple[str, ...]
    helpful: tuple[str, ...]
    forbidden: tuple[str, ...]
    frontdoor: tuple[str, ...]
    instruments: tuple[str, ...]
    unobserved: tuple[str, ...]

    def text(self) -> str:
        """Say in plain words what to compare, and what to leave alone."""
        compared = f"lines that are alike in {_listed(self.needed)}" if self.needed else "all lines"
        said = [
            f"The effect of {_plain(self.treatment)} on {_plain(self.outcome)} can be read off the data: compare "
            f"{compared} and differ in {_plain(self.treatment)}."
        ]
        if self.helpful:
            said.append(f"Holding {_listed(self.helpful)} fixed too makes the answer sharper.")
        if self.forbidden:
            said.append(
                f"Do not hold {_listed(self.forbidden)} fixed: {_plain(self.treatment)} moves them, and part of the "
                "effect would be cut away or a false one let in."
            )
        if self.instruments:
            said.append(f"Instruments: {_listed(self.instruments)}.")
        if self.unobserved:
            said.append(f"Nobody recorded {_listed(self.unobserved)}; by the graph that does no harm here.")
        return " ".join(said)


def identify_effect(
    graph: Any, *, treatment: str, outcome: str, observed: Sequence[str], absent: Sequence[str] = ()
) -> Identification:
    """Find what to hold fixed, by the back-door criterion (J. Pearl (2009), section 3.3), with dowhy.

    `absent` names the unobserved nodes that could be recorded; a refusal names them before those that nobody can see.

    Raises
    ------
    NotIdentifiedError
        Where no set of observed nodes will do; the message names the unobserved nodes that stand in the way.
    """
    unobserved = tuple(sorted(set(graph) - set(observed)))
    for role, node in (("treatment", treatment), ("outcome", outcome)):
        if node not in graph:
            raise NotIdentifiedError(f"the {role} {node!r} is no node of the graph ({', '.join(graph)})")
        if node in unobserved:
            raise NotIdentifiedError(f"the {role} {_plain(node)} is not in the data")
    below = _descendants(graph, treatment)
    if outcome not in below:
        raise NotIdentifiedError(f"by the graph {_plain(treatment)} has no effect on {_plain(outcome)}")
    smallest, largest, frontdoor, instruments = _ask_dowhy(graph, treatment, outcome, observed)
    if smallest is None and not frontdoor and not instruments:
        blocking = [
            node for node in unobserved if _ask_dowhy(graph, treatment, outcome, (*observed, node))[0] is not None
        ]
        named = _listed([node for node in blocking if node in absent] or blocking or unobserved)
        raise NotIdentifiedError(
            f"the effect of {_plain(treatment)} on {_plain(outcome)} cannot be read off these data: a back door stays "
            f"open through what is not recorded ({named})"
        )
    needed = smallest or ()
    return Identification(
        treatment=treatment,
        outcome=outcome,
        needed=needed,
        helpful=tuple(sorted(set(largest or ()) - set(needed))),
        forbidden=tuple(sorted(set(observed) & below - {outcome})),
        frontdoor=frontdoor,
        instruments=instruments,
        unobserved=unobserved,
    )


def _descendants(graph: Any, node: str) -> set[str]:
    import networkx as nx  # type: ignore[import-untyped]

    return set(nx.descendants(graph, node))


def _ask_dowhy(
    graph: Any, treatment: str, outcome: str, observed: Sequence[str]
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None, tuple[str, ...], tuple[str, ...]]:
    """Smallest and largest back-door set (None: there is none), front-door nodes and instruments."""
    from dowhy.causal_identifier import BackdoorAdjustment, EstimandType, identify_effect_auto

    logging.getLogger("dowhy").setLevel(logging.ERROR)
    found: list[Any] = [
        identify_effect_auto(
            graph, [treatment], [outcome], list(observed), EstimandType.NONPARAMETRIC_ATE, backdoor_adjustment=how
        )
        for how in (BackdoorAdjustment.BACKDOOR_MIN, BackdoorAdjustment.BACKDOOR_MAX)
    ]
    sets = [each.backdoor_variables.get("backdoor") if each.backdoor_variables else None for each in found]
    smallest, largest = (None if each is None else tuple(sorted(each)) for each in sets)
    others = (found[0].frontdoor_variables, found[0].instrumental_variables)
    frontdoor, instruments = (tuple(sorted(each or ())) for each in others)
    return smallest, largest, frontdoor, instruments


def _plain(node: str) -> str:
    return node.replace("_", " ")


def _listed(nodes: Sequence[str]) -> str:
    """Join names as in a sentence."""
    names = [_plain(node) for node in nodes]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
