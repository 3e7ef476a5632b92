"""The Vietnamese lunar calendar: from the new moons and the sun, on the clock of UTC+7.

Rules (Hồ Ngọc Đức, "Thuật toán tính âm lịch"; as in China since 1645): a month begins on the local
day of a new moon; month 11 holds the winter solstice; where thirteen months begin between two of
these, the first of them in which the sun enters no twelfth of the ecliptic is the leap month.
New moons: Meeus, Astronomical Algorithms, 2nd ed., chapter 49; the sun: chapter 25, low accuracy
(0.01°); difference of terrestrial and civil time: Espenak and Meeus' polynomials (NASA), 1900-2150.
"""

import math
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

OFFSET_MIN = 420
YEAR_MIN, YEAR_MAX = 1900, 2100
# Day number of the civil calendar (`date.toordinal`) at Julian day 0.5.
_JULIAN = 1721424.5
_MONTH_DAYS = 29.530588861


class Lunar(NamedTuple):
    """Name a day: of `month` 1 to 12, again where `is_leap`, of the year that Tết began."""

    day: int
    month: int
    year: int
    is_leap: bool


# Meeus, table 49.A, new moon: factor, times of M, M', F, and of E.
_TERMS = (
    (-0.40720, 0, 1, 0, 0), (0.17241, 1, 0, 0, 1), (0.01608, 0, 2, 0, 0), (0.01039, 0, 0, 2, 0),
    (0.00739, -1, 1, 0, 1), (-0.00514, 1, 1, 0, 1), (0.00208, 2, 0, 0, 2), (-0.00111, 0, 1, -2, 0),
    (-0.00057, 0, 1, 2, 0), (0.00056, 1, 2, 0, 1), (-0.00042, 0, 3, 0, 0), (0.00042, 1, 0, 2, 1),
    (0.00038, 1, 0, -2, 1), (-0.00024, -1, 2, 0, 1), (-0.00007, 2, 1, 0, 0), (0.00004, 0, 2, -2, 0),
    (0.00004, 3, 0, 0, 0), (0.00003, 1, 1, -2, 0), (0.00003, 0, 2, 2, 0), (-0.00003, 1, 1, 2, 0),
    (0.00003, -1, 1, 2, 0), (-0.00002, -1, 1, -2, 0), (-0.00002, 1, 3, 0, 0), (0.00002, 0, 4, 0, 0),
)  # fmt: skip
# The planets' part: factor in millionths of a day, angle, its change with every moon.
_PLANETS = (
    (165, 251.88, 0.016321), (164, 251.83, 26.651886), (126, 349.42, 36.412478),
    (110, 84.66, 18.206239), (62, 141.74, 53.303771), (60, 207.14, 2.453732),
    (56, 154.84, 7.306860), (47, 34.52, 27.261239), (42, 207.19, 0.121824),
    (40, 291.34, 1.844379), (37, 161.72, 24.198154), (35, 239.56, 25.513099),
    (23, 331.55, 3.592518),
)  # fmt: skip


def _sine(degrees: float) -> float:
    return math.sin(math.radians(degrees % 360))


def _civil_lag_s(year: float) -> float:
    """Return how far terrestrial time is ahead of civil time (seconds)."""
    if year < 1920:
        t = year - 1900
        return -2.79 + 1.494119 * t - 0.0598939 * t**2 + 0.0061966 * t**3 - 0.000197 * t**4
    if year < 1941:
        t = year - 1920
        return 21.20 + 0.84493 * t - 0.076100 * t**2 + 0.0020936 * t**3
    if year < 1961:
        t = year - 1950
        return 29.07 + 0.407 * t - t**2 / 233 + t**3 / 2547
    if year < 1986:
        t = year - 1975
        return 45.45 + 1.067 * t - t**2 / 260 - t**3 / 718
    t = year - 2000
    if year < 2005:
        return 63.86 + 0.3345 * t - 0.060374 * t**2 + 0.0017275 * t**3
    if year < 2050:
        return 62.92 + 0.32217 * t + 0.005589 * t**2
    return -20 + 32 * ((year - 1820) / 100) ** 2 - 0.5628 * (2150 - year)


def _new_moon(number: int) -> float:
    """Return when a new moon is, as a civil day number (UTC); number 0 is of 6 January 2000."""
    k, t = float(number), number / 1236.85
    moment = 2451550.09766 + _MONTH_DAYS * k + 0.00015437 * t**2 - 0.000000150 * t**3
    anomaly = 2.5534 + 29.10535670 * k - 0.0000014 * t**2
    moon = 201.5643 + 385.81693528 * k + 0.0107582 * t**2 + 0.00001238 * t**3
    latitude = 160.7108 + 390.67050284 * k - 0.0016118 * t**2 - 0.00000227 * t**3
    node = 124.7746 - 1.56375588 * k + 0.0020672 * t**2
    bent = 1 - 0.002516 * t - 0.0000074 * t**2
    for factor, sun, of_moon, of_latitude, power in _TERMS:
        angle = sun * anomaly + of_moon * moon + of_latitude * latitude
        moment += factor * bent**power * _sine(angle)
    moment -= 0.00017 * _sine(node)
    moment += 0.000325 * _sine(299.77 + 0.107408 * k - 0.009173 * t**2)
    moment += sum(factor * _sine(angle + rate * k) for factor, angle, rate in _PLANETS) / 1e6
    return moment - _civil_lag_s(2000 + k / 12.3685) / 86400 - _JULIAN


def _sun(civil: float) -> float:
    """Return the sun's apparent longitude (degrees) at a civil day number (UTC)."""
    t = (civil + _JULIAN - 2451545) / 36525
    t += _civil_lag_s(2000 + 100 * t) / 86400 / 36525
    mean = 280.46646 + 36000.76983 * t + 0.0003032 * t**2
    anomaly = 357.52911 + 35999.05029 * t - 0.0001537 * t**2
    centre = (1.914602 - 0.004817 * t - 0.000014 * t**2) * _sine(anomaly)
    centre += (0.019993 - 0.000101 * t) * _sine(2 * anomaly) + 0.000289 * _sine(3 * anomaly)
    return (mean + centre - 0.00569 - 0.00478 * _sine(125.04 - 1934.136 * t)) % 360


def _first_day(number: int, offset_min: int) -> int:
    """Return the local day (ordinal) of a new moon."""
    return math.floor(_new_moon(number) + offset_min / 1440)


def _twelfth(day: int, offset_min: int) -> int:
    """Return in which twelfth of the ecliptic the sun is when a local day begins."""
    return int(_sun(day - offset_min / 1440) // 30)


def _number_before(day: int, offset_min: int) -> int:
    """Return the new moon with which the month of a local day begins."""
    number = math.floor((day + _JULIAN - 2451550.1) / _MONTH_DAYS) + 1
    while _first_day(number, offset_min) > day:
        number -= 1
    return number


@lru_cache(maxsize=512)
def _eleventh(year: int, offset_min: int) -> int:
    """Return the new moon with which the month of a year's winter solstice begins."""
    number = _number_before(date(year, 12, 31).toordinal(), offset_min)
    # The solstice is in a month that begins in Sagittarius (240° to 270°) and ends after it.
    if _twelfth(_first_day(number, offset_min), offset_min) >= 9:
        number -= 1
    return number


@lru_cache(maxsize=512)
def _months(year: int, offset_min: int) -> tuple[tuple[int, int, bool], ...]:
    """Return (first day, month, is leap) from month 11 of the year before up to month 11."""
    first, last = _eleventh(year - 1, offset_min), _eleventh(year, offset_min)
    starts = [_first_day(number, offset_min) for number in range(first, last + 1)]
    leap = -1
    if len(starts) == 14:
        twelfths = [_twelfth(day, offset_min) for day in starts]
        leap = next(index for index in range(1, 13) if twelfths[index] == twelfths[index + 1])
    found, month = [], 10
    for index, start in enumerate(starts[:-1]):
        month += index != leap
        found.append((start, (month - 1) % 12 + 1, index == leap))
    return tuple(found)


def of(day: date, offset_min: int = OFFSET_MIN) -> Lunar:
    """Return the lunar name of a day; exact from 1900 to 2100."""
    ordinal, year = day.toordinal(), day.year
    if ordinal >= _first_day(_eleventh(year, offset_min), offset_min):
        year += 1
    start, month, is_leap = next(
        one for one in reversed(_months(year, offset_min)) if one[0] <= ordinal
    )
    is_old = month >= 11 and start < date(year, 7, 1).toordinal()
    return Lunar(ordinal - start + 1, month, year - is_old, is_leap)


def new_year(year: int, offset_min: int = OFFSET_MIN) -> date:
    """Return the day of Tết in a year."""
    for start, month, is_leap in _months(year, offset_min):
        if month == 1 and not is_leap:
            return date.fromordinal(start)
    raise AssertionError("every year has a first month")


def fits(token: str, day: date) -> bool:
    """Tell whether a day is one of those that a token names.

    `15` is the 15th of every month, `15/8` that of month 8 (never of its leap month), `tet-2` the
    second day before Tết and `tet0` its first.
    """
    if token.startswith("tet"):
        there = day - timedelta(days=int(token[3:]))
        return there == new_year(there.year)
    wanted, _, month = token.partition("/")
    found = of(day)
    if found.day != int(wanted):
        return False
    return not month or (found.month == int(month) and not found.is_leap)
