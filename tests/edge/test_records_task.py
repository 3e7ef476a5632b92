"""The uplink against a model hub: signed both ways, through cuts, refusals and forgeries."""

import asyncio
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.records_task import RecordsTask, Ties
from hw.linux.verifier import Verifier
from hw.sim.clock import Clock
from hw.sim.entropy import Entropy
from hw.sim.identity import Identity
from hw.sim.link import Link
from hw.sim.storage import Storage
from protocols import canonical, http_signature, records
from protocols.errors import LocalFault, WorldFault
from protocols.hub_addresses import HubAddresses
from protocols.limits import FACTS_WAITING_MAX

HUB_KEY = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
KEY_ID = "ab" * 32
NOW_MS = 1795000000000


def root(public):
    key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public.hex()}}
    roles = {"timestamp": {"keyids": [KEY_ID], "threshold": 1}}
    return canonical.encode({"signed": {"keys": {KEY_ID: key}, "roles": roles}, "signatures": []})


def put(storage, name, data):
    writer = storage.stage("new")
    writer.write(data)
    writer.commit(name)


class Hub:
    """The product's decision, real signatures, and every kind of trouble on request."""

    def __init__(self, public):
        self.node = Ed25519PublicKey.from_public_bytes(public)
        self.stored = {}
        self.bodies = {}
        self.created = []
        self.trouble = None
        self.key = HUB_KEY
        self.last = None

    def serve(self, method, url, headers, body):
        sha256 = hashlib.sha256(body).digest()
        host = url.split("/")[2]
        signed = http_signature.read_request(method, host, "/v1/records", headers, sha256)
        self.node.verify(signed.signature, signed.base)
        self.created.append(signed.created_s)
        if isinstance(self.trouble, tuple):
            return self.trouble
        batch = records.read_batch(body)
        held = self.stored.setdefault((batch.chain, batch.epoch), {})
        position = max(held) if held else 0
        at = held[position] if held else records.FIRST_PREVIOUS
        verdict = records.admit(batch, position, at, held.get)
        if verdict.outcome == records.FORK:
            return 409, {}, b'{"code":"records.fork","message":"x","remedy":"y"}'
        for entry in verdict.entries:
            held[entry.record.sequence] = entry.hash
            self.bodies[entry.hash] = entry.record
        answer = records.build_answer(
            batch.chain, batch.epoch, verdict.position, NOW_MS + 5000, signed.nonce
        )
        if self.trouble == "replay" and self.last:
            return self.last
        digest = headers["content-digest"]
        signing = http_signature.answer_headers(
            200, answer, digest, KEY_ID, signed.nonce, 1, self.key.sign
        )
        if self.trouble == "bent":
            answer = answer.replace(b'"position":', b'"position":9')
        self.last = (200, signing, answer)
        return self.last

    def count(self, kind):
        return len([1 for record in self.bodies.values() if record.kind == kind])


class World:
    """One node's uplink on simulated ports."""

    def __init__(self, storage=None, hub=None, wall_ms=NOW_MS):
        self.storage = storage or Storage()
        self.clock = Clock(wall_ms)
        self.identity = Identity(self.storage, Entropy(b"identity"))
        self.hub = hub or Hub(self.identity.public_key())
        self.link = Link(self.hub.serve)
        self.entropy = Entropy(b"seed %d" % len(self.storage.files))
        self.noted = []
        self.times = []
        self.room = 1 << 40
        self.rooms = {}
        if self.storage.size("metadata/root.json") is None:
            put(self.storage, "metadata/root.json", root(HUB_KEY.public_key().public_bytes_raw()))
        self.boot()

    def boot(self):
        self.journal = JournalStore(self.storage, "node-1", self.entropy.random_bytes)
        self.journal.open()
        self.book = JournalBook(self.journal)
        self.book.follow(lambda: (self.clock.wall_ms(), "rtc", 20))
        ties = Ties(
            lambda: (self.clock.wall_ms(), "rtc", 20),
            lambda *args: self.times.append(args),
            lambda place, error: self.noted.append((place, error.code)),
            lambda place: None,
            lambda purpose: self.rooms.get(purpose, self.room),
        )
        self.task = RecordsTask(
            "node-1",
            HubAddresses(("http://one.example", "http://two.example:8080")),
            self.journal,
            self.book,
            self.storage,
            self.link,
            self.clock,
            self.identity,
            Verifier(),
            self.entropy,
            ties,
        )

    def play(self, number):
        self.book.write("plays", "play", {"n": number})

    def run(self, minutes=1):
        async def turn():
            for _ in range(minutes * 60):
                while await self.task.step():
                    pass
                self.clock.advance(1000)

        asyncio.run(turn())

    def pending(self):
        return self.task.pending("plays") + self.task.pending("health")


def test_everything_arrives_signed_and_the_time_is_offered():
    world = World()
    for number in range(450):
        world.play(number)
    world.book.write("health", "boot", {})
    world.run()
    assert world.pending() == 0
    assert world.hub.count("play") == 450
    assert world.noted == []
    assert world.hub.created[0] == NOW_MS // 1000
    assert world.times[0] == (NOW_MS + 5000, 0, 0)
    assert world.link.requests[0] == ("POST", "http://one.example/v1/records")


def test_an_unknown_clock_uploads_without_created():
    world = World(wall_ms=None)
    world.play(1)
    world.run()
    assert (world.pending(), world.hub.created[0]) == (0, None)
    assert next(iter(world.hub.bodies.values())).at_ms is None


def test_a_cut_link_only_delays_and_the_other_hub_is_tried():
    world = World()
    world.play(1)
    world.link.is_down = True
    world.run()
    assert world.pending() == 1
    assert ("records.link", "link.open") in world.noted
    world.link.is_down = False
    world.run(40)
    assert world.pending() == 0
    assert {url.split("/")[2] for _, url in world.link.requests} <= {
        "one.example",
        "two.example:8080",
    }


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_a_lost_answer_is_asked_for_again_and_counted_once(cut):
    world = World()
    for number in range(5):
        world.play(number)
    world.link.cut_after = cut
    world.run(2)
    assert world.pending() == 0
    assert world.hub.count("play") == 5


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ("bent", "signature.digest"),
        ((200, {}, b"<html>login</html>"), "signature.missing"),
        ((302, {"location": "http://portal"}, b""), "link.status"),
        ((500, {}, b"oops"), "link.status"),
        ((409, {}, b"<html>"), "link.status"),
        ((200, {}, b"x" * 5000), "records.answer"),
    ],
)
def test_what_the_hub_did_not_sign_acknowledges_nothing(trouble, code):
    world = World()
    world.play(1)
    world.hub.trouble = trouble
    world.run()
    assert world.task.pending("plays") == 1
    assert ("records.link", code) in world.noted
    assert world.times == []
    world.hub.trouble = None
    world.run(40)
    assert world.pending() == 0


def test_a_replayed_answer_and_a_strangers_key_acknowledge_nothing():
    world = World()
    world.play(1)
    world.run()
    world.hub.trouble = "replay"
    world.play(2)
    world.run()
    assert world.task.pending("plays") == 1
    assert world.noted[-1] == ("records.link", "signature.nonce")
    world.hub.trouble = None
    world.hub.key = Ed25519PrivateKey.generate()
    world.run(20)
    assert world.noted[-1] == ("records.link", "records.hub_signature")
    put(world.storage, "metadata/root.json", b'{"signed":{}}')
    world.boot()
    world.run()
    assert world.noted[-1] == ("records.link", "records.hub_key")
    assert world.task.pending("plays") == 1


@pytest.mark.parametrize("code", ["records.unknown_node", "records.revoked"])
def test_a_refused_node_keeps_its_records_and_asks_rarely(code):
    world = World()
    world.play(1)
    world.hub.trouble = (403, {}, b'{"code":"%s"}' % code.encode())
    world.run(5)
    assert len(world.link.requests) == 1
    assert ("records.plays", code) in world.noted
    world.hub.trouble = None
    world.run(30)
    assert world.pending() == 0


def test_a_restored_hub_gets_its_records_again_with_the_next_of_any_kind():
    world = World()
    for number in range(6):
        world.play(number)
        world.book.write("health", "status", {"n": number})
    world.run()
    for held in world.hub.stored.values():
        for sequence in range(3, 7):
            del held[sequence]
    world.hub.bodies.clear()
    world.book.write("health", "status", {"n": 6})
    world.run()
    assert world.hub.count("play") == 4 and world.hub.count("status") == 5
    assert world.hub.count("rewind") == 2


def test_a_restored_card_is_a_fork_and_recording_goes_on_under_a_new_epoch():
    world = World()
    world.play(1)
    world.run()
    files = dict(world.storage.files)
    world.play(2)
    world.run()
    world.storage.files = files
    again = World(world.storage, world.hub)
    again.play(3)
    again.run()
    assert ("records.plays", "records.fork") in again.noted
    again.play(4)
    again.run()
    found = sorted(r.body["n"] for r in again.hub.bodies.values() if r.kind == "play")
    assert found == [1, 2, 4]
    # What the hub refuses stays for the technician, with its whole batch.
    assert again.task.pending("plays") == 2


def test_after_a_reboot_nothing_is_lost_and_nothing_counted_twice():
    world = World()
    for number in range(30):
        world.play(number)
        if number % 7 == 0:
            world.run()
            world.boot()
    world.run(2)
    assert world.hub.count("play") == 30
    assert world.pending() == 0


def test_a_batch_is_no_longer_than_what_is_granted():
    world = World()
    for number in range(150):
        world.play(number)
    world.room = 16 * 1024
    sizes, serve = [], world.link._serve
    world.link._serve = lambda *asked: sizes.append(len(asked[3])) or serve(*asked)
    world.run()
    assert max(sizes) <= world.room < sum(sizes) and world.pending() == 0


def test_a_spent_budget_sends_nothing_but_an_unknown_time_is_asked_for_out_of_the_reserve():
    world = World(wall_ms=None)
    world.play(1)
    world.room = 0
    world.run()
    assert world.link.requests == []
    world.rooms = {"alert": 1}
    world.run(21)
    assert len(world.times) == len(world.link.requests) == 3
    world.clock.set_wall_ms(NOW_MS)
    world.run(21)
    assert (len(world.times), world.hub.bodies) == (3, {})
    world.room = 1 << 40
    world.run()
    assert world.pending() == 0


def test_a_node_with_nothing_to_say_asks_every_hour():
    world = World()
    world.book.write("health", "boot", {})
    world.run()
    before = len(world.link.requests)
    world.run(181)
    assert len(world.link.requests) - before == 3
    world.task.ask()
    world.run()
    assert len(world.times) == len(world.link.requests)


class FullDisk(Storage):
    full = False

    def patch(self, name, position, data):
        if self.full:
            raise WorldFault("storage.io", "write error", "replace the disk")
        super().patch(name, position, data)


def test_facts_wait_while_the_disk_refuses_and_the_oldest_health_is_given_up():
    storage = FullDisk()
    world = World(storage)
    world.play(0)
    storage.full = True
    world.play(1)
    assert world.book.fault.code == "storage.io"
    for number in range(FACTS_WAITING_MAX):
        world.book.write("health", "sync", {"n": number})
    world.play(2)
    assert world.book.waiting() == FACTS_WAITING_MAX
    storage.full = False
    world.run()
    assert world.book.waiting() == 0
    assert world.book.fault is None
    plays = [r.body["n"] for r in world.hub.bodies.values() if r.kind == "play"]
    assert plays == [0, 1, 2]
    faults = [r.body for r in world.hub.bodies.values() if r.kind == "fault"]
    assert [(f["code"], f["message"]) for f in faults] == [("records.lost", "2 facts")]


def test_a_fact_that_nobody_could_read_becomes_a_fault():
    world = World()
    world.book.write("plays", "play", {"title": "line\nend"})
    world.run()
    (fault,) = [r for r in world.hub.bodies.values()]
    assert (fault.chain, fault.kind, fault.body["code"]) == ("health", "fault", "records.local")


def test_a_wrong_chain_is_the_callers_fault():
    world = World()
    with pytest.raises((KeyError, LocalFault)):
        world.book.write("logs", "x", {})


def test_the_model_hub_checks_signatures():
    hub = Hub(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    world = World(hub=hub)
    world.play(1)
    with pytest.raises(InvalidSignature):
        world.run()
