"""How strong a cause that nobody recorded would have to be to explain away what is said of a level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LEAST_LINES = 30  # smaller levels differ by chance


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


def feigned_ratio(outcome: float, base: float, current: float) -> float:
    """Ratio of two periods' rates that a cause feigns when it is left out.

    Parameters
    ----------
    outcome
        Risk ratio of the cause.
    base, current
        Its share of the lines in each period.

    References
    ----------
    I. D. J. Bross (1966), Journal of Chronic Diseases 19, 637-647.

    Examples
    --------
    >>> feigned_ratio(3.0, base=0.0, current=0.5)
    2.0
    """
    return (1 + (outcome - 1) * current) / (1 + (outcome - 1) * base)


def strongest_seen(lines: pd.DataFrame, keys: list[str]) -> tuple[str, float]:
    """The recorded cause that would feign most if it were left out, and the ratio that it would feign.

    Each level with at least `LEAST_LINES` lines, and as many beside it, counts against all others of its key.
    """
    best, factor = "", 1.0
    for key in keys:
        n = lines.pivot_table(index=key, columns="period", values="n", aggfunc="sum", fill_value=0, observed=True)
        y = lines.groupby(key, observed=True)["refunded"].sum().reindex(n.index)
        share, both = n / n.sum(), n.sum(axis=1)
        for level in n.index[(both >= LEAST_LINES) & (both.sum() - both >= LEAST_LINES)]:
            rest = max(y.sum() - y[level], 0.5) / (both.sum() - both[level])
            found = feigned_ratio(
                max(y[level], 0.5) / both[level] / rest, share.loc[level, "base"], share.loc[level, "current"]
            )
            if max(found, 1 / found) > factor:
                best, factor = f"{key} {level}", float(max(found, 1 / found))
    return best, factor
