"""Time zones as steps of a constant offset, so that any engine can tell local time without knowing zones itself."""

from bisect import bisect_left
from datetime import datetime
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIRST_EPOCH = 1_000_000_000
"""The first number of ten digits: 2001-09-09 in UTC."""
LAST_EPOCH = 2**31
"""Epoch seconds from here on, 2038-01-19, are not read: every step of a zone costs the engine a comparison."""
_WEEK = 7 * 86_400


def is_zone(name: str) -> bool:
    """Whether a name is a time zone of the IANA data base.

    Examples
    --------
    >>> is_zone("Asia/Shanghai"), is_zone("Mars/X")
    (True, False)
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@cache
def utc_offsets(zone: str) -> tuple[tuple[int, int], ...]:
    """The steps of a zone's offset: from which epoch second on local time is how many seconds ahead of UTC.

    Exact from `FIRST_EPOCH` to `LAST_EPOCH`, where no zone changes twice within a week.

    Examples
    --------
    >>> utc_offsets("Asia/Shanghai")
    ((1000000000, 28800),)
    >>> utc_offsets("America/New_York")[:3]
    ((1000000000, -14400), (1004248800, -18000), (1018162800, -14400))
    """
    info = ZoneInfo(zone)
    steps = [(FIRST_EPOCH, _ahead(info, FIRST_EPOCH))]
    for low, high in pairwise([*range(FIRST_EPOCH, LAST_EPOCH, _WEEK), LAST_EPOCH]):
        if _ahead(info, low) != _ahead(info, high):
            steps.append((_change(info, low, high), _ahead(info, high)))
    return tuple(steps)


def _ahead(zone: ZoneInfo, second: int) -> int:
    ahead = datetime.fromtimestamp(second, zone).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The first second after `low` with the offset of `high`."""
    before = _ahead(zone, low)
    return low + bisect_left(range(low, high), True, key=lambda second: _ahead(zone, second) != before)
