"""When a bulletin plays: what the form may say, and the rule or alert times that follow.

Kept as JSON: `{"mode": "now"}` until approval fixes it, `{"mode": "once", "date", "time"}`,
`{"mode": "daily", "times", "weekdays", "from", "until"}`, and for emergencies
`{"mode": "alert", "hours", "gap_min", "drill"}`, with `ends_s` where it
may not last longer. What stands in a slot (`hub.slots`) is `daily` as well, with `slot` and
`late_max_s`. Lunar days (`lunar`, tokens of `hub.lunar`) hold as the plain `dates` that follow from
them; `except` are days left out. Days and times are the province's local ones.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hub import lunar
from protocols.errors import RemoteFault

Timing = dict[str, Any]

TIMES_MAX = 12
# Approvers' signatures hold 400 days, and so do the rules they sign.
DAYS_MAX = 400
ALERT_HOURS_MAX = 24
ALERT_GAP_MIN_MAX = 240
# A notice for one moment stays on boards for a day.
BOARD_S = 24 * 3600
# What a rule may say beside its times (`protocols.rules`).
_OPTIONS = ("late_max_s", "dates", "except")
LUNAR_MAX = 64
EXCEPT_MAX = 60
_TOKEN = re.compile(r"tet(0|[+-][1-9][0-9]?)|([1-9]|[12][0-9]|30)(/([1-9]|1[0-2]))?")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


def _refuse(code: str, message: str, remedy: str) -> RemoteFault:
    return RemoteFault("timing." + code, message, remedy)


def once(day: str, clock: str) -> Timing:
    """Play once on a local day at a local time."""
    return {"mode": "once", "date": _day(day).isoformat(), "time": _clock(clock)}


def daily(times: Sequence[str], weekdays: Sequence[int], first: str, last: str) -> Timing:
    """Play at times of every listed weekday (1 is Monday) from a first to a last day."""
    clocks = sorted({_clock(clock) for clock in times})
    start, end = _day(first), _day(last)
    if not 1 <= len(clocks) <= TIMES_MAX:
        raise _refuse("times", "no time, or too many times", "Write one to twelve times of day.")
    if end < start or (end - start).days > DAYS_MAX:
        raise _refuse("days", "the last day is wrong", "Choose a last day within 400 days.")
    if not weekdays or not set(weekdays) <= set(range(1, 8)):
        raise _refuse("weekdays", "no weekday is chosen", "Choose at least one weekday.")
    return {
        "mode": "daily",
        "times": clocks,
        "weekdays": sorted(set(weekdays)),
        "from": start.isoformat(),
        "until": end.isoformat(),
    }


def on_days(timing: Timing, lunar_days: Sequence[str], excepted: Sequence[str]) -> Timing:
    """Hold daily times to lunar days, where some are given, and leave days out.

    Raises `RemoteFault` (`timing.lunar`, `timing.except`, `timing.no_day`).
    """
    tokens = list(dict.fromkeys(lunar_days))
    if len(tokens) > LUNAR_MAX or not all(_TOKEN.fullmatch(one) for one in tokens):
        raise _refuse("lunar", "a lunar day is written wrongly", "Write 15, or 10/3.")
    if len(excepted) > EXCEPT_MAX:
        raise _refuse("except", "too many days are left out", f"At most {EXCEPT_MAX}.")
    found = {**timing, "lunar": tokens, "except": sorted(excepted)}
    found = {name: value for name, value in found.items() if value or name == "until"}
    return with_dates(found) if tokens else found


def with_dates(timing: Timing) -> Timing:
    """Return a timing of lunar days with the dates they fall on; raises `("timing.no_day")`."""
    first, last = date.fromisoformat(timing["from"]), date.fromisoformat(timing["until"])
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    dates = [day.isoformat() for day in days if plays_on(timing, day)]
    if not dates:
        raise _refuse("no_day", "no such day in this time", "Choose a longer time.")
    return {**timing, "dates": dates}


def alert(hours: int, gap_min: int, drill: bool) -> Timing:
    """Play at once and again after each gap, for some hours."""
    if not 1 <= hours <= ALERT_HOURS_MAX or not 0 <= gap_min <= ALERT_GAP_MIN_MAX:
        raise _refuse("alert", "the alert's times are wrong", "Choose 1 to 24 hours.")
    return {"mode": "alert", "hours": hours, "gap_min": gap_min, "drill": drill}


def check_future(timing: Timing, now_s: int, offset_min: int) -> None:
    """Refuse a time that is past already."""
    if timing["mode"] == "alert" and timing.get("ends_s", now_s + 1) <= now_s:
        raise _refuse("past", "the alert has ended already", "Ask for a new one.")
    if timing["mode"] in ("once", "daily") and last_start_s(timing, offset_min) <= now_s:
        raise _refuse("past", "the time is past already", "Choose a later time.")


def fix(timing: Timing, now_s: int, lead_s: int, offset_min: int) -> Timing:
    """Turn `now` into the exact second at which nodes will have it; leave the rest."""
    if timing["mode"] != "now":
        return timing
    local = local_time(now_s + lead_s, offset_min)
    return once(local.date().isoformat(), f"{local:%H:%M:%S}")


def rule(timing: Timing) -> dict[str, Any]:
    """Return the times of a bundle's rule (`protocols.rules`) for a fixed timing."""
    if timing["mode"] == "once":
        return {"times": [timing["time"]], "from": timing["date"], "until": timing["date"]}
    found = {name: timing[name] for name in ("times", "weekdays", "from", "until")}
    return {**found, **{name: timing[name] for name in _OPTIONS if timing.get(name)}}


def plays_on(timing: Timing, day: date) -> bool:
    """Tell whether daily times hold on a day; an empty `until` is no end."""
    text = day.isoformat()
    if text < timing["from"] or (timing["until"] and text > timing["until"]):
        return False
    if day.isoweekday() not in timing["weekdays"] or text in timing.get("except", ()):
        return False
    tokens = timing.get("lunar", ())
    return not tokens or any(lunar.fits(token, day) for token in tokens)


def first_start_s(timing: Timing, offset_min: int) -> int:
    """Return the earliest moment of a fixed timing (Unix seconds)."""
    if timing["mode"] == "once":
        return moment_s(timing["date"], timing["time"], offset_min)
    day = timing["dates"][0] if timing.get("dates") else timing["from"]
    return moment_s(day, timing["times"][0], offset_min)


def last_start_s(timing: Timing, offset_min: int) -> int:
    """Return the latest moment of a fixed timing (Unix seconds)."""
    if timing["mode"] == "once":
        return moment_s(timing["date"], timing["time"], offset_min)
    day = timing["dates"][-1] if timing.get("dates") else timing["until"]
    return moment_s(day, timing["times"][-1], offset_min)


def local_time(now_s: int, offset_min: int) -> datetime:
    """Return Unix seconds as the province's wall clock (naive)."""
    moment = datetime.fromtimestamp(now_s, UTC) + timedelta(minutes=offset_min)
    return moment.replace(tzinfo=None)


def moment_s(day: str, clock: str, offset_min: int) -> int:
    """Return a local day and time as Unix seconds."""
    local = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), UTC)
    return int(local.timestamp()) - offset_min * 60


def midnight_s(day: str, offset_min: int, later: int = 0) -> int:
    """Return where a local day begins, or one so many days later, as Unix seconds."""
    start = date.fromisoformat(day) + timedelta(days=later)
    return moment_s(start.isoformat(), "00:00", offset_min)


def iso_day(text: str) -> str:
    """Return an ISO day of this century, or an empty text."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return ""
    return day.isoformat() if 2000 <= day.year < 2100 else ""


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    # Years that the lunar calendar knows; one at the end of all dates has no day after it.
    if day is None or not lunar.YEAR_MIN <= day.year < lunar.YEAR_MAX:
        raise _refuse("day", "a day is missing or wrong", "Choose a day.")
    return day


def _clock(text: str) -> str:
    clean = text.strip()
    if not _TIME.fullmatch(clean):
        raise _refuse("time", "a time is missing or wrong", "Write times like 05:30.")
    # Manifests know one way to write a time (`protocols.dates`): full minutes without seconds.
    return clean.removesuffix(":00") if len(clean) > 5 else clean
