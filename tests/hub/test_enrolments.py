"""Enrolments arrive in any order, twice, late, forged or for units that are gone."""

import argparse
import json

import pytest

from hub import enrolment_api, enrolments, fleet, ingest, tickets
from hub.fleet_commands import change_node, change_ticket, write_kit
from hw.linux.verifier import Verifier
from protocols import enrolment, keys, kit, paper, settings
from protocols.enrolment import ENROLLED, QUARANTINED, REFUSED, REPLACED
from protocols.errors import RemoteFault
from tests.hub.enrolling import COMMUNE, NewNode, ticket


async def send(services, given):
    """Post an enrolment; return the hub's verdict after checking its signature."""
    answer = await enrolment_api.take(services, given.encode())
    verdict, signed = enrolment.read_answer(answer)
    public = enrolment_api.hub_keys(services)[signed.body.value("key_id")]
    assert Verifier().verify(keys.ED25519, public, signed.signature, [signed.message])
    assert verdict.enrolment == given.digest()
    return verdict


async def state(services, node):
    row = await services.ledger.read(lambda s: s.get("nodes", node.id))
    return row["state"] if row else None


async def test_an_enrolment_counts_once_however_often_it_comes(services, hub):
    leave, node = await ticket(services), NewNode(b"1")
    given = node.enrolment(leave)
    for _ in range(3):
        response, body = await hub("POST", "/v1/enrolments", data=given.encode())
        assert response.status == 200
        assert enrolment.read_answer(body)[0].state == ENROLLED
    (row,) = await services.ledger.read(tickets.listed)
    assert row["used"] == 1 and row["count"] == 1
    again = node.enrolment(leave, name="Made anew after a lost answer")
    assert (await send(services, again)).state == ENROLLED
    other = await send(services, NewNode(b"2").enrolment(leave))
    assert (other.state, other.code) == (REFUSED, "ticket.used")
    (refused,) = await services.ledger.read(enrolments.refused)
    assert refused["code"] == "ticket.used"


async def test_what_a_refusal_names_can_be_mended_and_sent_again(services):
    leave, node = await ticket(services), NewNode(b"1")
    given = node.enrolment(leave, hamlet="lang-moi")
    assert (await send(services, given)).code == "fleet.hamlet_id"
    await services.ledger.write(
        lambda s: fleet.add_hamlet(s, COMMUNE, "lang-moi", "Làng Mới", "test", services.now_s())
    )
    assert (await send(services, given)).state == ENROLLED
    assert await services.ledger.read(enrolments.refused) == []


async def test_forgeries_are_refused_and_leave_nothing(services):
    leave, node = await ticket(services), NewNode(b"1")
    stranger = NewNode(b"stranger")
    body = {**node.enrolment(leave).body.values}
    forged = enrolment.build(body, stranger.key.sign)
    own_ticket = enrolment.build_ticket(enrolment.read_ticket(leave), stranger.key.sign)
    unknown = enrolment.build_ticket(
        enrolment.read_ticket(leave)._replace(key_id="0" * 64), stranger.key.sign
    )
    for given, code in (
        (forged, "enrolment.signature"),
        (node.enrolment(own_ticket), "ticket.signature"),
        (node.enrolment(unknown), "ticket.signature"),
    ):
        with pytest.raises(RemoteFault) as caught:
            await enrolment_api.take(services, given.encode())
        assert caught.value.code == code
    with pytest.raises(RemoteFault) as caught:
        node.enrolment(leave, node="n-000000000000")
    assert caught.value.code == "enrolment.node"
    assert await state(services, node) is None


async def test_doubtful_nodes_wait_for_a_person(services):
    leave, node = await ticket(services), NewNode(b"1")
    verdict = await send(services, node.enrolment(leave, wipes=1))
    assert (verdict.state, verdict.code) == (QUARANTINED, enrolments.WHY_WIPED)
    (row,) = await services.ledger.read(enrolments.waiting)
    assert row["why"] == enrolments.WHY_WIPED
    with pytest.raises(RemoteFault, match="quarantine"):
        await services.ledger.read(lambda s: ingest.node_for(s, node.id))
    await services.ledger.write(lambda s: enrolments.confirm(s, node.id, "admin", 1))
    assert await state(services, node) == ENROLLED
    assert (await services.ledger.read(lambda s: ingest.node_for(s, node.id)))["node"] == node.id
    with pytest.raises(RemoteFault):
        await services.ledger.write(lambda s: enrolments.confirm(s, node.id, "admin", 1))


async def test_tickets_expire_but_not_on_the_way(services, monkeypatch):
    leave = await ticket(services, count=3)
    expires_s = leave.body.value("expires_s")
    early, late = NewNode(b"early"), NewNode(b"late")
    monkeypatch.setattr(type(services), "now_s", lambda self: expires_s + 5)
    verdict = await send(services, early.enrolment(leave))
    assert (verdict.state, verdict.code) == (QUARANTINED, enrolments.WHY_LATE)
    verdict = await send(services, late.enrolment(leave, made_ms=(expires_s + 1) * 1000))
    assert (verdict.state, verdict.code) == (REFUSED, "ticket.expired")
    monkeypatch.setattr(type(services), "now_s", lambda self: expires_s + enrolments.LATE_S_MAX + 1)
    assert (await send(services, late.enrolment(leave))).code == "ticket.expired"


async def test_a_merged_unit_names_its_successor(services, monkeypatch):
    leave, node = await ticket(services), NewNode(b"1")
    today = "2099-01-01"
    await services.ledger.write(
        lambda s: fleet.end_unit(s, COMMUNE, today, "00.prov", "test", services.now_s())
    )
    monkeypatch.setattr(type(services), "now_s", lambda self: 4_070_995_200)
    verdict = await send(services, node.enrolment(leave))
    assert (verdict.state, verdict.code) == (REFUSED, "enrolment.unit_ended")
    assert verdict.successor == "00.prov"


@pytest.mark.parametrize("first", ["old", "new"])
async def test_a_swap_is_one_whichever_paper_comes_first(services, first):
    leave, old, new = await ticket(services, count=2), NewNode(b"old"), NewNode(b"new")
    papers = {
        "old": old.enrolment(leave),
        "new": new.enrolment(leave, replaces=old.id),
    }
    for name in [first, *({"old", "new"} - {first})]:
        await send(services, papers[name])
    assert await state(services, old) == REPLACED
    assert await state(services, new) == ENROLLED
    with pytest.raises(RemoteFault) as caught:
        await services.ledger.read(lambda s: ingest.node_for(s, old.id))
    assert caught.value.code == "records.replaced"


async def test_a_living_node_is_not_replaced_without_a_person(services):
    leave, old, new = await ticket(services, count=2), NewNode(b"old"), NewNode(b"new")
    await send(services, old.enrolment(leave))
    contact = {"node": old.id, "nonces_json": "[]", "contact_ms": services.now_s() * 1000}
    await services.ledger.write(lambda s: s.add("node_status", contact))
    verdict = await send(services, new.enrolment(leave, replaces=old.id))
    assert (verdict.state, verdict.code) == (QUARANTINED, enrolments.WHY_ALIVE)
    assert await state(services, old) == ENROLLED
    await services.ledger.write(lambda s: enrolments.confirm(s, new.id, "admin", 1))
    assert await state(services, old) == REPLACED


async def test_a_revoked_node_is_refused_and_silenced_by_its_own_settings(services):
    leave, node = await ticket(services), NewNode(b"1")
    given = node.enrolment(leave)
    await send(services, given)
    chosen = argparse.Namespace(verb="revoke", id=node.id)
    assert (await change_node(services, chosen)) == {"node": node.id, "state": "revoked"}
    assert (await send(services, given)).state == "revoked"
    anew = node.enrolment(leave, name="anew")
    assert (await send(services, anew)).code == "enrolment.elsewhere"
    files = services.config.repository
    (manifest,) = (files / "targets").glob(f"nodes/{COMMUNE}/{node.id}/*.settings.json")
    found = settings.read_settings(manifest.read_bytes(), COMMUNE, node.id)
    assert found.volume_percent == 0 and len(found.quiet) == 2


async def test_tickets_and_kits_are_handed_over_as_files(services, tmp_path):
    new = argparse.Namespace(
        verb="new", id=None, unit=COMMUNE, count=5, days=10, out=str(tmp_path / "ve")
    )
    made = await change_ticket(services, new)
    with open(made["file"], "rb") as file:
        leave = paper.read(file.read(), enrolment.TICKET)
    with open(made["picture"], encoding="utf-8") as file:
        assert "<svg" in file.read()
    out = tmp_path / "kit.json"
    chosen = argparse.Namespace(hub=["http://hub.example"], ticket=[made["file"]], out=str(out))
    await write_kit(services, chosen)
    found, signed = kit.read(out.read_bytes())
    assert found.places[COMMUNE].above == ("Tỉnh Thử Nghiệm",)
    assert [name for _, name in found.places[COMMUNE].hamlets] == ["Làng Kon Chiêng", "Thôn 2"]
    assert found.tickets[0].digest() == leave.digest()
    public = enrolment_api.hub_keys(services)[found.key_id]
    assert Verifier().verify(keys.ED25519, public, signed.signature, [signed.message])
    assert json.loads(found.root)["signed"]["_type"] == "root"
    closed = argparse.Namespace(verb="withdraw", id=made["ticket"])
    await change_ticket(services, closed)
    verdict = await send(services, NewNode(b"9").enrolment(leave))
    assert verdict.code == "ticket.withdrawn"
