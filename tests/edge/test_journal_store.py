"""The journal on the storage port: nothing told is lost, whatever the disk does."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal_store import JournalStore
from hw.sim.storage import PowerCut, Storage
from protocols import records
from protocols.errors import LocalFault, WorldFault
from protocols.outbox import Dropped, Run, Span

CLOCK = (1795000000000, "hub", 20)
SMALL = 16 * 1024


class Random:
    """Eight bytes that never come twice."""

    def __init__(self):
        self.count = 0

    def __call__(self, count):
        self.count += 1
        return self.count.to_bytes(count, "big")


RANDOM = Random()


def opened(storage, segments_max=8):
    store = JournalStore(storage, "node-1", RANDOM, SMALL, segments_max)
    store.open()
    return store


def fact(number, size=300):
    return {"n": number, "text": "x" * size}


def held(store, name="plays"):
    """Return every record held, read back strictly, in order."""
    entries = []
    for run in store.runs(name):
        span = Span(run.epoch, 0, run.first, run.last - run.first + 1)
        while span.count_max:
            data = store.read(name, span, 1 << 20)
            entries.extend(records.read(item) for item in data)
            span = Span(run.epoch, 0, span.first + len(data), span.count_max - len(data))
    return entries


def facts(store, name="plays"):
    return [e.record.body["n"] for e in held(store, name) if e.record.kind == "play"]


def gaps(store, name="plays"):
    return [e.record.body for e in held(store, name) if e.record.kind == "gap"]


def check_links(entries):
    for before, after in itertools.pairwise(entries):
        if before.record.epoch == after.record.epoch:
            if before.record.sequence + 1 == after.record.sequence:
                assert after.record.previous == before.hash


def test_records_survive_a_reboot_and_the_chain_goes_on():
    storage = Storage()
    store = opened(storage)
    for number in range(120):
        store.append("plays", CLOCK, "play", fact(number))
    store.append("health", CLOCK, "boot", {})
    again = opened(storage)
    again.append("plays", CLOCK, "play", fact(120))
    assert facts(again) == list(range(121))
    (run,) = again.runs("plays")
    assert (run.first, run.last) == (1, 121)
    check_links(held(again))
    assert again.epoch("plays") == store.epoch("plays")


def test_changes_tell_what_is_on_disk():
    store = opened(Storage())
    entry = store.append("plays", CLOCK, "play", fact(1))
    assert store.next_change("plays") == Run(entry.record.epoch, 1, 1)
    assert store.next_change("plays") is None
    assert store.next_change("health") is None


def test_spans_are_read_within_their_bytes():
    store = opened(Storage())
    for number in range(100):
        store.append("plays", CLOCK, "play", fact(number))
    epoch = store.epoch("plays")
    size = len(store.read("plays", Span(epoch, 0, 1, 1), 4096)[0])
    found = store.read("plays", Span(epoch, 0, 11, 100), 256 + 5 * (size + 3))
    assert [json.loads(item)["sequence"] for item in found] == [11, 12, 13, 14, 15]
    found = store.read("plays", Span(epoch, 0, 16, 60), 1 << 20)
    assert [json.loads(item)["sequence"] for item in found] == list(range(16, 76))
    assert store.read("plays", Span(epoch, 9, 0, 0), 4096) == []


def test_reading_ends_behind_the_last_record_wanted():
    storage, pieces = Storage(), []
    store = opened(storage)
    for number in range(3):
        store.append("plays", CLOCK, "play", fact(number))
    opens = storage.open

    def watched(name):
        reader = opens(name)
        reader.read = lambda count, read=reader.read: pieces.append(count) or read(count)
        return reader

    storage.open = watched
    assert len(store.read("plays", Span(store.epoch("plays"), 0, 1, 3), 1 << 20)) == 3
    assert sum(pieces) < SMALL // 4


def test_positions_reach_the_disk_with_the_next_record_or_after_a_while():
    storage = Storage()
    store = opened(storage)
    epoch = store.epoch("plays")
    for number in range(70):
        store.append("plays", CLOCK, "play", fact(number, 10))
    calls = storage.calls
    store.acknowledge("plays", epoch, 5)
    assert storage.calls == calls
    assert opened(storage).positions("plays") == {}
    store.append("plays", CLOCK, "play", fact(70))
    assert opened(storage).positions("plays") == {epoch: 5}
    store.acknowledge("plays", epoch, 69)
    assert opened(storage).positions("plays") == {epoch: 69}
    store.acknowledge("plays", epoch, 2)
    assert opened(storage).positions("plays") == {epoch: 2}


def fill(store, name, segments, start=0):
    """Append until a chain has that many segments; return the next number."""
    number = start
    prefix = f"journal/{name}-"
    while len([f for f in store._storage.files if f.startswith(prefix)]) < segments:
        store.append(name, CLOCK, "play", fact(number, 2000))
        number += 1
    return number


def test_acknowledged_records_go_first_and_health_before_plays():
    storage = Storage()
    store = opened(storage)
    fill(store, "health", 3)
    number = fill(store, "plays", 5)
    for name in ("plays", "health"):
        (run,) = store.runs(name)
        store.acknowledge(name, run.epoch, run.last)
    health_first = store.runs("health")[0].first
    for extra in range(8):
        store.append("plays", CLOCK, "play", fact(number + extra, 2000))
    assert store.segment_count() == 8
    assert store.runs("health")[0].first > health_first
    assert store.runs("plays")[0].first == 1
    assert gaps(store) == gaps(store, "health") == []


def test_overflow_drops_health_then_plays_and_says_so():
    storage = Storage()
    store = opened(storage)
    fill(store, "health", 4)
    number = fill(store, "plays", 4)
    while len(store.runs("plays")) and store.runs("plays")[0].first == 1:
        store.append("plays", CLOCK, "play", fact(number, 2000))
        number += 1
    assert store.segment_count() == 8
    for name in ("health", "plays"):
        told = gaps(store, name)
        assert told
        assert [gap["reason"] for gap in told] == ["overflow"] * len(told)
        first = store.runs(name)[0].first
        assert max(gap["last"] for gap in told) == first - 1
        oldest = held(store, name)[0]
        assert told[-1]["hash"] == oldest.record.previous
    changes = []
    while (change := store.next_change("plays")) is not None:
        changes.append(change)
    assert [c for c in changes if isinstance(c, Dropped)]
    again = opened(storage)
    assert again.runs("plays") == store.runs("plays")
    assert gaps(again) == gaps(store)


def test_a_full_disk_costs_the_oldest_segment_and_says_so():
    storage = Storage(capacity_bytes=5 * SMALL + 100)
    store = opened(storage)
    for number in range(80):
        store.append("plays", CLOCK, "play", fact(number, 2000))
    assert store.segment_count() <= 5
    first = store.runs("plays")[0].first
    assert max(gap["last"] for gap in gaps(store)) == first - 1
    assert facts(store)[-1] == 79


def test_a_disk_with_no_room_at_all_says_so_and_keeps_nothing():
    store = opened(Storage(capacity_bytes=1000))
    with pytest.raises(WorldFault) as caught:
        store.append("plays", CLOCK, "play", fact(1))
    assert caught.value.code == "storage.full"
    assert store.runs("plays") == []


class Refusing(Storage):
    """A disk whose writes fail now and then, with or without effect."""

    fail = None

    def patch(self, name, position, data):
        if self.fail == "before":
            self.fail = None
            raise WorldFault("storage.io", "write error", "replace the disk")
        super().patch(name, position, data)
        if self.fail == "after":
            self.fail = None
            raise WorldFault("storage.io", "write error", "replace the disk")


@pytest.mark.parametrize("fail", ["before", "after"])
def test_a_failed_write_done_again_is_found_once(fail):
    storage = Refusing()
    store = opened(storage)
    store.append("plays", CLOCK, "play", fact(1))
    storage.fail = fail
    with pytest.raises(WorldFault):
        store.append("plays", CLOCK, "play", fact(2))
    store.append("plays", CLOCK, "play", fact(2))
    store.append("plays", CLOCK, "play", fact(3))
    for one in (store, opened(storage)):
        assert facts(one) == [1, 2, 3]
        assert one.epoch("plays") == store.epoch("plays")
        check_links(held(one))


def test_a_disk_that_refuses_every_write_costs_no_history():
    storage = Refusing()
    store = opened(storage, 4)
    store.append("plays", CLOCK, "play", fact(1))
    for _ in range(20):
        storage.fail = "after"
        with pytest.raises(WorldFault):
            store.append("plays", CLOCK, "play", fact(2))
    assert store.segment_count() == 2
    store.append("plays", CLOCK, "play", fact(2))
    for one in (store, opened(storage, 4)):
        assert facts(one) == [1, 2]


@pytest.mark.parametrize("fail", ["before", "after"])
def test_another_fact_after_a_failed_write_never_reuses_a_sequence(fail):
    storage = Refusing()
    store = opened(storage)
    store.append("plays", CLOCK, "play", fact(1))
    storage.fail = fail
    with pytest.raises(WorldFault):
        store.append("plays", CLOCK, "play", fact(2))
    store.append("plays", CLOCK, "play", fact(3))
    again = opened(storage)
    keys = [(e.record.epoch, e.record.sequence) for e in held(again)]
    assert len(set(keys)) == len(keys)
    assert facts(again)[-1] == 3


def workload(store, told):
    """Append, acknowledge and overflow; `told` takes what a caller was told is durable."""
    for number in range(60):
        name = "health" if number % 3 else "plays"
        entry = store.append(name, CLOCK, "play", fact(number, 1500))
        told[entry.hash] = entry
        if number == 20:
            store.acknowledge("plays", store.epoch("plays"), 4)


def dropped(store):
    gone = set()
    for name in records.CHAINS:
        for gap in gaps(store, name):
            if gap["last"] is not None and gap["reason"] == "overflow":
                for sequence in range(gap["first"], gap["last"] + 1):
                    gone.add((gap["epoch"], sequence))
    return gone


@pytest.mark.parametrize("survive_percent", [0, 40, 100])
def test_power_cut_at_every_storage_call(survive_percent):
    storage = Storage()
    workload(opened(storage, 4), {})
    calls = storage.calls
    assert calls > 60
    sent = {}
    for cut_at in range(1, calls + 1):
        storage = Storage()
        storage.survive_percent = survive_percent
        storage.cut_at = cut_at
        told = {}
        with pytest.raises(PowerCut):
            workload(opened(storage, 4), told)
        storage.reboot()
        store = opened(storage, 4)
        entries = held(store) + held(store, "health")
        found = {entry.hash for entry in entries}
        gone = dropped(store)
        for entry in told.values():
            key = (entry.record.epoch, entry.record.sequence)
            acknowledged = store.positions(entry.record.chain).get(key[0], 0)
            assert entry.hash in found or key in gone or key[1] <= acknowledged
        keys = [(e.record.chain, e.record.epoch, e.record.sequence) for e in entries]
        assert len(set(keys)) == len(keys)
        check_links(held(store))
        check_links(held(store, "health"))
        # What was told may have been sent: the next record must not take its place.
        extra = store.append("plays", CLOCK, "play", fact(99))
        for entry in told.values():
            same = (entry.record.chain, *extra.record[2:4])
            assert same != ("plays", *entry.record[2:4])
        sent.update(told)
    assert len(sent) > 50


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=5))
@settings(max_examples=60)
def test_flipped_bits_never_reuse_a_key_and_every_loss_is_told(flips):
    storage = Storage()
    store = opened(storage)
    told = {}
    for number in range(40):
        entry = store.append("plays", CLOCK, "play", fact(number, 800))
        told[entry.record.epoch, entry.record.sequence] = entry
    names = sorted(storage.files)
    for position, mask in flips:
        name = names[position % len(names)]
        data = bytearray(storage.files[name])
        data[position // len(names) % len(data)] ^= mask
        storage.files[name] = bytes(data)
    again = opened(storage)
    entries = held(again)
    explained = set()
    for gap in gaps(again):
        last = gap["last"] if gap["last"] is not None else 10**6
        explained.update((gap["epoch"], n) for n in range(gap["first"], min(last, 100) + 1))
    keys = {(e.record.epoch, e.record.sequence): e.hash for e in entries}
    for key, entry in told.items():
        if key in keys:
            assert keys[key] == entry.hash
        else:
            assert key in explained
    third = opened(storage)
    assert held(third) == entries


def test_bits_that_flip_under_a_running_node_are_found_when_read():
    storage = Storage()
    store = opened(storage)
    for number in range(30):
        store.append("plays", CLOCK, "play", fact(number, 800))
    while store.next_change("plays") is not None:
        pass
    epoch = store.epoch("plays")
    name = min(storage.files)
    data = bytearray(storage.files[name])
    data[2000] ^= 1
    storage.files[name] = bytes(data)
    assert len(store.read("plays", Span(epoch, 0, 1, 30), 1 << 20)) == 1
    assert store.read("plays", Span(epoch, 1, 2, 29), 1 << 20) is None
    assert store.next_change("plays") == Dropped(epoch, 2, 2)
    assert gaps(store)[0]["first"] == gaps(store)[0]["last"] == 2
    assert gaps(store)[0]["hash"] == held(store)[1].record.previous
    assert len(store.read("plays", Span(epoch, 1, 3, 5), 1 << 20)) == 5


def test_damage_between_two_records_keeps_neither_from_the_hub():
    storage = Storage()
    store = opened(storage)
    first = store.append("plays", CLOCK, "play", fact(1)).record
    # The hub's position is written in front of the second record, and spoilt there.
    store.acknowledge("plays", first.epoch, 1)
    store.append("plays", CLOCK, "play", fact(2))
    name = next(one for one in storage.files if one.startswith("journal/plays"))
    data = bytearray(storage.files[name])
    data[bytes(data).rindex(b'{"at_ms"') - 30] ^= 1
    storage.files[name] = bytes(data)
    again = opened(storage)
    assert again.positions("plays") == {}
    assert facts(again) == [1, 2]


def test_a_journal_too_small_is_refused():
    with pytest.raises(LocalFault):
        JournalStore(Storage(), "node-1", RANDOM, 4096, 8)
