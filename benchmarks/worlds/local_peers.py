"""What else people use to find the place that moved; each gets base and current counts of cells and names places.

``cells``: every cell by its own two-sample test, Benjamini and Hochberg's step-up. ``scan``: Kulldorff's likelihood
ratio over all nodes, the strongest one against a parametric bootstrap of the largest (the prototype). ``adtributor``:
surprise and explanatory power of the elements of each dimension, one dimension at a time (R. Bhagwan et al. 2014, NSDI,
sections 4.2 to 4.4 for derived measures), at the thresholds that serve it best of a grid.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from gbanalysis.quality.local.hierarchy import Hierarchy

FloatArray = NDArray[np.float64]
Place = tuple[int, ...]

BOOTSTRAPS = 399
THRESHOLDS = [(power, surprise) for power in (0.5, 0.67, 0.8) for surprise in (0.1, 0.2, 0.4)]


def cell_tests(hierarchy: Hierarchy, lines: FloatArray, refunded: FloatArray, *, level: float) -> set[Place]:
    """Name the cells that pass Benjamini and Hochberg's step-up; lines and refunds are [period, cell]."""
    share = lines[1] / np.maximum(lines.sum(axis=0), 1)
    both = refunded.sum(axis=0)
    tails = stats.binom.cdf(refunded[1], both, share), stats.binom.sf(refunded[1] - 1, both, share)
    p = np.minimum(2 * np.minimum(*tails), 1.0)
    order = np.argsort(p)
    passed = np.flatnonzero(p[order] <= level * np.arange(1, len(p) + 1) / len(p))
    n_chosen = passed[-1] + 1 if len(passed) else 0
    return {tuple(int(code) for code in hierarchy.codes[cell]) for cell in order[:n_chosen]}


def plain_scan(
    hierarchy: Hierarchy, lines: FloatArray, refunded: FloatArray, *, level: float, rng: np.random.Generator
) -> set[Place]:
    """Name the node with the largest likelihood ratio if worlds of pooled rates seldom have as large a one."""
    share = np.asarray(hierarchy.members @ lines[1]) / np.maximum(hierarchy.members @ lines.sum(axis=0), 1)

    def strengths(counts: FloatArray) -> FloatArray:
        """Twice the log ratio of two Poisson counts against their sum split by lines: [n, n_nodes]."""
        base, current = ((hierarchy.members @ part.T).T for part in counts)
        both = base + current
        return np.asarray(
            2
            * (
                special.xlogy(current, _over(current, both * share))
                + special.xlogy(base, _over(base, both * (1 - share)))
            )
        )

    found = strengths(refunded[:, None])[0]
    rate = refunded.sum(axis=0) / np.maximum(lines.sum(axis=0), 1)
    worlds = rng.poisson(lines[:, None] * rate, (2, BOOTSTRAPS, lines.shape[1])).astype(float)
    largest = strengths(worlds).max(axis=1)
    best = int(np.argmax(found))
    p = (1 + (largest >= found[best]).sum()) / (1 + BOOTSTRAPS)
    return {tuple(int(code) for code in hierarchy.levels[best])} if p <= level else set()


def _over(count: FloatArray, due: FloatArray) -> FloatArray:
    return np.asarray(np.divide(count, due, out=np.ones_like(count), where=due > 0))


def adtributor(
    hierarchy: Hierarchy, lines: FloatArray, refunded: FloatArray, *, power: float, surprise: float
) -> set[Place]:
    """Name the elements of the most surprising dimension that explain the share `power` of the rate's change."""
    rates = refunded.sum(axis=1) / lines.sum(axis=1)
    best: tuple[float, set[Place]] = (-np.inf, set())
    for d in range(hierarchy.codes.shape[1]):
        code = hierarchy.codes[:, d]
        y, n = (np.stack([np.bincount(code, part) for part in values]) for values in (refunded, lines))
        # The change of the whole rate if this element alone had changed (partial differences in finite form).
        swapped = (refunded[0].sum() - y[0] + y[1]) / (lines[0].sum() - n[0] + n[1]) - rates[0]
        explained = swapped / swapped.sum() if swapped.sum() else np.zeros_like(swapped)
        before, after = y[0] / y[0].sum(), y[1] / y[1].sum()
        middle = (before + after) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [np.where(q > 0, q * np.log(q / middle), 0.0) for q in (before, after)]
        surprises = 0.5 * (parts[0] + parts[1])
        total, chosen, gained = 0.0, [], 0.0
        for element in np.argsort(-surprises):
            if explained[element] > surprise:
                chosen.append(int(element))
                total, gained = total + explained[element], gained + surprises[element]
            if total > power:
                break
        if total > power and gained > best[0]:
            n_dimensions = hierarchy.codes.shape[1]
            best = (gained, {tuple(e if k == d else -1 for k in range(n_dimensions)) for e in chosen})
    return best[1]
