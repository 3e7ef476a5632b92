"""Campaigns take turns by their share; mourning silences what entertains, everywhere below."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import bulletins, calendar, frame, mourning, programme_rules, slots, timing
from hub.bulletins import Draft
from hub.calendar import Where
from hub.node_now import Programmes
from hub.publishing import Signature
from hub.repository import wrapped_key
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, PROVINCE
from tests.hub.test_frame import BODY, bundle_of, day_after, put_in_force
from tests.hub.test_pages import OWN, pages

__all__ = ("OWN", "pages")

TIMES = ["06:00", "09:00", "12:00", "15:00"]
CAMPAIGN = {**BODY, "name": "An toàn giao thông", "kind": "campaign", "times": TIMES, "minutes": 15,
            "share": 2, "order": "first"}  # fmt: skip


@given(
    count=st.integers(1, 12), share=st.integers(1, 12), bulletins=st.integers(1, 8),
    weekday=st.integers(1, 7),
)  # fmt: skip
def test_each_bulletin_plays_its_share_and_none_has_more_than_its_part(
    count, share, bulletins, weekday
):
    times = [f"{hour:02}:00" for hour in range(count)]
    share = min(share, count)
    dealt = [programme_rules.deal(times, turn, share, weekday) for turn in range(bulletins)]
    assert all(len(one) == share for one in dealt)
    if share == 1 and bulletins <= count:
        assert max(Counter(clock for one in dealt for clock in one).values()) == 1
    week = Counter(
        clock for day in range(count) for clock in programme_rules.deal(times, 0, share, day)
    )
    assert set(week.values()) == {share}, "over the days every time comes equally often"


async def publish(services, passphrases, name, entry=None, legal_class="normal", **changes):
    """Write a bulletin, with a sound of two minutes, and publish it."""
    now_s = services.now_s()
    first, last = day_after(services), day_after(services, 20)

    def create(store):
        when = timing.daily(["06:00"], list(range(1, 8)), first, last)
        if entry is not None:
            when = slots.into(store, COMMUNE, entry, first, last)
        draft = Draft(COMMUNE, f"Tin {name}", "vi-VN", legal_class, "Chữ.", "", "vi-VN", None, [],
                      when)._replace(**changes)  # fmt: skip
        bulletins.create(store, name, draft, "can-bo", now_s)

    await services.ledger.write(create)
    sound = services.blobs.put_bytes(b"sound of " + name.encode())
    rendition = {"profile": "opus", "media_type": "audio/ogg", "duration_ms": 120_000}
    made = {"renditions": [{**rendition, **sound._asdict()}], "frames": [], "spoken": "x"}
    await services.ledger.write(lambda s: bulletins.made(s, name, 1, made, now_s))
    await services.publisher.approve(name, [await signature(services, passphrases, "xa-1")])


async def signature(services, passphrases, who):
    row = await services.ledger.read(lambda s: s.get("approvers", who))
    opened = wrapped_key.unwrap_signer(json.loads(row["wrapped_json"]), passphrases[who])
    return Signature(who, opened)


async def day_of(services, day):
    """Return what nodes of the commune will do on a day."""
    from_ms = timing.moment_s(day, "00:00", 420) * 1000

    def ask(store):
        units = {COMMUNE: {"parent": PROVINCE}, PROVINCE: {"parent": None}}
        where = Where(units, COMMUNE)
        return calendar.entries(store, Programmes(), where, from_ms, from_ms + calendar.DAY_MS)

    return await services.ledger.read(ask)


async def test_a_campaigns_bulletins_play_as_nodes_compute_it(services, passphrases):
    entry = await put_in_force(services, passphrases, CAMPAIGN)
    for name in ("b1", "b2", "b3"):
        await publish(services, passphrases, name, entry)
    await publish(services, passphrases, "b0")
    ids = {rule.id for rule in (await bundle_of(services)).rules}
    assert all(one.startswith("0-b") for one in ids - {"b0.1"}) and "b0.1" in ids
    for number in (2, 3, 4):
        found = await day_of(services, day_after(services, number))
        assert all(not one.reason for one in found)
        plays = Counter(one.bulletin for one in found)
        assert plays == {"b0": 1, "b1": 2, "b2": 2, "b3": 2}
        assert len(found) == 7
        early = [one.bulletin for one in found if one.at_ms < found[0].at_ms + 3600_000]
        assert early[-1] == "b0", "the campaign goes before other normal bulletins"
    await put_in_force(services, passphrases, {**CAMPAIGN, "order": "after", "share": 1}, entry)
    found = await day_of(services, day_after(services, 3))
    assert Counter(one.bulletin for one in found) == {"b0": 1, "b1": 1, "b2": 1, "b3": 1}
    early = [one.bulletin for one in found if one.at_ms < found[0].at_ms + 3600_000]
    assert early[0] == "b0"


async def test_mourning_silences_entertainment_and_what_has_no_topic(services, passphrases):
    def list_topics(store):
        for code, name in (("04", "Sức khoẻ"), ("09", "Ca nhạc")):
            store.add("topics", {"topic": code, "valid_from": "2025-01-01", "valid_to": None,
                                 "name": name, "list_version": "1"})  # fmt: skip
        mourning.set_entertainment(store, ["09", "khong-co"], "quan-tri", services.now_s())
        assert mourning.entertainment(store) == ["09"]

    await services.ledger.write(list_topics)
    await publish(services, passphrases, "b1", topic="04")
    await publish(services, passphrases, "b2", topic="09")
    await publish(services, passphrases, "b3")
    await publish(services, passphrases, "b4", legal_class="priority")
    day = day_after(services, 3)
    assert all(not one.reason for one in await day_of(services, day))
    body = mourning.read("Quốc tang", day, day)
    entry = await put_in_force(services, passphrases, body, kind=frame.MOURNING)
    reasons = {one.bulletin: one.reason for one in await day_of(services, day)}
    assert reasons == {"b1": "", "b2": "mourning", "b3": "mourning", "b4": ""}
    for other in (2, 4):
        found = await day_of(services, day_after(services, other))
        assert all(not one.reason for one in found)
    await put_in_force(services, passphrases, None, entry, kind=frame.MOURNING)
    assert all(not one.reason for one in await day_of(services, day)), "undone"


async def test_the_provinces_mourning_holds_in_its_communes(services, passphrases, pages):
    await publish(services, passphrases, "b1")
    day, now_s = day_after(services, 3), services.now_s()
    body = mourning.read("Quốc tang", day, day)
    change = await services.ledger.write(
        lambda s: frame.ask(s, PROVINCE, frame.MOURNING, frame.new_entry(), body, "tinh", now_s)
    )
    await services.publisher.approve_change(
        change, [await signature(services, passphrases, "tinh-1")]
    )
    (found,) = await day_of(services, day)
    assert found.reason == "mourning"
    _, text = await pages("GET", f"/calendar?unit={COMMUNE}&view=fortnight")
    assert "Ngày tang: Quốc tang" in text and text.count("Ngày tang: Quốc tang") == 1
    _, text = await pages("GET", f"/frame?unit={COMMUNE}")
    assert "Quốc tang" in text and "Tỉnh Thử Nghiệm" in text


async def test_mourning_is_asked_for_looked_at_and_signed_on_pages(pages, services, passphrases):
    await publish(services, passphrases, "b1")
    day = day_after(services, 3)
    fields = {"unit": COMMUNE, "name": "Tang lễ", "from": day, "until": day}
    for wrong in ({"name": ""}, {"until": "x"}, {"until": day_after(services, 60)}):
        response, text = await pages("POST", "/frame/mourning", data={**fields, **wrong})
        assert response.status == 400 and "Đặt ngày tang" in text
    assert 'value="Tang lễ"' in text and f'value="{day_after(services, 60)}"' in text
    response, text = await pages("POST", "/frame/mourning", data=fields)
    assert "Không còn phát" in text and "Tin b1" in text
    path = response.url.path
    sent = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    response, text = await pages("POST", f"{path}/sign", data=sent)
    assert response.status == 200 and "đang áp dụng" in text
    assert (await bundle_of(services)).policy.mourning
    response, text = await pages("POST", f"{path}/undo")
    assert "kết thúc" in text and "Phát thêm" in text


async def test_a_campaign_is_laid_down_on_the_page(pages, services):
    fields = {"unit": COMMUNE, "entry": "", "name": "Tiêm chủng", "kind": "campaign",
              "times": "06:00 12:00", "minutes": "10", "from": day_after(services, 0), "until": "",
              "weekday": list("1234567"), "share": "3", "order": "after"}  # fmt: skip
    response, text = await pages("POST", "/frame/slots", data=fields)
    assert response.status == 400 and "slot.share" in text
    response, text = await pages("POST", "/frame/slots", data={**fields, "share": "2"})
    assert response.status == 200 and "2 lần mỗi ngày" in text and "sau các bản tin" in text


def test_too_many_days_of_mourning_are_told():
    body = {"name": "x", "from": "2026-12-01", "until": "2026-12-02"}
    held = frame.Frame({}, {f"e{n}": body for n in range(mourning.KEPT_MAX)}, {})
    assert len(mourning.days(held, "2026-12-02")) == mourning.KEPT_MAX
    assert mourning.days(held, "2026-12-03") == [], "what is over burdens no node"
    more = frame.Frame({}, {**held.mourning, "e99": body}, {})
    with pytest.raises(RemoteFault):
        mourning.days(more, "2026-12-01")
