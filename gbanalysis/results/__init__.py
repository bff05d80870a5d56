"""What every result is made of: the base class, sums that must hold, and numbers as words."""

from gbanalysis.results.base import Html, Result, require_sum
from gbanalysis.results.words import change_of, figure, money, number, points, rate

__all__ = ["Html", "Result", "change_of", "figure", "money", "number", "points", "rate", "require_sum"]
