"""Keep the records of what happened: durable before told, until the hub has them and beyond.

Theory of operation. Each chain is a row of preallocated segment files (`protocols/journal.py`).
`append` returns when the record is on disk. A write that fails seals its segment; the same fact
appended again gives the same bytes and is found once, any other fact begins a new epoch, so that
no sequence is ever used for two records.

Overflow. At most `segments_max` segments exist. When one more is needed the oldest goes: first of
those that the hub has (health, then plays), then the oldest health, and plays last of all. What
the hub never got is named in a gap record, which is on disk before the segment is gone; where
the disk is too full even for that, right after.

What the journal writes about itself must not spoil the fact it was called with: room is made
after that fact is on disk, and trouble in making room is left for the next time.
"""

from edge.journal_chain import JournalChain
from edge.journal_segment import MEMO_UNTIL, Segment
from hw.ports import Storage
from protocols import journal, records
from protocols.errors import LocalFault, WorldFault
from protocols.limits import JOURNAL_SEGMENT_BYTES, JOURNAL_SEGMENTS_MAX, RECORD_BYTES_MAX
from protocols.outbox import Dropped, Run, Span

# The clock of records that the journal writes about itself at boot: (at_ms, clock, uncertainty).
NO_CLOCK = (None, "unknown", None)
# Acknowledgements waiting for the next record to be written along with; more are written alone.
_POSITIONS_WAITING_MAX = 64


class JournalStore:
    """The journal of one node over the storage port; `open` before anything else.

    `random_bytes(count)` names epochs. Raises `WorldFault` of the storage port.
    """

    def __init__(
        self,
        storage: Storage,
        node: str,
        random_bytes: "object",
        segment_bytes: int = JOURNAL_SEGMENT_BYTES,
        segments_max: int = JOURNAL_SEGMENTS_MAX,
    ):
        if segment_bytes < 4 * RECORD_BYTES_MAX or segments_max < 4:
            raise LocalFault("journal.size", "the journal is too small", "Allow 4 × 16 KiB.")
        self._storage = storage
        self._node = node
        self._random_bytes = random_bytes
        self._segment_bytes = segment_bytes
        self._segments_max = segments_max
        self._chains: dict[str, JournalChain] = {}
        self._changes: dict[str, list[object]] = {}
        # Chain → hash of a record whose write failed: it may be on disk all the same.
        self._doubtful: dict[str, str] = {}
        # Chain → epochs whose position is not on disk yet, and how many records that concerns.
        self._unwritten: dict[str, list[str]] = {}
        self._waiting: dict[str, int] = {}
        # Gap records still to be written: (chain, body).
        self._owed: list[tuple[JournalChain, dict[str, object]]] = []
        self._is_making_room = False

    def open(self) -> None:
        """Recover both chains; what is found missing is told in gap records."""
        for name in records.CHAINS:
            chain = JournalChain(self._storage, self._node, name, self._new_epoch())
            chain.recover()
            self._chains[name] = chain
            self._changes[name] = []
            self._unwritten[name] = []
            self._waiting[name] = 0
        for name in records.CHAINS:
            self._finish_drops(self._chains[name])
            self._explain(self._chains[name])
            self._changes[name] = []

    def append(
        self,
        name: str,
        clock: "tuple[int | None, str, int | None]",
        kind: str,
        body: "dict[str, object]",
    ) -> records.Entry:
        """Put a record on disk and return it; `clock` is (at_ms, source, uncertainty_ms).

        On `WorldFault` append the same fact again, before any other of its chain.
        """
        chain = self._chains[name]
        entry = self._build(chain, clock, kind, body)
        data = self._positions_before(chain, len(entry.data))
        segment = chain.segments[-1]
        record = entry.record
        data += journal.frame(journal.RECORD, record.epoch, record.sequence, entry.data)
        self._patch(chain, data, entry.hash)
        offset = self._end(segment) - journal.HEAD_BYTES - len(entry.data)
        segment.note(record.epoch, record.sequence, offset)
        if kind == "gap":
            segment.gaps.append(record.body)
        if kind == MEMO_UNTIL:
            chain.memo = b""
        chain.builder.advance(entry)
        self._doubtful.pop(name, None)
        self._changes[name].append(Run(record.epoch, record.sequence, record.sequence))
        self._make_room(clock)
        return entry

    def acknowledge(self, name: str, epoch: str, position: int) -> None:
        """Take the hub's position; it reaches the disk with the next record, or in a while."""
        chain = self._chains[name]
        self._waiting[name] += abs(position - chain.positions.get(epoch, 0))
        chain.positions[epoch] = position
        if epoch not in self._unwritten[name]:
            self._unwritten[name].append(epoch)
        if self._waiting[name] >= _POSITIONS_WAITING_MAX and chain.segments:
            data = self._position_frames(chain)
            end = chain.segments[-1].end
            if end is not None and journal.place(end, len(data)) + len(data) <= self._segment_bytes:
                self._write_positions(chain, data)

    def write_memo(self, name: str, number: int, data: bytes) -> None:
        """Keep a number on disk, and some bytes (none: those of the last memo still hold), until
        the chain's next record of kind `MEMO_UNTIL`."""
        chain = self._chains[name]
        frames = self._positions_before(chain, len(data or chain.memo))
        if chain.memo_segment is not chain.segments[-1]:
            # Older segments may go before the play is over.
            data = data or chain.memo
        frames += journal.frame(journal.MEMO, journal.MEMO_EPOCH, number, data)
        self._patch(chain, frames, "")
        chain.memo, chain.memo_number = data or chain.memo, number
        chain.memo_segment = chain.segments[-1]

    def memo(self, name: str) -> "tuple[int, bytes]":
        """Return the memo that still holds; no bytes when there is none."""
        chain = self._chains[name]
        return chain.memo_number, chain.memo

    def new_epoch(self, name: str) -> None:
        """Number what follows anew: the hub holds another history of the present epoch."""
        self._chains[name].start_epoch(self._new_epoch())

    def epoch(self, name: str) -> str:
        """Return the epoch that the next record of a chain belongs to."""
        return self._chains[name].builder.epoch

    def runs(self, name: str) -> "list[Run]":
        """Return what is held of a chain, oldest first."""
        return self._chains[name].runs()

    def positions(self, name: str) -> "dict[str, int]":
        """Return the hub's position by epoch, as far as this journal knows it."""
        return dict(self._chains[name].positions)

    def next_change(self, name: str) -> object:
        """Return the next `Run` (on disk now) or `Dropped` since `open`, or None."""
        changes = self._changes[name]
        return changes.pop(0) if changes else None

    def read(self, name: str, span: Span, bytes_max: int) -> "list[bytes] | None":
        """Return the records of a span for a batch of `bytes_max`.

        None when bits on the disk have changed meanwhile: the loss is told in a gap record and in
        `next_change`; ask the outbox again.
        """
        chain = self._chains[name]
        found = chain.read(span, bytes_max)
        if found is not None:
            return found
        segment = chain.segment_of(span.epoch, span.first)
        if segment is None:
            self._changes[name].append(Dropped(span.epoch, span.first, span.first))
            return None
        if segment is chain.segments[-1]:
            chain.start_epoch(self._new_epoch())
        for run in chain.reload(segment):
            self._changes[name].append(Dropped(run.epoch, run.first, run.last))
        self._explain(chain)
        return None

    def segment_count(self) -> int:
        """Return how many segment files exist."""
        return sum([len(chain.segments) for chain in self._chains.values()])

    def _new_epoch(self) -> str:
        return records.new_epoch(self._random_bytes(8))  # type: ignore[operator]

    def _build(
        self,
        chain: JournalChain,
        clock: "tuple[int | None, str, int | None]",
        kind: str,
        body: "dict[str, object]",
    ) -> records.Entry:
        doubtful = self._doubtful.get(chain.name)
        entry = chain.builder.build(clock[0], clock[1], clock[2], kind, body)
        if doubtful is None or doubtful == entry.hash:
            return entry
        chain.start_epoch(self._new_epoch())
        self._doubtful.pop(chain.name)
        return chain.builder.build(clock[0], clock[1], clock[2], kind, body)

    def _end(self, segment: Segment) -> int:
        if segment.end is None:
            raise LocalFault("journal.sealed", "the segment is sealed", "Rotate first.")
        return segment.end

    def _positions_before(self, chain: JournalChain, length: int) -> bytes:
        """Return the frames to write before one of `length` bytes; begins a segment if need be."""
        if not self._fits(chain, length):
            self._rotate(chain)
        return self._position_frames(chain)

    def _fits(self, chain: JournalChain, length: int) -> bool:
        if not chain.segments or chain.segments[-1].end is None:
            return False
        frames = 1 + len(self._unwritten[chain.name])
        size = frames * journal.HEAD_BYTES + length
        return journal.place(self._end(chain.segments[-1]), size) + size <= self._segment_bytes

    def _position_frames(self, chain: JournalChain) -> bytes:
        data = b""
        for epoch in self._unwritten[chain.name]:
            data += journal.frame(journal.POSITION, epoch, chain.positions[epoch])
        return data

    def _write_positions(self, chain: JournalChain, data: bytes) -> None:
        try:
            self._patch(chain, data, "")
        except WorldFault:
            # They are known in memory and go with the next record; the segment is sealed.
            return

    def _patch(self, chain: JournalChain, data: bytes, entry_hash: str) -> None:
        segment = chain.segments[-1]
        offset = journal.place(self._end(segment), len(data))
        try:
            self._storage.patch(segment.name, offset, data)
        except WorldFault:
            segment.end = None
            if entry_hash:
                self._doubtful[chain.name] = entry_hash
            raise
        segment.end = offset + len(data)
        self._unwritten[chain.name] = []
        self._waiting[chain.name] = 0

    def _rotate(self, chain: JournalChain) -> None:
        """Begin a new segment for a chain; a full disk costs the oldest one."""
        if chain.segments and chain.segments[-1].end is None and not chain.segments[-1].pieces:
            # A disk that refuses every write must not fill the journal with empty segments.
            self._remove(chain, chain.segments[-1])
        name = chain.next_name()
        while True:
            try:
                self._storage.preallocate(name, self._segment_bytes)
                break
            except WorldFault as fault:
                victim = self._victim()
                if fault.code != "storage.full" or victim is None:
                    raise
                self._owed.extend([(victim[0], body) for body in self._losses(*victim)])
                self._remove(*victim)
        chain.segments.append(Segment(name))
        # Every position that still matters stands in the newest segment.
        epochs = []
        for run in chain.runs():
            if run.epoch in chain.positions and run.epoch not in epochs:
                epochs.append(run.epoch)
        self._unwritten[chain.name] = epochs

    def _make_room(self, clock: "tuple[int | None, str, int | None]") -> None:
        """Write the gap records that are owed, then drop what is beyond the bound."""
        if self._is_making_room:
            return
        self._is_making_room = True
        try:
            while self._owed:
                self.append(self._owed[0][0].name, clock, "gap", self._owed[0][1])
                self._owed.pop(0)
            victim = self._victim()
            while self.segment_count() > self._segments_max and victim is not None:
                for body in self._losses(*victim):
                    self.append(victim[0].name, clock, "gap", body)
                self._remove(*victim)
                victim = self._victim()
        except WorldFault:
            # The fact is safe; the next append tries again.
            return
        finally:
            self._is_making_room = False

    def _victim(self) -> "tuple[JournalChain, Segment] | None":
        candidates = []
        for name in (records.HEALTH, records.PLAYS):
            chain = self._chains[name]
            if len(chain.segments) > 1:
                candidates.append((chain, chain.segments[0]))
        for chain, segment in candidates:
            if chain.is_acknowledged(segment):
                return chain, segment
        return candidates[0] if candidates else None

    def _losses(self, chain: JournalChain, segment: Segment) -> "list[dict[str, object]]":
        """Return what gap records must say before a segment may go: one for each epoch.

        They speak for everything from the hub's position on, and so also for gap records that
        are lost with the segment.
        """
        bodies: dict[str, dict[str, object]] = {}
        if chain.is_acknowledged(segment) or chain.is_given_up(segment):
            return []
        for gap in segment.gaps:
            epoch, last = str(gap["epoch"]), gap["last"]
            if isinstance(last, int) and chain.positions.get(epoch, 0) < last:
                bodies[epoch] = gap
        for piece in segment.pieces:
            lost = chain.unacknowledged(piece)
            if lost is not None:
                first = chain.positions.get(piece.epoch, 0) + 1
                last_hash = chain.hash_at(segment, piece)
                bodies[piece.epoch] = records.gap_body(
                    piece.epoch, first, lost[1], "overflow", last_hash
                )
        return [bodies[epoch] for epoch in sorted(bodies)]

    def _remove(self, chain: JournalChain, segment: Segment) -> None:
        self._storage.remove(segment.name)
        chain.segments.remove(segment)
        for piece in segment.pieces:
            self._changes[chain.name].append(Dropped(piece.epoch, piece.first, piece.last))

    def _finish_drops(self, chain: JournalChain) -> None:
        """Remove what a power cut left of a forced drop."""
        while len(chain.segments) > 1 and chain.is_given_up(chain.segments[0]):
            self._remove(chain, chain.segments[0])

    def _explain(self, chain: JournalChain) -> None:
        """Write gap records for what is missing and was never explained."""
        for epoch, first, last, last_hash in chain.lost():
            body = records.gap_body(epoch, first, last, "missing", last_hash)
            self.append(chain.name, NO_CLOCK, "gap", body)
        if chain.broken and chain.tail is not None:
            epoch, last = chain.tail
            body = records.gap_body(epoch, last + 1, None, "missing", "")
            chain.broken = False
            self.append(chain.name, NO_CLOCK, "gap", body)
