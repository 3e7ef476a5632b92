"""Slots of a unit's day: asked for, looked at, signed, followed by bulletins and offers, undone."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import audit, bulletins, frame, slots, timing
from hub.node_now import Programmes
from hub.publishing import Signature
from hub.repository import wrapped_key
from hub.store_memory import MemoryStore
from protocols.errors import RemoteFault
from protocols.policy import DEFAULT
from tests.hub.conftest import COMMUNE, PROVINCE
from tests.hub.test_offers import TEXT, key, officer, province
from tests.hub.test_pages import OWN, pages, write

__all__ = ("OWN", "officer", "pages", "province")

SLOT = {"unit": COMMUNE, "entry": "", "name": "Bản tin chiều", "kind": "own", "times": "17:00",
        "minutes": "20", "until": ""}  # fmt: skip
BODY = {"name": "Bản tin chiều", "kind": "own", "times": ["17:00"], "minutes": 20,
        "weekdays": list(range(1, 8)), "from": "2025-01-01", "until": ""}  # fmt: skip


def day_after(services, days=1):
    today = timing.local_time(services.now_s(), services.config.utc_offset_min).date()
    return (today + timedelta(days=days)).isoformat()


async def ask(pages, services, **changes):
    """Send the form of a slot; return the change's path and the page."""
    fields = {**SLOT, "from": day_after(services, 0), "weekday": list("1234567"), **changes}
    response, text = await pages("POST", "/frame/slots", data=fields)
    return response.url.path, text


async def sign(pages, passphrases, path):
    fields = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    response, text = await pages("POST", f"{path}/sign", data=fields)
    assert response.status == 200 and "đang áp dụng" in text
    return text


async def bundle_of(services):
    return await services.ledger.read(lambda s: Programmes().bundle(s, COMMUNE))


async def put_in_force(services, passphrases, body, entry=None, kind=frame.SLOT, who="xa-1"):
    """Ask for a change and sign it, without pages; return its entry."""
    entry, now_s = entry or frame.new_entry(), services.now_s()
    change = await services.ledger.write(
        lambda s: frame.ask(s, COMMUNE, kind, entry, body, "can-bo", now_s)
    )
    row = await services.ledger.read(lambda s: s.get("approvers", who))
    opened = wrapped_key.unwrap_signer(json.loads(row["wrapped_json"]), passphrases[who])
    await services.publisher.approve_change(change, [Signature(who, opened)])
    return entry


async def only_slot(services):
    (entry,) = (await services.ledger.read(lambda s: frame.of(s, COMMUNE))).slots
    return entry


async def publish_into(pages, services, passphrases, entry, day):
    """Write a bulletin for a slot on one day and publish it; return its path."""
    when = {"when": "slot", "slot": entry, "slot_from": day, "slot_until": day}
    path, state = await write(pages, title="Tin trong khung", **{"class": "normal"}, **when)
    assert state == bulletins.READY
    signature = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    response, _ = await pages("POST", f"{path}/approve", data=signature)
    assert response.status == 200
    return path


async def test_a_slot_holds_once_it_is_signed_and_takes_bulletins(pages, services, passphrases):
    path, text = await ask(pages, services)
    assert path.startswith("/frame/changes/k") and "chờ ký duyệt" in text
    assert await bundle_of(services) is None, "nobody has signed"
    _, text = await pages("GET", "/approvals")
    assert path in text and "Bản tin chiều" in text
    wrong = {"approver": "xa-1", "passphrase": "sai"}
    response, _ = await pages("POST", f"{path}/sign", data=wrong)
    assert response.status in (400, 422) and await bundle_of(services) is None
    await sign(pages, passphrases, path)
    assert (await bundle_of(services)).rules == ()
    entry = await only_slot(services)
    day = day_after(services)
    bulletin = await publish_into(pages, services, passphrases, entry, day)
    (rule,) = (await bundle_of(services)).rules
    assert rule.times_s == (17 * 3600,) and rule.late_max_s == 1200
    _, text = await pages("GET", bulletin)
    assert "Bản tin chiều: 17:00" in text
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=fortnight")
    assert "17:00 Bản tin chiều</a>" in text and "Tin trong khung" in text
    _, text = await pages("GET", f"/frame?unit={COMMUNE}")
    assert "Tin trong khung" in text


async def test_a_slot_is_moved_undone_and_ended(pages, services, passphrases):
    entry, day = await put_in_force(services, passphrases, BODY), day_after(services)
    bulletin = await publish_into(pages, services, passphrases, entry, day)
    path, text = await ask(pages, services, entry=entry, times="11:00 17:30", minutes="10")
    assert "Không còn phát" in text and "Phát thêm" in text and "Bản tin chiều" in text
    assert (await bundle_of(services)).rules[0].times_s == (17 * 3600,), "nobody has signed"
    await sign(pages, passphrases, path)
    assert (await bundle_of(services)).rules[0].times_s == (39600, 63000)
    name = bulletin.rsplit("/", 1)[1]
    row = await services.ledger.read(lambda s: bulletins.current(s, name))
    assert row["timing"]["times"] == ["11:00", "17:30"]
    assert row["until_s"] > timing.moment_s(day, "17:30", 420)
    # Undone: what held before is asked for, and holds once signed.
    response, _ = await pages("POST", f"{path}/undo")
    back = response.url.path
    assert back != path
    await sign(pages, passphrases, back)
    assert (await bundle_of(services)).rules[0].times_s == (17 * 3600,)
    # Ended: the bulletin is named that would be heard no more.
    response, text = await pages("POST", f"/frame/entries/{entry}/end")
    assert "sẽ không còn phát" in text and "Tin trong khung" in text
    await sign(pages, passphrases, response.url.path)
    assert (await bundle_of(services)).rules == ()
    response, text = await pages("POST", f"/frame/entries/{entry}/end")
    assert response.status == 400 and "đã thay đổi hoặc đã kết thúc" in text
    assert await services.ledger.read(audit.first_broken) is None


async def test_quiet_hours_and_other_slots_are_told_before_anybody_signs(
    pages, services, passphrases
):
    path, text = await ask(pages, services, times="21:20", minutes="30")
    assert "giờ yên tĩnh" in text
    await sign(pages, passphrases, path)
    _, text = await ask(pages, services, name="Tối", times="21:00", minutes="30")
    assert "Trùng với khung giờ Bản tin chiều" in text
    _, text = await ask(pages, services, name="Trưa", times="11:00")
    assert "Trùng với" not in text and "giờ yên tĩnh" not in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "slot.name"),
        ({"kind": "x"}, "slot.kind"),
        ({"minutes": "0"}, "slot.minutes"),
        ({"minutes": "x"}, "slot.minutes"),
        ({"times": "sáng"}, "timing.time"),
        ({"weekday": "9"}, "timing.weekdays"),
        ({"from": ""}, "timing.day"),
        ({"until": "2020-01-01"}, "timing.days"),
        ({"entry": "e" + "0" * 12}, "frame.gone"),
    ],
)
async def test_what_no_slot_can_be_is_told_and_nothing_typed_is_lost(pages, services, wrong, said):
    fields = {**SLOT, "from": day_after(services, 0), "weekday": "1", **wrong}
    response, text = await pages("POST", "/frame/slots", data=fields)
    assert response.status == 400 and said in text
    assert fields["times"] in text
    assert await services.ledger.read(lambda s: s.find("frame_changes")) == []


async def test_a_change_that_waits_is_withdrawn_and_replaced_by_the_next(
    pages, services, passphrases
):
    path, _ = await ask(pages, services)
    await sign(pages, passphrases, path)
    (entry,) = (await services.ledger.read(lambda s: frame.of(s, COMMUNE))).slots
    first, _ = await ask(pages, services, entry=entry, times="16:00")
    second, _ = await ask(pages, services, entry=entry, times="16:30")
    _, text = await pages("GET", first)
    assert "đã rút lại" in text
    response, _ = await pages("POST", f"{second}/withdraw")
    assert response.url.path == "/frame"
    fields = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    for path in (first, second):
        response, _ = await pages("POST", f"{path}/sign", data=fields)
        assert response.status == 400
        assert (await pages("POST", f"{path}/withdraw"))[0].status == 400
    held = await services.ledger.read(lambda s: frame.of(s, COMMUNE))
    assert held.slots[entry]["times"] == ["17:00"]


async def test_another_units_signature_and_entry_do_not_count(services, passphrases):
    with pytest.raises(RemoteFault):
        await put_in_force(services, passphrases, BODY, who="tinh-1")
    rows = await services.ledger.read(lambda s: s.find("frame_changes"))
    assert [row["state"] for row in rows] == [frame.WAITING]
    assert (await services.ledger.read(lambda s: frame.of(s, COMMUNE))).slots == {}
    entry, now_s = await put_in_force(services, passphrases, BODY), services.now_s()
    for unit, kind in ((PROVINCE, frame.SLOT), (COMMUNE, frame.MOVE)):
        with pytest.raises(RemoteFault, match="changed or ended"):
            await services.ledger.write(
                lambda s, u=unit, k=kind: frame.ask(s, u, k, entry, BODY, "x", now_s)
            )


async def test_what_a_dead_hub_left_signed_is_put_in_force_at_the_next_start(
    services, passphrases, monkeypatch
):
    def die(_change, _now_s):
        raise KeyboardInterrupt

    monkeypatch.setattr(services.publisher, "_push", die)
    with pytest.raises(KeyboardInterrupt):
        await put_in_force(services, passphrases, BODY)
    monkeypatch.undo()
    (row,) = await services.ledger.read(lambda s: s.find("frame_changes"))
    assert row["state"] == frame.APPROVED and await bundle_of(services) is None
    await services.publisher.recover()
    assert list((await services.ledger.read(lambda s: frame.of(s, COMMUNE))).slots)
    assert (await bundle_of(services)).version >= 1


async def test_an_offer_is_taken_into_a_slot_by_hand_and_by_rule(
    province, services, officer, passphrases
):
    entry = await put_in_force(services, passphrases, {**BODY, "kind": "province"})
    province.send("hand", "ban-tin", **TEXT)
    await province.puller.step()
    _, text = await officer("GET", "/offers")
    assert "Nhận vào khung giờ" in text and entry in text
    chosen = {"when": "slot", "slot": entry, "from": "2030-01-01", "until": "2030-02-01"}
    status, _ = await officer("POST", "/offers/accept", **key("hand"), **chosen)
    assert status == 200
    (made,) = await province.bulletins("hand")
    assert made["timing"]["slot"]["id"] == entry and made["timing"]["times"] == ["17:00"]
    province.send("rule", "ban-tin", **TEXT)
    await province.puller.step()
    wrong = {**key("rule"), "topic": "", "slot": "e" + "1" * 12}
    assert (await officer("POST", "/offers/rules", **wrong))[0] == 400
    status, text = await officer("POST", "/offers/rules", **{**wrong, "slot": entry})
    assert status == 200 and "→ Bản tin chiều" in text
    (made,) = await province.bulletins("rule")
    assert made["timing"]["slot"]["from"] == made["timing"]["slot"]["until"]
    await put_in_force(services, passphrases, None, entry)
    province.send("late", "ban-tin", **TEXT)
    await province.puller.step()
    assert (await province.supply("late"))["state"] == "offered", "its slot has ended"


days = st.integers(0, 60).map(lambda number: (date(2030, 1, 1) + timedelta(number)).isoformat())


@given(
    first=days, last=days, slot_first=days, slot_last=st.one_of(st.just(""), days),
    weekdays=st.sets(st.integers(1, 7), min_size=1).map(sorted),
)  # fmt: skip
def test_a_bulletin_plays_on_the_days_that_it_and_its_slot_have_in_common(
    first, last, slot_first, slot_last, weekdays
):
    body = {**BODY, "from": slot_first, "until": slot_last, "weekdays": weekdays}
    wanted = {"id": "e1", "from": first, "until": last}
    when = slots.fit({"slot": wanted}, body)
    for number in range(62):
        day = date(2030, 1, 1) + timedelta(number)
        both = slots.holds(body, day) and first <= day.isoformat() <= last
        assert (when is not None and timing.plays_on(when, day)) == both
    if when is not None:
        assert slots.fit(when, body) == when, "refreshing changes nothing by itself"


@given(
    now_s=st.integers(1_750_000_000, 1_900_000_000),
    weekdays=st.sets(st.integers(1, 7), min_size=1).map(sorted),
)
def test_the_next_day_of_a_slot_is_the_first_with_all_its_times_ahead(now_s, weekdays):
    body = {**BODY, "times": ["05:30", "17:00"], "weekdays": weekdays}
    found = slots.next_day(body, now_s, 420)
    assert timing.moment_s(found, "05:30", 420) > now_s
    day = timing.local_time(now_s, 420).date()
    while day.isoformat() < found:
        ahead = timing.moment_s(day.isoformat(), "05:30", 420) > now_s
        assert not (ahead and slots.holds(body, day))
        day += timedelta(days=1)
    with pytest.raises(RemoteFault):
        slots.next_day({**body, "until": "2025-01-01"}, now_s, 420)


def test_slots_at_midnight_and_apart_do_not_overlap():
    late = {**BODY, "times": ["23:50"], "minutes": 20}
    held = frame.Frame({"e1": late, "e2": BODY}, {}, {})
    assert [one.code for one in slots.doubts("e1", late, held, DEFAULT)] == ["quiet"]
    assert slots.doubts("e2", BODY, held, DEFAULT) == []
    other = {**BODY, "weekdays": [6], "times": ["16:50"]}
    again = frame.Frame({"e2": {**BODY, "weekdays": [7]}}, {}, {})
    assert slots.doubts("e3", other, again, DEFAULT) == []
    over = frame.Frame({"e2": {**BODY, "until": "2025-02-01"}}, {}, {})
    assert slots.doubts("e3", {**other, "from": "2025-02-02"}, over, DEFAULT) == []
    (found,) = slots.doubts("e3", {**other, "from": "2025-02-01"}, over, DEFAULT)
    assert found == slots.Doubt("overlap", BODY["name"])


def test_a_frame_holds_so_many_entries_and_no_more():
    store = MemoryStore()
    for number in range(frame.ENTRIES_MAX):
        frame.ask(store, COMMUNE, frame.SLOT, f"e{number:012}", BODY, "x", 1)
    with pytest.raises(RemoteFault, match="entries"):
        frame.ask(store, COMMUNE, frame.SLOT, frame.new_entry(), BODY, "x", 1)
    with pytest.raises(RemoteFault):
        frame.ask(store, COMMUNE, frame.SLOT, frame.new_entry(), None, "x", 1)
    frame.ask(store, PROVINCE, frame.SLOT, frame.new_entry(), BODY, "x", 1)


TRIGGERS = ("approve", "publish", "void", "withdraw", "replace")


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("state", ["waiting", "approved", "in_force", "replaced", "withdrawn"])
def test_a_change_moves_by_its_table_alone(state, trigger):
    store = MemoryStore()
    name = frame.ask(store, COMMUNE, frame.SLOT, frame.new_entry(), BODY, "x", 1)
    store.change("frame_changes", (name,), {"state": state})
    wanted = {("waiting", "approve"): "approved", ("waiting", "withdraw"): "withdrawn",
              ("approved", "publish"): "in_force", ("approved", "void"): "waiting",
              ("in_force", "replace"): "replaced"}.get((state, trigger))  # fmt: skip
    if wanted is None:
        with pytest.raises(RemoteFault):
            frame.move(store, name, trigger, 2)
        assert store.get("frame_changes", name)["state"] == state
    else:
        frame.move(store, name, trigger, 2)
        assert store.get("frame_changes", name)["state"] == wanted
