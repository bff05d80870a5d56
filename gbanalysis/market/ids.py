"""Ids of fixed width, a million in a fraction of a second: a prefix and one or more zero-padded numbers.

A fixed width keeps the order of the strings equal to the order of the numbers, and lets a whole column be laid out as
one byte matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def numbered(prefix: str, *parts: tuple[NDArray[np.int64] | int, int], length: int | None = None) -> Any:
    """Make the ids ``prefix`` + number + number ..., each number zero-padded to its width.

    Parameters
    ----------
    prefix
        Letters before the first number.
    *parts
        Pairs of (array of numbers or one number for all, width in digits).
    length
        Number of ids, needed when every part is a single number.

    Returns
    -------
    pyarrow.StringArray
        One id a row.

    Raises
    ------
    ValueError
        If a number is negative or does not fit its width.

    Examples
    --------
    >>> import numpy as np
    >>> from gbanalysis.market.ids import numbered
    >>> numbered("O", (7, 3), (np.array([0, 12]), 2)).to_pylist()
    ['O00700', 'O00712']
    """
    import pyarrow as pa

    sizes = [len(number) for number, _ in parts if not isinstance(number, int)]
    n = sizes[0] if length is None else length
    digits = sum(width for _, width in parts)
    text = np.empty((n, len(prefix) + digits), dtype=np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    end = len(prefix)
    for number, width in parts:
        end += width
        rest = np.array(number, dtype=np.int64)
        if rest.size and (int(rest.min()) < 0 or int(rest.max()) >= 10**width):
            raise ValueError(f"a number of the ids {prefix!r} does not fit {width} digits")
        for place in range(end - 1, end - width - 1, -1):
            rest, digit = np.divmod(rest, 10)
            text[:, place] = digit + ord("0")
    offsets = np.arange(n + 1, dtype=np.int32) * text.shape[1]
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def line_ids(day: int, position: NDArray[np.int64]) -> Any:
    """Give the ids of a selling day's lines."""
    return numbered("L", (day, 5), (position, 7), length=len(position))


def order_ids(day: int, order: NDArray[np.int64]) -> Any:
    """Give the ids of a selling day's orders."""
    return numbered("O", (day, 5), (order, 7), length=len(order))


def user_ids(user: NDArray[np.int64]) -> Any:
    """Give the ids of users."""
    return numbered("U", (user, 8), length=len(user))


def named(names: Sequence[str], index: NDArray[np.signedinteger[Any]]) -> Any:
    """Give ``names[index]`` as an arrow string array; an index of -1 is null."""
    import pyarrow as pa

    return pa.array(names, pa.string()).take(pa.array(index, pa.int64(), mask=index < 0))
