"""One broadcast moves or is left out: by its form, signed, as nodes read it; and by drag."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import moves, timing
from tests.hub.conftest import COMMUNE
from tests.hub.test_campaigns import day_of, publish
from tests.hub.test_frame import bundle_of, day_after
from tests.hub.test_pages import OWN, pages

__all__ = ("OWN", "pages")

B1 = "b" + "1" * 12
FIRST = date(2030, 1, 1)


def starts(rules):
    """Return every (day, time) at which a bundle's rules play."""
    found = []
    for rule in rules:
        for number in range(60):
            day = (FIRST + timedelta(number)).isoformat()
            if moves._on(rule, day):
                found += [(day, clock) for clock in rule["times"]]
    return sorted(found)


days = st.integers(0, 30).map(lambda number: (FIRST + timedelta(number)).isoformat())
clocks = st.sampled_from(["05:30", "11:00", "17:00"])


@given(
    first=days, last=days, weekdays=st.sets(st.integers(1, 7), min_size=1).map(sorted),
    times=st.sets(clocks, min_size=1).map(sorted),
    asked=st.lists(st.tuples(days, clocks, st.one_of(st.none(), st.tuples(days, clocks))),
                   max_size=6, unique_by=lambda one: one[:2]),
)  # fmt: skip
def test_what_moves_moves_and_nothing_else(first, last, weekdays, times, asked):
    plain = {"id": "b1.1", "items": ["b1.1"], "times": times, "weekdays": weekdays, "from": first,
             "until": max(first, last), "late_max_s": 60}  # fmt: skip
    bodies = [
        {"date": day, "time": clock, "to_date": to[0] if to else "", "to_time": to[1] if to else ""}
        for day, clock, to in asked
    ]
    before = starts([plain])
    rules = moves.apply([plain], bodies)
    wanted = list(before)
    for body in bodies:
        at = (body["date"], body["time"])
        if at in before:
            wanted.remove(at)
            if body["to_time"]:
                wanted.append((body["to_date"], body["to_time"]))
    assert starts(rules) == sorted(wanted)
    assert len({rule["id"] for rule in rules}) == len(rules)


async def send(pages, services, number, to=None, clock="06:00", **fields):
    """Send the form that moves the broadcast of a day; return the answer and its text."""
    sent = {"bulletin": B1, "day": day_after(services, number), "time": clock,
            "to_day": to[0] if to else "", "to_time": to[1] if to else ""}  # fmt: skip
    return await pages("POST", "/calendar/moves", data={**sent, **fields})


async def sign(pages, passphrases, path):
    sent = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    response, text = await pages("POST", f"{path}/sign", data=sent)
    assert response.status == 200 and "đang áp dụng" in text


async def plays(services, number):
    found = await day_of(services, day_after(services, number))
    clock = [timing.local_time(one.at_ms // 1000, 420) for one in found if not one.reason]
    return [f"{one:%H:%M}" for one in clock]


async def test_a_broadcast_is_moved_moved_again_and_brought_back(pages, services, passphrases):
    await publish(services, passphrases, B1)
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=week")
    assert 'draggable="true"' in text and "/calendar/moves" in text
    other = (day_after(services, 4), "19:30")
    response, text = await send(pages, services, 3, other)
    assert response.status == 200 and "Không còn phát" in text and "Phát thêm" in text
    assert await plays(services, 3) == ["06:00"], "nobody has signed"
    await sign(pages, passphrases, response.url.path)
    assert await plays(services, 3) == [] and await plays(services, 4) == ["06:00", "19:30"]
    assert await plays(services, 5) == ["06:00"]
    # Again, from where it stands now; then back to its own time, which ends the move.
    response, _ = await send(pages, services, 4, (day_after(services, 5), "12:00"), clock="19:30")
    await sign(pages, passphrases, response.url.path)
    assert await plays(services, 4) == ["06:00"] and await plays(services, 5) == ["06:00", "12:00"]
    back = (day_after(services, 3), "06:00")
    response, _ = await send(pages, services, 5, back, clock="12:00")
    await sign(pages, passphrases, response.url.path)
    assert len((await bundle_of(services)).rules) == 1
    assert [await plays(services, number) for number in (3, 4, 5)] == [["06:00"]] * 3


async def test_a_broadcast_is_left_out_and_one_moves_beyond_the_end(pages, services, passphrases):
    await publish(services, passphrases, B1)
    response, text = await send(pages, services, 2, drop="1")
    assert "không phát lần này" in text
    await sign(pages, passphrases, response.url.path)
    assert await plays(services, 2) == []
    late = (day_after(services, 40), "06:00")
    response, _ = await send(pages, services, 20, late)
    await sign(pages, passphrases, response.url.path)
    row = await services.ledger.read(lambda s: s.get("bulletins", B1))
    assert row["until_s"] > timing.moment_s(*late, 420)
    assert await plays(services, 40) == ["06:00"] and await plays(services, 20) == []


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"bulletin": "b" + "9" * 12}, 404, ""),
        ({"time": "07:00"}, 400, "move.gone"),
        ({"day": "x"}, 400, "timing.day"),
        ({"to_day": "2020-01-01"}, 400, "timing.past"),
        ({"to_day": "2099-01-01"}, 400, "move.far"),
        ({"to_time": "x"}, 400, "timing.time"),
    ],
)
async def test_what_cannot_move_is_told(pages, services, passphrases, fields, status, code):
    await publish(services, passphrases, B1)
    response, text = await send(pages, services, 3, (day_after(services, 4), "08:00"), **fields)
    assert response.status == status and code in text
    assert await services.ledger.read(lambda s: s.find("frame_changes")) == []
