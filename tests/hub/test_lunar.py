"""The lunar calendar against an ephemeris, another library, and the years China differs in."""

from datetime import date, timedelta

import ephem
import lunar_vn
import pytest

from hub import lunar

CHINA_MIN = 480
# Dublin Julian days, which ephem counts, begin here.
DUBLIN = 2415020.0
# Tết by the official calendar of Việt Nam (UTC+7) and of China (UTC+8).
DIFFERENT = {
    1968: ("1968-01-29", "1968-01-30"),
    1985: ("1985-01-21", "1985-02-20"),
    2007: ("2007-02-17", "2007-02-18"),
    2030: ("2030-02-02", "2030-02-03"),
}
SAME = {2000: "2000-02-05", 2020: "2020-01-25", 2023: "2023-01-22", 2024: "2024-02-10",
        2025: "2025-01-29", 2026: "2026-02-17", 2027: "2027-02-06", 2033: "2033-01-31",
        2034: "2034-02-19"}  # fmt: skip


def moons():
    """Give (our moment, the ephemeris' moment) of every new moon of 1900 to 2100, in UTC days."""
    for number in range(-1236, 1249):
        ours = lunar._new_moon(number)
        found = ephem.next_new_moon(ephem.Date(ours + lunar._JULIAN - DUBLIN - 5))
        yield ours, float(found) + DUBLIN - lunar._JULIAN


def test_every_new_moon_is_where_the_ephemeris_has_it():
    for ours, theirs in moons():
        assert abs(ours - theirs) * 86400 < 60
        nearest_s = abs((theirs + 7 / 24 + 0.5) % 1 - 0.5) * 86400
        if nearest_s > 60:
            assert int(ours + 7 / 24) == int(theirs + 7 / 24)


def test_the_sun_is_where_the_ephemeris_has_it():
    sun = ephem.Sun()
    for ordinal in range(date(1900, 1, 1).toordinal(), date(2101, 1, 1).toordinal(), 13):
        moment = ephem.Date(ordinal + lunar._JULIAN - DUBLIN)
        sun.compute(moment, epoch=moment)
        theirs = float(ephem.Ecliptic(sun, epoch=moment).lon) * 180 / ephem.pi
        assert abs((lunar._sun(ordinal) - theirs + 180) % 360 - 180) < 0.02


def test_every_day_is_named_as_the_other_library_does_but_where_a_moon_is_near_midnight():
    near = [
        int(theirs + 7 / 24)
        for _, theirs in moons()
        if abs((theirs + 7 / 24 + 0.5) % 1 - 0.5) * 1440 < 10
    ]
    differing, day = set(), date(1900, 2, 1)
    while day < date(2100, 12, 1):
        ours, theirs = lunar.of(day), lunar_vn.solar_to_lunar(day)
        other = (theirs.day, theirs.month, theirs.year, bool(theirs.leap))
        if tuple(ours) != other:
            differing.add(day.toordinal())
        day += timedelta(days=1)
    assert len(differing) < 200
    for one in differing:
        assert any(start - 2 <= one <= start + 31 for start in near), date.fromordinal(one)


@pytest.mark.parametrize(("year", "days"), DIFFERENT.items())
def test_tet_is_on_another_day_than_in_china(year, days):
    assert lunar.new_year(year).isoformat() == days[0]
    assert lunar.new_year(year, CHINA_MIN).isoformat() == days[1]


@pytest.mark.parametrize(("year", "day"), SAME.items())
def test_tet_is_on_its_published_day(year, day):
    assert lunar.new_year(year).isoformat() == day
    assert tuple(lunar.of(date.fromisoformat(day))) == (1, 1, year, False)


def test_days_follow_each_other_and_months_have_29_or_30():
    day, before = date(1901, 1, 1), lunar.of(date(1900, 12, 31))
    while day < date(2100, 1, 1):
        now = lunar.of(day)
        if now.day == 1:
            assert before.day in (29, 30)
            assert now.month == before.month % 12 + (not now.is_leap) or now.is_leap
        else:
            assert now == before._replace(day=before.day + 1)
        before, day = now, day + timedelta(days=1)


def test_tokens_name_days():
    tet = lunar.new_year(2027)
    assert lunar.fits("1", tet) and lunar.fits("1/1", tet) and lunar.fits("tet0", tet)
    assert lunar.fits("tet-1", tet - timedelta(1)) and lunar.fits("tet+3", tet + timedelta(3))
    assert not lunar.fits("tet-1", tet) and not lunar.fits("15", tet)
    # Month 6 of 2025 came twice: the feast is in the first of them.
    twice = [date(2025, 1, 1) + timedelta(n) for n in range(365)]
    found = [day for day in twice if lunar.fits("15/6", day)]
    assert len(found) == 1 and not lunar.of(found[0]).is_leap
    assert sum(lunar.fits("15", day) for day in twice) == 12
