"""Know what the journal holds of one chain, across its segments."""

import binascii
import hashlib

from edge import journal_segment
from edge.journal_segment import Piece, Segment
from hw.ports import Storage
from protocols import journal, records
from protocols.outbox import Run, Span

FOLDER = "journal"
# A batch's own fields, around its records.
_BATCH_HEAD_BYTES = 256


class JournalChain:
    """The segments of one chain, oldest first, and the builder that continues it.

    `broken` tells that recovery could not continue the old epoch; `tail` is then where that ended,
    (epoch, sequence), or None for a journal that never was.
    """

    def __init__(self, storage: Storage, node: str, name: str, epoch: str):
        self.name = name
        self.segments: list[Segment] = []
        self.positions: dict[str, int] = {}
        self.builder = records.Chain(node, name, epoch)
        self.broken = False
        self.tail: tuple[str, int] | None = None
        # The memo that no record has made obsolete, and its last number; empty: there is none.
        self.memo = b""
        self.memo_number = 0
        # Where its bytes were written last, in this life.
        self.memo_segment: Segment | None = None
        self._storage = storage
        self._node = node
        self._next_index = 1
        # Where the next record stands that a reader will most likely want.
        self._cursor = ("", 0, "", 0)

    def recover(self) -> None:
        """Index every segment and continue the newest epoch, if its end is beyond doubt."""
        held: dict[str, int] = {}
        last_hash = ""
        clean = True
        for name in self._storage.names(FOLDER):
            if not name.startswith(self.name + "-"):
                continue
            segment = journal_segment.load(self._storage, FOLDER + "/" + name)
            self._next_index = int(name[len(self.name) + 1 :]) + 1
            self._drop_repeats(segment, held)
            for epoch, position in segment.positions:
                self.positions[epoch] = position
            if segment.pieces:
                last = segment.pieces[-1]
                self.tail = (last.epoch, last.last)
                last_hash = segment.last_hash
                clean = True
            if segment.memo is not None:
                self.memo = segment.memo
            if segment.memo_number is not None:
                self.memo_number = segment.memo_number
            clean = clean and segment.end is not None
            self.segments.append(segment)
        self.broken = not clean
        if self.tail is not None and clean:
            self.builder = records.Chain(
                self._node, self.name, self.tail[0], self.tail[1], last_hash
            )

    def start_epoch(self, epoch: str) -> None:
        """Begin a new epoch: what follows is numbered from 1."""
        self.builder = records.Chain(self._node, self.name, epoch)

    def runs(self) -> "list[Run]":
        """Return what is held, oldest first."""
        runs: list[Run] = []
        for segment in self.segments:
            for piece in segment.pieces:
                if runs and runs[-1].epoch == piece.epoch and runs[-1].last + 1 == piece.first:
                    runs[-1] = Run(piece.epoch, runs[-1].first, piece.last)
                else:
                    runs.append(Run(piece.epoch, piece.first, piece.last))
        return runs

    def lost(self) -> "list[tuple[str, int, int, str]]":
        """Return (epoch, first, last, hash of the last) of what is missing and never explained.

        Sequences that the hub has, or that a gap record names, need no explanation.
        """
        found = []
        reached: dict[str, int] = {}
        for run in self.runs():
            first = max(reached.get(run.epoch, 0), self.positions.get(run.epoch, 0)) + 1
            if first < run.first and not self._is_explained(run.epoch, first, run.first - 1):
                found.append((run.epoch, first, run.first - 1, self._previous(run)))
            reached[run.epoch] = run.last
        return found

    def unacknowledged(self, piece: Piece) -> "tuple[int, int] | None":
        """Return (first, last) of a piece's records that the hub has not, or None."""
        first = max(piece.first, self.positions.get(piece.epoch, 0) + 1)
        return (first, piece.last) if first <= piece.last else None

    def is_acknowledged(self, segment: Segment) -> bool:
        """Tell whether the hub has everything of a segment."""
        for piece in segment.pieces:
            if self.unacknowledged(piece) is not None:
                return False
        return True

    def is_given_up(self, segment: Segment) -> bool:
        """Tell whether gap records already speak of all that the hub has not of a segment.

        That is a forced drop which a power cut interrupted before the file was gone.
        """
        for piece in segment.pieces:
            open_part = self.unacknowledged(piece)
            if open_part and not self._is_explained(piece.epoch, open_part[0], open_part[1]):
                return False
        return not self.is_acknowledged(segment)

    def next_name(self) -> str:
        """Return the name of the next segment file."""
        name = "%s/%s-%08d" % (FOLDER, self.name, self._next_index)
        self._next_index += 1
        return name

    def hash_at(self, segment: Segment, piece: Piece) -> str:
        """Return the hash of a piece's last record, or nothing when it cannot be read."""
        frames = journal_segment.read_from(self._storage, segment, piece.offset)
        try:
            for found in frames:  # type: ignore[attr-defined]
                if found.kind == journal.RECORD and found.sequence == piece.last:
                    return binascii.hexlify(hashlib.sha256(found.payload).digest()).decode()
        finally:
            frames.close()  # type: ignore[attr-defined]
        return ""

    def read(self, span: Span, bytes_max: int) -> "list[bytes] | None":
        """Return the records of a span as far as they fit; None when the first cannot be read."""
        found: list[bytes] = []
        room = bytes_max - _BATCH_HEAD_BYTES
        while len(found) < span.count_max:
            sequence = span.first + len(found)
            before = len(found)
            room = self._read_piece(span, sequence, found, room)
            if len(found) == before or room <= 0:
                break
        if span.count_max and not found:
            return None
        return found

    def segment_of(self, epoch: str, sequence: int) -> Segment | None:
        """Return the segment that should hold a record, or None."""
        for segment in self.segments:
            if segment.find(epoch, sequence) is not None:
                return segment
        return None

    def reload(self, segment: Segment) -> "list[Run]":
        """Index a damaged segment again and return what it lost."""
        fresh = journal_segment.load(self._storage, segment.name)
        gone = []
        for piece in segment.pieces:
            sequence = piece.first
            while sequence <= piece.last:
                first = sequence
                while sequence <= piece.last and fresh.find(piece.epoch, sequence) is None:
                    sequence += 1
                if sequence > first:
                    gone.append(Run(piece.epoch, first, sequence - 1))
                while sequence <= piece.last and fresh.find(piece.epoch, sequence) is not None:
                    sequence += 1
        self.segments[self.segments.index(segment)] = fresh
        self._cursor = ("", 0, "", 0)
        return gone

    def _read_piece(self, span: Span, sequence: int, found: "list[bytes]", room: int) -> int:
        """Read on within one segment; returns the room left, 0 when the batch is full."""
        segment = self.segment_of(span.epoch, sequence)
        if segment is None:
            return room
        offset = self._offset(segment, span.epoch, sequence)
        frames = journal_segment.read_from(self._storage, segment, offset)
        try:
            for frame in frames:  # type: ignore[attr-defined]
                # Damage is stepped over: what it hit may be no record at all.
                if frame.kind != journal.RECORD or (frame.epoch, frame.sequence) != (
                    span.epoch,
                    sequence,
                ):
                    continue
                room -= len(frame.payload) + 1
                if room < 0:
                    return 0
                found.append(frame.payload)
                sequence += 1
                self._cursor = (span.epoch, sequence, segment.name, frame.offset + frame.size)
                if len(found) == span.count_max:
                    # What comes behind, mostly zeros, need not be read.
                    return 0
        finally:
            frames.close()  # type: ignore[attr-defined]
        return room

    def _offset(self, segment: Segment, epoch: str, sequence: int) -> int:
        if self._cursor[:3] == (epoch, sequence, segment.name):
            return self._cursor[3]
        piece = segment.find(epoch, sequence)
        return piece.offset if piece is not None else 0

    def _drop_repeats(self, segment: Segment, held: "dict[str, int]") -> None:
        """Forget records that an older segment holds: a failed write that was done again."""
        pieces = []
        for piece in segment.pieces:
            piece.first = max(piece.first, held.get(piece.epoch, 0) + 1)
            if piece.first <= piece.last:
                held[piece.epoch] = piece.last
                pieces.append(piece)
        segment.pieces = pieces

    def _is_explained(self, epoch: str, first: int, last: int) -> bool:
        for segment in self.segments:
            for gap in segment.gaps:
                until = gap.get("last")
                if gap.get("epoch") == epoch and isinstance(until, int):
                    if gap["first"] <= first and last <= until:  # type: ignore[operator]
                        return True
        return False

    def _previous(self, run: Run) -> str:
        payloads = self.read(Span(run.epoch, 0, run.first, 1), 1 << 16)
        return records.read(payloads[0]).record.previous if payloads else ""
