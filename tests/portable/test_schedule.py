"""Rules to occurrences: dates, weekdays, exceptions, midnight, targets, bounds."""

from protocols import bundle, dates, schedule
from protocols.errors import LocalFault
from protocols.targets import Place
from tests.portable import manifests
from tests.portable.manifests import DAY_MS, MIDNIGHT_MS, OFFSET_MIN, at_ms

PLACE = Place(manifests.COMMUNE, "h1", ("g1",), "speaker", ("opus",))


def _rules(changes, seconds=600):
    value = manifests.bundle()
    value["items"][0]["renditions"][0]["duration_ms"] = seconds * 1000
    one = manifests.rule("r", ["news"], ["05:30"])
    one.update(changes)
    value["rules"] = [one]
    return bundle.from_dict(value).rules


def _ids(rules, from_ms, until_ms, place=None):
    return [o.id for o in schedule.occurrences(rules, from_ms, until_ms, OFFSET_MIN, place)]


def test_civil_dates_and_day_numbers():
    for year, month, day, number in (
        (1970, 1, 1, 0),
        (1970, 12, 31, 364),
        (2000, 2, 29, 11016),
        (2026, 11, 6, 20763),
        (2100, 3, 1, 47541),
        (2100, 12, 31, 47846),
    ):
        assert dates.day_number(year, month, day) == number
        assert dates.civil(number) == (year, month, day)
    assert dates.weekday(0) == 4 and dates.weekday(20763) == 5
    assert dates.parse_date("2100-02-29") is None and dates.parse_date("2000-02-29") == 11016
    for text in ("1969-12-31", "2101-01-01", "2026-1-01", "2026-13-01", "٢٠٢٦-01-01", "2026-04-31"):
        assert dates.parse_date(text) is None, text
    assert dates.format_date(20763) == "2026-11-06"


def test_times_of_day():
    assert dates.parse_time("00:00") == 0 and dates.parse_time("23:59:59") == 86399
    for text in ("24:00", "5:30", "05:60", "05:30:00", "05:30:60", "0530", "05-30", "05:30 "):
        assert dates.parse_time(text) is None, text
    assert dates.format_time(19800) == "05:30" and dates.format_time(19815) == "05:30:15"
    assert dates.in_band(0, 77400, 18000) and dates.in_band(77400, 77400, 18000)
    assert not dates.in_band(18000, 77400, 18000) and not dates.in_band(77399, 77400, 18000)
    assert dates.in_band(5, 7, 7)


def test_a_daily_rule_starts_at_its_local_time():
    found = schedule.occurrences(_rules({}), MIDNIGHT_MS, MIDNIGHT_MS + 2 * DAY_MS, OFFSET_MIN)
    assert [o.id for o in found] == ["r/2026-11-06/05:30", "r/2026-11-07/05:30"]
    assert found[0].start_ms == at_ms("05:30") and found[0].end_ms == at_ms("05:40")


def test_a_window_takes_its_start_and_leaves_its_end():
    start = at_ms("05:30")
    assert _ids(_rules({}), start, start + 1) == ["r/2026-11-06/05:30"]
    assert _ids(_rules({}), start - 5, start) == []
    assert _ids(_rules({}), start, start) == []


def test_what_still_runs_is_found():
    rules = _rules({"times": ["23:55"]})
    assert _ids(rules, at_ms("00:04", 1), at_ms("01:00", 1)) == ["r/2026-11-06/23:55"]
    assert _ids(rules, at_ms("00:05", 1), at_ms("01:00", 1)) == []
    found = schedule.occurrences(rules, at_ms("23:00"), at_ms("23:56"), OFFSET_MIN)
    assert found[0].end_ms == at_ms("00:05", 1)


def test_days_are_local_days():
    # 05:30 on Friday in Viet Nam is still Thursday in Greenwich.
    assert _ids(_rules({"weekdays": [5]}), MIDNIGHT_MS, MIDNIGHT_MS + 7 * DAY_MS) == [
        "r/2026-11-06/05:30"
    ]
    late = _rules({"weekdays": [5], "times": ["23:30"]})
    assert _ids(late, MIDNIGHT_MS, MIDNIGHT_MS + 7 * DAY_MS) == ["r/2026-11-06/23:30"]


def test_ranges_dates_and_exceptions_all_hold():
    week = MIDNIGHT_MS + 7 * DAY_MS
    ranged = _rules({"from": "2026-11-08", "until": "2026-11-09"})
    assert _ids(ranged, MIDNIGHT_MS, week) == ["r/2026-11-08/05:30", "r/2026-11-09/05:30"]
    lunar = _rules({"dates": ["2026-11-09", "2026-11-24"]})
    assert _ids(lunar, MIDNIGHT_MS, week) == ["r/2026-11-09/05:30"]
    less = _rules({"from": "2026-11-08", "until": "2026-11-09", "except": ["2026-11-08"]})
    assert _ids(less, MIDNIGHT_MS, week) == ["r/2026-11-09/05:30"]
    none = _rules({"dates": ["2026-11-09"], "weekdays": [2]})
    assert _ids(none, MIDNIGHT_MS, week) == []


def test_targets_choose_the_nodes():
    day = MIDNIGHT_MS + DAY_MS
    for targets, reached in (
        ({}, True),
        ({"hamlets": ["h1", "h2"]}, True),
        ({"hamlets": ["h2"]}, False),
        ({"hamlets": ["h2"], "groups": ["g1"]}, True),
        ({"units": [manifests.COMMUNE]}, True),
        ({"units": ["03.other"]}, False),
        ({"kinds": ["board"]}, False),
        ({"hamlets": ["h1"], "kinds": ["board"]}, False),
        ({"hamlets": ["h1"], "kinds": ["speaker"]}, True),
    ):
        assert len(_ids(_rules({"targets": targets}), MIDNIGHT_MS, day, PLACE)) == reached, targets


def test_order_is_by_start_then_id():
    value = manifests.bundle()
    value["rules"] = [
        manifests.rule("b", ["music"], ["06:00", "05:00"]),
        manifests.rule("a", ["music"], ["06:00"]),
    ]
    rules = bundle.from_dict(value).rules
    assert _ids(rules, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS) == [
        "b/2026-11-06/05:00",
        "a/2026-11-06/06:00",
        "b/2026-11-06/06:00",
    ]


def test_any_time_is_bounded_work():
    assert _ids(_rules({}), -5 * DAY_MS, -DAY_MS) == []
    assert _ids(_rules({}), 47900 * DAY_MS, 47990 * DAY_MS) == []
    try:
        _ids(_rules({}), 0, 402 * DAY_MS)
        raise AssertionError("accepted")
    except LocalFault as fault:
        assert fault.code == "schedule.window"
    assert (
        schedule.first_start_ms(_rules({})[0], at_ms("05:31"), at_ms("23:00"), OFFSET_MIN) is None
    )
    first = schedule.first_start_ms(_rules({})[0], at_ms("05:31"), at_ms("23:00", 1), OFFSET_MIN)
    assert first == at_ms("05:30", 1)


def test_the_next_start_of_all_programmes_is_told_as_a_distance():
    value = manifests.bundle()
    value["rules"] = [manifests.rule("r", ["news"], ["05:30", "17:00"])]
    found = bundle.from_dict(value)
    assert schedule.next_start_in_ms([found, found], at_ms("05:20"), 900_000) == 600_000
    assert schedule.next_start_in_ms([found], at_ms("05:14"), 900_000) is None
    assert schedule.next_start_in_ms([], at_ms("05:20"), 900_000) is None
