"""Lunar days and days left out, from the form to the plain dates that nodes read."""

from datetime import date, timedelta

import pytest

from hub import bulletins, day_form, lunar, slots, timing
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE
from tests.hub.test_frame import BODY, bundle_of, day_after, publish_into, put_in_force
from tests.hub.test_pages import OWN, pages, write

__all__ = ("OWN", "pages")

ALL = {
    "from": "2026-11-01",
    "until": "2027-03-31",
    "weekdays": list(range(1, 8)),
    "times": ["05:30"],
}


def daily(**changes):
    return {"mode": "daily", **ALL, **changes}


def test_lunar_days_become_dates_and_days_left_out_are_none_of_them():
    when = timing.on_days(daily(), ["15", "tet-1", "tet0"], ["2026-12-23"])
    assert when["dates"] == ["2026-11-23", "2027-01-22", "2027-02-05", "2027-02-06", "2027-02-20",
                             "2027-03-22"]  # fmt: skip
    assert timing.rule(when)["dates"] == when["dates"]
    assert timing.first_start_s(when, 420) == timing.moment_s("2026-11-23", "05:30", 420)
    assert timing.last_start_s(when, 420) == timing.moment_s("2027-03-22", "05:30", 420)
    plain = timing.on_days(daily(), [], ["2026-12-23"])
    assert "dates" not in plain and timing.rule(plain)["except"] == ["2026-12-23"]
    assert timing.on_days(daily(), [], []) == daily()


@pytest.mark.parametrize(
    ("tokens", "excepted", "code"),
    [
        (["31"], [], "timing.lunar"),
        (["0"], [], "timing.lunar"),
        (["15/13"], [], "timing.lunar"),
        (["tet"], [], "timing.lunar"),
        (["tet+0"], [], "timing.lunar"),
        (["rằm"], [], "timing.lunar"),
        (["15/8"], [], "timing.no_day"),
        ([], ["2026-12-01"] * 61, "timing.except"),
    ],
)
def test_what_no_day_can_be_is_refused(tokens, excepted, code):
    with pytest.raises(RemoteFault) as told:
        timing.on_days(daily(), tokens, excepted)
    assert told.value.code == code


def test_the_form_reads_what_it_shows():
    values = {**day_form.BLANK, "lunar": ["1", "15"], "lunar_days": "10/3, 15/8", "tet_from": "2",
              "tet_to": "3", "except_days": "24/12/2026 2026-12-25"}  # fmt: skip
    tokens, excepted = day_form.read(values)
    assert tokens[:4] == ["1", "15", "10/3", "15/8"]
    assert tokens[4:] == ["tet-2", "tet-1", "tet0", "tet+1", "tet+2", "tet+3"]
    assert excepted == ["2026-12-24", "2026-12-25"]
    when = timing.on_days(daily(until="2027-11-01"), tokens, excepted)
    assert day_form.read(day_form.shown(when)) == (tokens, excepted)
    for wrong in (
        {"tet_from": "x"},
        {"tet_to": "99"},
        {"tet_from": "9" * 5000},
        {"except_days": "32/1/2026"},
    ):
        with pytest.raises(RemoteFault):
            day_form.read({**day_form.BLANK, **wrong})


@pytest.mark.parametrize("day", ["9999-12-31", "2100-01-01", "0001-01-01", "1899-12-31"])
def test_a_day_of_no_year_of_ours_is_refused(day):
    with pytest.raises(RemoteFault) as told:
        slots.read({**BODY, "from": day, "lunar": ["tet-2"]})
    assert told.value.code == "timing.day"


async def test_a_bulletin_of_the_full_moon_reaches_nodes_as_plain_dates(
    pages, services, passphrases
):
    first, last = day_after(services), day_after(services, 90)
    fields = {"when": "daily", "daily_times": "05:30", "weekday": list("1234567"),
              "class": "normal",
              "daily_from": first, "daily_until": last, "lunar": "15"}  # fmt: skip
    path, state = await write(pages, title="Ngày rằm", **fields)
    assert state == bulletins.READY
    _, text = await pages("GET", path)
    assert "âm lịch: rằm" in text
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=signature)
    (rule,) = (await bundle_of(services)).rules
    start = date.fromisoformat(first)
    wanted = [start + timedelta(n) for n in range(90) if lunar.of(start + timedelta(n)).day == 15]
    assert [date(1970, 1, 1) + timedelta(day) for day in rule.dates] == wanted
    assert 2 <= len(wanted) <= 4
    fields["lunar_days"] = "15/13"
    response, text = await pages("POST", "/bulletins", data={**fields, "unit": COMMUNE})
    assert response.status == 400


async def test_a_slot_of_lunar_days_gives_its_bulletins_their_dates(pages, services, passphrases):
    tet = lunar.new_year(timing.local_time(services.now_s(), 420).year + 1)
    body = {**BODY, "lunar": ["tet0"], "except": []}
    entry = await put_in_force(services, passphrases, body)
    path = await publish_into(pages, services, passphrases, entry, tet.isoformat())
    (rule,) = (await bundle_of(services)).rules
    assert [date(1970, 1, 1) + timedelta(day) for day in rule.dates] == [tet]
    _, text = await pages("GET", path)
    assert "âm lịch: Tết" in text
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&from={tet.isoformat()}&view=day")
    assert "âm lịch 1/1" in text and "17:00 Bản tin chiều" in text
    slot = {"unit": COMMUNE, "entry": "", "name": "Rằm", "kind": "own", "times": "06:00",
            "minutes": "30", "from": "2026-01-01", "until": "", "weekday": list("1234567"),
            "lunar": "15", "except_days": "1/1/2027"}  # fmt: skip
    response, text = await pages("POST", "/frame/slots", data=slot)
    assert response.status == 200 and "rằm" in text and "01/01/2027" in text
    response, text = await pages("POST", "/frame/slots", data={**slot, "lunar_days": "x"})
    assert response.status == 400 and "timing.lunar" in text
