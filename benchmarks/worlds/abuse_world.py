"""Small worlds with known abusers, none of which follows the model that judges them.

    P(honest user u asks a refund of line i) = one of LAWS below, from the line's badness and the user's strictness
    badness of a line = category x supplier x site x batch (supplier and day), all lognormal; some suppliers are bad
                        and serve few sites, so that their buyers look like abusers

What the model does not know: batches of a day, strictness that is gamma, probit, or absent in a part of the users, and
how abusers behave. They take one of four ways: always at a high rate, always at a low one, only what is expensive, or
only from some day on. In half of the worlds a ring of them buys at one site. Half of the worlds tell reasons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LAWS = ("gamma", "probit", "silent")
N_USERS, N_SITES, N_REGIONS, N_SUPPLIERS, N_SKUS, N_CATEGORIES, N_DAYS = 6000, 60, 6, 12, 40, 5, 120
MEAN_LINES, LINES_SHAPE = 9.0, 0.7
START = np.datetime64("2024-01-01")
REASONS = np.array(["spoiled", "damaged", "poor_quality", "short"])


class AbuseWorld(NamedTuple):
    """The tables of the data contract, who the abusers are, and the law of honest users' strictness."""

    tables: dict[str, pd.DataFrame]
    abusers: frozenset[str]
    law: str


def _strict(law: str, badness: Array, user: Ints, rng: np.random.Generator) -> Array:
    """Chance that an honest user asks a refund of each line."""
    if law == "gamma":
        return np.asarray(np.clip(badness * rng.gamma(0.8, 1 / 0.8, N_USERS)[user], 0, 0.9))
    if law == "probit":
        return np.asarray(
            special.ndtr(special.ndtri(np.clip(badness, 1e-4, 0.6)) + 0.5 * rng.normal(size=N_USERS)[user])
        )
    loud = np.where(rng.random(N_USERS) < 0.4, 0.0, rng.lognormal(0.3, 0.6, N_USERS))
    return np.asarray(1 - np.exp(-badness * loud[user]))


def _abuse(bad: NDArray[np.bool_], user: Ints, day: Ints, amount: Array, rng: np.random.Generator) -> Array:
    """Chance that each line is asked back without a cause."""
    way = rng.integers(0, 4, N_USERS)
    high, low = rng.uniform(0.3, 0.7, N_USERS), rng.uniform(0.1, 0.25, N_USERS)
    chance = np.where(way == 1, low, high)[user]
    chance = np.where((way[user] == 2) & (amount < np.median(amount)), 0.02, chance)
    begins = rng.integers(N_DAYS // 4, 3 * N_DAYS // 4, N_USERS)
    chance = np.where((way[user] == 3) & (day < begins[user]), 0.0, chance)
    return np.asarray(np.where(bad[user], chance, 0.0))


def make_abuse_world(seed: int, *, share: float | None = None) -> AbuseWorld:
    """Draw a world.

    Parameters
    ----------
    seed
        Everything follows from it.
    share
        Share of the users who are abusers; by default between 0.4 % and 1.5 %.
    """
    rng = np.random.default_rng(seed)
    law = LAWS[int(rng.integers(len(LAWS)))]
    share = float(rng.uniform(0.004, 0.015)) if share is None else share
    site_of = rng.integers(0, N_SITES, N_USERS)
    region = rng.integers(0, N_REGIONS, N_SITES)
    n_lines = 1 + rng.poisson(MEAN_LINES * rng.gamma(LINES_SHAPE, 1 / LINES_SHAPE, N_USERS))
    user = np.repeat(np.arange(N_USERS), n_lines)
    n = len(user)
    site, day = site_of[user], rng.integers(0, N_DAYS, n)
    category_of = rng.integers(0, N_CATEGORIES, N_SKUS)
    sku = rng.integers(0, N_SKUS, n)
    serves = rng.random((N_SUPPLIERS, N_SITES)) < 0.7
    bad_supplier = np.zeros(N_SUPPLIERS)
    worst = rng.choice(N_SUPPLIERS, int(rng.integers(1, 4)), replace=False)
    bad_supplier[worst] = np.log(rng.uniform(3, 6, len(worst)))
    serves[worst] = rng.random((len(worst), N_SITES)) < 0.25
    serves[0] |= ~serves.any(axis=0)
    supplier = np.argmax(rng.random((n, N_SUPPLIERS)) * serves[:, site].T, axis=1)
    log_badness = (
        np.log(0.025)
        + rng.normal(0, 0.6, N_CATEGORIES)[category_of[sku]]
        + (rng.normal(0, 0.25, N_SUPPLIERS) + bad_supplier)[supplier]
        + rng.normal(0, 0.3, N_SITES)[site]
        + rng.normal(0, 0.3, (N_SUPPLIERS, N_DAYS))[supplier, day]
    )
    amount = np.round(rng.lognormal(3, 0.6, n), 2)
    bad = rng.random(N_USERS) < share
    if rng.random() < 0.5:
        ring = int(rng.integers(N_SITES))
        bad |= (site_of == ring) & (rng.random(N_USERS) < 0.1 * (share > 0))
    caused = rng.random(n) < _strict(law, np.exp(log_badness), user, rng)
    alone = rng.random(n) < _abuse(bad, user, day, amount, rng)
    return AbuseWorld(
        _tables(rng, user, site, region, sku, category_of, supplier, day, amount, caused, alone),
        frozenset(f"u{place}" for place in np.flatnonzero(bad)),
        law,
    )


def _tables(
    rng: np.random.Generator,
    user: Ints,
    site: Ints,
    region: Ints,
    sku: Ints,
    category_of: Ints,
    supplier: Ints,
    day: Ints,
    amount: Array,
    caused: NDArray[np.bool_],
    alone: NDArray[np.bool_],
) -> dict[str, pd.DataFrame]:
    """Write the tables of the data contract."""
    n = len(user)
    line = np.char.add("l", np.arange(n).astype(str))
    asked = np.flatnonzero(caused | alone)
    wait = np.minimum(rng.geometric(0.45, len(asked)) - 1, 7)
    usual = rng.dirichlet(np.full(len(REASONS), 4.0), len(np.unique(category_of)))
    steps = np.cumsum(usual, axis=1)[np.unique(category_of, return_inverse=True)[1][sku[asked]]]
    reason = (rng.random(len(asked))[:, None] > steps[:, :-1]).sum(axis=1)
    reason = np.where(~caused[asked] & (rng.random(len(asked)) < 0.7), 0, reason)
    refunds = pd.DataFrame(
        {
            "refund_id": np.char.add("r", np.arange(len(asked)).astype(str)),
            "line_id": line[asked],
            "requested_on": START + day[asked] + wait,
            "amount": amount[asked],
            "refund_only": rng.random(len(asked)) < np.where(caused[asked], 0.8, 0.95),
        }
    )
    if rng.random() < 0.5:
        refunds["reason"] = REASONS[reason]
    return {
        "order_lines": pd.DataFrame(
            {
                "line_id": line,
                "order_id": line,
                "user_id": np.char.add("u", user.astype(str)),
                "site_id": np.char.add("s", site.astype(str)),
                "sku_id": np.char.add("k", sku.astype(str)),
                "supplier_id": np.char.add("p", supplier.astype(str)),
                "ordered_at": (START + day - 1).astype("datetime64[s]"),
                "fulfilled_on": START + day,
                "quantity": 1,
                "amount": amount,
            }
        ),
        "products": pd.DataFrame(
            {
                "sku_id": np.char.add("k", np.arange(len(category_of)).astype(str)),
                "category": np.char.add("c", category_of.astype(str)),
            }
        ),
        "sites": pd.DataFrame(
            {
                "site_id": np.char.add("s", np.arange(len(region)).astype(str)),
                "region": np.char.add("g", region.astype(str)),
            }
        ),
        "refunds": refunds,
        "settings": pd.DataFrame({"as_of": [str(START + N_DAYS + 7)], "refund_window_days": [7]}),
    }
