"""Numbers as words."""

import pytest

from gbanalysis.results import JOIN, change_of, figure, money, number, points, rate

NAN = float("nan")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (number(0), "0"),
        (number(999.6), "1,000"),
        (number(0.01234), "0.0123"),
        (number(-12345.6), "-12,346"),
        (number(5, (NAN, 6)), "5"),
        (number(5, digits=2), "5.00"),
        (rate(0), "0.0~%"),
        (rate(1), "100.0~%"),
        (rate(0.5, digits=0), "50~%"),
        (rate(0.12345, (0.1, 0.15)), "12.3~% (10.0~% to 15.0~%)"),
        (money(12.345), "12.35"),
        (money(1e6, (9e5, 1.1e6), currency="USD"), "USD~1,000,000 (900,000 to 1,100,000)"),
        (points(0.0123), "+1.2~percentage points"),
        (figure(12.5, "CNY"), "CNY~12.50"),
        (figure(12.5, "units"), "12.5"),
        (change_of(21401, "CNY", (4441, 38774)), "CNY~+21,401 (4,441 to 38,774)"),
        (change_of(-3, "CNY"), "CNY~-3.00"),
        (change_of(NAN, "CNY"), "not known"),
    ],
)
def test_words(said: str, expected: str) -> None:
    assert said == expected.replace("~", JOIN)  # no line ends between a number and its unit


@pytest.mark.parametrize("write", [number, money, rate, points, figure])
def test_what_is_not_a_number_is_not_known(write) -> None:  # type: ignore[no-untyped-def]
    assert write(NAN) == write(float("inf")) == "not known"
