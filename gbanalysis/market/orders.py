"""A day's orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Lines:
    """A selling day's order lines, arrays of equal length sorted by the second of ordering.

    `order` counts the day's orders from 0; user, site, sku and supplier are indices of the World; `ordered_second` is counted from
    midnight of `calendar_day`, which is the selling day or, for orders after the cutoff, the day before it.
    """

    order: NDArray[np.int64]
    user: NDArray[np.int64]
    site: NDArray[np.int64]
    sku: NDArray[np.int64]
    supplier: NDArray[np.int64]
    quantity: NDArray[np.int64]
    amount: NDArray[np.float64]
    ordered_second: NDArray[np.int64]
    calendar_day: NDArray[np.int64]
    selling_day: int

    def __len__(self) -> int:
        """Give the number of lines."""
        return len(self.order)
