"""Expected demand by province, taste segment, SKU and day, before any stock-out.

    visits of user u on day t   Poisson(lambda_u * activity(site, t)) while joined <= t < left
    activity(site, t)           the calendar's of the city * exp(0.03 a centimetre of rain) * 0.7 without a leader
    lines wanted at a visit     Poisson(Gamma(shape) of mean b_u * S(r, g, t)),  S = sum over k of W(r, g, k, t)
    SKU of a line               k with chance W(r, g, k, t) / S(r, g, t)
    W(r, g, k, t)               taste(r, g, k) * season * festival * price response * weather * promotion * wander

So a SKU is wanted visits * b * W times: a factor on one SKU moves that SKU alone, and what is taken from others is only
the planted cannibalisation. A SKU wanted twice in one order is one line of more units, hence the lines of k a visit are
1 - (1 + b W / shape)^(-shape).

Which naive estimator it fools: a model of sales, see `orders` for what the stock-outs hide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.calendar import Calendar
from gbanalysis.market.catalogue import EXTRA_UNITS, Catalogue
from gbanalysis.market.config import Config
from gbanalysis.market.geography import Geography
from gbanalysis.market.people import FIRST_VISIT, LEADERLESS, SEGMENT_TASTE, People
from gbanalysis.market.prices import Prices
from gbanalysis.market.promotions import Promotions
from gbanalysis.market.streams import stream
from gbanalysis.market.weather import Weather

if TYPE_CHECKING:
    from gbanalysis.market.world import World

SEASON_HEIGHT, SEASON_WIDTH = 1.6, 45.0
WANDER_SD, WANDER_MEMORY = 0.3, 0.96
REGION_TASTE_SD = 0.35
HOME_BONUS = 0.4
RAIN_RESPONSE, MOST_RAIN_MM = 0.003, 30.0


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Expected demand.

    `taste` [regions, segments, skus] sums to one over SKUs and `sku_factor` [days, regions, skus] moves it;
    `site_activity` [days, sites] is the factor on visits; `site_visits` [days, sites, segments] and `region_visits`
    [days, regions, segments] are the lines wanted at SKU factor one, `expected` [days, regions, skus] the order lines.
    """

    taste: NDArray[np.float64]
    sku_factor: NDArray[np.float32]
    site_activity: NDArray[np.float32]
    site_visits: NDArray[np.float32]
    region_visits: NDArray[np.float64]
    expected: NDArray[np.float32]


def season_factor(goods: Catalogue, dates: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Give the log season of every SKU, [n_days, n_skus]: a bump around the peak less its mean over the year."""
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(int)
    gap = np.abs(day_of_year[:, None] - goods.sku_season_peak[None, :])
    bump = np.exp(-((np.minimum(gap, 365 - gap) / SEASON_WIDTH) ** 2))
    mean = SEASON_WIDTH * np.sqrt(np.pi) / 365
    season: NDArray[np.float64] = np.where(goods.sku_season_peak > 0, SEASON_HEIGHT * (bump - mean), 0.0)
    return season


def make_taste(config: Config, places: Geography, goods: Catalogue) -> NDArray[np.float64]:
    """Draw what each province and segment buys on a plain day."""
    rng = stream(config.seed, "demand.taste")
    n_regions, n_skus = len(places.regions), len(goods.sku_id)
    regional = REGION_TASTE_SD * rng.standard_normal((n_regions, n_skus))
    home = np.array([[HOME_BONUS if origin == name else 0.0 for origin in goods.sku_origin] for name in places.regions])
    log_taste = (regional + home)[:, None, :] + SEGMENT_TASTE[:, goods.sku_category][None, :, :]
    taste: NDArray[np.float64] = goods.sku_base_weight * np.exp(log_taste)
    total: NDArray[np.float64] = taste.sum(axis=2, keepdims=True)
    return taste / total


def make_sku_factor(
    config: Config,
    goods: Catalogue,
    calendar: Calendar,
    weather: Weather,
    prices: Prices,
    promotions: Promotions,
    season: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Multiply season, festival, wander, price response, weather response and promotions."""
    rng = stream(config.seed, "demand.wander")
    steps = rng.standard_normal((config.n_days, len(goods.sku_id)))
    wander, state = np.empty_like(steps), WANDER_SD * steps[0]
    for t in range(config.n_days):
        state = WANDER_MEMORY * state + WANDER_SD * np.sqrt(1 - WANDER_MEMORY**2) * steps[t]
        wander[t] = state
    log_factor = (season + calendar.festival + wander - WANDER_SD**2 / 2)[:, None, :].astype(np.float32)
    warmth = ((weather.temperature - weather.temperature_normal) / 8).T.astype(np.float32)
    log_factor = log_factor + goods.sku_heat_response.astype(np.float32) * warmth[:, :, None]
    dearer = np.log(prices.list_price / goods.sku_price.astype(np.float32))
    log_factor += prices.sku_elasticity.astype(np.float32) * dearer
    factor: NDArray[np.float32] = np.exp(log_factor) * promotions.promo_factor
    return factor


def make_site_activity(places: Geography, people: People, calendar: Calendar, weather: Weather) -> NDArray[np.float32]:
    """Give the factor on visits of every day and site: the city's calendar, rain (buyers stay in), a lost leader."""
    rain = np.exp(RAIN_RESPONSE * np.minimum(weather.rain_mm, MOST_RAIN_MM)).T.astype(np.float32)
    activity = calendar.activity.astype(np.float32)[:, places.site_city] * rain[:, places.site_region]
    activity[np.arange(len(activity))[:, None] >= people.leader_left_day] *= LEADERLESS
    return activity


def _per_day(
    value: NDArray[np.float64],
    cell: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """Sum `value` over the users of each cell who are there, day by day: those with first <= day < last."""
    n_days, n_cells = shape
    change = np.zeros((n_days + 1) * n_cells)
    for day, sign in ((first, 1.0), (last, -1.0)):
        place = np.clip(day, 0, n_days) * n_cells + cell
        change += sign * np.bincount(place, weights=value, minlength=len(change))
    return np.cumsum(change.reshape(n_days + 1, n_cells), axis=0)[:n_days]


def make_demand(
    config: Config,
    places: Geography,
    goods: Catalogue,
    people: People,
    calendar: Calendar,
    weather: Weather,
    sku_factor: NDArray[np.float32],
) -> tuple[Demand, NDArray[np.float64]]:
    """Work out the expected demand; give also the users' order rates, scaled to ``config.n_lines`` expected lines."""
    taste = make_taste(config, places, goods)
    n_segments, n_sites, n_days = taste.shape[1], len(places.site_id), config.n_days
    cell = people.user_site.astype(np.int64) * n_segments + people.user_segment
    joined, left = people.user_joined_day.astype(np.int64), people.user_left_day.astype(np.int64)
    shape = (n_days, n_sites * n_segments)
    steady = _per_day(people.user_rate * people.user_basket, cell, joined, left, shape)
    fresh = joined >= 0
    welcome = _per_day(FIRST_VISIT * people.user_basket[fresh], cell[fresh], joined[fresh], joined[fresh] + 1, shape)
    site_activity = make_site_activity(places, people, calendar, weather)
    activity = site_activity[:, :, None]
    member = np.zeros((len(places.regions), n_sites))
    member[places.site_region, np.arange(n_sites)] = 1

    def of_region(lines: NDArray[np.float64]) -> NDArray[np.float64]:
        visits = lines.reshape(n_days, n_sites, n_segments) * activity
        return np.stack([member @ of_day for of_day in visits])

    def expect(visits: NDArray[np.float64]) -> NDArray[np.float32]:
        days = (
            np.einsum("rg,rgk->rk", v, line_share(config, taste * f[:, None, :]))
            for v, f in zip(visits, sku_factor, strict=True)
        )
        return np.stack([day.astype(np.float32) for day in days])

    old, new = of_region(steady), of_region(welcome)
    at_new, at_one = float(expect(new).sum(dtype=float)), float(expect(old).sum(dtype=float))
    scale = max(config.n_lines - at_new, 0.2 * config.n_lines) / at_one
    demand = Demand(
        taste=taste,
        sku_factor=sku_factor,
        site_activity=site_activity,
        site_visits=((steady * scale + welcome).reshape(n_days, n_sites, n_segments) * activity).astype(np.float32),
        region_visits=old * scale + new,
        expected=expect(old * scale + new),
    )
    return demand, people.user_rate * scale


def line_share(config: Config, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the order lines a wanted line makes at weights W: repeats of a SKU in a basket are one line."""
    shape, mean = config.basket_shape, config.basket_mean
    share: NDArray[np.float64] = -np.expm1(-shape * np.log1p(mean * weight / shape)) / mean
    return share


def sku_weights(world: World, day: int) -> NDArray[np.float64]:
    """Give W of a selling day, [n_regions, n_segments, n_skus]."""
    weights: NDArray[np.float64] = world.taste * world.sku_factor[day][:, None, :]
    return weights


def expected_lines(world: World, day: int) -> NDArray[np.float64]:
    """Give the expected lines of a selling day before stock-outs, [n_regions, n_skus]."""
    lines: NDArray[np.float64] = world.expected[day].astype(np.float64)
    return lines


def expected_units(world: World, day: int) -> NDArray[np.float64]:
    """Give the expected units wanted on a selling day, [n_regions, n_skus]."""
    lines = np.einsum("rg,rgk->rk", world.region_visits[day], sku_weights(world, day))
    units: NDArray[np.float64] = lines * (1 + EXTRA_UNITS[world.sku_category])
    return units


@dataclass(frozen=True)
class SkuSampler:
    """Draws SKUs from rows of weights by inversion; `row` is region * n_segments + segment."""

    steps: NDArray[np.float64]
    n_skus: int

    @classmethod
    def of(cls, weights: NDArray[np.float64]) -> SkuSampler:
        """Make the sampler of weights [n_regions, n_segments, n_skus]."""
        steps = np.cumsum(weights.reshape(-1, weights.shape[-1]), axis=1)
        steps /= steps[:, -1:]
        steps[:, -1] = 1.0
        return cls((steps + np.arange(len(steps))[:, None]).ravel(), weights.shape[-1])

    def draw(self, row: NDArray[np.int64], u: NDArray[np.float64]) -> NDArray[np.int64]:
        """Give the SKU of each row's uniform."""
        place = np.searchsorted(self.steps, row + u, side="right")
        sku: NDArray[np.int64] = np.minimum(place - row * self.n_skus, self.n_skus - 1)
        return sku


@dataclass(frozen=True)
class SiteSkuSampler:
    """Draws site and SKU of an expected line of one selling day, before stock-outs."""

    cells: NDArray[np.float64]
    skus: SkuSampler
    site_region: NDArray[np.int64]
    n_segments: int

    def __call__(
        self, u_site: NDArray[np.float64], u_sku: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give (site, sku) for two arrays of uniforms; the user's segment is drawn with the site."""
        cell = np.searchsorted(self.cells, u_site, side="right")
        site, segment = np.divmod(np.minimum(cell, len(self.cells) - 1), self.n_segments)
        return site, self.skus.draw(self.site_region[site] * self.n_segments + segment, u_sku)


def site_sku_sampler(world: World, day: int) -> SiteSkuSampler:
    """Make the sampler of a selling day's expected lines: a pure function of (world, day)."""
    share = line_share(world.config, sku_weights(world, day))
    cells = np.cumsum(world.site_visits[day].astype(np.float64) * share.sum(axis=2)[world.site_region])
    return SiteSkuSampler(cells / cells[-1], SkuSampler.of(share), world.site_region, share.shape[1])
