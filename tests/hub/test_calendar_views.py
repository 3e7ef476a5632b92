"""The month at a glance, a day by hamlets, and a window that is too full."""

import re
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub import calendar, frame
from hub.store_memory import MemoryStore
from tests.hub.conftest import COMMUNE
from tests.hub.test_campaigns import publish
from tests.hub.test_frame import BODY, day_after, put_in_force
from tests.hub.test_pages import OWN, pages

__all__ = ("OWN", "pages")


async def test_a_month_names_each_day_with_its_moon_and_what_it_brings(
    pages, services, passphrases
):
    await publish(services, passphrases, "b1")
    await put_in_force(services, passphrases, BODY)
    response, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=month")
    assert response.status == 200 and text.count("1 lượt phát") == 20
    assert text.count("17:00 Bản tin chiều") == 31
    first = timedelta(days=1) + date.fromisoformat(day_after(services, 0))
    assert f"from={first.isoformat()}" in text
    assert len(re.findall(r"<small>1/[0-9]+</small>", text)) in (1, 2), "first days of a moon"


async def test_a_day_by_hamlets_says_who_hears_what(pages, services, passphrases):
    await publish(services, passphrases, "b1")
    await publish(services, passphrases, "b2", hamlets=["thon-2"])
    day = day_after(services, 2)
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=places&from={day}")
    own, others = text.split("Các thôn, làng còn lại")
    assert "Thôn 2</h3>" in own and "Tin b2" in own and "Tin b1" in own
    assert "Tin b1" in others and "Tin b2" not in others
    assert "Kon Chiêng</h3>" not in text, "what nobody names stands with the others"


async def test_a_window_that_is_too_full_is_told(pages, services, passphrases, monkeypatch):
    await publish(services, passphrases, "b1")
    whole = calendar.preview.what_will_play

    def few(*values, **named):
        return whole(*values, **named, steps_max=20)

    monkeypatch.setattr(calendar.preview, "what_will_play", few)
    response, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=month")
    assert response.status == 200 and "preview.long" in text and "ít ngày hơn" in text


@given(start=st.dates(date(2026, 1, 1), date(2030, 1, 1)), count=st.integers(1, 40))
def test_weeks_begin_on_monday_and_lose_no_day(start, count):
    days = [((start + timedelta(n)).isoformat(), []) for n in range(count)]
    found = calendar.weeks(days)
    assert all(len(week) == 7 for week in found)
    assert [cell for week in found for cell in week if cell] == days
    for week in found:
        for number, cell in enumerate(week):
            assert cell is None or date.fromisoformat(cell[0]).weekday() == number


def test_what_is_over_leaves_room_for_what_comes():
    store, now_s = MemoryStore(), 1_795_000_000
    over = {"name": "x", "from": "2025-01-01", "until": "2025-01-02"}
    for _ in range(frame.ENTRIES_MAX + 3):
        frame.ask(store, COMMUNE, frame.MOURNING, frame.new_entry(), over, "x", now_s)
    frame.ask(store, COMMUNE, frame.SLOT, frame.new_entry(), BODY, "x", now_s)
