"""What moved the refund rate of a data set between two periods: the lines summed, matured, and attributed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gbanalysis.dataset.arguments import checked, generator, known_day, known_periods
from gbanalysis.dataset.expressions import NO_VALUE
from gbanalysis.errors import GBAnalysisError, NotEnoughDataError, NotIdentifiedError
from gbanalysis.quality import facts
from gbanalysis.quality.attribution.attributing import attribute_cells
from gbanalysis.quality.attribution.cells import ShiftCells, stages_of
from gbanalysis.quality.attribution.result import UNITS, DatasetShift, Question
from gbanalysis.quality.latency.reported import ReportedShares, reported_shares

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

FloatArray = NDArray[np.float64]

SMALL_ERROR = 1e-4  # directions of the delay law's error with a smaller share of the largest variance are left out
NOT_ADDITIVE = {
    "order": "an order counts once however many of its lines are refunded",
    "user": "a user counts once within a period however often he asks money back",
    "sku": "a SKU counts once within a period, and nearly every SKU has a refund",
}
NODE_NAMES = {"origin_id": "shared_warehouse", "central_id": "central_warehouse", "grid_id": "grid_warehouse"}


def attribute_shift(
    dataset: Dataset,
    *,
    base: tuple[Any, Any],
    current: tuple[Any, Any],
    unit: str = "line",
    as_of: Any = None,
    confidence: float = 0.9,
    rng: np.random.Generator | int | None = None,
) -> DatasetShift:
    """Answer what moved the refund rate between two periods: how much each mechanism, supplier and warehouse added.

    Each mechanism's contribution is its Shapley value: its effect on the expected refund rate, averaged over all orders
    in which the mechanisms may pass from the base period to the current one. Contributions add up to the change of the
    rate, and the levels of a mechanism to the mechanism.

    Parameters
    ----------
    dataset
        With ``refunds``. Hours and temperature of the nodes come from ``stage_flows`` tied to the lines, the weather
        from ``weather``, refund rules from ``policies``; what is missing is part of quality, and a note says so.
    base, current
        First and last day of pickup of each period, both included; they may not share a day.
    unit
        ``"line"``: refunded lines over lines. ``"quantity"``, ``"value"``: units or money asked back over those sold.
    as_of
        The last day whose data are used; by default the data set's own. Refunds still to come by then are allowed
        for, by category and day of pickup.
    confidence
        Level of the intervals.
    rng
        A seed or a generator for the draws of the delay law and of the checks; by default one fixed stream, so that two
        calls agree.

    Returns
    -------
    DatasetShift
        ``to_frame(view=)``, ``text()``, ``impact()`` in refunds and money, ``in_order()``, ``without_users()``,
        ``checks()``, ``plot()`` and ``plot_levels()``.

    Raises
    ------
    ContractError
        There are no refunds.
    NotEnoughDataError
        A period has no lines or no refund, or lies in the future; or nothing is known yet of how late refunds come.
    NotIdentifiedError
        One supplier sold everything, or `unit` is order, user or sku, which are no sums over lines.
    GBAnalysisError
        The periods overlap or are no pairs of days, or `confidence` does not lie between 0 and 1.

    Notes
    -----
    A line counts as refunded when any refund of it was asked for by `as_of`. Goods are told apart by subcategory, or by
    category where there is none; what shifts below that, such as SKUs or units a line, is part of quality. Mix and
    allocation are taken as they happened: their intervals hold no chance of another demand.

    In the units quantity and value each line has the weight of its units or money, and the variances are those of as
    many lines as carry the same information (Kish 1965); the delay of refunds is that of lines.

    References
    ----------
    K. Budhathoki, D. Janzing, P. Bloebaum and H. Ng (2021), Why did the distribution change?, AISTATS;
    V. Quintas-Martinez, M. T. Bahadori, E. Santiago, J. Mu and D. Heckerman (2024), Multiply-robust causal change
    attribution, ICML; L. Kish (1965), Survey Sampling.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> found = gb.quality.attribute_shift(
    ...     gb.load_sample(), base=("2024-02-05", "2024-02-11"), current=("2024-02-12", "2024-02-18"), rng=1
    ... )
    >>> frame = found.to_frame()
    >>> parts = frame.loc[frame["level"].isna(), "contribution"].sum()
    >>> bool(abs(parts - found.change) < 1e-12)
    True
    """
    checked("", confidence=confidence)
    _check_unit(unit)
    dataset.require("refunds")
    day = known_day(dataset, as_of)
    before, after = known_periods(base, current, as_of=day)
    seed = int(generator(rng).integers(2**62))
    question = Question(before, after, day, unit, dataset.settings.currency, seed, dataset)
    return explain(read_cells(dataset, question), question, confidence=confidence)


def _check_unit(unit: str) -> None:
    if unit in NOT_ADDITIVE:
        raise NotIdentifiedError(f"the refund rate by {unit} cannot be attributed: {NOT_ADDITIVE[unit]}")
    if unit not in UNITS:
        raise GBAnalysisError(f"unit must be one of {', '.join(UNITS)}, not {unit!r}")


def read_cells(dataset: Dataset, question: Question) -> ShiftCells:
    """Sum the lines of both periods to cells, allow for refunds still to come, and weigh them by the unit."""
    spans = {"base": question.base, "current": question.current}
    cells = facts.shift_cells(dataset, **spans, as_of=question.as_of, without_users=question.without_users)
    lines = cells.frame.groupby("period")["n"].sum()
    for name, (first, last) in (("base", question.base), ("current", question.current)):
        if name not in lines:
            raise NotEnoughDataError(f"no line was picked up in the {name} period, {first} to {last}")
    suppliers = cells.frame["supplier_id"].unique()
    if len(suppliers) == 1 and suppliers[0] != NO_VALUE:
        raise NotIdentifiedError(
            f"one supplier, {suppliers[0]}, sold everything: its quality cannot be told from what all have in common"
        )
    window, last_day = dataset.settings.refund_window_days, max(question.base[1], question.current[1])
    if (question.as_of - last_day).days < window:
        first_day = min(question.base[0], question.current[0])
        shares = reported_shares(dataset, first=first_day, last=last_day, as_of=question.as_of, rng=question.seed)
        cells = matured(cells, shares)
    return weigh(cells, question.unit)


def matured(cells: ShiftCells, shares: ReportedShares) -> ShiftCells:
    """Divide what was asked back by the share of it that is known by now."""
    known = shares.joined(cells.frame, category="parent_category")
    share = known.share
    frame = cells.frame.assign(share_reported=share)
    for name in ("refunded", "refunded_quantity", "refunded_amount"):
        frame[name] = frame[name].to_numpy(dtype=float) / share
    size, ways = np.linalg.eigh(shares.covariance())
    kept = size > size.max() * SMALL_ERROR
    errors = ways[:, kept] * np.sqrt(size[kept])
    late = sparse.diags(-frame["refunded"].to_numpy() / share).tocsr() @ known.pairs
    late.eliminate_zeros()
    by_row = late @ sparse.csr_matrix(errors)
    notes = (*cells.notes, *known.notes)
    return replace(cells, frame=frame, shared_error=by_row if kept.any() else None, notes=notes)


def weigh(cells: ShiftCells, unit: str) -> ShiftCells:
    """Let ``n`` and ``refunded`` count in the unit, scaled to as many lines as carry the same information (Kish)."""
    if unit == "line":
        return cells
    sold, returned = UNITS[unit]
    frame = cells.frame
    size = frame[f"{sold}_squared"].sum() / frame[sold].sum()
    now = (frame[returned] / frame["refunded"].where(frame["refunded"] > 0, 1.0) / size).to_numpy()
    return replace(
        cells,
        frame=frame.assign(n=frame[sold] / size, refunded=frame[returned] / size),
        size=float(size),
        shared_error=None if cells.shared_error is None else sparse.diags(now) @ cells.shared_error,
    )


def explain(cells: ShiftCells, question: Question, *, confidence: float) -> DatasetShift:
    """Attribute the change that the cells hold."""
    found = attribute_cells(
        cells.frame, stages=stages_of(cells), confidence=confidence, shared_error=cells.shared_error
    )
    names = NODE_NAMES | {"parent_category": "category", "category": cells.goods}
    table = found.table.assign(dimension=[names.get(name, name) for name in found.table["dimension"]])
    table[["n_base", "n_current"]] *= cells.size
    kept = {field.name: getattr(found, field.name) for field in fields(found)}
    kept |= {"table": table, "notes": (*cells.notes, *found.notes)}
    return DatasetShift(**kept, question=question, cells=cells)
