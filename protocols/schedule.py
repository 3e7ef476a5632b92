"""Expand programme rules into occurrences.

Local time is Unix time plus `utc_offset_min`, without daylight saving. A start belongs to the local
day it stands in; what it plays may run past midnight. Work is bounded by the window
(`SCHEDULE_WINDOW_MS_MAX`), the rules and their times (`BUNDLE_TIMES_MAX`), whatever the input.
"""

from collections import namedtuple

from protocols.dates import DAY_MAX, DAY_MS, format_date, format_time, weekday
from protocols.errors import LocalFault
from protocols.limits import SCHEDULE_WINDOW_MS_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.bundle import Bundle
    from protocols.rules import Rule
    from protocols.targets import Place

Occurrence = namedtuple("Occurrence", ("id", "rule", "start_ms", "end_ms"))
"""One start of a rule: a stable id (`rule/date/time`), the rule, and the wall time (Unix ms) from
its start to the end of its last item."""


def local_day_second(wall_ms: int, utc_offset_min: int) -> tuple[int, int]:
    """Return (day number, second of the day) of a wall time on the local clock."""
    local_s = wall_ms // 1000 + utc_offset_min * 60
    return local_s // 86400, local_s % 86400


def plays_on(rule: "Rule", day: int) -> bool:
    """Tell whether a rule has occurrences on a local day."""
    if not rule.from_day <= day <= rule.until_day:
        return False
    if weekday(day) not in rule.weekdays or day in rule.exceptions:
        return False
    return not rule.dates or day in rule.dates


def start_ms(day: int, second: int, utc_offset_min: int) -> int:
    """Return the wall time of a second of a local day."""
    return day * DAY_MS + second * 1000 - utc_offset_min * 60000


def _days(rule: "Rule", from_ms: int, until_ms: int, utc_offset_min: int) -> "range | list[int]":
    """Return the local days of a rule that touch [from_ms, until_ms), explicit ones alone."""
    if until_ms - from_ms > SCHEDULE_WINDOW_MS_MAX:
        raise LocalFault("schedule.window", "the window is too long", "Ask for 400 days at most.")
    first = max(local_day_second(from_ms, utc_offset_min)[0], rule.from_day, 0)
    last = min(local_day_second(until_ms - 1, utc_offset_min)[0], rule.until_day, DAY_MAX)
    if rule.dates:
        return [day for day in rule.dates if first <= day <= last]
    return range(first, last + 1)


def starts(rule: "Rule", from_ms: int, until_ms: int, utc_offset_min: int) -> list[Occurrence]:
    """Return one rule's occurrences that start in [from_ms, until_ms), in order."""
    found = []
    for day in _days(rule, from_ms, until_ms, utc_offset_min):
        if not plays_on(rule, day):
            continue
        for second in rule.times_s:
            at_ms = start_ms(day, second, utc_offset_min)
            if from_ms <= at_ms < until_ms:
                name = rule.id + "/" + format_date(day) + "/" + format_time(second)
                found.append(Occurrence(name, rule, at_ms, at_ms + rule.duration_ms))
    return found


def first_start_ms(rule: "Rule", from_ms: int, until_ms: int, utc_offset_min: int) -> int | None:
    """Return the wall time of a rule's first start in [from_ms, until_ms), or None."""
    for day in _days(rule, from_ms, until_ms, utc_offset_min):
        if not plays_on(rule, day):
            continue
        for second in rule.times_s:
            at_ms = start_ms(day, second, utc_offset_min)
            if from_ms <= at_ms < until_ms:
                return at_ms
    return None


def next_start_in_ms(
    bundles: "tuple[Bundle, ...] | list[Bundle]",
    from_ms: int,
    within_ms: int,
    place: "Place | None" = None,
) -> int | None:
    """Return how soon the next start of any rule of these bundles is, None when none is near.

    With a `place` only the rules that reach it count.
    """
    soonest = None
    for bundle in bundles:
        for rule in bundle.rules:
            if place is not None and not rule.targets.reach(place):
                continue
            start = first_start_ms(rule, from_ms, from_ms + within_ms, bundle.utc_offset_min)
            if start is not None and (soonest is None or start < soonest):
                soonest = start
    return None if soonest is None else soonest - from_ms


def occurrences(
    rules: "tuple[Rule, ...] | list[Rule]",
    from_ms: int,
    until_ms: int,
    utc_offset_min: int,
    place: "Place | None" = None,
) -> list[Occurrence]:
    """Return the occurrences that play in [from_ms, until_ms), by start and then id.

    Included are those that started earlier and still run at `from_ms`. With a `place` only the
    rules that reach it count. Raises `LocalFault("schedule.window")` beyond 400 days.
    """
    found = []
    for rule in rules:
        if place is not None and not rule.targets.reach(place):
            continue
        for occurrence in starts(rule, from_ms - rule.duration_ms, until_ms, utc_offset_min):
            if occurrence.end_ms > from_ms or occurrence.start_ms >= from_ms:
                found.append(occurrence)
    found.sort(key=lambda occurrence: (occurrence.start_ms, occurrence.id))
    return found
