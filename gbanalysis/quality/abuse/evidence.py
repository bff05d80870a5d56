"""From sums of like lines, of users and of refunded lines to the evidence on each user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gbanalysis.quality.abuse.claims import KINDS, MARKS
from gbanalysis.quality.abuse.difficulty import HIGHEST_RATE, Difficulty, credibility
from gbanalysis.quality.abuse.model import N_RISKS, Evidence

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

LOWEST_RATE = 1e-5
WAITED_DAYS = (1, 2, 4)  # edges: the day of pickup, the next, two or three days, more
MONTH_DAYS = 28
QUIET = tuple(f"hazard_{k}" for k in range(N_RISKS))


def kinds_of(cells: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Give the columns by which cells differ, with ``month``, blocks of four weeks."""
    import pandas as pd

    kinds = {name: cells[name].to_numpy() for name in (*KINDS, "week") if name in cells}
    week = pd.to_datetime(cells["week"])
    kinds["month"] = ((week - week.min()).dt.days // MONTH_DAYS).to_numpy()
    return kinds


def site_factors(sites: pd.DataFrame, claims: pd.DataFrame, weight: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Give for each user and site how much more is refunded there, to the others, than the kinds of lines tell.

    Parameters
    ----------
    sites
        One row a user and site, with ``expected`` refunds.
    claims, weight
        The refunded lines, and how much each counts.

    Returns
    -------
    factor, row
        One factor a row of `sites`, and the row of each refunded line.
    """
    import pandas as pd

    index = pd.MultiIndex.from_frame(sites[["user_id", "site_id"]])
    row = index.get_indexer(pd.MultiIndex.from_frame(claims[["user_id", "site_id"]])).astype(np.int64)
    own, own_expected = np.bincount(row, weight, minlength=len(sites)), sites["expected"].to_numpy(dtype=float)
    code = pd.factorize(sites["site_id"])[0]
    refunds, expected = (np.bincount(code, values).astype(np.float64) for values in (own, own_expected))
    strength = credibility(refunds, expected)
    return (refunds[code] - own + strength) / (expected[code] - own_expected + strength), row


def gather(
    cells: pd.DataFrame, sites: pd.DataFrame, claims: pd.DataFrame, difficulty: Difficulty, weight: FloatArray
) -> tuple[Evidence, pd.DataFrame]:
    """Put together what is known of each user, with what the user's own refunds add to the rates taken out.

    Parameters
    ----------
    cells
        Like lines; ``cell`` of `claims` counts their rows.
    sites, claims
        The users' sums by site, and the refunded lines.
    difficulty, weight
        The rates of the cells, and how much each refunded line counted in them.

    Returns
    -------
    Evidence, pandas.DataFrame
        The evidence, and ``user_id``, ``n_lines``, ``n_refunded``, ``expected`` of each user in the same order.
    """
    import pandas as pd

    factor, row = site_factors(sites, claims, weight)
    place, names = pd.factorize(sites["user_id"])
    sums = {
        "n_lines": sites["n_lines"],
        "n_refunded": sites["n_refunded"],
        "expected": sites["expected"] * factor,
        **{name: sites[name] * factor for name in QUIET},
    }
    users = pd.DataFrame({name: np.bincount(place, values) for name, values in sums.items()})
    user, cell = place[row].astype(np.int64), claims["cell"].to_numpy(dtype=np.int64)
    rate = difficulty.without_own(cell, user, weight) * factor[row]
    category = pd.factorize(cells["category"])[0]
    maker = pd.factorize(cells["supplier_id"])[0] if "supplier_id" in cells else np.zeros(len(cells), dtype=np.int64)
    source = category * (maker.max(initial=0) + 1) + maker
    told = [pd.factorize(claims[name])[0].astype(np.int64) for name in MARKS if name in claims]
    waited = np.digitize(claims["waited"].to_numpy(dtype=float), WAITED_DAYS).astype(np.int64)
    evidence = Evidence(
        users["n_lines"].to_numpy(),
        users[list(QUIET)].to_numpy(),
        user,
        np.clip(rate, LOWEST_RATE, HIGHEST_RATE),
        category[cell].astype(np.int64),
        source[cell].astype(np.int64),
        (*told, waited),
    )
    counts = users.drop(columns=list(QUIET)).astype({"n_lines": int, "n_refunded": int})
    counts.insert(0, "user_id", np.asarray(names))
    return evidence, counts
