"""What a slot store hands out: readers and writers of single slots."""

import binascii

from hw import ports
from hw.slot_files import SlotFile
from protocols import slot, storage_names
from protocols.errors import LocalFault
from protocols.slot import CONTENT_AT, STAGED, VISIBLE, Head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hw.slot_storage import Storage

# Metadata and manifests have a checksum; a board reads as much in 50 ms.
CHECKED_BYTES_MAX = 64 * 1024
PIECE_BYTES = 1024


class Reader(ports.Reader):
    """Read a slot's content."""

    def __init__(self, store: "Storage", number: int, file: SlotFile, length: int):
        self._store = store
        self._number = number
        self._file = file
        self._length = length
        self._position = 0
        self._is_open = True

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end; raises `WorldFault("storage.io")`."""
        count = min(count, self._length - self._position)
        if count <= 0:
            return b""
        data = self._file.read(CONTENT_AT + self._position, count)
        self._position += len(data)
        return data

    def seek(self, position: int) -> None:
        """Continue reading at an absolute position."""
        self._position = position

    def close(self) -> None:
        """Release the file; an outdated slot that waited for this goes now."""
        if self._is_open:
            self._is_open = False
            self._file.close()
            self._store.released(self._number)


class Writer(ports.Writer):
    """Write a staged slot; `head` is what stands on disk."""

    def __init__(self, store: "Storage", name: str, file: SlotFile, head: Head, is_new: bool):
        self._store = store
        self._name = name
        self._file = file
        self._head = head
        self._is_new = is_new
        self._is_open = True
        self.position = head.length
        self._crc: int | None = 0
        if self.position > CHECKED_BYTES_MAX:
            self._crc = None
        elif self.position:
            self._crc = crc_of(file, self.position)

    def write(self, data: bytes) -> None:
        """Append bytes; raises `WorldFault("storage.full")` when no room is left."""
        if not self._is_open:
            raise LocalFault("storage.closed", "this writer is closed", "Stage the file again.")
        self._file.write(CONTENT_AT + self.position, data)
        self.position += len(data)
        if self.position > CHECKED_BYTES_MAX:
            self._crc = None
        elif self._crc is not None:
            self._crc = binascii.crc32(data, self._crc)

    def flush(self) -> None:
        """Make what was written so far durable under the staging name."""
        if self._head.length == self.position and not self._is_new:
            return
        self._write_head(STAGED, 0, None, self._name)
        if self._is_new:
            self._store.sync_names()
            self._is_new = False

    def commit(self, name: str) -> None:
        """Make the file durable and visible under `name`."""
        self.commit_as(VISIBLE, name)

    def commit_as(self, kind: int, name: str) -> None:
        """Make the file visible as a whole (`VISIBLE`) or a preallocated (`FIXED`) one."""
        storage_names.check(name)
        crc = self._crc if kind == VISIBLE else None
        self._write_head(kind, self._store.next_number(), crc, name)
        self._is_open = False
        self._file.close()
        self._store.committed(self._name, self._head, self._is_new)

    def _write_head(self, kind: int, sequence: int, crc: int | None, name: str) -> None:
        self._file.sync()
        head = self._head.follow(kind, sequence, self.position, crc, name)
        self._file.write(slot.place_of(head.turn), head.encode())
        self._file.sync()
        self._head = head

    def close(self) -> None:
        """Close without commit; the staged bytes stay."""
        if self._is_open:
            try:
                self.flush()
            finally:
                self.abandon()

    def abandon(self) -> None:
        """Release the file as it is."""
        if self._is_open:
            self._is_open = False
            self._file.close()
            self._store.abandoned(self._name, self)


def crc_of(file: SlotFile, length: int) -> int:
    """Return the CRC-32 of a slot's content, -1 when there is less than `length` bytes of it."""
    crc = position = 0
    while position < length:
        data = file.read(CONTENT_AT + position, min(PIECE_BYTES, length - position))
        if not data:
            return -1
        position += len(data)
        crc = binascii.crc32(data, crc)
    return crc
