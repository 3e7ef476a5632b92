"""`POST /v1/records` against an independent RFC 9421 client."""

import asyncio
import datetime
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from hub import fleet, ingest
from protocols import canonical, records

UNIT, NODE, EPOCH = "03.k7f2", "loa-17", "00" * 8
PARTS = ("@method", "@authority", "@path", "content-digest")
ANSWER_PARTS = ("@status", "content-digest", '"content-digest";req')


class Message:
    def __init__(self, headers, **fields):
        self.headers = headers
        self.__dict__.update(fields)


@pytest.fixture
def node_key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
async def registered(services, node_key):
    def register(store):
        public = node_key.public_key().public_bytes_raw()
        form = fleet.NodeForm(NODE, UNIT, "Cụm 17", "speaker", public)
        fleet.add_node(store, form, "test", 1)

    await services.ledger.write(register)


def play(number, **changes):
    body = {
        "item": "tin-1",
        "title": "Bản tin sáng",
        "class": "normal",
        "unit": UNIT,
        "bundle_version": 3,
        "scheduled_ms": 1000 * number,
        "started_ms": 1000 * number,
        "ended_ms": 1000 * number + 900,
        "outcome": "complete",
        "resumed": False,
        "evidence": {"grade": 3, "milliwatts": 41000},
    }
    body.update(changes)
    return body


def history(count, chain="plays", epoch=EPOCH, kind="play", make=play, node=NODE):
    builder, built = records.Chain(node, chain, epoch), []
    for number in range(1, count + 1):
        entry = builder.build(1_000_000 + number, "hub", 5, kind, make(number))
        builder.advance(entry)
        built.append(entry)
    return built


def batch_of(entries, chain="plays", epoch=EPOCH, after=0, node=NODE):
    return records.build_batch(node, chain, epoch, after, [entry.data for entry in entries])


def signed(listener, key, body, nonce="n-1", node=NODE, created=None):
    url = f"http://127.0.0.1:{listener.port}/v1/records"
    message = Message({}, method="POST", url=url)
    HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={node: key}),
    ).sign(
        message,
        key_id=node,
        nonce=nonce,
        created=created or datetime.datetime.now(datetime.UTC),
        covered_component_ids=PARTS,
        body=body,
        label="sig1",
    )
    return message


@pytest.fixture
def post(hub, listener, node_key):
    async def send(body, key=None, **options):
        message = signed(listener, key or node_key, body, **options)
        response, data = await hub("POST", "/v1/records", data=body, headers=message.headers)
        return response, data, message

    return send


def position(data):
    return canonical.decode(data, 1024)["position"]


async def test_stored_then_acknowledged_by_a_signed_answer(registered, post, services):
    entries = history(3)
    response, data, message = await post(batch_of(entries), nonce="abc")
    assert response.status == 200
    answer = canonical.decode(data, 1024)
    assert (answer["chain"], answer["epoch"], answer["position"]) == ("plays", EPOCH, 3)
    assert answer["nonce"] == "abc"
    assert abs(answer["time_ms"] - services.config.now_ms()) < 5000
    root = services.repository.archive.root().signed
    (key_id,) = root.roles["timestamp"].keyids
    raw = bytes.fromhex(root.keys[key_id].keyval["public"])
    public = {key_id: Ed25519PublicKey.from_public_bytes(raw)}
    reply = Message(dict(response.headers), status_code=200, request=message)
    results = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys=public, private_keys={}),
    ).verify(reply, body=data, max_age=datetime.timedelta(minutes=1))
    assert results[0].parameters["nonce"] == "abc"
    stored = services.ledger.read_now(lambda s: s.find("records"))
    assert [row["record"] for row in stored] == [entry.data for entry in entries]


async def test_duplicates_and_replays_are_answered_and_change_nothing(registered, post, services):
    body = batch_of(history(2))
    await post(body)
    before = services.ledger.read_now(lambda s: (s.find("records"), s.find("plays")))
    response, data, _ = await post(body)
    assert (response.status, position(data)) == (200, 2)
    assert services.ledger.read_now(lambda s: (s.find("records"), s.find("plays"))) == before


async def test_a_replayed_batch_does_not_make_a_silent_node_look_alive(
    registered, hub, listener, node_key, services
):
    body = batch_of(history(1))
    long_ago = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    for created in (None, long_ago):
        nonce = "n" if created is None else "old"
        message = signed(listener, node_key, body, nonce=nonce, created=created)
        await hub("POST", "/v1/records", data=body, headers=message.headers)
        row = services.ledger.read_now(lambda s: s.get("node_status", NODE))
        first = row["contact_ms"]
        await asyncio.sleep(0.01)
        response, _ = await hub("POST", "/v1/records", data=body, headers=message.headers)
        assert response.status == 200
        assert services.ledger.read_now(lambda s: s.get("node_status", NODE))["contact_ms"] == first


async def test_an_empty_batch_asks_for_the_position_and_the_time(registered, post, services):
    await post(batch_of(history(2)))
    response, data, _ = await post(batch_of([]), nonce="n-2")
    assert (response.status, position(data)) == (200, 2)
    response, data, _ = await post(batch_of([], epoch="11" * 8), nonce="n-3")
    assert position(data) == 0


async def test_a_hub_set_back_asks_for_more_and_stores_nothing(registered, post, services):
    entries = history(5)
    response, data, _ = await post(batch_of(entries[3:], after=3))
    assert (response.status, position(data)) == (200, 0)
    assert services.ledger.read_now(lambda s: s.count("records")) == 0


async def test_records_lost_for_good_leave_a_hole_and_a_fault(registered, post, services):
    entries = history(5)
    await post(batch_of(entries[:1]))
    response, data, _ = await post(batch_of(entries[3:], after=0), nonce="n-2")
    assert (response.status, position(data)) == (200, 5)
    fault = services.ledger.read_now(lambda s: s.get("faults", NODE, "plays"))
    assert fault["code"] == ingest.HOLE and "2 to 3 are lost" in fault["message"]


async def test_a_fork_is_409_recorded_and_never_acknowledged(registered, post, services):
    await post(batch_of(history(2)))
    other = history(2, make=lambda number: play(number, title="Khác"))
    for count in (1, 2):
        response, data, _ = await post(batch_of(other), nonce=f"f-{count}")
        assert (response.status, json.loads(data)["code"]) == (409, "records.fork")
        fault = services.ledger.read_now(lambda s: s.get("faults", NODE, "plays"))
        assert (fault["code"], fault["count"]) == ("records.fork", count)
    titles = services.ledger.read_now(lambda s: {row["title"] for row in s.find("plays")})
    assert titles == {"Bản tin sáng"}


async def test_a_node_cannot_clear_what_the_hub_found(registered, post, services):
    await post(batch_of(history(1)))
    await post(batch_of(history(1, make=lambda number: play(number, title="Khác"))), nonce="f")
    body = {"place": "plays", "code": "records.fork", "message": "all is well", "state": "cleared"}
    cleared = history(1, "health", kind="fault", make=lambda number: body)
    assert (await post(batch_of(cleared, "health"), nonce="h"))[0].status == 200
    fault = services.ledger.read_now(lambda s: s.get("faults", NODE, "plays"))
    assert (fault["code"], fault["cleared_ms"]) == ("records.fork", None)


async def test_plays_faults_and_status_are_derived(registered, post, services):
    odd = [play(1), play(2, started_ms=None), play(3, evidence={"grade": 9}, resumed=True)]
    await post(batch_of(history(3, make=lambda number: odd[number - 1])))

    def fault(number):
        state = "cleared" if number == 3 else "raised"
        place = "board" if number == 4 else "amplifier.relay"
        return {"place": place, "code": "modbus.silent", "message": "no power", "state": state}

    await post(batch_of(history(4, "health", kind="fault", make=fault), "health"), nonce="h")
    versions = {"versions": [["00.prov", 9], [UNIT, 3], "junk"]}
    status = history(1, "health", "22" * 8, kind="status", make=lambda _: versions)
    await post(batch_of(status, "health", "22" * 8), nonce="s")
    plays, status, faults = services.ledger.read_now(
        lambda s: (s.find("plays"), s.get("node_status", NODE), s.find("faults"))
    )
    assert [(row["sequence"], row["grade"], row["resumed"]) for row in plays] == [
        (1, 3, 0),
        (3, 0, 1),
    ]
    assert status["bundle_version"] == 3
    assert (status["play_title"], status["play_grade"]) == ("Bản tin sáng", 0)
    assert [(row["place"], row["count"], row["cleared_ms"]) for row in faults] == [
        ("amplifier.relay", 2, 1_000_003),
        ("board", 1, None),
    ]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"key": Ed25519PrivateKey.generate()}, 401, "records.signature"),
        ({"node": "stranger"}, 401, "records.unknown_node"),
    ],
)
async def test_strangers_are_refused(registered, post, node_key, change, status, code):
    options = {"key": node_key, **change}
    response, data, _ = await post(batch_of(history(1)), **options)
    assert (response.status, json.loads(data)["code"]) == (status, code)
    assert set(json.loads(data)) == {"code", "message", "remedy"}


async def test_a_revoked_node_and_another_nodes_records_are_refused(registered, post, services):
    body = batch_of(history(1, node="other"), node="other")
    response, data, _ = await post(body)
    assert (response.status, json.loads(data)["code"]) == (401, "records.signature")
    await services.ledger.write(lambda s: fleet.revoke_node(s, NODE, "test", 2))
    response, data, _ = await post(batch_of(history(1)))
    assert (response.status, json.loads(data)["code"]) == (403, "records.revoked")
    assert services.ledger.read_now(lambda s: s.count("records")) == 0


async def test_what_is_not_signed_or_was_changed_is_refused(hub, listener, node_key, registered):
    body = batch_of(history(1))
    response, data = await hub("POST", "/v1/records", data=body)
    assert (response.status, json.loads(data)["code"]) == (401, "signature.missing")
    message = signed(listener, node_key, body)
    response, data = await hub("POST", "/v1/records", data=body + b" ", headers=message.headers)
    assert (response.status, json.loads(data)["code"]) == (400, "signature.digest")
    moved = dict(message.headers, Host="other.example")
    response, data = await hub("POST", "/v1/records", data=body, headers=moved)
    assert (response.status, json.loads(data)["code"]) == (401, "records.signature")


async def test_broken_and_oversize_bodies_are_refused(registered, post, hub):
    for body in (b"", b"{}", b'{"a":1,"a":2}', b"\xff", batch_of(history(1))[:-1]):
        response, data, _ = await post(body)
        assert response.status == 400, body
        assert json.loads(data)["remedy"]
    response, data, _ = await post(b"x" * (256 * 1024 + 1))
    assert (response.status, json.loads(data)["code"]) == (413, "http.too_large")


async def test_many_nodes_at_once_all_land(services, listener, hub):
    keys = {f"loa-{number}": Ed25519PrivateKey.generate() for number in range(40)}

    def register(store):
        for name, key in keys.items():
            public = key.public_key().public_bytes_raw()
            fleet.add_node(store, fleet.NodeForm(name, UNIT, name, "speaker", public), "test", 1)

    await services.ledger.write(register)

    async def one(name, key):
        body = batch_of(history(5, node=name), node=name)
        message = signed(listener, key, body, node=name)
        response, data = await hub("POST", "/v1/records", data=body, headers=message.headers)
        return response.status, position(data)

    answers = await asyncio.gather(*(one(name, key) for name, key in keys.items()))
    assert set(answers) == {(200, 5)}
    assert services.ledger.read_now(lambda s: s.count("records")) == 200


async def test_decisions_are_the_same_on_the_memory_store(ledger, node_key):
    def register(store):
        row = {"unit": UNIT, "valid_from": "2025-07-01", "name": "Xã", "kind": "commune"}
        fleet.add_unit(store, row, "test", 1)
        public = node_key.public_key().public_bytes_raw()
        fleet.add_node(store, fleet.NodeForm(NODE, UNIT, "Cụm", "speaker", public), "test", 1)

    await ledger.write(register)
    entries = history(4)
    contact = ingest.Contact("n", 5, 5000)
    for some, after, expected in ((entries[:2], 0, 2), (entries[1:], 1, 4), (entries, 0, 4)):
        batch = records.read_batch(batch_of(some, after=after))
        verdict = await ledger.write(lambda s, b=batch: ingest.accept(s, b, contact))
        assert (verdict.outcome, verdict.position) == (records.STORED, expected)
    digest = hashlib.sha256()
    for row in await ledger.read(lambda s: s.find("records")):
        digest.update(row["record"])
    assert digest.hexdigest() == hashlib.sha256(b"".join(e.data for e in entries)).hexdigest()
