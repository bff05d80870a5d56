"""Refund rules: when they eased, and where. A staggered start is what identifies their effect.

Each `shocks.Leniency` is one row. Its effect on the log tolerance is in `tolerance.leniency`, its effect on
approvals in `refunds`.

Which naive estimator it fools: before against after. The rules ease region after region while a supplier worsens
and the season warms, so before-after in one region takes those for the rule; regions that have not changed yet are
the comparison.
"""

from __future__ import annotations

import pyarrow as pa

from gbanalysis.market.shocks import Leniency, of_kind
from gbanalysis.market.world import World

LENIENT = "lenient_refunds"
EVERY_CATEGORY = "all"


def policies(world: World) -> pa.Table:
    """Give the `policies` table: one row a rule change by region (and category, or ``"all"``)."""
    changes = [shock for _, shock in of_kind(world.shocks, Leniency)]
    return pa.table(
        {
            "policy": pa.array([LENIENT] * len(changes), pa.string()),
            "region": pa.array([change.region for change in changes], pa.string()),
            "category": pa.array([change.category or EVERY_CATEGORY for change in changes], pa.string()),
            "starts_on": pa.array([change.starts_on for change in changes], pa.date32()),
        }
    )
