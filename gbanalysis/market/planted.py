"""The planted effects: the constants of the mechanisms as one table, so that a page can set estimates beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gbanalysis.market import chain, cooling, delays, families, freshness, losses, tolerance, transit
from gbanalysis.market.world import World


def planted_effects(world: World) -> pd.DataFrame:
    """Give the planted effects of a market.

    Returns
    -------
    pandas.DataFrame
        mechanism, effect, level (empty where there is one value for all), value, unit.
    """
    config = world.config
    rows: list[tuple[str, str, str, float, str]] = [
        ("promotions", "log_uplift_at_full_intensity", "", config.promotion_lift, "log units"),
        ("promotions", "cannibalisation", "", config.cannibalisation, "share of extra demand"),
        ("promotions", "pull_forward", "", config.pull_forward, "share of log uplift"),
        ("orders", "substitution", "", config.substitution_share, "share of unmet lines"),
        ("transit", "rain_on_leg", "", transit.RAIN_PER_MM, "share of leg hours per mm"),
        ("transit", "heat_on_stay", "", transit.HEAT_PER_C, "share of stay hours per °C above 30"),
        ("transit", "late_after", "", transit.SLACK_HOURS, "hours behind plan"),
        ("cooling", "chilled_setpoint", "", cooling.CHILLED_C, "°C"),
        ("freshness", "q10", "", freshness.Q10, "speed of ageing per 10 °C"),
        ("freshness", "ageing_power", "", freshness.AGEING_POWER, "exponent of age"),
        ("losses", "spoilage_per_age", "", losses.SPOILAGE_PER_AGE, "hazard per shelf life"),
        ("losses", "miscount", "", losses.MISCOUNT, "share of units"),
        ("tolerance", "tolerance_sd", "", tolerance.TOLERANCE_SD, "log units"),
        ("chain", "unclaimed", "", chain.UNCLAIMED_SHARE, "share of lines"),
    ]
    for place, category in enumerate(world.category):
        member = world.sku_category == place
        if member.any():
            elasticity = float(np.average(world.sku_elasticity[member], weights=world.sku_base_weight[member]))
            rows.append(("demand", "price_elasticity", category, elasticity, "log units per log price"))
            rows.append(("delays", "scale", category, float(delays.delay_scales(world)[place]), "days"))
            rate = float(tolerance.planned_rates(world)[place])
            rows.append(("tolerance", "planned_complaint_rate", category, rate, "share of lines"))
    heat = families.heat_sensitivity(config, world.n_suppliers)
    for supplier, value in zip(world.supplier_id, heat, strict=True):
        if value:
            rows.append(("freshness", "heat_sensitivity", supplier, float(value), "log deficit per 10 °C above 18"))
    return pd.DataFrame(rows, columns=["mechanism", "effect", "level", "value", "unit"])
