"""What every result is made of: the base class, sums that must hold, numbers as words, and who may see them."""

from gbanalysis.results.base import Html, Result, require_sum
from gbanalysis.results.privacy import SMALLEST_GROUP, is_internal, too_few
from gbanalysis.results.words import JOIN, change_of, figure, money, number, points, rate

__all__ = [
    "JOIN",
    "SMALLEST_GROUP",
    "Html",
    "Result",
    "change_of",
    "figure",
    "is_internal",
    "money",
    "number",
    "points",
    "rate",
    "require_sum",
    "too_few",
]
