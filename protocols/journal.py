"""Frame records for preallocated segments, and find them again after any power cut.

Theory of operation. A segment is a file of zero bytes that fills up with frames: a mark, a length,
(epoch, sequence), a CRC-32 over all of it, and the record. A frame is written by one durable
patch; after a cut it is whole, absent, or torn, and a torn one fails its CRC. Marks start with
0xFF, which no UTF-8 text holds, so that a scan can step over damage to the next whole frame.

Only an end of nothing but zeros is *clean*. Behind any other end a record may have stood that the
hub already has; whoever finds one starts a new epoch in a new segment, and so can never use a
sequence twice. What would straddle two blocks of the disk begins at the second instead: zeros up
to there are no damage. Frames are of three kinds: a record; a position (the hub has this epoch up
to here), which is written along with the next record and costs no write of its own; and a memo, for
this node alone: a number, and some bytes or none, which say where to go on.
"""

import binascii
import struct
from collections import namedtuple

from protocols.errors import LocalFault
from protocols.limits import JOURNAL_PIECE_BYTES, RECORD_BYTES_MAX

RECORD = "record"
POSITION = "position"
MEMO = "memo"
DAMAGE = "damage"
END = "end"

HEAD_BYTES = 24
# What disks write at least; a record in two blocks costs both.
BLOCK_BYTES = 4096
_HEAD = ">2sH8sQ"
_HEAD_CRC = ">I"
# A memo is the position of an epoch that never is: older images pass over it.
MEMO_EPOCH = "0000000000000000"
_MARKS = {RECORD: b"\xff\xa1", POSITION: b"\xff\xa2", MEMO: b"\xff\xa2"}
_KINDS = {b"\xff\xa1": RECORD, b"\xff\xa2": POSITION}


class Frame(namedtuple("Frame", ("kind", "offset", "size", "epoch", "sequence", "payload"))):
    """One finding of a scan, at `offset`, `size` bytes long.

    RECORD and MEMO carry bytes as `payload`, POSITION none; `sequence` is the number. DAMAGE spans
    bytes that are no frame. END is the last: its `size` is 0 when only zeros follow (clean, append
    here), else 1.
    """


def frame(kind: str, epoch: str, sequence: int, payload: bytes = b"") -> bytes:
    """Build one frame; `payload` is a record's or a memo's bytes; a position has none."""
    if len(payload) > RECORD_BYTES_MAX or not 0 <= sequence < 1 << 63:
        raise LocalFault("journal.range", "frame out of range", "Keep records to their limits.")
    head = struct.pack(
        _HEAD, _MARKS[kind], len(payload), binascii.unhexlify(epoch.encode()), sequence
    )
    return head + struct.pack(_HEAD_CRC, _crc(head, payload)) + payload


def place(end: int, size: int) -> int:
    """Return where `size` bytes are appended to what ends at `end`: in one block if one is left."""
    room = -end % BLOCK_BYTES
    return end + room if room < size <= BLOCK_BYTES else end


def parse(data: bytes, offset: int = 0) -> Frame | None:
    """Return the frame that `data` starts with, or None when no whole frame stands there."""
    if len(data) < HEAD_BYTES or data[:2] not in _KINDS:
        return None
    mark, length, epoch, sequence = struct.unpack(_HEAD, data[: HEAD_BYTES - 4])
    if length > RECORD_BYTES_MAX or len(data) < HEAD_BYTES + length:
        return None
    payload = bytes(data[HEAD_BYTES : HEAD_BYTES + length])
    (crc,) = struct.unpack(_HEAD_CRC, data[HEAD_BYTES - 4 : HEAD_BYTES])
    if _crc(bytes(data[: HEAD_BYTES - 4]), payload) != crc:
        return None
    name = binascii.hexlify(epoch).decode()
    kind = MEMO if name == MEMO_EPOCH else _KINDS[mark]
    return Frame(kind, offset, HEAD_BYTES + length, name, sequence, payload)


def scan(read: "object", offset: int = 0) -> "object":
    """Generate the frames of a segment image pulled with `read(count)`, and END at last.

    `offset` is where in the segment the reader stands. Holds at most two frames in memory.
    """
    window = _Window(read, offset)
    while True:
        found = window.frame()
        if found is not None:
            yield found
            window.skip(found.size)
            continue
        start = window.offset
        clean = window.skip_zeros()
        if window.at_end():
            yield Frame(END, start, 0 if clean else 1, "", 0, b"")
            return
        room = window.offset - start
        if 0 < room < BLOCK_BYTES and window.offset % BLOCK_BYTES == 0 and window.frame():
            continue
        window.skip_to_frame()
        yield Frame(DAMAGE, start, window.offset - start, "", 0, b"")
        if window.at_end():
            yield Frame(END, window.offset, 1, "", 0, b"")
            return


class _Window:
    """Look ahead in a stream without holding more than a few pieces of it."""

    def __init__(self, read: "object", offset: int):
        self._read = read
        self._data = b""
        self._at = 0
        self.offset = offset

    def peek(self, count: int) -> bytes:
        """Return up to `count` bytes from here; fewer only at the end."""
        if len(self._data) - self._at < count:
            pieces = [self._data[self._at :]]
            size = len(pieces[0])
            while size < count:
                piece = self._read(JOURNAL_PIECE_BYTES)  # type: ignore[operator]
                if not piece:
                    break
                pieces.append(piece)
                size += len(piece)
            self._data = b"".join(pieces)
            self._at = 0
        return self._data[self._at : self._at + count]

    def frame(self) -> Frame | None:
        """Return the whole frame that stands here, or None."""
        head = self.peek(HEAD_BYTES)
        if head[:2] not in _KINDS or len(head) < HEAD_BYTES:
            return None
        (length,) = struct.unpack(">H", head[2:4])
        return parse(self.peek(HEAD_BYTES + min(length, RECORD_BYTES_MAX)), self.offset)

    def skip(self, count: int) -> None:
        self._at += count
        self.offset += count

    def at_end(self) -> bool:
        return not self.peek(1)

    def skip_zeros(self) -> bool:
        """Skip a run of zeros; tell whether it reaches the end."""
        while True:
            data = self.peek(JOURNAL_PIECE_BYTES)
            rest = data.lstrip(b"\x00")
            self.skip(len(data) - len(rest))
            if rest:
                return False
            if not data:
                return True

    def skip_to_frame(self) -> None:
        """Skip to the next whole frame, or to the end."""
        while not self.at_end() and self.frame() is None:
            data = self.peek(JOURNAL_PIECE_BYTES)
            mark = data.find(b"\xff", 1)
            self.skip(len(data) if mark < 0 else mark)


def _crc(head: bytes, payload: bytes) -> int:
    return binascii.crc32(payload, binascii.crc32(head)) & 0xFFFFFFFF
