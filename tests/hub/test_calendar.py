"""The calendar says what nodes will do, and what a bulletin would change, before it is signed."""

import re
from datetime import timedelta

from hub import bulletins, calendar, timing
from hub.calendar import Entry
from tests.hub.conftest import COMMUNE
from tests.hub.test_pages import OWN, pages, write

__all__ = ("OWN", "pages")


def tomorrow(services):
    today = timing.local_time(services.now_s(), services.config.utc_offset_min).date()
    return (today + timedelta(days=1)).isoformat()


async def test_what_was_published_stands_on_its_day_and_warns_the_next(
    pages, services, passphrases
):
    day = tomorrow(services)
    when = {"when": "once", "once_date": day, "once_time": "17:00"}
    path, _ = await write(pages, title="Tin chiều", text="Bà con chú ý. " * 8, **when)
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    response, _ = await pages("POST", f"{path}/approve", data=signature)
    assert response.status == 200
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=fortnight")
    (shown,) = re.findall(rf'id="d{day}".*?</section>', text, re.S)
    assert "Tin chiều" in shown and "17:00–17:0" in shown and "sẽ phát" in shown
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=day")
    assert "Tin chiều" not in text
    response, body = await pages("GET", f"/calendar.ics?unit={COMMUNE}")
    assert response.content_type == "text/calendar"
    assert "SUMMARY:Tin chiều" in body and body.count("BEGIN:VEVENT") == 1

    # In quiet hours nodes would leave it out; the author is told before anybody signs.
    quiet = {"when": "once", "once_date": day, "once_time": "23:00", "class": "normal"}
    path, state = await write(pages, title="Tin khuya", **quiet)
    assert state == bulletins.READY
    _, text = await pages("GET", path)
    assert "Trong những ngày tới sẽ xảy ra" in text and "bản tin này" in text
    # Priority in the middle of the afternoon's bulletin: one of them does not stay whole.
    clash = {"when": "once", "once_date": day, "once_time": "12:00", "class": "normal"}
    path, _ = await write(pages, title="Tin trưa", **clash)
    _, text = await pages("GET", path)
    assert "Trong những ngày tới sẽ xảy ra" not in text


async def test_foreign_units_and_wrong_days(pages):
    assert (await pages("GET", "/calendar?unit=03.none"))[0].status == 403
    assert (await pages("GET", f"/calendar?unit={COMMUNE}&hamlet=none"))[0].status == 404
    for day in ("1999-01-01", "9999-12-31", "x"):
        response, _ = await pages("GET", f"/calendar?unit={COMMUNE}&from={day}&view=nonsense")
        assert response.status == 200


def test_long_lines_are_folded_between_letters():
    one = Entry(0, 60_000, "b1.1", "Đồng bào " * 30 + "; hết, \\", "normal", COMMUNE, "", False)
    data = calendar.icalendar([one], "Xã", 0)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    text = data.decode().replace("\r\n ", "")
    assert "Đồng bào " * 30 + "\\; hết\\, \\\\" in text
