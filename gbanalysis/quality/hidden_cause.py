"""How strong a cause that nobody recorded would have to be to explain away what is said of a level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LEAST_SHARE = 0.05  # of the lines: smaller levels differ by chance


def e_value(ratio: float) -> float:
    """Least strength (risk ratio with the outcome and with the period alike) of a cause that explains `ratio` away.

    References
    ----------
    T. J. VanderWeele and P. Ding (2017), Annals of Internal Medicine 167, 268-274.

    Examples
    --------
    >>> round(e_value(3.9), 2), round(e_value(1.0), 2)
    (7.26, 1.0)
    """
    ratio = max(ratio, 1 / max(ratio, 1e-12))
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def bounding_factor(outcome: float, exposure: float) -> float:
    """Largest risk ratio that a cause of these two strengths can feign (Ding and VanderWeele 2016).

    Examples
    --------
    >>> round(bounding_factor(2.0, 3.0), 3)
    1.5
    """
    return outcome * exposure / (outcome + exposure - 1)


def strongest_seen(lines: pd.DataFrame, keys: list[str]) -> tuple[str, float]:
    """The recorded cause that could feign most: how its levels' rates and their shares in the two periods differ.

    Levels with at least `LEAST_SHARE` of the lines count, each against all others.
    """
    best, factor = "", 1.0
    for key in keys:
        n = lines.pivot_table(index=key, columns="period", values="n", aggfunc="sum", fill_value=0, observed=True)
        y = lines.groupby(key, observed=True)["refunded"].sum().reindex(n.index)
        both = n.sum(axis=1)
        kept = (both / both.sum()).between(LEAST_SHARE, 1 - LEAST_SHARE)
        for level in n.index[kept]:
            rest = both.sum() - both[level], y.sum() - y[level]
            outcome = (max(y[level], 0.5) / both[level]) / (max(rest[1], 0.5) / rest[0])
            share = n.loc[level] / n.sum()
            exposure = max(share["current"], 1e-3) / max(share["base"], 1e-3)
            found = bounding_factor(max(outcome, 1 / outcome), max(exposure, 1 / exposure))
            if found > factor:
                best, factor = f"{key} {level}", float(found)
    return best, factor
