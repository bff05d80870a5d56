"""The refund rate: what it is, what it will be, what moved it, and what to do."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gbanalysis.quality.abuse.rankings import judge_rankings
    from gbanalysis.quality.abuse.result import RefundAbuse
    from gbanalysis.quality.abuse.scoring import score_refund_abuse
    from gbanalysis.quality.actions.ranking import RankedActions, rank_actions
    from gbanalysis.quality.actions.sampling_plans import SamplingPlan, design_plan
    from gbanalysis.quality.actions.scorecards import SupplierScorecard, score_suppliers
    from gbanalysis.quality.actions.watching import RefundAlerts, watch_refunds
    from gbanalysis.quality.attribution.attributing import ShiftAttribution, attribute_cells
    from gbanalysis.quality.attribution.checks import Checks
    from gbanalysis.quality.attribution.left_out import WithAndWithout
    from gbanalysis.quality.attribution.result import DatasetShift
    from gbanalysis.quality.attribution.shift import attribute_shift
    from gbanalysis.quality.effects.estimating import estimate_effect
    from gbanalysis.quality.effects.graph import CausalGraph, supply_chain_graph
    from gbanalysis.quality.effects.implications import check_implications
    from gbanalysis.quality.effects.result import Effect
    from gbanalysis.quality.indicator.caliber_rates import RefundRate
    from gbanalysis.quality.indicator.calibers import refund_rate
    from gbanalysis.quality.latency.backtests import ProjectionBacktest, backtest_projection
    from gbanalysis.quality.latency.chain_ladder import mack_chain_ladder
    from gbanalysis.quality.latency.delay_curves import DelayCurves, reporting_delays
    from gbanalysis.quality.latency.maturity import project_refund_rate
    from gbanalysis.quality.latency.projected_rate import ProjectedRate
    from gbanalysis.quality.latency.projection import Projection, project_triangle
    from gbanalysis.quality.latency.triangle import Triangle
    from gbanalysis.quality.local.local_shifts import LocalShifts
    from gbanalysis.quality.local.moved_nodes import find_local_shifts

_HOMES = {
    "check_implications": "gbanalysis.quality.effects.implications",
    "Effect": "gbanalysis.quality.effects.result",
    "estimate_effect": "gbanalysis.quality.effects.estimating",
    "watch_refunds": "gbanalysis.quality.actions.watching",
    "RefundAlerts": "gbanalysis.quality.actions.watching",
    "design_plan": "gbanalysis.quality.actions.sampling_plans",
    "SamplingPlan": "gbanalysis.quality.actions.sampling_plans",
    "score_suppliers": "gbanalysis.quality.actions.scorecards",
    "SupplierScorecard": "gbanalysis.quality.actions.scorecards",
    "CausalGraph": "gbanalysis.quality.effects.graph",
    "supply_chain_graph": "gbanalysis.quality.effects.graph",
    "RefundAbuse": "gbanalysis.quality.abuse.result",
    "score_refund_abuse": "gbanalysis.quality.abuse.scoring",
    "RankedActions": "gbanalysis.quality.actions.ranking",
    "rank_actions": "gbanalysis.quality.actions.ranking",
    "RefundRate": "gbanalysis.quality.indicator.caliber_rates",
    "refund_rate": "gbanalysis.quality.indicator.calibers",
    "ShiftAttribution": "gbanalysis.quality.attribution.attributing",
    "attribute_cells": "gbanalysis.quality.attribution.attributing",
    "attribute_shift": "gbanalysis.quality.attribution.shift",
    "DatasetShift": "gbanalysis.quality.attribution.result",
    "Checks": "gbanalysis.quality.attribution.checks",
    "WithAndWithout": "gbanalysis.quality.attribution.left_out",
    "LocalShifts": "gbanalysis.quality.local.local_shifts",
    "find_local_shifts": "gbanalysis.quality.local.moved_nodes",
    "ProjectedRate": "gbanalysis.quality.latency.projected_rate",
    "project_refund_rate": "gbanalysis.quality.latency.maturity",
    "Projection": "gbanalysis.quality.latency.projection",
    "project_triangle": "gbanalysis.quality.latency.projection",
    "mack_chain_ladder": "gbanalysis.quality.latency.chain_ladder",
    "DelayCurves": "gbanalysis.quality.latency.delay_curves",
    "reporting_delays": "gbanalysis.quality.latency.delay_curves",
    "ProjectionBacktest": "gbanalysis.quality.latency.backtests",
    "backtest_projection": "gbanalysis.quality.latency.backtests",
    "judge_rankings": "gbanalysis.quality.abuse.rankings",
    "Triangle": "gbanalysis.quality.latency.triangle",
}

__all__ = [
    "CausalGraph",
    "Checks",
    "DatasetShift",
    "DelayCurves",
    "Effect",
    "LocalShifts",
    "ProjectedRate",
    "Projection",
    "ProjectionBacktest",
    "RankedActions",
    "RefundAbuse",
    "RefundAlerts",
    "RefundRate",
    "SamplingPlan",
    "ShiftAttribution",
    "SupplierScorecard",
    "Triangle",
    "WithAndWithout",
    "attribute_cells",
    "attribute_shift",
    "backtest_projection",
    "check_implications",
    "design_plan",
    "estimate_effect",
    "find_local_shifts",
    "judge_rankings",
    "mack_chain_ladder",
    "project_refund_rate",
    "project_triangle",
    "rank_actions",
    "refund_rate",
    "reporting_delays",
    "score_refund_abuse",
    "score_suppliers",
    "supply_chain_graph",
    "watch_refunds",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
