"""How much warmer a node was than its weather explains: what is left of its temperature for the node to answer for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def outside_heat(cells: pd.DataFrame, node: str, regions: dict[str, str], weather: pd.DataFrame) -> FloatArray:
    """Temperature (°C) of the weather at each row's node on its day; NaN where it is not known.

    Parameters
    ----------
    cells
        With ``day``, ``region`` and the column `node`.
    regions
        The region of each node; a node that is not among them takes the row's own, which is right where the row's
        region is the node's.
    weather
        ``region``, ``date``, ``temperature_c``, one row each.
    """
    import pandas as pd

    places = pd.DataFrame({"node": cells[node], "region": cells["region"], "day": cells["day"]})
    code = places.groupby(["node", "region", "day"], sort=False, observed=True).ngroup().to_numpy()
    first = np.unique(code, return_index=True)[1]
    places = places.iloc[first]
    region = places["node"].map(regions).fillna(places["region"])
    known = weather["temperature_c"].set_axis(
        pd.MultiIndex.from_arrays([weather["region"].astype(str), pd.to_datetime(weather["date"])])
    )
    at = pd.MultiIndex.from_arrays([region, pd.to_datetime(places["day"])])
    return known.reindex(at).to_numpy(dtype=float)[code]


def excess_heat(
    temperature: FloatArray, outside: FloatArray, n: FloatArray, goods: IntArray, way: IntArray
) -> FloatArray:
    """Temperature of a node less what its goods and the weather outside lead one to expect.

    Chilled and other goods stand at one node at different temperatures, and feel the weather differently. So the
    mean is taken out by node and kind of goods, and the slope on the weather by kind of goods; both over the two
    periods together, so that a change of the node between them is left. The mean is put back to zero overall.

    Parameters
    ----------
    temperature, outside
        [n_rows] temperature at the node and of the weather there (°C).
    n
        [n_rows] lines.
    goods, way
        [n_rows] codes of the kind of goods, and of node and goods together.

    Examples
    --------
    >>> outside = np.array([10.0, 20.0, 10.0, 20.0])
    >>> fault = np.array([0.0, 0.0, 3.0, 3.0])
    >>> one = np.zeros(4, dtype=int)
    >>> excess_heat(4 + 0.5 * outside + fault, outside, np.ones(4), one, one)
    array([-1.5, -1.5,  1.5,  1.5])
    """
    moved, heat = _less_mean(temperature, n, way), _less_mean(outside, n, way)
    spread = np.bincount(goods, weights=n * heat**2)
    slope = np.divide(
        np.bincount(goods, weights=n * heat * moved), spread, out=np.zeros_like(spread), where=spread > 1e-9
    )
    return np.asarray(moved - slope[goods] * heat)


def _less_mean(values: FloatArray, n: FloatArray, group: IntArray) -> FloatArray:
    mean = np.bincount(group, weights=n * values) / np.maximum(np.bincount(group, weights=n), 1e-300)
    return np.asarray(values - mean[group])
