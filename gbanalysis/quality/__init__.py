"""The refund rate: what it is, what it will be, what moved it, and what to do."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gbanalysis.quality.abuse import RefundAbuse
    from gbanalysis.quality.abuse_scoring import score_refund_abuse
    from gbanalysis.quality.actions import RankedActions, rank_actions
    from gbanalysis.quality.attribution import ShiftAttribution, attribute_cells
    from gbanalysis.quality.backtests import ProjectionBacktest, backtest_projection
    from gbanalysis.quality.caliber_rates import RefundRate
    from gbanalysis.quality.calibers import refund_rate
    from gbanalysis.quality.chain_ladder import mack_chain_ladder
    from gbanalysis.quality.delay_curves import DelayCurves, reporting_delays
    from gbanalysis.quality.effect_result import Effect
    from gbanalysis.quality.effects import estimate_effect
    from gbanalysis.quality.graph import CausalGraph, supply_chain_graph
    from gbanalysis.quality.implications import check_implications
    from gbanalysis.quality.local_shifts import LocalShifts
    from gbanalysis.quality.maturity import project_refund_rate
    from gbanalysis.quality.moved_nodes import find_local_shifts
    from gbanalysis.quality.projected_rate import ProjectedRate
    from gbanalysis.quality.projection import Projection, project_triangle
    from gbanalysis.quality.rankings import judge_rankings
    from gbanalysis.quality.sampling_plans import SamplingPlan, design_plan
    from gbanalysis.quality.scorecards import SupplierScorecard, score_suppliers
    from gbanalysis.quality.shift import attribute_shift
    from gbanalysis.quality.shift_result import DatasetShift
    from gbanalysis.quality.triangle import Triangle
    from gbanalysis.quality.watching import RefundAlerts, watch_refunds

_HOMES = {
    "check_implications": "gbanalysis.quality.implications",
    "Effect": "gbanalysis.quality.effect_result",
    "estimate_effect": "gbanalysis.quality.effects",
    "watch_refunds": "gbanalysis.quality.watching",
    "RefundAlerts": "gbanalysis.quality.watching",
    "design_plan": "gbanalysis.quality.sampling_plans",
    "SamplingPlan": "gbanalysis.quality.sampling_plans",
    "score_suppliers": "gbanalysis.quality.scorecards",
    "SupplierScorecard": "gbanalysis.quality.scorecards",
    "CausalGraph": "gbanalysis.quality.graph",
    "supply_chain_graph": "gbanalysis.quality.graph",
    "RefundAbuse": "gbanalysis.quality.abuse",
    "score_refund_abuse": "gbanalysis.quality.abuse_scoring",
    "RankedActions": "gbanalysis.quality.actions",
    "rank_actions": "gbanalysis.quality.actions",
    "RefundRate": "gbanalysis.quality.caliber_rates",
    "refund_rate": "gbanalysis.quality.calibers",
    "ShiftAttribution": "gbanalysis.quality.attribution",
    "attribute_cells": "gbanalysis.quality.attribution",
    "attribute_shift": "gbanalysis.quality.shift",
    "DatasetShift": "gbanalysis.quality.shift_result",
    "LocalShifts": "gbanalysis.quality.local_shifts",
    "find_local_shifts": "gbanalysis.quality.moved_nodes",
    "ProjectedRate": "gbanalysis.quality.projected_rate",
    "project_refund_rate": "gbanalysis.quality.maturity",
    "Projection": "gbanalysis.quality.projection",
    "project_triangle": "gbanalysis.quality.projection",
    "mack_chain_ladder": "gbanalysis.quality.chain_ladder",
    "DelayCurves": "gbanalysis.quality.delay_curves",
    "reporting_delays": "gbanalysis.quality.delay_curves",
    "ProjectionBacktest": "gbanalysis.quality.backtests",
    "backtest_projection": "gbanalysis.quality.backtests",
    "judge_rankings": "gbanalysis.quality.rankings",
    "Triangle": "gbanalysis.quality.triangle",
}

__all__ = [
    "CausalGraph",
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
