"""Media on the node: verified before visible, resumed after cuts, never emptied by nothing."""

import asyncio
import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.blob_fetch import fetch_slice
from edge.blob_store import FOLDER, BlobStore, staging_name
from hw import ports
from hw.sim.storage import PowerCut, Storage
from protocols import wav
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import ALERT_ROOM_BYTES
from protocols.media import Blob


class Answer(ports.Response):
    def __init__(self, status, body=b"", headers=None, cut_after=None):
        self.status = status
        self.headers = headers or {}
        self.body = body
        self.left = cut_after

    async def read(self, count):
        if self.left is not None:
            count = min(count, self.left)
            if count == 0:
                raise WorldFault("link.cut", "cut", "again")
            self.left -= count
        piece, self.body = self.body[:count], self.body[count:]
        return piece

    async def close(self):
        self.body = b""


class Shelf(ports.Link):
    """Serve one file by range, cut where told."""

    def __init__(self, content, cut_after=None, ranges=True):
        self.content = content
        self.cut_after = cut_after
        self.ranges = ranges
        self.served = 0

    async def request(self, method, url, headers, body):
        assert (method, body) == ("GET", b"")
        first, last = (int(part) for part in headers["range"][6:].split("-"))
        if not self.ranges:
            return Answer(200, self.content, cut_after=self.cut_after)
        piece = self.content[first : last + 1]
        self.served += len(piece) if self.cut_after is None else min(len(piece), self.cut_after)
        span = {"content-range": "bytes %d-%d/%d" % (first, last, len(self.content))}
        return Answer(206, piece, span, self.cut_after)


def blob_of(content):
    return Blob(0, hashlib.sha256(content).hexdigest(), len(content), "audio/wav")


def fetch(link, storage, store, blob, bytes_max=1 << 20, alert=False):
    return asyncio.run(fetch_slice(link, storage, store, "/b/", blob, bytes_max, alert))


def put(storage, content):
    name = hashlib.sha256(content).hexdigest()
    writer = storage.stage("x")
    writer.write(content)
    writer.commit(FOLDER + name)
    return name


def test_what_passes_a_multiple_is_made_durable_and_no_slice_more_often():
    class Counting(Storage):
        flush_bytes = 10_000

    storage = Counting()
    store = BlobStore(storage, None)
    blob = blob_of(random.Random(1).randbytes(35_000))
    link = Shelf(random.Random(1).randbytes(35_000))
    flushed = []
    for _ in range(11):
        assert not fetch(link, storage, store, blob, 3000)
        flushed.append(storage.flushed.get(staging_name(blob.sha256), 0) // 10_000)
    assert flushed == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]
    assert storage.flushed[staging_name(blob.sha256)] == 30_000


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=5000), st.integers(1, 6000), st.integers(1, 3000))
def test_any_slices_and_cuts_end_in_the_same_blob(content, bytes_max, cut_after):
    storage = Storage()
    store = BlobStore(storage, None)
    blob = blob_of(content)
    link = Shelf(content, cut_after)
    for _ in range(3 * len(content) // min(bytes_max, cut_after) + 3):
        try:
            if fetch(link, storage, store, blob, bytes_max):
                break
        except WorldFault as fault:
            assert fault.code == "link.cut"
    assert store.has(blob.sha256)
    assert link.served == len(content)
    assert storage.open(FOLDER + blob.sha256).read(1 << 20) == content


def test_a_cache_that_ignores_ranges_is_taken_whole():
    content = bytes(range(256)) * 40
    storage = Storage()
    store = BlobStore(storage, None)
    blob = blob_of(content)
    with pytest.raises(WorldFault):
        fetch(Shelf(content, 700), storage, store, blob)
    assert store.staged_bytes(blob.sha256) == 700
    assert fetch(Shelf(content, ranges=False), storage, store, blob, 100)
    assert store.has(blob.sha256)


def test_wrong_bytes_are_never_visible_and_are_fetched_anew():
    content = b"right" * 100
    storage = Storage()
    store = BlobStore(storage, None)
    blob = blob_of(content)
    with pytest.raises(RemoteFault) as caught:
        fetch(Shelf(b"wrong" * 100), storage, store, blob)
    assert caught.value.code == "blob.hash"
    assert storage.names("blobs") == []
    assert store.staged_bytes(blob.sha256) == 0
    assert fetch(Shelf(content), storage, store, blob)


@pytest.mark.parametrize(("status", "code"), [(404, "blob.absent"), (503, "link.status")])
def test_refusals_are_told_apart(status, code):
    class Refusing(ports.Link):
        async def request(self, method, url, headers, body):
            return Answer(status)

    storage = Storage()
    with pytest.raises((RemoteFault, WorldFault)) as caught:
        fetch(Refusing(), storage, BlobStore(storage, None), blob_of(b"x"))
    assert caught.value.code == code


def test_another_range_than_asked_is_refused():
    class Shifted(Shelf):
        async def request(self, method, url, headers, body):
            return Answer(206, self.content, {"content-range": "bytes 1-4/5"})

    storage = Storage()
    with pytest.raises(RemoteFault, match="another range"):
        fetch(Shifted(b"abcde"), storage, BlobStore(storage, None), blob_of(b"abcde"))


def test_a_power_cut_at_every_call_loses_nothing_flushed_and_shows_nothing_unverified():
    content = bytes(range(256)) * 1024
    calls = 1
    while True:
        storage = Storage()
        store = BlobStore(storage, None)
        blob = blob_of(content)
        storage.cut_at = calls
        try:
            fetch(Shelf(content), storage, store, blob, 1 << 20)
        except PowerCut:
            storage.reboot()
        else:
            assert calls > 4
            break
        for name in storage.names("blobs"):
            assert name == blob.sha256
            assert storage.open(FOLDER + name).read(1 << 20) == content
        assert fetch(Shelf(content), storage, store, blob)
        calls += 1


def test_damage_on_disk_is_found_before_play_and_cleared():
    content = wav.head(16000, 200, 0) + bytes(200)
    storage = Storage()
    store = BlobStore(storage, None)
    name = put(storage, content)
    reader = asyncio.run(store.open_sound(name, "audio/wav"))
    assert reader.read(1000) == bytes(200)
    reader.seek(190)
    assert reader.read(1000) == bytes(10)
    storage.files[FOLDER + name] = content[:-1] + b"\1"
    with pytest.raises(RemoteFault) as caught:
        asyncio.run(store.open_sound(name, "audio/wav"))
    assert caught.value.code == "blob.missing"
    assert not store.has(name)


class Doubling(ports.Decoder):
    """Stand in for ffmpeg: every byte twice."""

    async def decode(self, storage, name, media_type, out):
        writer = storage.stage("pcm")
        writer.write(storage.open(name).read(1 << 20) * 2)
        writer.commit(out)
        return 1


def test_what_was_decoded_is_hashed_too():
    storage = Storage()
    store = BlobStore(storage, Doubling())
    name = put(storage, b"opus")
    with pytest.raises(RemoteFault, match="not here"):
        asyncio.run(store.open_sound(name, "audio/ogg"))
    asyncio.run(store.install(Blob(0, name, 4, "audio/ogg"), False))
    assert asyncio.run(store.open_sound(name, "audio/ogg")).read(100) == b"opusopus"
    storage.files["pcm/" + name] = b"opusopuS"
    with pytest.raises(RemoteFault, match="damaged"):
        asyncio.run(store.open_sound(name, "audio/ogg"))
    assert not store.has(name)


def test_room_is_made_from_what_nothing_names_and_alerts_may_take_more():
    room = ALERT_ROOM_BYTES
    storage = Storage(room + 3000)
    store = BlobStore(storage, None)
    _, soon, late = (put(storage, letter * 1000) for letter in (b"o", b"s", b"l"))
    assert not store.make_room(500, False)
    assert len(storage.names("blobs")) == 3
    store.pin([soon, late], 1)
    assert store.make_room(500, False)
    assert sorted(storage.names("blobs")) == sorted([soon, late])
    assert not store.make_room(1500, False)
    assert sorted(storage.names("blobs")) == sorted([soon, late])
    assert store.make_room(room + 500, True)
    assert store.make_room(room + 1500, True)
    assert storage.names("blobs") == [soon]
    assert not store.make_room(room + 2500, True)
    assert storage.names("blobs") == [soon]


def test_a_full_disk_says_so_for_bulk_and_serves_an_alert():
    content = b"c" * 1000
    storage = Storage(ALERT_ROOM_BYTES + 500)
    store = BlobStore(storage, None)
    with pytest.raises(WorldFault) as caught:
        fetch(Shelf(content), storage, store, blob_of(content))
    assert caught.value.code == "blob.no_room"
    assert fetch(Shelf(content), storage, store, blob_of(content), alert=True)


def test_names():
    assert staging_name("ab") == "blob.ab"


def test_what_a_bundle_names_for_later_days_yields_only_to_an_alert():
    room = ALERT_ROOM_BYTES
    storage = Storage(room + 4000)
    store = BlobStore(storage, None)
    old, later, soon, alarm = (put(storage, letter * 1000) for letter in (b"o", b"l", b"s", b"a"))
    asked = []

    def named():
        asked.append(1)
        return [later, soon]

    store.pin([alarm, soon], 1, named)
    assert store.make_room(0, False) and not asked
    assert store.make_room(800, False)
    assert not store.has(old) and store.has(later)
    assert not store.make_room(1500, False)
    assert store.has(later)
    assert store.make_room(room + 1500, True)
    assert not store.has(later) and store.has(soon)
    assert store.make_room(room + 2500, True)
    assert not store.has(soon)
    assert not store.make_room(room + 3500, True)
    assert store.has(alarm)


class Lying(Storage):
    """A disk that is full although it says otherwise: reserved blocks, a quota, bad cells."""

    def __init__(self, real_bytes):
        super().__init__()
        self.real_bytes = real_bytes

    def call(self, cost):
        used = self.capacity_bytes - self.free_bytes()
        if cost > 1 and used + cost > self.real_bytes:
            raise WorldFault("storage.full", "no room", "free space on the disk")
        return super().call(cost)


def test_a_disk_that_is_suddenly_full_costs_what_nothing_names_and_no_progress():
    content = bytes(range(256)) * 48
    storage = Lying(16_000)
    store = BlobStore(storage, None)
    old = put(storage, b"o" * 6000)
    kept = put(storage, b"k" * 500)
    blob = blob_of(content)
    store.pin([kept, blob.sha256])
    link = Shelf(content)
    assert not fetch(link, storage, store, blob)
    assert not store.has(old) and 0 < store.staged_bytes(blob.sha256) < len(content)
    assert fetch(link, storage, store, blob)
    assert link.served < 2 * len(content)
    assert store.has(kept)
    more = blob_of(b"n" * 9000)
    store.pin([kept, blob.sha256, more.sha256])
    with pytest.raises(WorldFault, match="no room"):
        fetch(Shelf(b"n" * 9000), storage, store, more)
    assert store.has(kept) and store.has(blob.sha256)


def test_a_disk_that_is_suddenly_full_while_decoding():
    storage = Lying(3500)
    store = BlobStore(storage, Doubling())
    name, old = put(storage, b"opus" * 200), put(storage, b"o" * 2000)
    store.pin([name])
    asyncio.run(store.install(Blob(0, name, 800, "audio/ogg"), False))
    assert store.is_ready(name, "audio/ogg") and not store.has(old)
    storage.real_bytes = 2600
    other = put(storage, b"x" * 100)
    store.pin([name, other])
    with pytest.raises(WorldFault, match="no room"):
        asyncio.run(store.install(Blob(0, other, 100, "audio/ogg"), False))


class Failing(ports.Decoder):
    """Write a while, then fail."""

    def __init__(self, error):
        self.error = error

    async def decode(self, storage, name, media_type, out):
        writer = storage.stage(out)
        writer.write(b"s" * 3000)
        raise self.error


@pytest.mark.parametrize(
    "fault",
    [
        WorldFault("storage.full", "no room", "free space"),
        RemoteFault("media.oversize", "more than two hours", "shorten it"),
        KeyboardInterrupt(),
    ],
)
def test_what_was_decoded_in_part_leaves_the_disk(fault):
    storage = Storage()
    store = BlobStore(storage, Failing(fault))
    name = put(storage, b"opus")
    store.pin([name])
    free_bytes = storage.free_bytes()
    with pytest.raises(type(fault)):
        asyncio.run(store.install(Blob(0, name, 4, "audio/ogg"), False))
    if isinstance(fault, KeyboardInterrupt):
        # Killed: gone as soon as the medium is.
        assert storage.free_bytes() < free_bytes
        store.remove(name)
        free_bytes += 4
    assert storage.free_bytes() == free_bytes
    assert storage.open_staged("pcm/" + name) is None


def test_half_fetched_blobs_that_nobody_wants_are_forgotten():
    storage = Storage()
    store = BlobStore(storage, None)
    wanted, stale = blob_of(b"w" * 900), blob_of(b"s" * 900)
    for blob, letter in ((wanted, b"w"), (stale, b"s")):
        with pytest.raises(WorldFault):
            fetch(Shelf(letter * 900, 500), storage, store, blob)
    assert not store.drop_stale_downloads()
    store.pin([wanted.sha256])
    assert store.drop_stale_downloads()
    assert (store.staged_bytes(wanted.sha256), store.staged_bytes(stale.sha256)) == (500, 0)


def test_a_cache_without_ranges_still_leads_to_the_end():
    content = bytes(range(256)) * 40
    storage = Storage()
    store = BlobStore(storage, None)
    blob = blob_of(content)
    for most in (700, 3000, 5000):
        with pytest.raises(WorldFault):
            fetch(Shelf(content, most, ranges=False), storage, store, blob)
        assert store.staged_bytes(blob.sha256) == most
    assert fetch(Shelf(content, ranges=False), storage, store, blob)
