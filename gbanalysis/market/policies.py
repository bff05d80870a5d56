"""Refund rules: when they eased, and where. A staggered start is what identifies their effect.

Each `shocks.Leniency` is one row. Its effect on the log tolerance is in `tolerance.leniency`, its effect on
approvals in `refunds`.

Which naive estimator it fools: before against after. The rules ease region after region while suppliers, a crop and
the season move. Over 30 days each way it gives -0.4, 0.0, 3.1 and -0.9 percentage points in the four regions; the
rules add 0.3 to 0.4 in each. (Measured by tests/market/test_fooled_chain.py.)
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
