"""Calendar arithmetic and occurrences against CPython's datetime."""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import dates, schedule
from protocols.rules import Rule
from protocols.targets import Targets

EVERYONE = Targets((), (), (), ())
all_days = st.dates(date(1970, 1, 1), date(2100, 12, 31))
near_days = st.dates(date(2026, 1, 1), date(2026, 3, 31))
offsets = st.integers(-840, 840)


def test_every_day_from_1970_to_2100():
    day = date(1970, 1, 1)
    for number in range(dates.DAY_MAX + 1):
        assert dates.civil(number) == (day.year, day.month, day.day)
        assert dates.day_number(day.year, day.month, day.day) == number
        assert dates.weekday(number) == day.isoweekday()
        if number < dates.DAY_MAX:
            day += timedelta(days=1)
    assert day == date(2100, 12, 31)


@given(all_days)
def test_dates_are_written_and_read_as_iso(day):
    number = (day - date(1970, 1, 1)).days
    assert dates.format_date(number) == day.isoformat()
    assert dates.parse_date(day.isoformat()) == number


@given(st.text(alphabet="0123456789-: ", max_size=11))
def test_no_text_makes_a_date_that_datetime_refuses(text):
    number = dates.parse_date(text)
    if number is not None:
        assert date.fromisoformat(text) == date(1970, 1, 1) + timedelta(days=number)
    second = dates.parse_time(text)
    if second is not None:
        assert dates.format_time(second) == text


@given(st.integers(0, 4133980799), offsets)
def test_the_local_day_and_second(wall_s, offset_min):
    local = datetime.fromtimestamp(wall_s, timezone(timedelta(minutes=offset_min)))
    day, second = schedule.local_day_second(wall_s * 1000 + 999, offset_min)
    assert date(1970, 1, 1) + timedelta(days=day) == local.date()
    assert second == local.hour * 3600 + local.minute * 60 + local.second


@st.composite
def rules(draw):
    def days():
        chosen = draw(st.lists(near_days, max_size=6, unique=True))
        return tuple(sorted((day - date(1970, 1, 1)).days for day in chosen))

    times = draw(st.lists(st.integers(0, 86399), min_size=1, max_size=4, unique=True))
    weekdays = draw(st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True))
    first, last = sorted(draw(st.tuples(near_days, near_days)))
    epoch = date(1970, 1, 1)
    return Rule(
        draw(st.sampled_from("abc")),
        ("i",),
        tuple(sorted(times)),
        tuple(weekdays),
        (first - epoch).days,
        (last - epoch).days,
        days(),
        days(),
        EVERYONE,
        0,
        draw(st.integers(1, 24 * 3600 * 1000)),
    )


def brute_force(rule, from_ms, until_ms, zone):
    """Try every day with datetime, far beyond the window."""
    found = set()
    day = datetime.fromtimestamp(from_ms / 1000, UTC).date() - timedelta(days=4)
    while day <= datetime.fromtimestamp(until_ms / 1000, UTC).date() + timedelta(days=4):
        number = (day - date(1970, 1, 1)).days
        holds = (
            rule.from_day <= number <= rule.until_day
            and day.isoweekday() in rule.weekdays
            and number not in rule.exceptions
            and (not rule.dates or number in rule.dates)
        )
        for second in rule.times_s if holds else ():
            start = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=second)
            start_ms = int(start.timestamp()) * 1000
            if start_ms < until_ms and start_ms + rule.duration_ms > from_ms:
                time = start.strftime("%H:%M" if second % 60 == 0 else "%H:%M:%S")
                found.add((start_ms, f"{rule.id}/{day.isoformat()}/{time}"))
        day += timedelta(days=1)
    return sorted(found)


@settings(max_examples=100, deadline=None)
@given(rules(), st.datetimes(datetime(2025, 12, 25), datetime(2026, 4, 5)), st.data(), offsets)
def test_occurrences_are_those_of_datetime(rule, start, data, offset_min):
    from_ms = int(start.replace(tzinfo=UTC).timestamp() * 1000)
    until_ms = from_ms + data.draw(st.integers(1, 30 * 86400 * 1000))
    zone = timezone(timedelta(minutes=offset_min))
    found = schedule.occurrences([rule], from_ms, until_ms, offset_min)
    assert [(o.start_ms, o.id) for o in found] == brute_force(rule, from_ms, until_ms, zone)
    later = [o.start_ms for o in found if o.start_ms >= from_ms]
    assert schedule.first_start_ms(rule, from_ms, until_ms, offset_min) == min(later, default=None)


@settings(max_examples=50, deadline=None)
@given(rules(), st.integers(1767225600000, 1774000000000), st.data())
def test_windows_that_meet_miss_nothing_and_double_nothing(rule, from_ms, data):
    middle = from_ms + data.draw(st.integers(1, 10 * 86400 * 1000))
    until = middle + data.draw(st.integers(1, 10 * 86400 * 1000))
    whole = schedule.starts(rule, from_ms, until, 420)
    parts = schedule.starts(rule, from_ms, middle, 420) + schedule.starts(rule, middle, until, 420)
    assert parts == whole
