"""Alerts carried by hand: a stick is plugged in, checked, played once, remembered over a reboot."""

import hashlib
from binascii import hexlify

import pytest

from edge.blob_store import FOLDER, BlobStore
from edge.book import Book
from edge.content import Parts
from edge.faults import Faults
from edge.feed import Feed, Taker
from edge.manifests import Manifests
from edge.node_time import NodeTime
from edge.offline_alerts import OfflineAlerts
from edge.stick_alerts import SUFFIX, StickAlerts
from hw.linux.verifier import Verifier
from hw.sim.clock import Clock
from hw.sim.storage import PowerCut, Storage
from protocols import canonical, ed25519, offline_alert
from protocols.targets import Place

UNIT = "03.k7f2"
NOW_MS = 1_800_000_000_000
SEEDS = (b"1" * 32, b"2" * 32)
SOUND = b"pretend this is sixteen-bit sound"
SHA256 = hashlib.sha256(SOUND).hexdigest()
PLACE = Place(UNIT, "dinh-an", (), "speaker", ("pcm16",))


class Pages(Book, Taker):
    """Keep what was written down and told."""

    def __init__(self):
        self.written = []
        self.told = []

    def write(self, chain, kind, body):
        self.written.append((kind, body))

    def take(self, event):
        self.told.append(event)


class Node:
    """A node on a simulated disk that may be rebooted."""

    def __init__(self, storage, wall_ms=NOW_MS):
        self.storage = storage
        self.book = Pages()
        self.faults = Faults(self.book)
        clock = Clock(wall_ms)
        feed = Feed()
        feed.subscribe(self.book)
        self.time = NodeTime(clock, storage, feed, self.book, False)
        blobs = BlobStore(storage, None)
        self.offline = OfflineAlerts(storage, Verifier(), self.time, self.faults, blobs, PLACE)
        manifests = Manifests(storage, "n1", UNIT)
        self.stick = Storage()
        self.parts = Parts(
            None, self.time, feed, self.faults, self.book, manifests, blobs, self.offline, None
        )
        self.alerts = StickAlerts(self.parts)

    async def look(self):
        await self.alerts.look(self.stick, self.stick.names(""))
        return [body["code"] for kind, body in self.book.written if kind == "refused"]


def put(storage, name, data):
    writer = storage.stage("x")
    writer.write(data)
    writer.commit(name)


def registry(threshold=1):
    keys = {}
    for name, seed in zip("ab", SEEDS, strict=True):
        public = hexlify(ed25519.public(seed)).decode()
        keys[name] = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}
    role = {"name": "alert-" + UNIT, "keyids": ["a", "b"], "threshold": threshold}
    role |= {"terminating": True, "paths": ["alerts/" + UNIT + "/alert.json"]}
    signed = {"_type": "targets", "spec_version": "1.0.31", "version": 1, "targets": {}}
    signed |= {"expires": "2030-01-01T00:00:00Z", "delegations": {"keys": keys, "roles": [role]}}
    return canonical.encode({"signatures": [], "signed": signed})


def alert(signers="a", unit=UNIT, **changes):
    sent_s = NOW_MS // 1000
    one = {"id": "flood-1", "kind": "alert", "references": [], "drill": False}
    one |= {"title": "Lũ", "language": "vi-VN", "sent_s": sent_s, "expires_s": sent_s + 3600}
    sound = {"profile": "pcm16", "media_type": "audio/wav", "sha256": SHA256}
    one |= {"renditions": [{**sound, "length": len(SOUND), "duration_ms": 1000}], "pages": []}
    one.update(changes)
    manifest = {"format": "chieng-alerts/1", "version": 1, "unit": unit, "issued_s": sent_s}
    signed = {"_type": offline_alert.TYPE, "manifest": {**manifest, "alerts": [one]}}
    message = canonical.encode(signed)
    signatures = {
        name: hexlify(ed25519.sign(SEEDS["ab".index(name)], message)).decode() for name in signers
    }
    return offline_alert.encode(signed, signatures)


@pytest.fixture
def node():
    storage = Storage()
    put(storage, "metadata/registry-03.json", registry())
    found = Node(storage)
    put(found.stick, "blobs/" + SHA256, SOUND)
    return found


async def test_a_signed_alert_is_taken_with_its_sound_and_told_once(node):
    put(node.stick, "flood" + SUFFIX, alert())
    assert await node.look() == []
    assert node.storage.open(FOLDER + SHA256).read(100) == SOUND
    assert [kind for kind, _ in node.book.written] == ["offline-alert"]
    (event,) = node.book.told
    assert event.live and event.manifests[0].alerts[0].id == "flood-1"
    await node.look()
    assert len(node.book.told) == 1


async def test_it_stands_after_a_reboot_until_it_expires_and_is_never_taken_again(node):
    put(node.stick, "flood" + SUFFIX, alert())
    await node.look()
    again = Node(node.storage, NOW_MS + 1000)
    assert [one.alerts[0].id for one in again.offline.manifests()] == ["flood-1"]
    again.stick = node.stick
    assert await again.look() == ["offline_alert.replayed"]
    late = Node(node.storage, NOW_MS + 3_600_000)
    assert late.offline.manifests() == []
    assert node.storage.names("offline") == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json.syntax"),
        (alert(signers=""), "trust.threshold"),
        (alert(unit="03.zzzz"), "offline_alert.role"),
        (alert(expires_s=NOW_MS // 1000 + 2 * 86400), "offline_alert.life"),
        (alert().replace(b"flood-1", b"flood-2"), "trust.bad_signature"),
    ],
)
async def test_everything_else_is_refused_by_name_and_changes_nothing(node, data, code):
    put(node.stick, "flood" + SUFFIX, data)
    assert await node.look() == [code]
    assert await node.look() == [code]
    assert node.book.told == [] and node.storage.names("blobs") == []


async def test_one_signature_is_not_two(node):
    put(node.storage, "metadata/registry-03.json", registry(threshold=2))
    put(node.stick, "one" + SUFFIX, alert())
    assert await node.look() == ["trust.threshold"]
    put(node.stick, "two" + SUFFIX, alert(signers="ab"))
    await node.look()
    assert len(node.book.told) == 1


async def test_missing_or_wrong_sound_is_a_fault_until_the_stick_is_right(node):
    put(node.stick, "flood" + SUFFIX, alert())
    node.stick.remove("blobs/" + SHA256)
    await node.look()
    assert node.faults.open_faults() == [["stick", "blob.absent"]]
    put(node.stick, "blobs/" + SHA256, SOUND[::-1])
    await node.look()
    assert node.faults.open_faults() == [["stick", "blob.hash"]]
    assert node.book.told == [] and node.storage.names("blobs") == []
    put(node.stick, "blobs/" + SHA256, SOUND)
    await node.look()
    assert node.faults.open_faults() == [] and len(node.book.told) == 1


async def test_a_power_cut_at_any_call_never_lets_it_be_taken_twice(node):
    data = alert()
    for calls in range(1, 60):
        storage = Storage()
        put(storage, "metadata/registry-03.json", registry())
        cut = Node(storage)
        put(cut.stick, "blobs/" + SHA256, SOUND)
        put(cut.stick, "flood" + SUFFIX, data)
        storage.cut_at = storage.calls + calls
        try:
            await cut.look()
        except PowerCut:
            storage.reboot()
        else:
            assert len(cut.book.told) == 1 and calls > 5
            return
        after = Node(storage)
        after.stick = cut.stick
        await after.look()
        heard = len(after.offline.manifests())
        assert len(after.book.told) <= 1
        assert heard <= 1
    raise AssertionError("the cuts never ended")


async def test_a_damaged_memory_closes_the_past(node):
    put(node.storage, "state/replays", b"noise")
    again = Node(node.storage)
    put(again.stick, "blobs/" + SHA256, SOUND)
    put(again.stick, "old" + SUFFIX, alert(sent_s=NOW_MS // 1000 - 90, expires_s=NOW_MS // 1000))
    assert await again.look() == ["offline_alert.expired"]
    assert again.faults.open_faults() == [["store.replays", "json.syntax"]]
