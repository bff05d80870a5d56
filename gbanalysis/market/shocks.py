"""Planted shocks: what goes wrong, where, from when to when and by how much.

A shock is a small record. The mechanism that it strikes reads it; no shock draws a random number, so the same
market with and without a shock differs only by the shock. `default_shocks` gives the set of the default market,
with dates relative to its length.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gbanalysis.market.world import Places

S = TypeVar("S", bound="Shock")


@dataclass(frozen=True, kw_only=True)
class Shock:
    """A change from ``starts_on`` to ``ends_on``, both included: days of promised pickup (demand: selling days)."""

    kind: ClassVar[str] = ""
    starts_on: dt.date
    ends_on: dt.date
    size: float

    def __post_init__(self) -> None:
        if self.ends_on < self.starts_on:
            raise ValueError(f"a {self.kind} shock ends on {self.ends_on}, before it starts on {self.starts_on}")

    @property
    def target(self) -> str:
        """Name what is struck, such as a supplier or a node, its parts joined by ``" / "``."""
        skip = {"starts_on", "ends_on", "size"}
        return " / ".join(str(value) for key, value in asdict(self).items() if key not in skip and value is not None)

    def active(self, start: dt.date, day: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say for each day index (0 is ``start``) whether the shock holds on it."""
        first, last = (self.starts_on - start).days, (self.ends_on - start).days
        held: NDArray[np.bool_] = (day >= first) & (day <= last)
        return held


@dataclass(frozen=True, kw_only=True)
class SupplierQuality(Shock):
    """One supplier's goods start worse: its starting deficit is multiplied by ``size``."""

    kind: ClassVar[str] = "supplier_quality"
    supplier_id: str


@dataclass(frozen=True, kw_only=True)
class SlowNode(Shock):
    """One node adds ``size`` hours to every shipment that passes it."""

    kind: ClassVar[str] = "slow_node"
    node_id: str


@dataclass(frozen=True, kw_only=True)
class CoolingFault(Shock):
    """One node is ``size`` degrees Celsius warmer."""

    kind: ClassVar[str] = "cooling_fault"
    node_id: str


@dataclass(frozen=True, kw_only=True)
class BadCrop(Shock):
    """The goods of one origin × category (or SKU) sold in one region start worse: deficit multiplied by ``size``."""

    kind: ClassVar[str] = "bad_crop"
    region: str
    origin: str
    category: str
    sku_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class CorruptShift(Shock):
    """One shift at one node steals each unit with probability ``size``; the books never call it theft."""

    kind: ClassVar[str] = "corrupt_shift"
    node_id: str
    shift: str


@dataclass(frozen=True, kw_only=True)
class Lockdown(Shock):
    """One city's demand is multiplied by ``size`` (its event stands in the calendar)."""

    kind: ClassVar[str] = "lockdown"
    city: str


@dataclass(frozen=True, kw_only=True)
class Leniency(Shock):
    """Refund rules of one region (and category, if named) ease: log tolerance falls by ``size``."""

    kind: ClassVar[str] = "leniency"
    region: str
    category: str | None = None


@dataclass(frozen=True, kw_only=True)
class PromotionSeason(Shock):
    """Promotions are ``size`` times as frequent in all regions."""

    kind: ClassVar[str] = "promotion_season"


KINDS: dict[str, type[Shock]] = {
    kind.kind: kind
    for kind in (
        SupplierQuality,
        SlowNode,
        CoolingFault,
        BadCrop,
        CorruptShift,
        Lockdown,
        Leniency,
        PromotionSeason,
    )
}


def of_kind(shocks: Sequence[Shock], kind: type[S]) -> list[tuple[int, S]]:
    """Pick the shocks of one kind, each with its place in the whole list."""
    return [(place, shock) for place, shock in enumerate(shocks) if isinstance(shock, kind)]


def to_records(shocks: Sequence[Shock]) -> list[dict[str, Any]]:
    """Turn shocks into plain records for JSON."""
    records = []
    for shock in shocks:
        record = {"kind": shock.kind, **asdict(shock)}
        records.append(
            {key: value.isoformat() if isinstance(value, dt.date) else value for key, value in record.items()}
        )
    return records


def from_records(records: Sequence[dict[str, Any]]) -> tuple[Shock, ...]:
    """Rebuild shocks from the records of `to_records`.

    Examples
    --------
    >>> import datetime as dt
    >>> from gbanalysis.market.shocks import SlowNode, from_records, to_records
    >>> shock = SlowNode(starts_on=dt.date(2024, 1, 5), ends_on=dt.date(2024, 1, 9), size=3.0, node_id="GW001")
    >>> from_records(to_records([shock])) == (shock,)
    True
    """
    shocks = []
    for record in records:
        values = {key: value for key, value in record.items() if key != "kind"}
        values["starts_on"], values["ends_on"] = (
            dt.date.fromisoformat(values[key]) for key in ("starts_on", "ends_on")
        )
        shocks.append(KINDS[record["kind"]](**values))
    return tuple(shocks)


def span(start: dt.date, n_days: int, first: float, last: float) -> dict[str, dt.date]:
    """Give starts_on and ends_on from two shares of the market's length."""
    days = (int(first * n_days), max(int(last * n_days) - 1, int(first * n_days)))
    return {name: start + dt.timedelta(days=day) for name, day in zip(("starts_on", "ends_on"), days, strict=True)}


def _busiest(weight: NDArray[Any], allowed: NDArray[Any] | None = None) -> int:
    return int(np.argmax(weight if allowed is None else np.where(allowed, weight, -1.0)))


def _summer_fortnight(start: dt.date, n_days: int) -> dict[str, dt.date]:
    """Two weeks from 20 July of the last summer in the market; without a summer, two weeks at 70 % of its length."""
    end = start + dt.timedelta(days=n_days - 1)
    for year in range(end.year, start.year - 1, -1):
        first = dt.date(year, 7, 20)
        if start <= first and first + dt.timedelta(days=13) <= end:
            return {"starts_on": first, "ends_on": first + dt.timedelta(days=13)}
    first = start + dt.timedelta(days=int(0.7 * n_days))
    return {"starts_on": first, "ends_on": min(first + dt.timedelta(days=13), end)}


def _crop(world: Places) -> tuple[str, str]:
    """Choose the bad crop: the fruit of Shaanxi (its apples, gala too), else that of the first fruit."""
    fruit = [place for place, category in enumerate(world.category) if category == "fruit"] or [0]
    origins = [origin for sku, origin in enumerate(world.sku_origin) if world.sku_category[sku] in fruit]
    return "Shaanxi" if "Shaanxi" in origins else origins[0], world.category[fruit[0]]


def default_shocks(world: Places) -> tuple[Shock, ...]:
    """Give the default market's shocks: one of each kind, dated by the length of the market.

    The supplier worsens for the last third; a grid warehouse slows and a shift at another steals; a central
    warehouse's cooling fails for two weeks in summer; a crop is bad in one region; a city is locked down for ten
    days; leniency starts in the regions one after another; promotions bunch. The sizes are such that in autumn the
    supplier and the crop each move the whole refund rate by about a third of a point, the rest by less.
    """
    start, n_days = world.config.start, world.n_days
    volume = np.bincount(world.site_grid, weights=world.site_weight, minlength=len(world.grid_id))
    central = np.bincount(np.asarray(world.grid_central), weights=volume, minlength=len(world.central_id))
    slow = _busiest(volume)
    corrupt = _busiest(volume, np.asarray(np.arange(len(volume)) != slow)) if len(volume) > 1 else slow
    reach = (world.supplier_serves.sum(axis=1) * world.supplier_category.sum(axis=1)).astype(float)
    serves_some = ~world.supplier_serves.all(axis=1)
    supplier = _busiest(reach, np.asarray(serves_some) if serves_some.any() else None)
    origin, category = _crop(world)
    regions = [str(region) for region in world.regions]
    crop_region = "Guangdong" if "Guangdong" in regions else regions[0]
    city = str(world.city[_busiest(np.bincount(world.site_city, weights=world.site_weight, minlength=len(world.city)))])
    lockdown_start = start + dt.timedelta(days=int(0.62 * n_days))
    shocks: list[Shock] = [
        SupplierQuality(**span(start, n_days, 0.67, 1.0), size=5.0, supplier_id=str(world.supplier_id[supplier])),
        SlowNode(**span(start, n_days, 0.75, 0.95), size=8.0, node_id=str(world.grid_id[slow])),
        CoolingFault(**_summer_fortnight(start, n_days), size=9.0, node_id=str(world.central_id[_busiest(central)])),
        BadCrop(
            **span(start, n_days, 0.8, 1.0),
            size=6.0,
            sku_id=None,
            region=crop_region,
            origin=origin,
            category=category,
        ),
        CorruptShift(**span(start, n_days, 0.5, 0.85), size=0.06, node_id=str(world.grid_id[corrupt]), shift="B"),
        Lockdown(
            starts_on=lockdown_start,
            ends_on=min(lockdown_start + dt.timedelta(days=9), start + dt.timedelta(days=n_days - 1)),
            size=0.35,
            city=city,
        ),
        PromotionSeason(**span(start, n_days, 0.86, 0.93), size=3.0),
    ]
    staggered = regions[:-2] if len(regions) > 2 else regions[:1]
    for place, region in enumerate(staggered):
        first = 0.55 + 0.3 * place / max(len(staggered), 1)
        shocks.append(Leniency(category=None, **span(start, n_days, first, 1.0), size=0.04, region=region))
    return tuple(shocks)
