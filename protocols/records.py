"""Build, read and admit the hash-chained records of what a node did.

A record is known by (node, chain, epoch, sequence). `epoch` is drawn anew for every journal that
starts without a spotless predecessor, `sequence` counts from 1 in it, and `previous` is the
SHA-256 of the record before: whoever holds the newest record holds all of them to account.

Theory of the two ends. The sender posts a run of consecutive records and says in `after` which
sequence stands before the first one in its own journal (0: nothing does). The receiver stores
what continues its position, answers with that position, and so either end may be rolled back:
- receiver behind, sender still has what is missing (`after` > position): *rewind*, nothing stored;
- receiver behind, sender has lost what is missing (`after` <= position < first - 1): a *hole*;
- same key, other hash, or a first record that does not continue the last: *fork*, nothing stored.
A fork is never acknowledged: two histories under one key mean a copied or restored card.
"""

import binascii
import hashlib
from collections import namedtuple

from protocols import canonical, fields
from protocols.errors import LocalFault, RemoteFault
from protocols.limits import (
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    NODE_ID_BYTES_MAX,
    RECORD_ANSWER_BYTES_MAX,
    RECORD_BATCH_BYTES_MAX,
    RECORD_BATCH_COUNT_MAX,
    RECORD_BYTES_MAX,
    RECORD_KIND_BYTES_MAX,
)

PLAYS = "plays"
HEALTH = "health"
CHAINS = (PLAYS, HEALTH)
CLOCKS = ("unknown", "rtc", "network", "hub")
FIRST_PREVIOUS = "0" * 64

# Outcomes of `admit`.
STORED = "stored"
REWIND = "rewind"
FORK = "fork"

_REMEDY = "Send records as protocols/records.py builds them."


class Record(
    namedtuple(
        "Record",
        (
            "node",
            "chain",
            "epoch",
            "sequence",
            "at_ms",
            "clock",
            "uncertainty_ms",
            "kind",
            "previous",
            "body",
        ),
    )
):
    """One record; `at_ms` (Unix UTC) and `uncertainty_ms` are None while the clock is unknown."""

    def encode(self) -> bytes:
        """Return the canonical bytes that are hashed, stored and sent."""
        return canonical.encode(
            {
                "node": self.node,
                "chain": self.chain,
                "epoch": self.epoch,
                "sequence": self.sequence,
                "at_ms": self.at_ms,
                "clock": self.clock,
                "uncertainty_ms": self.uncertainty_ms,
                "kind": self.kind,
                "previous": self.previous,
                "body": self.body,
            }
        )


class Entry(namedtuple("Entry", ("record", "data", "hash"))):
    """A record with its canonical bytes and their SHA-256 in hex."""


class Batch(namedtuple("Batch", ("node", "chain", "epoch", "after", "entries"))):
    """Consecutive records of one epoch; `after` is the sender's sequence before the first, or 0."""


class Answer(namedtuple("Answer", ("chain", "epoch", "position", "time_ms", "nonce"))):
    """The receiver's position on disk, its time (Unix UTC ms) and the request's nonce."""


class Verdict(namedtuple("Verdict", ("outcome", "entries", "position", "hole"))):
    """What a receiver does with a batch.

    `entries` are those to store; `position` is the one to answer once they are on disk; `hole` is
    (first, last) of the sequences that will never come, or None.
    """


class Chain:
    """Number and link the records of one epoch of one chain."""

    def __init__(
        self, node: str, chain: str, epoch: str, sequence: int = 0, previous: str = FIRST_PREVIOUS
    ):
        """Continue after `sequence`, whose record hashes to `previous`; 0 starts the epoch."""
        self.node = node
        self.chain = chain
        self.epoch = epoch
        self.sequence = sequence
        self.previous = previous

    def build(
        self,
        at_ms: int | None,
        clock: str,
        uncertainty_ms: int | None,
        kind: str,
        body: "dict[str, object]",
    ) -> Entry:
        """Build the next record without moving on; `advance` follows when it is on disk.

        Raises `LocalFault("records.local")` for a record that a reader would refuse.
        """
        record = Record(
            self.node,
            self.chain,
            self.epoch,
            self.sequence + 1,
            at_ms,
            clock,
            uncertainty_ms,
            kind,
            self.previous,
            body,
        )
        try:
            # Reading it back is the one proof that the other end can: a control character in a
            # text, for one, can be encoded but never decoded.
            return read(record.encode())
        except (RemoteFault, LocalFault) as fault:
            raise LocalFault("records.local", fault.message, "Mend the fact that was recorded.")

    def advance(self, entry: Entry) -> None:
        """Move behind a built record."""
        if entry.record.sequence != self.sequence + 1 or entry.record.previous != self.previous:
            raise LocalFault("records.order", "not the next record", "Advance in order.")
        self.sequence = entry.record.sequence
        self.previous = entry.hash


def new_epoch(random: bytes) -> str:
    """Return the epoch's name for 8 random bytes."""
    if len(random) != 8:
        raise LocalFault("records.epoch", "an epoch takes 8 bytes", "Pass 8 random bytes.")
    return binascii.hexlify(random).decode()


def hash_of(data: bytes) -> str:
    """Return the SHA-256 of canonical bytes in hex."""
    return binascii.hexlify(hashlib.sha256(data).digest()).decode()


def gap_body(
    epoch: str, first: int, last: int | None, reason: str, last_hash: str
) -> "dict[str, object]":
    """Return the body of a gap record: sequences `first` to `last` of `epoch` are lost for good.

    `last` is None where nobody can know how many. `reason` is `overflow` (dropped for want of
    room) or `missing` (found missing after damage). `last_hash` is the hash of the last lost
    record where it is known (else empty), which keeps the chain provable across the gap.
    """
    return {"epoch": epoch, "first": first, "last": last, "reason": reason, "hash": last_hash}


def read(data: bytes) -> Entry:
    """Read one record strictly; raises `format.field`, `records.*` or `json.*` (`RemoteFault`)."""
    _check_length(data)
    value = canonical.decode(data, RECORD_BYTES_MAX)
    entry = _entry(value)
    if entry.data != data:
        raise RemoteFault("records.format", "the record is not canonical", _REMEDY)
    return entry


def build_batch(node: str, chain: str, epoch: str, after: int, records: "list[bytes]") -> bytes:
    """Join canonical records into the canonical body of `POST /v1/records`.

    An empty list asks for the position and the time only.
    """
    head = canonical.encode({"after": after, "chain": chain, "epoch": epoch, "node": node})
    return head[:-1] + b',"records":[' + b",".join(records) + b"]}"


def read_batch(data: bytes) -> Batch:
    """Read a batch strictly: one node, chain and epoch, consecutive and linked records.

    Raises `RemoteFault` with `format.field`, `records.*` or `json.*`.
    """
    if len(data) > RECORD_BATCH_BYTES_MAX:
        raise RemoteFault("records.limit", "batch over its bytes", "Send smaller batches.")
    take = _fields(canonical.decode(data, RECORD_BATCH_BYTES_MAX), "batch", 5)
    node = take.id("node", NODE_ID_BYTES_MAX)
    chain = take.choice("chain", CHAINS)
    epoch = _hex(take, "epoch", 16)
    after = take.integer("after", 0, JSON_INTEGER_MAX)
    values = take.entries("records", 0, RECORD_BATCH_BYTES_MAX)
    if len(values) > RECORD_BATCH_COUNT_MAX:
        raise RemoteFault("records.limit", "batch over its count", "Send smaller batches.")
    entries = [_entry(item) for item in values]
    _check_run(node, chain, epoch, after, entries)
    if build_batch(node, chain, epoch, after, [entry.data for entry in entries]) != data:
        raise RemoteFault("records.format", "the batch is not canonical", _REMEDY)
    return Batch(node, chain, epoch, after, entries)


def build_answer(chain: str, epoch: str, position: int, time_ms: int, nonce: str) -> bytes:
    """Build the canonical body of the answer to a batch; send it signed."""
    answer = {"chain": chain, "epoch": epoch, "position": position, "time_ms": time_ms}
    answer["nonce"] = nonce
    return canonical.encode(answer)


def read_answer(data: bytes) -> Answer:
    """Read an answer strictly; raises as `read`."""
    if len(data) > RECORD_ANSWER_BYTES_MAX:
        raise RemoteFault("records.limit", "answer over its bytes", "Check the hub's address.")
    take = _fields(canonical.decode(data, RECORD_ANSWER_BYTES_MAX), "answer", 5)
    return Answer(
        take.choice("chain", CHAINS),
        _hex(take, "epoch", 16),
        take.integer("position", 0, JSON_INTEGER_MAX),
        take.integer("time_ms", 0, JSON_INTEGER_MAX),
        take.id("nonce", ID_BYTES_MAX),
    )


def admit(batch: Batch, position: int, position_hash: str, held: "object") -> Verdict:
    """Decide what a receiver at `position` does with a batch (all or nothing).

    `position` is the highest sequence stored for (node, chain, epoch), 0 when none;
    `position_hash` the hash there, `FIRST_PREVIOUS` when none; `held(sequence)` returns the hash
    stored at or below the position, or None inside a hole. A record that fills a hole is stored:
    late evidence is evidence.
    """
    new = []
    for entry in batch.entries:
        sequence = entry.record.sequence
        if sequence > position:
            new.append(entry)
            continue
        stored = held(sequence)  # type: ignore[operator]
        if stored is None:
            new.append(entry)
        elif stored != entry.hash:
            return Verdict(FORK, [], position, None)
    if not batch.entries:
        return Verdict(STORED, [], position, None)
    first = batch.entries[0].record
    hole = None
    if first.sequence == position + 1 and first.previous != position_hash:
        return Verdict(FORK, [], position, None)
    if first.sequence > position + 1:
        if batch.after > position:
            return Verdict(REWIND, [], position, None)
        hole = (position + 1, first.sequence - 1)
    return Verdict(STORED, new, max(position, batch.entries[-1].record.sequence), hole)


def _entry(value: "object") -> Entry:
    take = _fields(value, "record", 10)
    body = take.value("body")
    if not isinstance(body, dict):
        raise fields.refuse("record.body", "is not an object", _REMEDY)
    record = Record(
        take.id("node", NODE_ID_BYTES_MAX),
        take.choice("chain", CHAINS),
        _hex(take, "epoch", 16),
        take.integer("sequence", 1, JSON_INTEGER_MAX),
        _optional_integer(take, "at_ms"),
        take.choice("clock", CLOCKS),
        _optional_integer(take, "uncertainty_ms"),
        take.id("kind", RECORD_KIND_BYTES_MAX),
        take.digest("previous"),
        body,
    )
    data = b"".join(canonical.Message(value))  # type: ignore[arg-type]
    _check_length(data)
    return Entry(record, data, hash_of(data))


def _fields(value: "object", name: str, count: int) -> fields.Fields:
    """Take an object of exactly `count` fields: what is hashed must be what is understood."""
    take = fields.Fields(value, name)
    if len(take.values) != count:
        raise fields.refuse(name, "has missing or unknown fields", _REMEDY)
    return take


def _hex(take: fields.Fields, field: str, length: int) -> str:
    text = take.text(field, length, length)
    for letter in text:
        if letter not in "0123456789abcdef":
            raise fields.refuse(take.name(field), "is not lower-case hex", _REMEDY)
    return text


def _optional_integer(take: fields.Fields, field: str) -> int | None:
    if take.value(field) is None:
        return None
    return take.integer(field, 0, JSON_INTEGER_MAX)


def _check_length(data: bytes) -> None:
    if len(data) > RECORD_BYTES_MAX:
        raise RemoteFault("records.limit", "record over its bytes", "Record less in one record.")


def _check_run(node: str, chain: str, epoch: str, after: int, entries: "list[Entry]") -> None:
    previous = None
    for entry in entries:
        record = entry.record
        if (record.node, record.chain, record.epoch) != (node, chain, epoch):
            raise RemoteFault("records.chain", "a record of another chain", _REMEDY)
        if previous is None:
            linked = record.sequence > after
            linked = linked and (record.sequence > 1 or record.previous == FIRST_PREVIOUS)
        else:
            linked = record.sequence == previous.record.sequence + 1
            linked = linked and record.previous == previous.hash
        if not linked:
            raise RemoteFault("records.chain", "record %d: not linked" % record.sequence, _REMEDY)
        previous = entry
