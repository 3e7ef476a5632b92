"""The emergency page over real HTTP: two steps, two persons, progress, correction, all-clear."""

import asyncio

import pytest

from hub import approvers, bulletin_templates, bulletins, emergency, enrolment, fleet
from protocols import alert
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE, PROVINCE
from tests.hub.test_pages import pages
from tests.hub.test_publishing import manifest

__all__ = ("pages",)

UNIT_NAME = "xa ia thu"
FIELDS = {"unit": COMMUNE, "title": "Cảnh báo lũ", "text": "Nước lên.", "hours": "2",
          "gap_min": "5"}  # fmt: skip


async def newest(services):
    return await services.ledger.read(lambda s: bulletins.newest(s, 1)[0])


async def prepare(pages, services, **changes):
    """Send the first step and attach a sound as the studio would; return the alert's path."""
    response, text = await pages("POST", "/emergency", data={**FIELDS, **changes})
    assert response.status == 200 and response.url.path.startswith("/emergency/b"), text
    name = response.url.path.rsplit("/", 1)[1]
    await services.production.make(name, 1)
    for _ in range(400):
        response, text = await pages("GET", "/parts/emergency/" + name)
        if response.headers["X-State"] == bulletins.READY:
            return "/emergency/" + name
        await asyncio.sleep(0.05)
    raise AssertionError(text)


def signed(passphrases, approver="xa-1", confirm=UNIT_NAME):
    return {"confirm": confirm, "approver": approver, "passphrase": passphrases[approver]}


async def add_nodes(services, now_ms):
    def add(store):
        for node, hamlet in (("loa-1", "lang-kon"), ("loa-2", "thon-2")):
            form = fleet.NodeForm(node, COMMUNE, node, "speaker", node.encode() * 6 + b"--", hamlet)
            fleet.add_node(store, form, "test", 1)
        row = {"node": "loa-1", "nonces_json": "[]", "contact_ms": now_ms}
        store.add("node_status", row)

    await services.ledger.write(add)


async def test_an_alert_takes_two_steps_and_shows_how_far_it_is(pages, services, passphrases):
    now_ms = services.config.now_ms()
    await add_nodes(services, now_ms)
    _, text = await pages("GET", "/parts/emergency?unit=" + COMMUNE)
    assert "1 trên 2" in text
    _, text = await pages("GET", f"/parts/emergency?unit={COMMUNE}&hamlet={COMMUNE}/thon-2")
    assert "0 trên 1" in text
    _, text = await pages("GET", "/emergency?template=flood")
    assert "Nước lũ đang lên nhanh" in text
    path = await prepare(pages, services, drill="1")
    assert manifest(services, kind="alerts") is None
    response, text = await pages("POST", path + "/sign", data=signed(passphrases, confirm="Xã Ia"))
    assert response.status == 400 and "không phải tên đơn vị" in text
    assert manifest(services, kind="alerts") is None
    response, text = await pages("POST", path + "/sign", data=signed(passphrases))
    assert response.status == 200 and "Đã phát hành" in text and "chưa liên lạc lại" in text
    (one,) = manifest(services, kind="alerts").alerts
    assert (one.kind, one.drill, one.repeat.gap_s) == (alert.ALERT, True, 300)
    row = await newest(services)

    def hear(store):
        later_ms = services.config.now_ms() + 1000
        air = {"air_title": row["title"], "air_class": "emergency", "air_ms": later_ms}
        store.change("node_status", ("loa-1",), {"contact_ms": later_ms, **air})

    units = await services.ledger.read(lambda s: fleet.units_on(s, "2026-01-01"))

    async def counts():
        found = await services.ledger.read(lambda s: emergency.progress(s, units, row, now_ms))
        return dict(found["counts"])

    assert (await counts())["air"] == 0
    await services.ledger.write(hear)
    assert await counts() == {"sent": 1, "air": 1, "proven": 0}
    play = {"node": "loa-1", "epoch": "e", "sequence": 1, "unit": COMMUNE, "class": "emergency",
            "item": f"{row['bulletin']}.1", "title": row["title"], "scheduled_ms": None,
            "started_ms": now_ms, "ended_ms": now_ms + 1, "outcome": "complete", "resumed": 0,
            "grade": 3, "milliwatts": 9000}  # fmt: skip
    # Power went while it sounded: on air, and not proven to have been heard whole.
    cut = {**play, "sequence": 2, "started_ms": now_ms - 9, "outcome": "cut"}
    await services.ledger.write(lambda s: s.add("plays", cut))
    assert await counts() == {"sent": 1, "air": 1, "proven": 0}
    await services.ledger.write(lambda s: s.add("plays", play))
    assert (await counts())["proven"] == 1
    _, text = await pages("GET", path)
    assert "đã xác nhận có tiếng 1/2" in text


async def test_a_correction_replaces_and_an_all_clear_cancels(pages, services, passphrases):
    first = await prepare(pages, services)
    await pages("POST", first + "/sign", data=signed(passphrases))
    wrong = first.rsplit("/", 1)[1]
    _, text = await pages("GET", "/emergency?correct=" + wrong)
    assert "Đính chính báo động" in text and "Nước lên." in text
    second = await prepare(pages, services, replaces=wrong, text="Nước rút.")
    await pages("POST", second + "/sign", data=signed(passphrases))
    (one,) = manifest(services, kind="alerts").alerts
    assert (one.kind, one.references) == (alert.UPDATE, (wrong + ".1",))
    row = await services.ledger.read(lambda s: s.get("bulletins", wrong))
    assert row["state"] == bulletins.RECALLED
    response, _ = await pages("POST", "/emergency", data={**FIELDS, "replaces": wrong})
    assert response.status == 400
    response, text = await pages("POST", second + "/clear", data=signed(passphrases))
    assert response.status == 200 and "Đã gỡ" in text
    found = manifest(services, kind="alerts").alerts
    assert {one.kind for one in found} == {alert.CANCEL}
    assert {name for one in found for name in one.references} == {
        wrong + ".1", second.rsplit("/", 1)[1] + ".1"}  # fmt: skip


async def test_where_two_must_sign_the_first_signature_waits(pages, services, passphrases):
    now_s = services.now_s()
    fresh = [approvers.generate(f"hai-{n}", "03.hai", f"Người {n}") for n in (1, 2)]
    row = {"unit": "03.hai", "valid_from": "2025-07-01", "name": "Xã Hai", "kind": "commune",
           "parent": PROVINCE}  # fmt: skip
    await enrolment.enrol_unit(services, row, fresh, passphrases["registrar-1"], 2, now_s)
    known = {one.sheet.holder: one.sheet.passphrase for one in fresh}
    path = await prepare(pages, services, unit="03.hai")
    for approver in ("hai-1", "hai-1"):
        response, text = await pages("POST", path + "/sign", data=signed(known, approver, "xã hai"))
        assert response.status == 200 and "Chữ ký thứ hai" in text
        assert manifest(services, "03.hai", "alerts") is None
    response, text = await pages("POST", path + "/sign", data=signed(known, "hai-2", "Xã Hai"))
    assert response.status == 200 and "Đã phát hành" in text
    assert len(manifest(services, "03.hai", "alerts").alerts) == 1


async def test_a_broken_overview_stops_no_alert(pages, services, monkeypatch, passphrases):
    def broken(*_arguments):
        raise RuntimeError("broken")

    monkeypatch.setattr("hub.node_now.node", broken)
    for name in ("overview", "reach", "tally"):
        monkeypatch.setattr(f"hub.overview.{name}", broken)
    monkeypatch.setattr("hub.pages.overview", broken)
    assert (await pages("GET", "/"))[0].status == 500
    path = await prepare(pages, services)
    response, text = await pages("POST", path + "/sign", data=signed(passphrases))
    assert response.status == 200 and "Đã phát hành" in text


async def test_a_refused_first_step_loses_nothing(pages, services):
    response, text = await pages("POST", "/emergency", data={**FIELDS, "hours": "99"})
    assert response.status == 400 and "Nước lên." in text and "Thời gian của báo động" in text
    response, text = await pages("POST", "/emergency", data={**FIELDS, "hamlet": "00.prov/x"})
    assert response.status == 400 and "Cảnh báo lũ" in text
    assert await services.ledger.read(lambda s: s.count("bulletins")) == 0


@pytest.mark.parametrize("typed", ["Xã Đắk Rơ", "xa dak ro", " XÃ  ĐẮK RƠ", "xadakro"])
def test_a_typed_name_may_lack_its_accents(typed):
    emergency.confirm(typed, "Xã Đắk Rơ")


@pytest.mark.parametrize("typed", ["", "Xã Đắk", "Xã Đắk Rơ 2"])
def test_another_name_confirms_nothing(typed):
    with pytest.raises(RemoteFault):
        emergency.confirm(typed, "Xã Đắk Rơ")


def test_every_template_is_named_once_and_its_text_can_be_spoken():
    names = [one.name for one in bulletin_templates.TEMPLATES]
    assert len(names) == len(set(names))
    for one in bulletin_templates.TEMPLATES:
        assert ("[" in one.text) != (one.legal_class == "emergency"), "an alert has no gap to fill"
