"""What an hour or a degree does to the refund rate: effects by double machine learning, adjusted as the graph says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from gbanalysis.dataset.arguments import checked, generator, known_day, known_days
from gbanalysis.dataset.contract import STAGES
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality import facts
from gbanalysis.quality.effects.adjustment import make_adjustment, to_adjust_for
from gbanalysis.quality.effects.cells import MEASURES
from gbanalysis.quality.effects.cross_fitting import make_problem
from gbanalysis.quality.effects.graph import supply_chain_graph
from gbanalysis.quality.effects.methods import Question, curve_rows, forest_rows, linear_rows, threshold_rows
from gbanalysis.quality.effects.result import Effect
from gbanalysis.quality.effects.supplier_effects import supplier_rows

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

Method = Literal["linear", "curve", "forest", "threshold"]
METHODS: dict[str, Any] = {
    "linear": linear_rows,
    "curve": curve_rows,
    "forest": forest_rows,
    "threshold": threshold_rows,
}
GROUPS = ("category", "goods", "region", "supplier_id", "central_id", "grid_id", "weather")
WEATHER_BANDS = (10.0, 20.0, 28.0)  # °C at the place of sale: cold, mild, warm, hot
STAGE_HEAT = tuple(f"{stage}_temperature" for stage in STAGES)


def estimate_effect(
    dataset: Dataset,
    treatment: str,
    *,
    outcome: str = "refund",
    by: Sequence[str] | str = (),
    method: Method = "linear",
    days: tuple[Any, Any] | None = None,
    as_of: dt.date | str | None = None,
    adjust: Sequence[str] | None = None,
    confidence: float = 0.9,
    rng: int | np.random.Generator | None = None,
) -> Effect:
    """Answer what moving one cause would do to the refund rate (caliber: lines; by day of pickup), all else equal.

    Parameters
    ----------
    dataset
        The data, with stage flows tied to the lines for hours and temperatures.
    treatment
        ``transit_hours`` or ``<stage>_hours`` (per hour); ``temperature`` (per °C at every stage at once) or
        ``<stage>_temperature`` (per °C); ``supplier`` (each against the others that sell the same goods at the same
        place and time).
    outcome
        Only ``"refund"``.
    by
        Effects for each of these groups: category, goods (category, subcategory and shelf life), region, supplier_id,
        central_id, grid_id, and weather (bands of the day's heat). Not for the treatment supplier, whose effects
        always stand by category.
    method
        "linear": the effect of one unit (econml's LinearDML). "curve": the effect of hours or degrees beyond what is
        usual for such a line, piecewise linear (LinearDML). "forest": one unit's effect by a causal forest
        (CausalForestDML), averaged over groups and corrected for the forest's own smoothing. "threshold": above
        against below the upper quartile (LinearDRLearner).
    days
        First and last day of pickup, both included; by default all days that are mature at `as_of`.
    as_of
        Refunds asked for later are not seen; by default the last day of the data. Days whose refund window was still
        open then are left out, and counted.
    adjust
        Nodes to hold fixed in place of what the graph says. For comparison only: ``()`` gives the raw association, and
        nodes that the treatment moves give a wrong answer.
    confidence
        Confidence level of the intervals.
    rng
        A seed or a generator for the forest; by default one fixed stream, so that two calls agree.

    Returns
    -------
    Effect
        Effects in refund rate (share of lines) with intervals that allow for clusters: all lines due on one day count
        as one, which holds lines of a lorry, a batch and a day's weather together.

    Raises
    ------
    NotIdentifiedError
        Where the graph says that an unrecorded node stands in the way, or there is one supplier only to compare.
    ContractError
        Where the data have no refunds.
    NotEnoughDataError
        Where no mature day, fewer than two weeks, or no refund is left.
    GBAnalysisError
        Where an argument makes no sense.

    Notes
    -----
    "linear" is the mean effect of a unit over the differences that occurred; where the effect bends, ask for "curve".
    A slope for all lines together would weigh goods by how much their treatment varies; here the slopes of alike goods
    are averaged by their share of the lines. Effects of different groups share the days and are correlated.

    References
    ----------
    V. Chernozhukov et al. (2018), The Econometrics Journal 21, C1-C68; S. Athey, J. Tibshirani and S. Wager (2019),
    The Annals of Statistics 47, 1148-1178; E. H. Kennedy (2023), Electronic Journal of Statistics 17, 3008-3049.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> effect = estimate_effect(gb.load_sample(), "supplier", days=("2024-02-20", "2024-03-20"))
    >>> bool(effect.to_frame()["effect"].notna().any())
    True
    """
    by = checked(by, confidence=confidence)
    _check_names(treatment, outcome, by, method)
    rng = generator(rng)
    dataset.require("refunds", "line_id", "requested_on")
    as_of = known_day(dataset, as_of)
    first, last = (None, as_of) if days is None else known_days(days, name="days", as_of=as_of)
    mature = as_of - dt.timedelta(days=dataset.settings.refund_window_days)
    notes = [f"pickups after {mature} are left out: their refund window was open on {as_of}"] if last > mature else []
    if first is not None and first > mature:
        raise NotEnoughDataError(f"no day of these is mature: the refund window of {first} ends after {as_of}")
    graph = supply_chain_graph(dataset, stages_apart=treatment.startswith(STAGES))
    found = graph.identify(treatment)
    nodes = to_adjust_for(found) if adjust is None else tuple(adjust)
    if wrong := [node for node in nodes if node in found.forbidden]:
        notes.append(f"held fixed although the treatment moves it: {', '.join(wrong)}; the estimate is biased")
    measures = tuple(node for node in nodes if node in MEASURES)
    span = {"first": first, "last": min(last, mature), "as_of": as_of}
    if treatment == "supplier":
        cells = _cells(dataset, None, measures, span)
        if not cells["refunded"].sum():
            raise NotEnoughDataError("no line of these days was refunded, so suppliers cannot be compared")
        if cells["supplier_id"].nunique() == 1:
            raise NotIdentifiedError(
                f"one supplier, {cells['supplier_id'].iloc[0]}, sold everything: it cannot be compared with others"
            )
        frame = supplier_rows(cells, confidence=confidence)
        return Effect(frame, treatment, "supplier", (), found, nodes, tuple(notes), confidence)
    cells, terms = _treated_cells(dataset, treatment, measures, span, notes)
    adjustment = make_adjustment(cells, nodes, cooling=treatment.endswith("temperature"))
    question = Question(cells, make_problem(cells, adjustment), by, terms, confidence)
    frame = METHODS[method](question, rng=rng)
    return Effect(frame, treatment, method, by, found, nodes, tuple(notes), confidence, question)


def _cells(dataset: Dataset, treatment: str | None, measures: tuple[str, ...], span: dict[str, Any]) -> pd.DataFrame:
    """Read the cells, with the band of the day's heat."""
    cells = facts.effect_cells(dataset, treatment=treatment, measures=measures, **span)
    if cells.empty:
        raise NotEnoughDataError("no line was picked up on a mature day of these")
    return cells.assign(weather=weather_band(cells["outside"].to_numpy(dtype=float)))


def _treated_cells(
    dataset: Dataset, treatment: str, measures: tuple[str, ...], span: dict[str, Any], notes: list[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read the cells of known ``treatment`` and the terms that it is made of; `notes` gets how many lines lack it."""
    is_whole = treatment == "temperature"
    wanted = tuple(dict.fromkeys([*STAGE_HEAT, *measures])) if is_whole else measures
    cells = _cells(dataset, None if is_whole else treatment, wanted, span)
    terms = tuple(name for name in STAGE_HEAT if cells[name].notna().any()) if is_whole else ()
    if terms:
        cells["treatment"] = cells[list(terms)].mean(axis=1, skipna=False)
    known = cells["treatment"].notna() if "treatment" in cells else np.zeros(len(cells), dtype=bool)
    name = treatment.replace("_", " ")
    if not known.any():
        raise NotEnoughDataError(f"no line of these days has known {name}")
    if lost := int(cells.loc[~known, "n"].sum()):
        notes.append(f"{lost:,} lines are left out: their {name} is not known")
    return cells[known].reset_index(drop=True), terms


def weather_band(outside: np.ndarray[Any, np.dtype[np.float64]]) -> pd.Categorical:
    """Name the band of the day's heat, in order from cold to hot.

    Examples
    --------
    >>> list(weather_band(np.array([-3.0, 24.0, np.nan])))
    ['below 10 °C', '20 to 28 °C', 'not known']
    """
    low, middle, high = WEATHER_BANDS
    names = [
        f"below {low:g} °C",
        f"{low:g} to {middle:g} °C",
        f"{middle:g} to {high:g} °C",
        f"{high:g} °C or more",
        "not known",
    ]
    place = np.where(np.isnan(outside), 4, np.searchsorted(WEATHER_BANDS, outside, side="right"))
    return pd.Categorical(np.array(names)[place], categories=pd.Index(names), ordered=True)


def _check_names(treatment: str, outcome: str, by: tuple[str, ...], method: str) -> None:
    """Refuse treatments, outcomes, groups and methods that there are not."""
    treatments = ("supplier", *MEASURES[: 2 + 2 * len(STAGES)])
    for what, value, allowed in (
        ("treatment", treatment, treatments),
        ("outcome", outcome, ("refund",)),
        ("method", method, tuple(METHODS)),
        *(("by", name, GROUPS) for name in by),
    ):
        if value not in allowed:
            raise GBAnalysisError(f"{what} must be one of {', '.join(allowed)}, not {value!r}")
    if treatment == "supplier" and by:
        raise GBAnalysisError("effects of suppliers stand by category; leave `by` out")
    if treatment == "temperature" and method != "linear":
        raise GBAnalysisError(
            f"method {method!r} needs the temperature of one stage, such as grid_warehouse_temperature"
        )
