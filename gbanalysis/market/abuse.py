"""Malicious refunders: a small share of users who ask for a refund of a line whatever its quality.

    P(request of a line on a day) = a[day] for abusers, 0 for others;   a rises from 0.25 to 0.40 over the market

Which naive estimator it fools: the share of refunded lines by user as a sign of abuse. Of the users with at least
three lines and a quarter of them refunded, 8 % are abusers; the others were unlucky. The list of abusers is in the
truth (`truth/abusers.parquet`). (Measured by tests/market/test_fooled_chain.py.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.parameters import View


def abuse_chance(view: View) -> NDArray[np.float64]:
    """Give the chance that each line's user asks for a refund without a cause."""
    chance: NDArray[np.float64] = np.where(
        view.routes.user_abuser[view.items.user], view.parameters.abuse[view.position["abuse"]], 0.0
    )
    return chance
