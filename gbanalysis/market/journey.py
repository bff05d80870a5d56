"""Follow lines down the chain: transit, cooling, handling, freshness and losses put together.

A line that was picked up is refunded when its quality is complained of, when its user abuses the rule, or when it
came short:

    p = 1 - (1 - p_complaint) (1 - p_abuse) (1 - p_short)

`refund_chance` is the one function of attributes and parameters that both the simulation and the known truth evaluate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gbanalysis.market.abuse import abuse_chance
from gbanalysis.market.cooling import temperatures
from gbanalysis.market.freshness import Freshness, bruises, freshness
from gbanalysis.market.losses import loss_chances, short_chance, unit_survival
from gbanalysis.market.parameters import View
from gbanalysis.market.tolerance import complaint_chance, log_medians
from gbanalysis.market.transit import Transit, transit

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Journey:
    """The expected course of lines under a view; nothing here is drawn beyond the lines' own numbers.

    Attributes
    ----------
    transit, degrees, freshness
        Hours, temperatures [5, n] and quality.
    loss_chances
        [5, 4, n] by stage and cause.
    complaint, abuse, short
        [n] chances of the three reasons of a refund, given that the line is picked up.
    """

    transit: Transit
    degrees: Array
    freshness: Freshness
    loss_chances: Array
    complaint: Array
    abuse: Array
    short: Array

    @property
    def refund_chance(self) -> Array:
        """Give the chance that a line that is picked up is ever refunded."""
        chance: Array = 1.0 - (1.0 - self.complaint) * (1.0 - self.abuse) * (1.0 - self.short)
        return chance


def travel(view: View) -> Journey:
    """Follow lines down the chain under the view's parameters."""
    course = transit(view)
    degrees = temperatures(view)
    damage = bruises(view)
    quality = freshness(view, course.hours, degrees, damage)
    chances = loss_chances(view, quality.age, damage)
    return Journey(
        transit=course,
        degrees=degrees,
        freshness=quality,
        loss_chances=chances,
        complaint=complaint_chance(view, quality.deficit, log_medians(view.world)),
        abuse=abuse_chance(view),
        short=short_chance(view.items.quantity, view.items.spare, unit_survival(chances)),
    )


def refund_chance(view: View) -> Array:
    """Give the chance that each line, once picked up, is ever refunded."""
    return travel(view).refund_chance
