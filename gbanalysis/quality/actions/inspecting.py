"""What inspections of lots say of each supplier, and whether refunds say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from gbanalysis.quality.actions.sampling_plans import SamplingPlan, acceptance_numbers
from gbanalysis.stats.intervals import cluster_sums, effective_clusters, ratio_variance, share_interval

if TYPE_CHECKING:
    import pandas as pd

LEAST_SUPPLIERS = 5


@dataclass(frozen=True)
class Agreement:
    """Rank correlation over suppliers of the defect rate at inspection and the refund rate of like goods."""

    correlation: float
    ci_lower: float
    ci_upper: float
    n_suppliers: int

    def text(self) -> str:
        """Say how well inspections tell who is refunded."""
        said = (
            "rank suppliers much as refunds do"
            if self.ci_lower > 0.5
            else "tell a part of what refunds tell"
            if self.ci_lower > 0
            else "do not tell who is refunded, as far as these data go"
        )
        return (
            f"Inspections {said}: rank correlation {self.correlation:.2f} ({self.ci_lower:.2f} to {self.ci_upper:.2f}) "
            f"over {self.n_suppliers} suppliers."
        )


def lots_by_supplier(lots: pd.DataFrame, plan: SamplingPlan, *, aql: float, confidence: float) -> pd.DataFrame:
    """Sum inspected lots to suppliers.

    Parameters
    ----------
    lots
        supplier_id, inspected_on, n_sampled, n_defective; one row a lot.
    plan
        The plan whose chance of acceptance is given at each supplier's defect rate.
    aql
        Share of bad units that is still good: a lot passes where its own sample, of whatever size, does not speak
        against it at a risk of 5 %.
    confidence
        Level of the intervals; lots of a day count as one cluster.
    """
    import pandas as pd

    rows = []
    for name, part in lots[lots["n_sampled"] > 0].groupby("supplier_id"):
        sampled, bad = (part[column].to_numpy(dtype=float) for column in ("n_sampled", "n_defective"))
        sums = cluster_sums(bad, sampled, part["inspected_on"].to_numpy().astype(str))
        ends = share_interval(sums.y, sums.x, ratio_variance(sums), effective_clusters(sums), confidence=confidence)
        share = float(sums.y / sums.x)
        rows.append(
            {
                "supplier_id": name,
                "n_lots": len(part),
                "n_sampled": int(sums.x),
                "n_defective": int(sums.y),
                "defect_rate": share,
                "defect_ci_lower": float(ends.lower),
                "defect_ci_upper": float(ends.upper),
                "lots_accepted_share": float((bad <= acceptance_numbers(sampled, aql=aql)).mean()),
                "accept_rate": float(plan.accepts(share)),
            }
        )
    columns = ["supplier_id", "n_lots", "n_sampled", "n_defective", "defect_rate", "defect_ci_lower"]
    return pd.DataFrame(rows, columns=[*columns, "defect_ci_upper", "lots_accepted_share", "accept_rate"])


def agreement_of(frame: pd.DataFrame, confidence: float) -> Agreement | None:
    """Rank correlation of ``defect_rate`` and ``rate``; None for fewer than five suppliers with both.

    References
    ----------
    D. G. Bonett and T. A. Wright (2000), Psychometrika 65, 23-28 (interval of Spearman's coefficient).
    """
    both = frame[["defect_rate", "rate"]].dropna()
    if len(both) < LEAST_SUPPLIERS:
        return None
    found = float(stats.spearmanr(both["defect_rate"], both["rate"]).statistic)
    error = np.sqrt((1 + found**2 / 2) / (len(both) - 3))
    half = special.ndtri(0.5 + confidence / 2) * error
    low, high = np.tanh(np.arctanh(np.clip(found, -0.999, 0.999)) + np.array([-half, half]))
    return Agreement(found, float(low), float(high), len(both))
