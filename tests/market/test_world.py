"""The static world: sizes, who can deliver what, and that a shock moves nothing but what it strikes."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from gbanalysis.market.calendar import festival_days
from gbanalysis.market.config import Config
from gbanalysis.market.shocks import Lockdown, PromotionSeason
from gbanalysis.market.world import build_world


def test_expected_lines_are_what_was_asked_for(small_world):
    assert small_world.expected.sum(dtype=float) == pytest.approx(40_000, rel=1e-4)


def test_every_sku_has_two_suppliers_in_every_province(small_world):
    able = small_world.candidates >= 0
    assert able.sum(axis=2).min() >= 2
    region, sku, place = np.nonzero(able)
    supplier = small_world.candidates[region, sku, place]
    assert small_world.supplier_serves[supplier, region].all()
    assert small_world.supplier_category[supplier, small_world.sku_category[sku]].all()


def test_sites_hang_under_the_right_warehouses(small_world):
    world = small_world
    assert (world.grid_region[world.site_grid] == world.site_region).all()
    assert (world.grid_city[world.site_grid] == world.site_city).all()
    far = np.hypot(world.site_lat - world.grid_lat[world.site_grid], world.site_lon - world.grid_lon[world.site_grid])
    assert np.quantile(far, 0.99) < 0.5


def test_referrers_came_before_to_the_same_site(small_world):
    world = small_world
    referred = np.flatnonzero(world.user_referrer >= 0)
    referrer = world.user_referrer[referred]
    assert len(referred) > 100
    assert (world.user_joined_day[referrer] <= world.user_joined_day[referred]).all()
    assert (world.user_site[referrer] == world.user_site[referred]).all()


def test_users_live_within_their_sites_days(small_world):
    world = small_world
    assert (world.user_joined_day >= world.site_opened_day[world.user_site]).all()
    assert (world.user_left_day <= world.site_closed_day[world.user_site]).all()


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("spring_festival", dt.date(2025, 1, 29)),
        ("dragon_boat", dt.date(2024, 6, 10)),
        ("mid_autumn", dt.date(2023, 9, 29)),
        ("national_day", dt.date(2023, 10, 1)),
    ],
)
def test_festivals_fall_on_their_published_dates(name, day):
    """State Council holiday notices of 2023, 2024 and 2025."""
    assert day in festival_days(name, day, day)


def test_mooncakes_peak_before_mid_autumn_and_vanish_after():
    world = build_world(Config(seed=3, n_lines=60_000, n_days=120, start=dt.date(2024, 7, 1), shocks="none"))
    mooncakes = world.subcategory.index("mooncakes")
    lines = world.expected[:, :, world.sku_subcategory == mooncakes].sum(axis=(1, 2))
    festival = (dt.date(2024, 9, 17) - dt.date(2024, 7, 1)).days
    peak = int(np.argmax(lines))
    assert festival - 12 <= peak < festival
    assert lines[festival + 3 : festival + 20].max() < 0.1 * lines[peak]


def test_a_lockdown_moves_its_city_alone():
    config = Config(seed=5, n_lines=20_000, n_days=60)
    first = dt.date(2024, 1, 20)
    shock = Lockdown(starts_on=first, ends_on=first + dt.timedelta(days=9), size=0.3, city="Changsha")
    plain, locked = build_world(config, ()), build_world(config, (shock,))
    ratio = locked.activity / plain.activity
    city = plain.city.index("Changsha")
    others = np.arange(len(plain.city)) != city
    assert (ratio[:, others] == 1).all()
    assert ratio[:19, city] == pytest.approx(1)
    assert ratio[19:21, city] == pytest.approx(1.4)
    assert ratio[21:29, city] == pytest.approx(0.3)
    assert ratio[29:, city] == pytest.approx(1)
    assert any(event.kind == "lockdown" and event.region == "Hunan" for event in locked.events)


def test_a_promotion_season_only_adds_promotions():
    config = Config(seed=5, n_lines=20_000, n_days=60)
    shock = PromotionSeason(starts_on=dt.date(2024, 1, 15), ends_on=dt.date(2024, 1, 28), size=3.0)
    plain, season = build_world(config, ()), build_world(config, (shock,))
    before = set(zip(plain.promo_region, plain.promo_sku, plain.promo_first, plain.promo_intensity, strict=True))
    after = set(zip(season.promo_region, season.promo_sku, season.promo_first, season.promo_intensity, strict=True))
    added = after - before
    assert before <= after
    assert all(14 <= first <= 30 for _, _, first, _ in added)
    weeks = np.array([first // 7 for _, _, first, _ in before])
    usual = len(before) / len(np.unique(weeks))
    assert len(added) / 2 == pytest.approx(2 * usual, rel=0.35)


def test_effects_of_a_promotion_on_a_small_case():
    """One promotion by hand: uplift, dip after it, and what the neighbours lose."""
    from gbanalysis.market.catalogue import make_catalogue
    from gbanalysis.market.promotions import KIND_STRENGTH, PULL_FADE, promotion_effects

    config = Config(seed=1, n_days=20, n_skus=180)
    goods = make_catalogue(config)
    sku = int(np.flatnonzero(goods.sku_subcategory == goods.subcategory.index("leafy"))[0])
    one = [np.array([value]) for value in (0, sku, 0, 5, 8)]
    discount, factor = promotion_effects(config, goods, 1, *one, np.array([0.3]))
    lift = config.promotion_lift * 0.3 * KIND_STRENGTH[0]
    assert discount[5:9, 0, sku] == pytest.approx(0.3)
    assert np.count_nonzero(discount) == 4
    assert factor[5:9, 0, sku] == pytest.approx(np.exp(lift))
    assert factor[9, 0, sku] == pytest.approx(np.exp(-config.pull_forward * lift * np.exp(-1 / PULL_FADE)))
    family = (goods.sku_subcategory == goods.sku_subcategory[sku]) & (np.arange(180) != sku)
    base = goods.sku_base_weight
    lost = ((1 - factor[5, 0, family]) * base[family]).sum()
    assert lost == pytest.approx(config.cannibalisation * base[sku] * np.expm1(lift), rel=1e-4)
    assert (factor[:, 0, goods.sku_subcategory != goods.sku_subcategory[sku]] == 1).all()


def test_config_survives_json():
    import json

    config = Config(
        seed=1, shocks=(PromotionSeason(starts_on=dt.date(2024, 1, 2), ends_on=dt.date(2024, 1, 3), size=2.0),)
    )
    assert Config.from_record(json.loads(json.dumps(config.to_record()))) == config


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"family": "strange"}, "family must be"),
        ({"shocks": "some"}, "shocks must be"),
        ({"n_days": 0}, "n_days"),
        ({"n_regions": 13}, "n_regions must be at most 12"),
    ],
)
def test_impossible_knobs_are_refused(knobs, said):
    with pytest.raises(ValueError, match=said):
        Config(**({"seed": 1} | knobs))


def test_weather_is_an_ar1_around_its_normal():
    world = build_world(Config(seed=2, n_lines=2_000, n_days=1500, n_regions=3))
    gap = world.temperature - world.temperature_normal
    summer = gap > 6
    calm = np.where(summer, np.nan, gap)
    for region in calm:
        pair = ~np.isnan(region[:-1]) & ~np.isnan(region[1:])
        assert np.corrcoef(region[:-1][pair], region[1:][pair])[0, 1] == pytest.approx(0.75, abs=0.08)
    assert world.temperature[0].mean() > world.temperature[2].mean()


def test_user_scale_does_not_change_the_mix():
    small = build_world(Config(seed=9, n_lines=30_000, n_users=3_000, n_sites=40))
    large = build_world(Config(seed=9, n_lines=60_000, n_users=3_000, n_sites=40))
    assert large.user_rate.sum() > 1.8 * small.user_rate.sum()
    np.testing.assert_allclose(large.taste, small.taste)
    assert dataclasses.replace(large.config, n_lines=30_000) == small.config
