"""A power cut at every storage call of everything a node makes durable, on both kinds of disk.

After each: nothing that was told is lost, nothing unverified is visible, a programme is the old one
or the new one, and the same act done again comes to its end.
"""

import asyncio
import hashlib

import pytest

from edge import state_file
from edge.blob_fetch import fetch_slice
from edge.blob_store import FOLDER, BlobStore
from edge.book import Book
from edge.content import Parts
from edge.faults import Faults
from edge.feed import Feed
from edge.journal_store import JournalStore
from edge.manifests import Manifests
from edge.metadata_fetch import MetadataFetch
from edge.playout_task import PlayoutTask
from hw import ports
from hw.linux.verifier import Verifier
from hw.sim.clock import Clock
from protocols import alert, bundle, canonical, play_memory, records
from protocols.errors import RemoteFault
from protocols.media import Blob
from protocols.units import alert_path, bundle_path, relay_path
from tests.edge.clients import MemoryLink
from tests.edge.power_rigs import RIGS, every_cut
from tests.edge.repository import NOW, Repository
from tests.edge.test_blob_store import Doubling, Shelf
from tests.edge.test_journal_store import RANDOM, check_links, dropped, held
from tests.portable import manifests, recordings
from tests.portable.storage_cuts import put, read

FAT = [name for name in RIGS if name.startswith("fat")]
every_rig = pytest.mark.parametrize("rig", RIGS)


def bundle_bytes(version):
    return bundle.build({**manifests.bundle(), "version": version})


def alert_bytes(version):
    return alert.build(manifests.alerts([], version=version))


def taken(storage, version):
    """Store and take a programme and alerts as the sync task does after verifying them."""
    held_here = Manifests(storage, "node-1", manifests.COMMUNE)
    assert held_here.load() == []
    for path, data in (
        (bundle_path(manifests.COMMUNE), bundle_bytes(version)),
        (alert_path(manifests.COMMUNE), alert_bytes(version)),
    ):
        put(storage, held_here.stored_name(path), data, "incoming")
        held_here.take(path)
    return held_here


def activate(storage, told, version=2):
    held_here = taken(storage, version)
    told["alerts"] = version
    held_here.activate(manifests.COMMUNE)
    told["programme"] = version


@every_rig
def test_activation_is_old_or_new(rig):
    def check(storage, told):
        again = Manifests(storage, "node-1", manifests.COMMUNE)
        assert again.load() == []
        (programme,) = again.bundles()
        assert programme.version in (told.get("programme", 1), 2)
        (alerts,) = again.alerts()
        assert alerts.version in (told.get("alerts", 1), 2)
        activate(storage, {}, 2 if programme.version == 1 else 3)

    cuts = every_cut(rig, lambda storage: activate(storage, {}, 1), activate, check)
    assert cuts >= 9


def record(storage, told, version=2):
    """Store and take what is recorded of the broadcaster that the programme lets in."""
    held_here = Manifests(storage, "node-1", manifests.COMMUNE)
    assert held_here.load() == []
    value = recordings.relay([recordings.recording(version, manifests.MIDNIGHT_S)], version=version)
    path = relay_path("vov1")
    put(storage, held_here.stored_name(path), canonical.encode(value), "incoming")
    held_here.take(path)
    told["version"] = version


@every_rig
def test_recordings_are_old_or_new(rig):
    def prepare(storage):
        held_here = Manifests(storage, "node-1", manifests.COMMUNE)
        path = bundle_path(manifests.COMMUNE)
        put(storage, held_here.stored_name(path), bundle.build(recordings.bundle()), "incoming")
        held_here.take(path)
        held_here.activate(manifests.COMMUNE)
        record(storage, {}, 1)

    def check(storage, told):
        again = Manifests(storage, "node-1", manifests.COMMUNE)
        assert again.load() == []
        assert again.relays()["vov1"].version in (told.get("version", 1), 2)
        record(storage, {}, 3)

    assert every_cut(rig, prepare, record, check) >= 4


SEGMENT_BYTES = 16 * 1024


def journal(storage):
    store = JournalStore(storage, "node-1", RANDOM, SEGMENT_BYTES, 4)
    store.open()
    return store


def keep_records(storage, told):
    """Append, acknowledge and overflow, so that segments are made, patched and trimmed."""
    store = journal(storage)
    for number in range(26):
        name = "health" if number % 3 else "plays"
        body = {"n": number, "text": "x" * 3500}
        entry = store.append(name, (1795000000000, "hub", 20), "play", body)
        told[entry.hash] = entry
        if number in (9, 15):
            store.acknowledge("plays", store.epoch("plays"), number // 5)
            store.acknowledge("health", store.epoch("health"), number // 2)
            told["health"] = number // 2
    assert store.segment_count() <= 5


@every_rig
def test_journal_loses_nothing_told(rig):
    def check(storage, told):
        store = journal(storage)
        entries = held(store) + held(store, "health")
        found = {entry.hash for entry in entries}
        gone = dropped(store)
        positions = {name: store.positions(name) for name in records.CHAINS}
        for entry in told.values():
            if isinstance(entry, int):
                continue
            key = (entry.record.epoch, entry.record.sequence)
            acknowledged = positions[entry.record.chain].get(key[0], 0)
            assert entry.hash in found or key in gone or key[1] <= acknowledged
        keys = [(e.record.chain, e.record.epoch, e.record.sequence) for e in entries]
        assert len(set(keys)) == len(keys)
        check_links(held(store))
        check_links(held(store, "health"))
        extra = store.append("plays", (None, "unknown", None), "play", {"n": 99})
        assert (extra.record.epoch, extra.record.sequence) not in {
            key[1:] for key in keys if key[0] == "plays"
        }

    step = 1 if rig in ("ext4-40", "fat-0", "fat-4") else 3
    cuts = every_cut(rig, lambda storage: None, keep_records, check, step)
    assert cuts * step > 30


SOUND = bytes(range(256)) * 300
NAME = hashlib.sha256(SOUND).hexdigest()


def fetch_sound(storage, told):
    """Fetch in slices, accept, decode."""
    store = BlobStore(storage, Doubling())
    blob = Blob(0, NAME, len(SOUND), "audio/ogg")
    link = Shelf(SOUND)
    # The second slice passes a multiple of what is made durable at a time.
    while not asyncio.run(fetch_slice(link, storage, store, "/b/", blob, 33000, True)):
        told["staged"] = store.staged_bytes(NAME) // storage.flush_bytes * storage.flush_bytes
    told["here"] = True
    asyncio.run(store.install(blob, True))
    told["ready"] = True


@every_rig
def test_a_sound_is_absent_or_right(rig):
    def check(storage, told):
        store = BlobStore(storage, Doubling())
        assert store.has(NAME) or "here" not in told
        assert store.is_ready(NAME, "audio/ogg") or "ready" not in told
        if store.has(NAME):
            assert read(storage.open(FOLDER + NAME)) == SOUND
        else:
            assert store.staged_bytes(NAME) >= told.get("staged", 0)
        if store.is_ready(NAME, "audio/ogg"):
            assert read(asyncio.run(store.open_sound(NAME, "audio/ogg"))) == SOUND * 2
        fetch_sound(storage, {})
        assert read(asyncio.run(store.open_sound(NAME, "audio/ogg"))) == SOUND * 2

    assert every_cut(rig, lambda storage: None, fetch_sound, check) > 10


def rotated_repository():
    """Return a repository with a delegated target, whose online keys are about to change."""
    repository = Repository()
    repository.delegate("targets", "A", ["a/*"])
    repository.add_target("A", "a/x", b"manifest one")
    repository.publish_targets("A", "targets")
    return repository


def sync(storage, repository):
    base = "http://repository/"
    fetch = MetadataFetch(
        MemoryLink(repository), storage, Verifier(), base + "metadata", base + "targets"
    )

    async def run():
        await fetch.refresh(int(NOW.timestamp()))
        target = await fetch.find_target("a/x")
        await fetch.download_target(target, storage, "manifests/a+x")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("rig", "step"), [("ext4-0", 1), ("ext4-100", 1), ("fat-0", 1), ("fat-2", 3), ("fat-4", 3)]
)
def test_metadata_are_verified_ones(rig, step):
    before, after = rotated_repository(), rotated_repository()
    after.signed, after.signers = before.signed, before.signers
    after.files = dict(before.files)
    after.rotate("timestamp")
    after.rotate("snapshot")
    after.publish("root")
    after.add_target("A", "a/x", b"manifest two")
    after.publish_targets("A")
    served = {*before.files.values(), *after.files.values()}

    def prepare(storage):
        put(storage, "metadata/root.json", before.files["metadata/1.root.json"])
        sync(storage, before)

    def act(storage, told):
        sync(storage, after)
        told["new"] = True

    def check(storage, told):
        for name in storage.names("metadata"):
            assert read(storage.open("metadata/" + name)) in served
        assert storage.size("metadata/root.json")
        found = read(storage.open("manifests/a+x"))
        assert found == b"manifest two" or (found == b"manifest one" and "new" not in told)
        sync(storage, after)
        assert read(storage.open("manifests/a+x")) == b"manifest two"

    assert every_cut(rig, prepare, act, check, step) * step > 20


class Silent(Book):
    def write(self, chain, kind, body):
        """Write nothing: what the memory holds is looked at alone."""


@every_rig
def test_the_memory_of_the_play_out_is_old_or_new(rig):
    """What was played stays played: the task's own writing, read back by its own rules."""

    def act(storage, told):
        parts = Parts(None, None, Feed(), Faults(Silent()), None, None, None, None, None)
        task = PlayoutTask(parts, Clock(), storage, None, None)
        memory = play_memory.PlayMemory()
        for number in range(1, 4):
            memory.add_done(f"rule/{number}", 1795000000000 + number, True)
            task._unsaved = memory.export(None)
            task._save()
            told["played"] = number

    def check(storage, told):
        data = state_file.read_either(storage, "state/playout", 10_000)
        memory = play_memory.PlayMemory()
        if data is not None:
            memory = play_memory.read(canonical.decode(data, len(data)))
        done = [
            number
            for number in range(1, 4)
            if memory.is_done(f"rule/{number}", 1795000000000 + number)
        ]
        assert done in ([*range(1, told.get("played", 0) + 1)], [*range(1, len(done) + 1)])
        assert len(done) >= told.get("played", 0)

    assert every_cut(rig, lambda storage: None, act, check) >= 9


def test_a_blob_that_is_wrong_is_never_visible_whatever_is_cut():
    class Lying(ports.Link):
        async def request(self, method, url, headers, body):
            return await Shelf(b"!" * len(SOUND)).request(method, url, headers, body)

    def act(storage, told):
        blob = Blob(0, NAME, len(SOUND), "audio/ogg")
        with pytest.raises(RemoteFault):
            asyncio.run(
                fetch_slice(Lying(), storage, BlobStore(storage, None), "/b/", blob, 1 << 20, True)
            )

    for rig in (*FAT, "ext4-100"):
        every_cut(
            rig,
            lambda storage: None,
            act,
            lambda storage, told: storage.names("blobs") == [] or pytest.fail("visible"),
        )
