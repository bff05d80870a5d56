"""What a market is made from: the seed, the sizes and the knobs of every mechanism."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

FAMILIES = ("standard", "batch", "link", "interaction", "confounder", "drift")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The recorded inputs of a market; the same Config always makes the same tables.

    Attributes
    ----------
    seed, n_lines, n_days, start, family, shocks
        As in :func:`gbanalysis.market.simulation`. ``n_lines`` is the expected number of order lines before stock-outs.
    n_regions, cities_per_region
        Provinces (at most 12) and cities in each (at most 4).
    n_users, n_sites
        0 means: chosen from ``n_lines``.
    n_skus, n_suppliers
        Size of the catalogue and of the supplier base.
    basket_mean, basket_shape
        Mean and gamma shape of the lines wanted at one visit.
    user_rate_shape
        Gamma shape of the users' order rates; small means few users order much.
    sku_zipf
        Exponent of the SKUs' popularity by rank.
    price_elasticity
        Mean elasticity of demand to the list price (categories differ around it).
    promotion_share
        Share of SKU × region × week cells with a promotion.
    promotion_lift, cannibalisation, pull_forward
        Log uplift at intensity 1, share of the extra demand taken from the same subcategory, and dip after the end.
    stock_cover
        Units offered in a selling day over the planned demand; lower means more stock-outs.
    substitution_share
        Chance that a buyer who meets a sold-out SKU takes another of the same subcategory.
    cutoff_second
        Pre-sale cutoff, in seconds after midnight.
    refund_window_days
        Days after pickup in which a refund can be asked for.
    abuser_share
        Share of users who ask for refunds without a cause.
    """

    seed: int
    n_lines: int = 40_000
    n_days: int = 90
    start: dt.date = dt.date(2024, 1, 1)
    family: str = "standard"
    shocks: str | tuple[Any, ...] = "default"
    n_regions: int = 6
    cities_per_region: int = 2
    n_users: int = 0
    n_sites: int = 0
    n_skus: int = 180
    n_suppliers: int = 24
    basket_mean: float = 2.4
    basket_shape: float = 1.0
    user_rate_shape: float = 0.7
    sku_zipf: float = 0.7
    price_elasticity: float = -1.6
    promotion_share: float = 0.04
    promotion_lift: float = 2.4
    cannibalisation: float = 0.35
    pull_forward: float = 0.3
    stock_cover: float = 1.15
    substitution_share: float = 0.4
    cutoff_second: int = 23 * 3600
    refund_window_days: int = 7
    abuser_share: float = 0.004

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {self.family!r}")
        if isinstance(self.shocks, str) and self.shocks not in ("default", "none"):
            raise ValueError(f"shocks must be 'default', 'none' or a sequence of shocks, not {self.shocks!r}")
        for name, least in (("n_lines", 1), ("n_days", 1), ("n_regions", 1), ("n_skus", 8), ("n_suppliers", 16)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        for name, most in (("n_regions", 12), ("cities_per_region", 4)):
            if getattr(self, name) > most:
                raise ValueError(f"{name} must be at most {most}, not {getattr(self, name)}")
        if not isinstance(self.shocks, str):
            object.__setattr__(self, "shocks", tuple(self.shocks))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Give the names of all knobs."""
        return tuple(field.name for field in fields(cls))

    def to_record(self) -> dict[str, Any]:
        """Give the Config as plain values for JSON."""
        from gbanalysis.market.shocks import to_records

        record = {name: getattr(self, name) for name in self.names()}
        record["start"] = self.start.isoformat()
        record["shocks"] = self.shocks if isinstance(self.shocks, str) else to_records(self.shocks)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Config:
        """Rebuild the Config from `to_record`.

        Examples
        --------
        >>> config = Config(seed=3, n_days=30)
        >>> Config.from_record(config.to_record()) == config
        True
        """
        from gbanalysis.market.shocks import from_records

        shocks = record["shocks"]
        values = {
            **record,
            "start": dt.date.fromisoformat(record["start"]),
            "shocks": shocks if isinstance(shocks, str) else from_records(shocks),
        }
        return cls(**values)
