"""Flash wear: bytes that reach the disk for records and content, beside SQLite and plain append.

Each store works on an ext4 file system of its own on a loop device; what the device was told to
write (/sys/block/loopN/stat) is counted after the file system was synced, its journal and
metadata included. Needs root; elsewhere the bench says so and leaves it at that.
"""

import asyncio
import contextlib
import hashlib
import os
import random
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.blob_fetch import fetch_slice
from edge.blob_store import BlobStore
from edge.journal_store import JournalStore
from hw.linux.storage import Storage
from hw.sim.link import Link
from protocols.media import Blob
from protocols.records import Entry
from protocols.sync_session import SLICE_BYTES_MIN
from tests.bench.station import say

RECORDS = 2000
RECORD_BYTES = 300
# A batch of records that the hub has on disk before the node goes on.
BATCH = 20
ITEMS, ITEM_BYTES = 8, 1_800_000
SECTOR_BYTES = 512
CLOCK = (1795000000000, "hub", 20)


class Disk:
    """A mounted ext4 file system whose device counts what it is told to write."""

    def __init__(self, folder: Path, device: str):
        self.folder = folder
        self._stat = Path("/sys/block", Path(device).name, "stat")

    def written(self) -> int:
        """Return the bytes written so far; all that was waiting is written first."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        subprocess.run(["sync", "-f", str(self.folder)], check=True)
        return int(self._stat.read_text().split()[6]) * SECTOR_BYTES


@contextlib.contextmanager
def mounted() -> Iterator[Disk]:
    """Make and mount a file system with the blocks of a real card; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        picture, folder = Path(name, "disk.img"), Path(name, "disk")
        folder.mkdir()
        with picture.open("wb") as file:
            file.truncate(256 << 20)
        # Nothing that the kernel would still write in the background.
        lazy = "lazy_itable_init=0,lazy_journal_init=0"
        run("mkfs.ext4", "-q", "-b", "4096", "-E", lazy, str(picture))
        device = run("losetup", "--find", "--show", str(picture)).strip()
        try:
            run("mount", device, str(folder))
            try:
                yield Disk(folder, device)
            finally:
                run("umount", str(folder))
        finally:
            run("losetup", "--detach", device)


def run(*words: str) -> str:
    """Run a command and return what it prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def spent(work: Callable[[Path], None]) -> int:
    """Return the bytes that reached the disk for some work in an empty folder."""
    with mounted() as disk:
        before = disk.written()
        work(disk.folder)
        return disk.written() - before


def record_text(length: int) -> str:
    """Return text of which no two bytes' worth repeats soon."""
    return random.Random(length).randbytes(length).hex()[:length]


def journal(folder: Path) -> None:
    """Append records; the hub acknowledges them in batches, as it does in life."""
    (folder / "node").mkdir()
    store = JournalStore(Storage(str(folder / "node")), "node-1", os.urandom)
    store.open()
    size = RECORD_BYTES - len(appended(store, "").data)
    for number in range(1, RECORDS):
        entry = appended(store, record_text(size))
        # Sequences of several digits make a record longer by some bytes.
        assert RECORD_BYTES <= len(entry.data) <= RECORD_BYTES + 4
        if number % BATCH == 0:
            store.acknowledge("plays", entry.record.epoch, entry.record.sequence)


def appended(store: JournalStore, text: str) -> Entry:
    """Append one record with this text."""
    return store.append("plays", CLOCK, "play", {"text": text})


def sqlite_opened(folder: Path) -> sqlite3.Connection:
    """Open SQLite as careful programs do: WAL, synchronous=FULL."""
    database = sqlite3.connect(folder / "node.db", isolation_level=None)
    assert database.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    database.execute("PRAGMA synchronous=FULL")
    return database


def sqlite_records(folder: Path) -> None:
    """Insert records, each in a transaction; nothing is spent on acknowledgements."""
    database = sqlite_opened(folder)
    database.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, data BLOB NOT NULL)")
    data = record_text(RECORD_BYTES)
    for _ in range(RECORDS):
        database.execute("INSERT INTO records (data) VALUES (?)", (data,))
    database.close()


def plain_records(folder: Path) -> None:
    """Append records to a growing file, each synced; nothing is spent on acknowledgements."""
    data = record_text(RECORD_BYTES).encode()
    with (folder / "records").open("ab", buffering=0) as file:
        for _ in range(RECORDS):
            file.write(data)
            os.fsync(file.fileno())


def content() -> "dict[str, bytes]":
    """Return items by their hash."""
    found = [random.Random(number).randbytes(ITEM_BYTES) for number in range(ITEMS)]
    return {hashlib.sha256(data).hexdigest(): data for data in found}


def blobs(folder: Path) -> None:
    """Fetch every item into the node's store, slice by slice as the sync does."""
    (folder / "node").mkdir()
    asyncio.run(_fetch(Storage(str(folder / "node")), content()))


async def _fetch(storage: Storage, items: "dict[str, bytes]") -> None:
    def serve(method: str, url: str, headers: "dict[str, str]", body: bytes):
        data = items[url.rsplit("/", 1)[1]]
        first, last = (int(number) for number in headers["range"][6:].split("-"))
        span = f"bytes {first}-{last}/{len(data)}"
        return 206, {"content-range": span}, data[first : last + 1]

    store, link = BlobStore(storage, None), Link(serve)
    for sha256, data in items.items():
        blob = Blob("item", sha256, len(data), "audio/wav")
        where = "http://hub.example/v1/blobs/"
        while not await fetch_slice(link, storage, store, where, blob, SLICE_BYTES_MIN, False):
            continue


def sqlite_content(folder: Path) -> None:
    """Insert every item as a row."""
    database = sqlite_opened(folder)
    database.execute("CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL)")
    for row in content().items():
        database.execute("INSERT INTO blobs VALUES (?, ?)", row)
    database.close()


def plain_content(folder: Path) -> None:
    """Write every item as a file, synced once at its end: a cut costs the whole item."""
    for name, data in content().items():
        with (folder / name).open("wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())


def main() -> None:
    """Print everything."""
    try:
        idle = spent(lambda folder: None)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"flash wear: not measured, no loop device here (it needs root): {error}")
        return
    say("an empty file system, left alone, bytes written", str(idle), "< 100000")
    ours = spent(journal)
    peers = {"SQLite, WAL, FULL": spent(sqlite_records), "append, fsync": spent(plain_records)}
    say("record of 300 bytes: chieng, bytes written", str(ours // RECORDS), "<= 5000")
    for name, count in peers.items():
        say(f"record of 300 bytes: {name}, bytes written", str(count // RECORDS))
        say(f"record of 300 bytes: chieng / {name}", f"{ours / count:.3f}", "< 1")
    payload = ITEMS * ITEM_BYTES
    ours = spent(blobs)
    peers = {"SQLite, WAL, FULL": spent(sqlite_content), "write, fsync": spent(plain_content)}
    say("content: chieng, bytes written / payload", f"{ours / payload:.4f}", "<= 1.05")
    for name, count in peers.items():
        say(f"content: {name}, bytes written / payload", f"{count / payload:.4f}")
        say(f"content: chieng / {name}", f"{ours / count:.4f}")


if __name__ == "__main__":
    main()
