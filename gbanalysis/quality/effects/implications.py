"""Claims of the graph held against the data: once its causes are known, does another node say more about a node?"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gbanalysis.dataset.arguments import known_day, known_days
from gbanalysis.errors import NotEnoughDataError
from gbanalysis.quality import facts
from gbanalysis.quality.effects.adjustment import LEVELS, make_adjustment
from gbanalysis.quality.effects.cross_fitting import make_problem, plain_residuals
from gbanalysis.quality.effects.graph import Implication, supply_chain_graph
from gbanalysis.results import rate

if TYPE_CHECKING:
    from gbanalysis.dataset.dataset import Dataset

LARGEST_GAIN = 0.01  # of what is left unexplained; more than this denies the claim
WAYS = ("transit_hours", "temperature")


def check_implications(
    dataset: Dataset, *, days: tuple[Any, Any] | None = None, as_of: dt.date | str | None = None
) -> pd.DataFrame:
    """Answer which claims of the supply-chain graph the data deny.

    For a claim on hours or temperature the node is predicted from its causes, each week from the others, with and
    without the other node. Where the other node takes away more than 1 % of what was left, the claim is denied.

    Parameters
    ----------
    dataset
        The data, with stage flows tied to the lines.
    days
        First and last day of pickup, both included; by default all.
    as_of
        The last day that is known; by default that of the data.

    Returns
    -------
    pandas.DataFrame
        ``claim``; ``passed`` (None where the claim is not on hours or temperature, or the lines lack the other
        node); ``gain``, the share of the rest that the other node explains; ``sentence``.

    Raises
    ------
    NotEnoughDataError
        Where there are fewer than two weeks of lines with known hours and temperature.

    References
    ----------
    J. Pearl (2009), Causality, 2nd ed., section 1.2.3.

    Examples
    --------
    >>> import gbanalysis as gb
    >>> found = check_implications(gb.load_sample(), days=("2024-02-01", "2024-03-20"))
    >>> {"claim", "passed", "gain", "sentence"} <= set(found.columns)
    True
    """
    as_of = known_day(dataset, as_of)
    first, last = (None, as_of) if days is None else known_days(days, name="days", as_of=as_of)
    claims = supply_chain_graph(dataset).implications()
    tested = [claim for claim in claims if _can_be_tested(claim)]
    cells = pd.DataFrame()
    if tested:
        cells = facts.effect_cells(
            dataset, treatment="transit_hours", measures=("temperature",), first=first, last=last, as_of=as_of
        )
        cells = cells.dropna(subset=["treatment", "temperature"]).reset_index(drop=True)
        if cells.empty:
            raise NotEnoughDataError("no line of these days has known hours and temperature")
        cells = cells.assign(transit_hours=cells["treatment"])
    rows = [_row(claim, _gain(claim, cells) if claim in tested else None) for claim in claims]
    return pd.DataFrame(rows, columns=["claim", "passed", "gain", "sentence"])


def _can_be_tested(claim: Implication) -> bool:
    """Say whether one side is a number of the way, and the other stands in the cells."""
    ends = {claim.node, claim.other}
    return bool(ends & set(WAYS)) and all(end in WAYS or end in LEVELS for end in ends) and "policy" not in ends


def _gain(claim: Implication, cells: pd.DataFrame) -> float:
    """Share of the rest of a node that another takes away in weeks that were not learned from."""
    node, other = (claim.node, claim.other) if claim.node in WAYS else (claim.other, claim.node)
    left = []
    for given in (claim.given, (*claim.given, other)):
        problem = make_problem(cells, make_adjustment(cells, given, cooling=True, apart=True))
        rest = plain_residuals(problem, cells[[node]].to_numpy(dtype=float))[:, 0]
        left.append(np.average(rest**2, weights=problem.n))
    return float(1 - left[1] / left[0])


def _row(claim: Implication, gain: float | None) -> tuple[str, bool | None, float, str]:
    text = claim.text()
    if gain is None:
        return text, None, float("nan"), "Not tested: it is no claim on hours or temperature that lines could deny."
    passed = gain <= LARGEST_GAIN
    said = rate(max(gain, 0.0), digits=1)
    verdict = (
        "the data do not deny it" if passed else "the data deny it: an arrow is missing, or a cause is not recorded"
    )
    return text, passed, gain, f"The other explains {said} of what was left; {verdict}."
