"""Random streams: one independent generator for each (seed, mechanism, day).

A stream never runs across days, so a day's draws do not depend on how the days are cut into chunks or shared among
workers.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, mechanism: str, day: int | None = None) -> np.random.Generator:
    """Give the generator that belongs to one mechanism on one day.

    Parameters
    ----------
    seed
        The market's seed.
    mechanism
        A name unique to the draw, such as ``"orders.visits"``.
    day
        Day index, or None for what is drawn once for the whole market.

    Returns
    -------
    numpy.random.Generator
        A Philox generator whose 128-bit key is a hash of the three arguments.

    Examples
    --------
    >>> from gbanalysis.market.streams import stream
    >>> first = stream(1, "example", 3).random(2)
    >>> bool((first == stream(1, "example", 3).random(2)).all())
    True
    >>> bool((first == stream(1, "example", 4).random(2)).any())
    False
    """
    text = f"{seed}|{mechanism}|{'' if day is None else day}"
    key = np.frombuffer(hashlib.blake2b(text.encode(), digest_size=16).digest(), dtype="<u8")
    return np.random.Generator(np.random.Philox(key=key.astype(np.uint64)))
