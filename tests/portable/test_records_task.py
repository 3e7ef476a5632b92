"""The uplink on both interpreters: pure signatures, a hub in the same heap."""

import asyncio
import binascii
import hashlib

# Imports nest and a 32-bit stack is small: the deepest first.
from protocols import canonical, ed25519, http_signature, records
from protocols.hub_addresses import HubAddresses

# isort: split
from edge.journal_book import JournalBook
from edge.journal_store import JournalStore
from edge.records_task import RecordsTask, Ties
from hw.sim.clock import Clock
from hw.sim.entropy import Entropy
from hw.sim.identity import Identity
from hw.sim.link import Link
from hw.sim.storage import Storage
from hw.sim.verifier import Verifier

# The node's disk and the hub are in the heap too.
HEAP_KB = 512

SEED = b"h" * 32
KEY_ID = "ab" * 32


def put_root(storage):
    public = binascii.hexlify(ed25519.public(SEED)).decode()
    key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}
    roles = {"timestamp": {"keyids": [KEY_ID], "threshold": 1}}
    writer = storage.stage("new")
    writer.write(canonical.encode({"signed": {"keys": {KEY_ID: key}, "roles": roles}}))
    writer.commit("metadata/root.json")


class Hub:
    def __init__(self, public):
        self.public = public
        self.stored = {}

    def serve(self, method, url, headers, body):
        digest = hashlib.sha256(body).digest()
        signed = http_signature.read_request(method, "hub", "/v1/records", headers, digest)
        assert ed25519.verify(self.public, signed.signature, [signed.base])
        batch = records.read_batch(body)
        held = self.stored.setdefault(batch.chain, {})
        position = max(held) if held else 0
        at = held[position] if held else records.FIRST_PREVIOUS
        verdict = records.admit(batch, position, at, held.get)
        for entry in verdict.entries:
            held[entry.record.sequence] = entry.hash
        answer = records.build_answer(
            batch.chain, batch.epoch, verdict.position, 1795000000000, signed.nonce
        )
        asked = headers["content-digest"]
        signing = http_signature.answer_headers(
            200, answer, asked, KEY_ID, signed.nonce, 1, lambda base: ed25519.sign(SEED, base)
        )
        return 200, signing, answer


def build(storage, link, identity, times, faults):
    """Return the book and the task of one node."""
    entropy = Entropy(b"node")
    journal = JournalStore(storage, "node-1", entropy.random_bytes, 16 * 1024, 4)
    journal.open()
    book = JournalBook(journal)
    ties = Ties(
        lambda: (None, "unknown", None),
        lambda *args: times.append(args),
        lambda place, error: faults.append(error.code),
        lambda place: None,
        lambda purpose: 1 << 20,
    )
    task = RecordsTask(
        "node-1",
        HubAddresses(("http://hub",)),
        journal,
        book,
        storage,
        link,
        Clock(),
        identity,
        Verifier(),
        entropy,
        ties,
    )
    return book, task


async def send(task):
    while await task.step():
        pass


def test_a_journal_is_emptied_over_signed_requests():
    storage = Storage()
    put_root(storage)
    identity = Identity(storage, Entropy(b"identity"))
    hub = Hub(identity.public_key())
    link = Link(hub.serve)
    times = []
    faults = []
    book, task = build(storage, link, identity, times, faults)
    book.write("health", "boot", {})
    for number in range(30):
        book.write("plays", "play", {"n": number})
    asyncio.run(send(task))
    assert faults == [], faults
    assert len(hub.stored["plays"]) == 30
    assert len(hub.stored["health"]) == 1
    assert task.pending("plays") == 0
    assert times[0][0] == 1795000000000
    link.is_down = True
    book.write("plays", "play", {"n": 30})
    asyncio.run(send(task))
    assert faults == ["link.open"]
    assert task.pending("plays") == 1
