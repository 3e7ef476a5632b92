"""Records: chain, strict reader, batches, and what a receiver admits."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import canonical, records
from protocols.errors import LocalFault, RemoteFault
from protocols.limits import RECORD_BATCH_BYTES_MAX, RECORD_BATCH_COUNT_MAX

EPOCH = "00112233445566ff"


def make(count, epoch=EPOCH, word="x", chain=None):
    chain = chain or records.Chain("node-1", records.PLAYS, epoch)
    entries = []
    for index in range(count):
        entry = chain.build(1000 + index, "hub", 20, "play", {"item": word})
        chain.advance(entry)
        entries.append(entry)
    return entries


def batch(entries, after=0):
    data = records.build_batch("node-1", "plays", EPOCH, after, [e.data for e in entries])
    return records.read_batch(data)


def admit(entries, held, after=0):
    """Run `admit` for a receiver that holds a dict of sequence → hash."""
    position = max(held) if held else 0
    at = held[position] if held else records.FIRST_PREVIOUS
    return records.admit(batch(entries, after), position, at, held.get)


def hashes(entries):
    return {entry.record.sequence: entry.hash for entry in entries}


def test_a_chain_links_and_counts_from_one():
    entries = make(3)
    assert [e.record.sequence for e in entries] == [1, 2, 3]
    assert entries[0].record.previous == records.FIRST_PREVIOUS
    assert entries[2].record.previous == entries[1].hash
    for entry in entries:
        assert records.read(entry.data) == entry


def test_building_does_not_move_on_and_advancing_is_in_order():
    chain = records.Chain("node-1", "health", EPOCH)
    first = chain.build(None, "unknown", None, "boot", {})
    assert chain.sequence == 0
    assert chain.build(None, "unknown", None, "boot", {}) == first
    chain.advance(first)
    with pytest.raises(LocalFault):
        chain.advance(first)
    assert (chain.sequence, chain.previous) == (1, first.hash)


@pytest.mark.parametrize(
    ("clock", "kind", "body"),
    [
        ("gps", "play", {}),
        ("rtc", "Play!", {}),
        ("rtc", "", {}),
        ("rtc", "play", []),
        ("rtc", "play", {"half": 0.5}),
        ("rtc", "play", {"text": "line\nend"}),
        ("rtc", "play", {"text": "x" * 5000}),
    ],
)
def test_what_a_reader_would_refuse_is_not_built(clock, kind, body):
    chain = records.Chain("node-1", "health", EPOCH)
    with pytest.raises(LocalFault):
        chain.build(1, clock, 1, kind, body)
    assert chain.sequence == 0


def bend(**changes):
    value = json.loads(make(1)[0].data)
    for name, change in changes.items():
        if change is Ellipsis:
            del value[name]
        else:
            value[name] = change
    return canonical.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        bend(node=""),
        bend(node="a b"),
        bend(node="n" * 65),
        bend(node=7),
        bend(chain="logs"),
        bend(epoch="0011"),
        bend(epoch="00112233445566FF"),
        bend(sequence=0),
        bend(sequence=True),
        bend(sequence="1"),
        bend(at_ms=-1),
        bend(at_ms=True),
        bend(uncertainty_ms=-5),
        bend(clock="gps"),
        bend(kind="pl ay"),
        bend(previous="0" * 63),
        bend(previous="G" * 64),
        bend(body=[]),
        bend(extra=1),
        bend(body=Ellipsis),
        b"[]",
        b"{}",
        make(1)[0].data + b" ",
        make(1)[0].data.replace(b",", b", ", 1),
        b"\xff",
    ],
)
def test_every_other_record_is_refused(data):
    with pytest.raises(RemoteFault) as caught:
        records.read(data)
    assert caught.value.code.split(".")[0] in ("records", "format", "json")


def test_a_batch_reads_back():
    entries = make(3)
    found = batch(entries)
    assert found.entries == entries
    assert (found.node, found.chain, found.epoch, found.after) == ("node-1", "plays", EPOCH, 0)
    assert canonical.encode(json.loads(raw(entries))) == raw(entries)
    assert batch([]).entries == []


def raw(entries, after=0, node="node-1", epoch=EPOCH):
    return records.build_batch(node, "plays", epoch, after, [e.data for e in entries])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (raw(make(3)[::2]), "records.chain"),
        (raw(list(reversed(make(2)))), "records.chain"),
        (raw(make(2), node="node-2"), "records.chain"),
        (raw(make(2), epoch="f" * 16), "records.chain"),
        (raw(make(2), after=1), "records.chain"),
        (raw([make(2)[0], make(2, word="y")[1]]), "records.chain"),
        (raw(make(1)).replace(b'"previous":"0', b'"previous":"1'), "records.chain"),
        (raw(make(1)) + b"\n", "records.format"),
        (raw(make(1)).replace(b'"after":0', b'"after":true'), "format.field"),
        (b'{"after":0,"chain":"plays","epoch":"%s"}' % EPOCH.encode(), "format.field"),
        (raw([]).replace(b"[]", b"{}"), "format.field"),
        (raw(make(RECORD_BATCH_COUNT_MAX + 1)), "records.limit"),
        (b" " * (RECORD_BATCH_BYTES_MAX + 1), "records.limit"),
    ],
)
def test_every_other_batch_is_refused(data, code):
    with pytest.raises(RemoteFault) as caught:
        records.read_batch(data)
    assert caught.value.code == code


def test_an_answer_reads_back_and_others_are_refused():
    data = records.build_answer("plays", EPOCH, 7, 1234, "abc")
    assert records.read_answer(data) == ("plays", EPOCH, 7, 1234, "abc")
    for bad in (b"{}", data.replace(b"7", b"-7"), data.replace(b"abc", b""), data + b" " * 1024):
        with pytest.raises(RemoteFault):
            records.read_answer(bad)


def test_an_empty_receiver_stores_from_the_start():
    entries = make(3)
    verdict = admit(entries, {})
    assert verdict == (records.STORED, entries, 3, None)


def test_a_continuation_is_stored_and_an_overlap_only_once():
    entries = make(5)
    verdict = admit(entries[1:], hashes(entries[:3]), after=1)
    assert (verdict.outcome, verdict.entries, verdict.position) == ("stored", entries[3:], 5)


def test_a_repeated_batch_changes_nothing():
    entries = make(3)
    assert admit(entries, hashes(entries)) == (records.STORED, [], 3, None)
    assert admit([], hashes(entries)) == (records.STORED, [], 3, None)


def test_a_receiver_that_went_back_asks_for_the_rest():
    entries = make(8)
    verdict = admit(entries[6:], hashes(entries[:3]), after=6)
    assert verdict == (records.REWIND, [], 3, None)


def test_what_the_sender_lost_becomes_a_hole():
    entries = make(8)
    verdict = admit(entries[6:], hashes(entries[:3]), after=2)
    assert verdict == (records.STORED, entries[6:], 8, (4, 6))
    verdict = admit(entries[6:], {}, after=0)
    assert (verdict.position, verdict.hole) == (8, (1, 6))


def test_late_evidence_fills_a_hole():
    entries = make(8)
    held = hashes(entries[:3] + entries[6:])
    verdict = admit(entries[3:6], held, after=3)
    assert verdict == (records.STORED, entries[3:6], 8, None)


def test_another_hash_under_the_same_key_is_a_fork():
    entries, others = make(4), make(4, word="y")
    assert admit(others, hashes(entries)) == (records.FORK, [], 4, None)
    assert admit(others[3:], hashes(entries[:3])) == (records.FORK, [], 3, None)


def test_a_gap_record_carries_the_hash_that_keeps_the_chain_provable():
    entries = make(3)
    body = records.gap_body(EPOCH, 1, 2, "overflow", entries[1].hash)
    chain = records.Chain("node-1", "plays", EPOCH, 3, entries[2].hash)
    gap = chain.build(None, "unknown", None, "gap", body)
    assert records.read(gap.data).record.body["hash"] == entries[2].record.previous


def test_epochs_come_from_eight_random_bytes():
    assert records.new_epoch(bytes(range(8))) == "0001020304050607"
    with pytest.raises(LocalFault):
        records.new_epoch(b"short")


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_any_bytes_are_refused_with_a_code(data):
    for reader in (records.read, records.read_batch, records.read_answer):
        with pytest.raises(RemoteFault):
            reader(data)


@given(st.integers(0, 10**6), st.integers(0, 255))
@settings(max_examples=100)
def test_one_changed_byte_is_another_hash_or_refused(index, value):
    entry = make(1)[0]
    changed = bytearray(entry.data)
    changed[index % len(changed)] = value
    try:
        found = records.read(bytes(changed))
    except RemoteFault:
        return
    assert (found.hash == entry.hash) == (bytes(changed) == entry.data)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 4)), max_size=12))
@settings(max_examples=100)
def test_any_order_of_honest_batches_never_forks_and_never_lowers_the_position(sends):
    entries = make(16)
    held = {}
    for first, count in sends:
        run = entries[first - 1 : first - 1 + count]
        position = max(held) if held else 0
        verdict = admit(run, held, after=first - 1)
        assert verdict.outcome != records.FORK
        assert verdict.position >= position
        held.update(hashes(verdict.entries))
        assert sorted(held) == list(range(1, len(held) + 1))
