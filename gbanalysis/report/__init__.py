"""What chapters call: open the data, show tables, write numbers, name the source, and hold the page to its story."""

from gbanalysis.report.notes import answer, data_kind, expect, glue, provenance
from gbanalysis.report.opening import data_location, is_simulated, open_data
from gbanalysis.report.periods import Periods, choose_periods
from gbanalysis.report.tables import show
from gbanalysis.results import Html, is_internal, money, number, points, rate

__all__ = [
    "Html",
    "Periods",
    "answer",
    "choose_periods",
    "data_kind",
    "data_location",
    "expect",
    "glue",
    "is_internal",
    "is_simulated",
    "money",
    "number",
    "open_data",
    "points",
    "provenance",
    "rate",
    "show",
]
