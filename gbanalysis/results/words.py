"""Numbers as words: counts, money, rates and points, with their intervals, for prose.

A number and its unit are joined by a no-break space, so that no line ends between them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor, isfinite, log10

UNKNOWN = "not known"
JOIN = "\N{NO-BREAK SPACE}"
"""What stands between a number and its unit."""


def number(value: float, ci: tuple[float, float] | None = None, *, digits: int | None = None) -> str:
    """Write a count or quantity with thousands separators.

    Parameters
    ----------
    value
        The number; NaN becomes "not known".
    ci
        Lower and upper end of its interval, written behind it.
    digits
        Decimal places; by default none from 100 on, and three significant figures below.

    Examples
    --------
    >>> number(1234567)
    '1,234,567'
    >>> number(18.347, (17.9, 18.8))
    '18.3 (17.9 to 18.8)'
    >>> number(float("nan"))
    'not known'
    """
    if not isfinite(value):
        return UNKNOWN
    places = _places(value) if digits is None else digits
    return f"{value:,.{places}f}" + _interval(ci, lambda end: f"{end:,.{places}f}")


def money(value: float, ci: tuple[float, float] | None = None, *, currency: str | None = None) -> str:
    r"""Write an amount of money, with the currency's code in front where it is known.

    Examples
    --------
    >>> money(1234567.8, currency="CNY")
    'CNY\xa01,234,568'
    >>> money(-23.456, (-25, -21.5))
    '-23.46 (-25.00 to -21.50)'
    """
    if not isfinite(value):
        return UNKNOWN
    places = 0 if abs(value) >= 1000 else 2
    code = f"{currency}{JOIN}" if currency else ""
    return f"{code}{value:,.{places}f}" + _interval(ci, lambda end: f"{end:,.{places}f}")


def rate(value: float, ci: tuple[float, float] | None = None, *, digits: int | None = None) -> str:
    r"""Write a share between 0 and 1 as a percentage.

    Examples
    --------
    >>> rate(0.0312, (0.0288, 0.0339))
    '3.1\xa0% (2.9\xa0% to 3.4\xa0%)'
    >>> rate(0.00042)
    '0.042\xa0%'
    """
    if not isfinite(value):
        return UNKNOWN
    places = max(1, _places(100 * value, figures=2)) if digits is None else digits
    places = 1 if value == 0 and digits is None else places
    return f"{100 * value:,.{places}f}{JOIN}%" + _interval(ci, lambda end: f"{100 * end:,.{places}f}{JOIN}%")


def points(value: float, ci: tuple[float, float] | None = None, *, digits: int = 1) -> str:
    r"""Write a difference of two rates in percentage points, always with its sign.

    Examples
    --------
    >>> points(-0.0123, (-0.02, -0.004))
    '-1.2\xa0percentage points (-2.0 to -0.4)'
    """
    if not isfinite(value):
        return UNKNOWN
    return f"{100 * value:+.{digits}f}{JOIN}percentage points" + _interval(ci, lambda end: f"{100 * end:+.{digits}f}")


def figure(value: float, unit: str = "", ci: tuple[float, float] | None = None) -> str:
    r"""Write a figure in its unit: "share" as a percentage, a currency code as money, anything else as a number.

    Examples
    --------
    >>> figure(0.031, "share", (0.028, 0.034)), figure(61.25, "CNY"), figure(1200, "orders")
    ('3.1\xa0% (2.8\xa0% to 3.4\xa0%)', 'CNY\xa061.25', '1,200')
    """
    if unit == "share":
        return rate(value, ci)
    if len(unit) == 3 and unit.isalpha() and unit.isupper():
        return money(value, ci, currency=unit)
    return number(value, ci)


def change_of(value: float, unit: str = "", ci: tuple[float, float] | None = None) -> str:
    r"""Write a change of a figure in its unit, always with its sign: of a share in percentage points (pp).

    Examples
    --------
    >>> change_of(-0.0123, "share", (-0.02, -0.004)), change_of(119, "orders")
    ('-1.2\xa0pp (-2.0 to -0.4)', '+119')
    """
    if unit == "share":
        return points(value, ci).replace("percentage points", "pp")
    said = figure(value, unit, ci)
    if value < 0 or said == UNKNOWN:
        return said
    *code, amount = said.split(JOIN, 1) if said.startswith(f"{unit}{JOIN}") else [said]
    return JOIN.join([*code, f"+{amount}"])


def _places(value: float, *, figures: int = 3) -> int:
    """Count the decimal places that show so many significant figures."""
    if value == 0 or value == round(value):
        return 0
    return max(0, figures - 1 - floor(log10(abs(value))))


def _interval(ci: tuple[float, float] | None, form: Callable[[float], str]) -> str:
    """Write an interval in brackets behind its number; nothing where it is not known."""
    if ci is None or not (isfinite(ci[0]) and isfinite(ci[1])):
        return ""
    return f" ({form(ci[0])} to {form(ci[1])})"
