"""Real deliveries: why more of them came late in 2013 than in 2012, told apart into vendor, factory, mode and country.

The delivery history of the Supply Chain Management System (SCMS, medicines and tests that USAID bought for some forty
countries) has no refunds, weather or hours. A delivery is "refunded" here when it came after its scheduled day; its
vendor is the supplier, its factory the shared warehouse, its mode the central warehouse, and country by mode the grid.
The peer is what a report does: one factor at a time, its rates' part of the change by Kitagawa.

Needs the folder that GBANALYSIS_REAL_DATA names.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.harness import Benchmark, Measure, NotRunError
from benchmarks.worlds.real_triangles import real_data
from gbanalysis.quality.attribution.cells import ShiftCells
from gbanalysis.quality.attribution.refits import kitagawa
from gbanalysis.quality.attribution.result import DatasetShift, Question
from gbanalysis.quality.attribution.shift import explain

SEED = 1  # of the checks' drawings; nothing else is drawn
CONFIDENCE = 0.9
YEARS = {2012: "base", 2013: "current"}
LAST_DAY = dt.date(2015, 9, 30)  # the last day in the history: every delivery of both years is in
PARTS = {
    "mix": "what was bought for whom",
    "allocation": "who delivered it",
    "quality_supplier_id": "vendors",
    "quality_origin_id": "factories",
    "quality_central_id": "modes",
    "quality_grid_id": "countries by mode",
    "quality_category": "kinds of goods",
    "quality_rest": "common to all",
}
NAMES = {
    "supplier_id": "vendor",
    "shared_warehouse": "factory",
    "central_warehouse": "mode",
    "grid_warehouse": "country by mode",
    "goods": "kind of goods",
}
COLUMNS = {"supplier_id": "vendor", "origin_id": "factory", "central_id": "mode"}
N_LEVELS = 6


@dataclass(frozen=True)
class DeliveryBenchmark(Benchmark):
    """A benchmark that keeps what a page of the book shows of it."""

    rates: tuple[dict[str, object], ...] = ()
    parts: tuple[dict[str, object], ...] = ()
    levels: tuple[dict[str, object], ...] = ()
    checks: tuple[dict[str, object], ...] = ()


def read_deliveries(folder: Path) -> pd.DataFrame:
    """One row a delivery line, with its scheduled ``day`` and whether it came ``late``."""
    rows = pd.read_parquet(folder / "scms_deliveries" / "scms.parquet")
    scheduled, came = (
        pd.to_datetime(rows[name], format="%d-%b-%y")
        for name in ("Scheduled Delivery Date", "Delivered to Client Date")
    )
    return rows.assign(day=scheduled, late=(came > scheduled).astype(int))


def late_cells(deliveries: pd.DataFrame) -> ShiftCells:
    """Sum the deliveries of both years to the cells of an attribution."""
    mode = deliveries["Shipment Mode"].fillna("unknown")
    rows = pd.DataFrame(
        {
            "period": deliveries["day"].dt.year.map(YEARS),
            "day": deliveries["day"],
            "category": deliveries["Product Group"] + " " + deliveries["Sub Classification"],
            "parent_category": deliveries["Product Group"],
            "supplier_id": deliveries["Vendor"],
            "origin_id": deliveries["Manufacturing Site"],
            "central_id": mode,
            "grid_id": deliveries["Country"] + " by " + mode,
            "region": deliveries["Country"],
        }
    )
    late = deliveries["late"]
    amounts = {"n": 1, "refunded": late, "refunded_amount": late * deliveries["Line Item Value"]}
    cells = rows.assign(**amounts).groupby(list(rows), as_index=False)[list(amounts)].sum()
    return ShiftCells(cells.assign(temperature_c=np.nan), (), (), goods="goods")


def attribute_late(deliveries: pd.DataFrame) -> DatasetShift:
    """Attribute the change of the share of late deliveries."""
    spans = [(dt.date(year, 1, 1), dt.date(year, 12, 31)) for year in YEARS]
    return explain(late_cells(deliveries), Question(*spans, LAST_DAY, seed=SEED), confidence=CONFIDENCE)


def parts_of(shift: DatasetShift) -> pd.DataFrame:
    """Contributions of mix, allocation and the kinds of levels: ``part`` in plain words, with its interval."""
    players = shift.to_frame(view="player").set_index("mechanism").loc[[*PARTS]]
    return players[["contribution", "ci_lower", "ci_upper"]].assign(part=list(PARTS.values())).reset_index(drop=True)


def levels_of(shift: DatasetShift) -> pd.DataFrame:
    """The levels of quality that contribute most, each with its kind, interval and whether it stands out."""
    table = shift.table.query("view == 'who' and mechanism == 'quality' and level != 'all'")
    chosen = table.loc[table["contribution"].abs().sort_values(ascending=False).index].head(N_LEVELS)
    kept = chosen[["level", "contribution", "ci_lower", "ci_upper", "n_base", "n_current", "stands_out"]]
    return kept.assign(kind=chosen["dimension"].map(NAMES))


def rates_by_channel(deliveries: pd.DataFrame, vendor: str) -> pd.DataFrame:
    """Share of late deliveries by year of a vendor and of the others, for factories whose goods came both ways."""
    rows = deliveries[deliveries["day"].dt.year.isin(YEARS)]
    is_vendor = rows["Vendor"] == vendor
    both = set(rows.loc[is_vendor, "Manufacturing Site"]) & set(rows.loc[~is_vendor, "Manufacturing Site"])
    rows = rows[rows["Manufacturing Site"].isin(both)]
    keys = {"by_vendor": rows["Vendor"] == vendor, "year": rows["day"].dt.year}
    sums = rows.assign(**keys).groupby(list(keys))["late"].agg(n="size", rate="mean").reset_index()
    return sums.assign(n_factories=len(both))


def run() -> Benchmark:
    """Attribute the change between the years, beside one factor at a time."""
    folder = real_data()
    if folder is None:
        raise NotRunError("It reads real deliveries: name their folder in GBANALYSIS_REAL_DATA.")
    deliveries = read_deliveries(folder)
    shift = attribute_late(deliveries)
    parts, levels, checks = parts_of(shift), levels_of(shift), shift.checks().to_frame()
    vendors = levels[levels["kind"] == "vendor"]
    alone = {name: kitagawa(shift.cells.frame, [key])[1] for key, name in COLUMNS.items()}
    ours = parts.set_index("part")["contribution"]
    measures = [
        Measure("share of late deliveries, base year", "%", 100 * shift.base_rate),
        Measure("share of late deliveries, current year", "%", 100 * shift.current_rate),
        *(
            Measure(f"change of lateness by {name}", "pp", 100 * float(ours[part]), 100 * alone[name])
            for name, part in (("vendor", "vendors"), ("factory", "factories"), ("mode", "modes"))
        ),
        Measure("gap between the sum of the parts and the change", "pp", 100 * abs(ours.sum() - shift.change)),
        Measure("checks that passed", "count", float(checks["passed"].eq(True).sum())),
        Measure("checks that failed", "count", float(checks["passed"].eq(False).sum())),
    ]
    return DeliveryBenchmark(
        name="scms",
        question="Why did more deliveries of medicines come late in 2013 than in 2012: vendor, factory or mode?",
        peer="Kitagawa's rate effect, one factor at a time",
        seeds=(SEED,),
        packages=("numpy", "pandas", "scipy", "dowhy"),
        measures=tuple(measures),
        note="Real data: USAID's SCMS delivery history. The peer counts the whole change again for every factor, so "
        "its figures do not add up; a ratio near nought says that beside the others nothing is left of a factor.",
        rates=records(rates_by_channel(deliveries, str(vendors["level"].iloc[0]))),
        parts=records(parts),
        levels=records(levels),
        checks=records(checks),
    )


def records(frame: pd.DataFrame) -> tuple[dict[str, object], ...]:
    """The rows as plain values that JSON can hold."""
    return tuple(json.loads(frame.to_json(orient="records", double_precision=15)))
