"""Calendar arithmetic in integers: days since 1970-01-01, seconds of a day, ISO 8601 texts.

No time zone lives here: Viet Nam keeps one offset and no daylight saving, so a local time is Unix
time plus `utc_offset_min` (`protocols.schedule`).
"""

DAY_S = 86400
DAY_MS = 86400000
# The years a bundle may name; the first and last day as day numbers.
YEAR_MIN = 1970
YEAR_MAX = 2100
DAY_MAX = 47846


def day_number(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a Gregorian date.

    Source: the "days from civil" algorithm (years start in March, eras of 400 years).
    """
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil(number: int) -> tuple[int, int, int]:
    """Return (year, month, day) of a day number; the inverse of `day_number`."""
    shifted = number + 719468
    era = shifted // 146097
    of_era = shifted - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (1 if month <= 2 else 0), month, day


def weekday(number: int) -> int:
    """Return the ISO weekday of a day number, 1 (Monday) to 7 (Sunday)."""
    return (number + 3) % 7 + 1


def _two_digits(text: str) -> int:
    """Return the value of exactly two ASCII digits, or -1."""
    if len(text) != 2 or text[0] not in "0123456789" or text[1] not in "0123456789":
        return -1
    return int(text)


def parse_date(text: str) -> int | None:
    """Return the day number of `YYYY-MM-DD` in 1970..2100, or None when it is no such date."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        return None
    century, year = _two_digits(text[0:2]), _two_digits(text[2:4])
    month, day = _two_digits(text[5:7]), _two_digits(text[8:10])
    if min(century, year, month, day) < 0:
        return None
    full = century * 100 + year
    if not (YEAR_MIN <= full <= YEAR_MAX and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    number = day_number(full, month, day)
    return number if civil(number) == (full, month, day) else None


def format_date(number: int) -> str:
    """Return `YYYY-MM-DD` of a day number."""
    return "%04d-%02d-%02d" % civil(number)


def parse_time(text: str) -> int | None:
    """Return the second of the day of `HH:MM` or `HH:MM:SS`, or None.

    One instant has one spelling (occurrence ids hold it): `05:30:00` is refused.
    """
    if len(text) not in (5, 8) or text[2] != ":":
        return None
    hour, minute, second = _two_digits(text[0:2]), _two_digits(text[3:5]), 0
    if len(text) == 8:
        second = _two_digits(text[6:8])
        if text[5] != ":" or second == 0:
            return None
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return None
    return hour * 3600 + minute * 60 + second


def format_time(second: int) -> str:
    """Return `HH:MM`, or `HH:MM:SS` when the seconds are not zero."""
    text = "%02d:%02d" % (second // 3600, second // 60 % 60)
    return text if second % 60 == 0 else text + ":%02d" % (second % 60)


def in_band(second: int, start: int, end: int) -> bool:
    """Tell whether a second of the day lies in [start, end), which may cross midnight.

    A band whose ends are equal is the whole day.
    """
    if start < end:
        return start <= second < end
    return second >= start or second < end
