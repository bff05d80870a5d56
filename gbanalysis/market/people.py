"""Users and group leaders: how they came, how often they buy, how long they stay.

    visits a day   lambda_u = Gamma(shape) * rate of the source * rate of the occupation * strength of the site's
                   leader, scaled so that the market has n_lines
    stay           Lomax: (scale + tenure) * U^(-1 / 1.6) - scale, the scale by source (an exponential stay whose
                   rate is gamma distributed over users)
    referral       odds = base odds * strength^1.5; the referrer is an earlier user of the same site
    taste          segment by the occupation, occupation by the age band
    commission     0.08, 0.10 or 0.12 by the leader's strength; a site whose leader left keeps 0.7 of its visits
    first day      one visit more with chance 0.55

Which naive estimator it fools: orders a day of referred users over the others'. Strong leaders bring both referrals and
orders: in the book's default market the ratio to users from the leader's own chat group is 1.29, within sites 1.07, and
the truth is 1.09. And a falling hazard by tenure looks like growing loyalty, though no one user's hazard falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.config import Config
from gbanalysis.market.geography import Geography, number_of_users
from gbanalysis.market.streams import stream

SOURCES = ("leader_wechat_group", "referral", "mini_program_search", "app_store", "advertising")
SOURCE_SHARE = np.array([0.36, 0.2, 0.16, 0.1, 0.18])
SOURCE_RATE = np.array([1.15, 1.25, 1.0, 0.9, 0.65])
SOURCE_STAY = np.array([1.2, 1.35, 1.0, 0.9, 0.5])
REFERRAL = SOURCES.index("referral")
OCCUPATIONS = ("office_worker", "homemaker", "retired", "student", "self_employed", "service_worker")
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
OCCUPATION_RATE = np.array([0.95, 1.3, 1.05, 0.6, 0.95, 0.9])
OCCUPATION_BY_AGE = np.array(
    [
        [0.25, 0.05, 0.0, 0.5, 0.05, 0.15],
        [0.5, 0.15, 0.0, 0.03, 0.12, 0.2],
        [0.45, 0.22, 0.0, 0.0, 0.15, 0.18],
        [0.38, 0.22, 0.05, 0.0, 0.15, 0.2],
        [0.18, 0.2, 0.42, 0.0, 0.1, 0.1],
        [0.02, 0.1, 0.86, 0.0, 0.02, 0.0],
    ]
)
AGE_SHARE = np.array([0.1, 0.27, 0.25, 0.18, 0.13, 0.07])
SEGMENTS = ("fresh_family", "staples", "snackers", "seafood_meat")
# tilt of each segment's taste by category, in logs; the columns follow products.CATEGORIES
SEGMENT_TASTE = np.array(
    [
        [0.45, 0.5, 0.2, 0.1, 0.2, -0.3, -0.3, -0.2],
        [-0.2, 0.2, 0.2, -0.4, -0.1, 0.8, -0.4, 0.5],
        [0.2, -0.5, -0.5, -0.6, 0.4, -0.4, 1.0, 0.1],
        [-0.1, 0.1, 0.7, 1.2, -0.2, 0.0, -0.2, -0.2],
    ]
)
SEGMENT_BY_OCCUPATION = np.array(
    [
        [0.4, 0.2, 0.22, 0.18],
        [0.5, 0.28, 0.08, 0.14],
        [0.32, 0.5, 0.06, 0.12],
        [0.12, 0.12, 0.66, 0.1],
        [0.36, 0.24, 0.2, 0.2],
        [0.34, 0.32, 0.2, 0.14],
    ]
)
LIFE_SCALE, LIFE_SHAPE = 166.0, 1.6
HISTORY_DAYS, ARRIVALS_GROWTH = 900, 1.3
FIRST_VISIT = 0.55
LEADER_SPREAD, REFERRAL_BY_STRENGTH = 0.4, 1.5
LEADERLESS = 0.7
BASKET_USER_SHAPE = 4.0


@dataclass(frozen=True, kw_only=True)
class People:
    """Users and leaders; `user_rate` is visits a day, `user_basket` lines wanted a visit, see this module's tuples."""

    user_site: NDArray[np.int32]
    user_segment: NDArray[np.int8]
    user_rate: NDArray[np.float64]
    user_basket: NDArray[np.float64]
    user_joined_day: NDArray[np.int32]
    user_left_day: NDArray[np.int32]
    user_source: NDArray[np.int8]
    user_referrer: NDArray[np.int32]
    user_occupation: NDArray[np.int8]
    user_age_band: NDArray[np.int8]
    leader_recruited_day: NDArray[np.int64]
    leader_left_day: NDArray[np.int64]
    leader_commission: NDArray[np.float64]


def make_people(config: Config, places: Geography) -> People:
    """Draw the users in order of joining, and one leader a site; the rates are scaled later by `demand.scale_rates`."""
    rng = stream(config.seed, "people")
    n, n_days = number_of_users(config), config.n_days
    site = rng.choice(len(places.site_id), n, p=places.site_weight).astype(np.int32)
    age = np.arange(1, HISTORY_DAYS)
    stayed = (1 + age / LIFE_SCALE) ** -LIFE_SHAPE
    old = rng.random(n) < stayed.sum() / (stayed.sum() + ARRIVALS_GROWTH * n_days)
    tenure = rng.choice(age, n, p=stayed / stayed.sum())
    joined = np.where(old, -tenure, rng.integers(0, n_days, n))
    opened, closed = places.site_opened_day[site], places.site_closed_day[site]
    within = opened + np.floor(rng.random(n) * (np.minimum(closed, n_days) - opened)).astype(np.int64)
    joined = np.where((joined < opened) | (joined >= closed), within, joined)
    order = np.argsort(joined, kind="stable")
    site, joined = site[order], joined[order].astype(np.int32)
    n_sites = len(places.site_id)
    strength = rng.lognormal(-(LEADER_SPREAD**2) / 2, LEADER_SPREAD, n_sites)
    source = _sources(rng, strength[site])
    referrer = _referrers(rng, site, source)
    source = np.where((source == REFERRAL) & (referrer < 0), 0, source).astype(np.int8)
    left = joined + _stay(rng, LIFE_SCALE * SOURCE_STAY[source], np.maximum(-joined, 0))
    left = np.minimum(left, places.site_closed_day[site])
    band = rng.choice(len(AGE_BANDS), n, p=AGE_SHARE).astype(np.int8)
    occupation = _choose(OCCUPATION_BY_AGE, band, rng.random(n))
    rate = rng.gamma(config.user_rate_shape, 1 / config.user_rate_shape, n)
    rate *= SOURCE_RATE[source] * strength[site] * OCCUPATION_RATE[occupation]
    leader_left = np.where(rng.random(n_sites) < 0.05, rng.integers(0, n_days, n_sites), n_days + 10_000)
    return People(
        user_site=site,
        user_segment=_choose(SEGMENT_BY_OCCUPATION, occupation, rng.random(n)),
        user_rate=rate,
        user_basket=config.basket_mean * rng.gamma(BASKET_USER_SHAPE, 1 / BASKET_USER_SHAPE, n),
        user_joined_day=joined,
        user_left_day=left.astype(np.int32),
        user_source=source,
        user_referrer=referrer,
        user_occupation=occupation,
        user_age_band=band,
        leader_recruited_day=places.site_opened_day - rng.integers(1, 21, n_sites),
        leader_left_day=np.maximum(leader_left, places.site_opened_day + 1),
        leader_commission=np.array([0.08, 0.1, 0.12])[np.digitize(strength, [0.75, 1.25])],
    )


def _choose(share: NDArray[np.float64], row: NDArray[np.int8], u: NDArray[np.float64]) -> NDArray[np.int8]:
    """Draw for each row of `share` a column by inversion of the uniforms."""
    steps = np.cumsum(share, axis=1)[:, :-1]
    chosen = np.zeros(len(u), dtype=np.int8)
    for step in steps.T:
        chosen += u > step[row]
    return chosen


def _stay(rng: np.random.Generator, scale: NDArray[np.float64], stayed: NDArray[np.int32]) -> NDArray[np.float64]:
    """Draw whole days of membership (at least one) that are known to exceed `stayed`."""
    stay = (scale + stayed) * (1 - rng.random(len(scale))) ** (-1 / LIFE_SHAPE) - scale
    longest: NDArray[np.float64] = np.minimum(np.ceil(np.maximum(stay, stayed + 1.0)), 2.0**29)
    return longest


def _sources(rng: np.random.Generator, strength: NDArray[np.float64]) -> NDArray[np.int8]:
    """Draw how each user came; the odds of a referral grow with the leader's strength."""
    odds = SOURCE_SHARE[REFERRAL] / (1 - SOURCE_SHARE[REFERRAL]) * strength**REFERRAL_BY_STRENGTH
    others = np.where(np.arange(len(SOURCES)) == REFERRAL, 0.0, SOURCE_SHARE)
    plain = rng.choice(len(SOURCES), len(strength), p=others / others.sum())
    return np.where(rng.random(len(strength)) < odds / (1 + odds), REFERRAL, plain).astype(np.int8)


def _referrers(rng: np.random.Generator, site: NDArray[np.int32], source: NDArray[np.int8]) -> NDArray[np.int32]:
    """Draw for each referred user an earlier user of the same site (-1: none); users stand in order of joining."""
    by_site = np.lexsort((np.arange(len(site)), site))
    first = np.searchsorted(site[by_site], site[by_site])
    place = np.arange(len(site)) - first
    pick = first + np.floor(rng.random(len(site)) * place).astype(np.int64)
    referrer = np.full(len(site), -1, dtype=np.int32)
    has_one = (source[by_site] == REFERRAL) & (place > 0)
    referrer[by_site[has_one]] = by_site[pick[has_one]]
    return referrer
