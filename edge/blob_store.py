"""Media on the node: kept by their hash, hashed again before every use, evicted only when named by
nothing.

Theory of operation. A blob stands visible as `blobs/<sha256>` only after its length and hash were
checked. What the audio port plays is made once, at install time: `pcm/<sha256>` beside
`pcm-sum/<sha256>`, its own hash. Bytes that later do not match are removed (quarantine without a
shelf: they are worth nothing), told by `take_damaged`, and fetched again. The *pins* are what
current bundles need in the coming days and what open alerts name, soonest first. Room is made by
evicting what no current bundle names at all. Only an alert may push out more: first what is named
for later days, then the pins needed last, never another alert's. With no pins at all nothing is
evicted: a node is never emptied by an empty list.
"""

import asyncio
import binascii
import hashlib

from hw import ports
from protocols import wav
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.limits import ALERT_ROOM_BYTES, WAV_HEAD_BYTES_MAX
from protocols.media import Blob

FOLDER = "blobs/"
_PCM = "pcm/"
_PCM_SUM = "pcm-sum/"
_STAGED = "blob."
_BLOCK_BYTES = 1024
# Hashing yields to other tasks this often: 64 KB takes a microcontroller about 20 ms.
_YIELD_BLOCKS = 64
# Decoded speech (32 bytes a millisecond) against Opus at 24 kbit/s (3 bytes), with head-room.
_PCM_GROWTH = 12
WAV_MEDIA_TYPE = "audio/wav"


def staging_name(sha256: str) -> str:
    """Return the name under which a blob's download is staged."""
    return _STAGED + sha256


def add_piece(storage: ports.Storage, writer: ports.Writer, piece: bytes) -> bool:
    """Append to a download; tells whether what is there was made durable on that occasion.

    That is done at every multiple of `storage.flush_bytes`, wherever a slice began or ended.
    """
    before = writer.position // storage.flush_bytes
    writer.write(piece)
    if writer.position // storage.flush_bytes == before:
        return False
    writer.flush()
    return True


async def digest(reader: ports.Reader) -> "tuple[str, int]":
    """Return the SHA-256 (hex) and the number of bytes left in a reader."""
    sha = hashlib.sha256()
    count = blocks = 0
    while True:
        piece = reader.read(_BLOCK_BYTES)
        if not piece:
            return str(binascii.hexlify(sha.digest()), "ascii"), count
        sha.update(piece)
        count += len(piece)
        blocks += 1
        if blocks % _YIELD_BLOCKS == 0:
            await asyncio.sleep(0)


class _Window(ports.Reader):
    """Read one stretch of a file as if it were all of it."""

    def __init__(self, reader: ports.Reader, offset: int, length: int):
        self._reader = reader
        self._offset = offset
        self._length = length
        self._position = 0
        reader.seek(offset)

    def read(self, count: int) -> bytes:
        piece = self._reader.read(min(count, self._length - self._position))
        self._position += len(piece)
        return piece

    def seek(self, position: int) -> None:
        self._position = min(position, self._length)
        self._reader.seek(self._offset + self._position)

    def close(self) -> None:
        self._reader.close()


class BlobStore:
    """Keep verified media; `decoder` is None on a node that plays nothing but WAV."""

    def __init__(self, storage: ports.Storage, decoder: ports.Decoder | None):
        self._storage = storage
        self._decoder = decoder
        self._pins: list[str] = []
        self._alert_pins = 0
        self._named: object = None
        self._damaged: list[str] = []
        self._when_damaged: object = None
        # Blobs under examination: their staged bytes may stand, pinned or not.
        self._accepting: list[str] = []
        # Grows whenever a blob goes: what is wanted may be another then.
        self.removals = 0

    def pin(self, wanted: list[str], alerts: int = 0, named: "object" = None) -> None:
        """Name what must stay (hex hashes): those of alerts, `alerts` of them, then what is needed
        soonest first. `named()`, asked only when room is short, gives all that bundles name."""
        self._pins = list(wanted)
        self._alert_pins = alerts
        self._named = named

    def drop_stale_downloads(self) -> bool:
        """Forget what was staged of blobs that nobody wants any more; tells whether any was."""
        dropped = False
        for name in self._storage.staged_names() if self._pins else []:
            sha256 = name[len(_STAGED) :]
            is_wanted = sha256 in self._pins or sha256 in self._accepting
            if name.startswith(_STAGED) and not is_wanted:
                self._storage.discard(name)
                dropped = True
        return dropped

    def watch(self, when_damaged: "object") -> None:
        """Call `when_damaged()` whenever damage is found; it must not block or raise."""
        self._when_damaged = when_damaged

    def take_damaged(self) -> list[str]:
        """Return the blobs that were found damaged, and removed, since the last call."""
        damaged, self._damaged = self._damaged, []
        return damaged

    def has(self, sha256: str) -> bool:
        """Tell whether a blob stands here, verified when it was installed."""
        return self._storage.size(FOLDER + sha256) is not None

    def staged_bytes(self, sha256: str) -> int:
        """Return how much of a blob's download is already here."""
        reader = self._storage.open_staged(staging_name(sha256))
        if reader is None:
            return 0
        reader.close()
        writer = self._storage.stage(staging_name(sha256), True)
        position = writer.position
        writer.close()
        return position

    def make_room(self, needed_bytes: int, alert: bool) -> bool:
        """Evict until `needed_bytes` fit; tells whether they do.

        Bulk leaves `ALERT_ROOM_BYTES` free for alerts; an alert may use that room.
        """
        wanted = needed_bytes + (0 if alert else ALERT_ROOM_BYTES)
        while self._storage.free_bytes() < wanted:
            if not self.evict_one(alert):
                return False
        return True

    def evict_one(self, alert: bool, spared: int = 0) -> bool:
        """Remove the blob that is missed least; tells whether there was one to remove.

        `spared`: so many of those that play soonest are left even to an alert.
        """
        if not self._pins:
            return False
        if self.drop_stale_downloads():
            return True
        loose = []
        for name in self._storage.names("blobs"):
            if name not in self._pins:
                loose.append(name)
        named: list[str] = []
        if loose and self._named is not None:
            named = self._named()  # type: ignore[operator]
        for name in loose:
            if name not in named:
                self.remove(name)
                return True
        if not alert:
            return False
        for name in loose + list(reversed(self._pins[self._alert_pins + spared :])):
            if self.has(name):
                self.remove(name)
                return True
        return False

    def remove(self, sha256: str) -> None:
        """Forget a blob and everything made from it."""
        self.removals += 1
        # What a power cut left of its decoding goes, too.
        self._storage.discard(_PCM + sha256)
        for folder in (_PCM_SUM, _PCM, FOLDER):
            self._storage.remove(folder + sha256)

    async def accept(self, sha256: str, length: int) -> None:
        """Check a whole staged download and make it visible.

        Raises `RemoteFault("blob.hash")` and forgets the bytes when they are not the blob.
        """
        name = staging_name(sha256)
        reader = self._storage.open_staged(name)
        if reader is None:
            raise WorldFault("storage.io", "the staged blob is gone", "check the disk")
        self._accepting.append(sha256)
        try:
            found, count = await digest(reader)
        finally:
            reader.close()
            self._accepting.remove(sha256)
        if (found, count) != (sha256, length):
            self._storage.discard(name)
            raise RemoteFault(
                "blob.hash",
                sha256[:12] + "…: the bytes received are not this file",
                "It is fetched again; when this repeats, check the hub and what lies between",
            )
        self._storage.stage(name, True).commit(FOLDER + sha256)

    def is_ready(self, sha256: str, media_type: str) -> bool:
        """Tell whether a blob is here and, where it needs to be, decoded."""
        if not self.has(sha256):
            return False
        return not self._decodes(media_type) or self._storage.size(_PCM_SUM + sha256) is not None

    def _decodes(self, media_type: str) -> bool:
        return media_type.startswith("audio/") and media_type != WAV_MEDIA_TYPE

    async def install(self, blob: Blob, alert: bool) -> None:
        """Make what the audio port plays from a stored blob; nothing for WAV and pictures.

        Raises `RemoteFault("media.undecodable")`, `WorldFault("blob.no_room")`.
        """
        sha256, media_type = blob.sha256, blob.media_type
        if self._decoder is None or self.is_ready(sha256, media_type):
            return
        # An alert is tried even where the estimate finds no room: it may need less.
        if not self.make_room(blob.length * _PCM_GROWTH, alert) and not alert:
            raise no_room(sha256)
        await self._decode(sha256, media_type, alert)
        reader = self._storage.open(_PCM + sha256)
        if reader is None:
            raise WorldFault("storage.io", "the decoded file is gone", "check the disk")
        try:
            found, _ = await digest(reader)
        finally:
            reader.close()
        writer = self._storage.stage(_PCM_SUM[:-1])
        writer.write(found.encode())
        writer.commit(_PCM_SUM + sha256)

    async def _decode(self, sha256: str, media_type: str, alert: bool) -> None:
        while True:
            try:
                await self._decoder.decode(  # type: ignore[union-attr]
                    self._storage, FOLDER + sha256, media_type, _PCM + sha256
                )
                return
            except Fault as fault:
                # A part of it would fill the disk for nobody.
                self._storage.discard(_PCM + sha256)
                if fault.code != "storage.full":
                    raise
                if not self.evict_one(alert):
                    raise no_room(sha256)

    async def open_sound(self, sha256: str, media_type: str) -> ports.Reader:
        """Open the PCM of a blob (s16le mono) after hashing it once more.

        Raises `RemoteFault("blob.missing")` when it must be fetched (again); what did not match is
        gone by then.
        """
        if media_type == WAV_MEDIA_TYPE:
            reader = await self.open_blob(sha256)
            head = wav.read_head(reader.read(WAV_HEAD_BYTES_MAX))
            return _Window(reader, head.data_offset, head.data_bytes)
        expected = self._storage.open(_PCM_SUM + sha256)
        if expected is None:
            raise _missing(sha256)
        try:
            wanted = str(expected.read(64), "ascii")
        finally:
            expected.close()
        return await self._open_checked(_PCM + sha256, wanted, sha256)

    async def open_blob(self, sha256: str) -> ports.Reader:
        """Open a blob's own bytes after hashing them once more; faults as `open_sound`."""
        return await self._open_checked(FOLDER + sha256, sha256, sha256)

    async def _open_checked(self, name: str, wanted: str, sha256: str) -> ports.Reader:
        reader = self._storage.open(name)
        if reader is None:
            raise _missing(sha256)
        try:
            found, _ = await digest(reader)
            reader.seek(0)
        except WorldFault:
            reader.close()
            raise
        if found != wanted:
            reader.close()
            self.remove(sha256)
            self._damaged.append(sha256)
            if self._when_damaged is not None:
                self._when_damaged()  # type: ignore[operator]
            raise _missing(sha256)
        return reader


def no_room(sha256: str) -> WorldFault:
    """Return the fault of a full disk."""
    remedy = "Shorten the programme or use a larger card; alerts still find room"
    return WorldFault("blob.no_room", "no room for " + sha256[:12], remedy)


def _missing(sha256: str) -> RemoteFault:
    remedy = "It is fetched at the next contact"
    return RemoteFault("blob.missing", sha256[:12] + "…: not here or damaged", remedy)
