"""Know what one segment file of the journal holds, without holding it."""

import binascii
import hashlib

from hw.ports import Storage
from protocols import canonical, journal
from protocols.errors import RemoteFault
from protocols.limits import RECORD_BYTES_MAX

# A memo holds until a record of this kind tells the whole.
MEMO_UNTIL = "play"
_GAP_MARK = b'"kind":"gap"'
# The record that makes a memo obsolete; quotes within texts are escaped.
_END_MARK = b'"kind":"' + MEMO_UNTIL.encode() + b'"'


class Piece:
    """Consecutive records of one epoch in one segment; the first stands at `offset` or after."""

    def __init__(self, epoch: str, first: int, last: int, offset: int):
        self.epoch = epoch
        self.first = first
        self.last = last
        self.offset = offset


class Segment:
    """The index of one segment: its pieces, where its end is, and what it says in passing."""

    def __init__(self, name: str):
        self.name = name
        self.pieces: list[Piece] = []
        # The end of what was written; None when nothing may be appended any more.
        self.end: int | None = 0
        # Position frames in order of writing: (epoch, position).
        self.positions: list[tuple[str, int]] = []
        # Bodies of gap records.
        self.gaps: list[dict[str, object]] = []
        # SHA-256 of the last record.
        self.last_hash = ""
        # The last memo and its number; None where this segment says nothing of them.
        self.memo: bytes | None = None
        self.memo_number: int | None = None

    def note(self, epoch: str, sequence: int, offset: int) -> None:
        """Take up one more record."""
        if self.pieces:
            last = self.pieces[-1]
            if last.epoch == epoch and last.last + 1 == sequence:
                last.last = sequence
                return
        self.pieces.append(Piece(epoch, sequence, sequence, offset))

    def find(self, epoch: str, sequence: int) -> Piece | None:
        """Return the piece that holds a record, or None."""
        for piece in self.pieces:
            if piece.epoch == epoch and piece.first <= sequence <= piece.last:
                return piece
        return None


def load(storage: Storage, name: str) -> Segment:
    """Index a segment by reading it once; damage is stepped over and seals it."""
    segment = Segment(name)
    reader = storage.open(name)
    if reader is None:
        segment.end = None
        return segment
    last = b""
    try:
        for found in journal.scan(reader.read):  # type: ignore[attr-defined]
            if found.kind == journal.RECORD:
                segment.note(found.epoch, found.sequence, found.offset)
                last = found.payload
                _note_gap(segment, last)
                if _END_MARK in last:
                    segment.memo = b""
            elif found.kind == journal.POSITION:
                segment.positions.append((found.epoch, found.sequence))
            elif found.kind == journal.MEMO:
                segment.memo_number = found.sequence
                segment.memo = found.payload or segment.memo
            elif found.kind == journal.DAMAGE:
                segment.end = None
            elif segment.end is not None:
                segment.end = found.offset if found.size == 0 else None
    finally:
        reader.close()
    if last:
        segment.last_hash = binascii.hexlify(hashlib.sha256(last).digest()).decode()
    return segment


def read_from(storage: Storage, segment: Segment, offset: int) -> "object":
    """Generate the frames of a segment from an offset on; close the generator to stop early."""
    reader = storage.open(segment.name)
    if reader is None:
        return
    try:
        reader.seek(offset)
        yield from journal.scan(reader.read, offset)  # type: ignore[misc]
    finally:
        reader.close()


def _note_gap(segment: Segment, payload: bytes) -> None:
    if _GAP_MARK not in payload:
        return
    try:
        value = canonical.decode(payload, RECORD_BYTES_MAX)
    except RemoteFault:
        return
    if isinstance(value, dict) and value.get("kind") == "gap":
        segment.gaps.append(value["body"])
