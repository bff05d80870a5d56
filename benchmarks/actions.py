"""Are savings of chosen actions what was promised, and how soon does the alert ring? Worlds of known truth.

Actions: small worlds (20 thousand lines) of five families; the true saving is the fall of the lines' own chances.
Chosen are those that pay within a budget. Peer: ranking by raw rate, the same programme of choice on what the raw rate
promises. Alert: worlds of counts by day of pickup and delay; peer: the daily rate of the lines picked up, as it is
known that evening, above its mean by so many standard deviations that it rings as often in quiet years.
"""

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.harness import Benchmark, Measure
from benchmarks.worlds.action_world import FAMILIES, ActionWorld, acted_on, draw_cells, draw_world
from benchmarks.worlds.alert_world import compare_alerts
from gbanalysis.quality.actions import naive_saving, overlaps
from gbanalysis.quality.budgets import choose
from gbanalysis.quality.savings import Action, Profiles, make_profiles

# Of the first family, the others follow; seeds of development were below 1,000, of tests 9,000 to 9,100.
FIGURE_SEEDS = range(71_000, 71_080)
