"""Journal, outbox and the store under them on both interpreters."""

# Imports nest and a 32-bit stack is small: the deepest first.
from protocols import canonical, journal, records

# isort: split
from edge.journal_store import JournalStore
from hw.sim.storage import PowerCut, Storage
from protocols.errors import LocalFault
from protocols.outbox import Acknowledged, Outbox, Refused, Run, Span

# The disk of the test is in the heap: twelve segments of 16 KB, copied whole at every patch.
HEAP_KB = 640

EPOCH = "00112233445566ff"
CLOCK = (1795000000000, "hub", 20)
SMALL = 16 * 1024


class Random:
    def __init__(self):
        self.count = 0

    def __call__(self, count):
        self.count += 1
        return b"\x00" * (count - 1) + bytes([self.count])


def opened(storage, random, segments_max=4):
    store = JournalStore(storage, "node-1", random, SMALL, segments_max)
    store.open()
    return store


def scan(data):
    at = [0]

    def read(count):
        piece = data[at[0] : at[0] + count]
        at[0] += len(piece)
        return piece

    return list(journal.scan(read))


def test_the_bytes_of_a_frame():
    data = journal.frame(journal.RECORD, EPOCH, 258, b"{}")
    assert data == (
        b"\xff\xa1\x00\x02\x00\x11\x22\x33\x44\x55\x66\xff\x00\x00\x00\x00\x00\x00\x01\x02"
        b"\x8b|Q\xcb{}"
    ), data


def test_what_would_straddle_two_blocks_begins_at_the_second():
    assert journal.place(0, 300) == 0 and journal.place(3796, 300) == 3796
    assert journal.place(3797, 300) == 4096 and journal.place(4096, 300) == 4096
    # What no block holds goes where it is.
    assert journal.place(100, 4097) == 100
    data = journal.frame(journal.RECORD, EPOCH, 1, b"x" * 4000)
    data += bytes(4096 - len(data)) + journal.frame(journal.RECORD, EPOCH, 2, b"x") + bytes(99)
    found = [(one.kind, one.offset, one.sequence) for one in scan(data)]
    end = 4096 + journal.HEAD_BYTES + 1
    assert found == [("record", 0, 1), ("record", 4096, 2), ("end", end, 0)], found
    # Zeros that end anywhere else are damage.
    kinds = [one.kind for one in scan(data[:4050] + data[4051:])]
    assert kinds == ["record", "damage", "record", "end"], kinds
    # So is a block of nothing but zeros, where others follow.
    kinds = [one.kind for one in scan(data[:4096] + bytes(4096) + data[4096:])]
    assert kinds == ["record", "damage", "record", "end"], kinds


def test_torn_and_flipped_frames_are_stepped_over():
    frames = [journal.frame(journal.RECORD, EPOCH, n, b"x" * 40) for n in range(1, 6)]
    whole = b"".join(frames) + bytes(500)
    size = len(frames[0])
    for position in range(0, 5 * size, 3):
        data = whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :]
        found = [f.sequence for f in scan(data) if f.kind == journal.RECORD]
        assert found == [n for n in range(1, 6) if n != position // size + 1]
    for end in range(4 * size, 5 * size):
        found = scan(whole[:end] + bytes(500))
        assert [f.sequence for f in found[:4]] == [1, 2, 3, 4]
        assert (found[-1].size == 0) == (end == 4 * size)


def test_records_survive_cuts():
    random = Random()
    storage = Storage()
    store = opened(storage, random, 12)
    told = []
    storage.survive_percent = 50
    for cut in range(1, 8):
        storage.cut_at = storage.calls + 2 * cut
        try:
            while True:
                told.append(store.append("plays", CLOCK, "play", {"n": len(told)}).hash)
        except PowerCut:
            storage.reboot()
        store = opened(storage, random, 12)
    held = []
    for run in store.runs("plays"):
        span = Span(run.epoch, 0, run.first, run.last - run.first + 1)
        for data in store.read("plays", span, 1 << 20):
            held.append(records.read(data).hash)
    for one in told:
        assert one in held


def test_overflow_is_bounded_and_told():
    random = Random()
    store = opened(Storage(), random)
    for number in range(60):
        store.append("plays", CLOCK, "play", {"n": number, "text": "x" * 1500})
    assert store.segment_count() == 4
    run = store.runs("plays")[0]
    assert run.first > 1
    last = store.runs("plays")[-1].last
    found = store.read("plays", Span(run.epoch, 0, run.first, last - run.first + 1), 1 << 20)
    values = [canonical.decode(data, 4096) for data in found]
    gaps = [value["body"] for value in values if value["kind"] == "gap"]
    assert gaps[-1]["last"] == run.first - 1


def test_an_outbox_delivers():
    box = Outbox(1, [Run(EPOCH, 1, 3)], {})
    box.tick(0)
    assert box.data_to_send() == Span(EPOCH, 0, 1, 3)
    box.link_lost(5)
    box.tick(box.deadline_ms())
    assert box.data_to_send() == Span(EPOCH, 0, 1, 3)
    box.receive(records.build_answer("plays", EPOCH, 3, 9, "n"), 10000)
    assert box.next_event() == Acknowledged(EPOCH, 3)
    assert box.data_to_send() is None
    try:
        box.submit(Refused("records.fork"), 10001)
    except LocalFault:
        return
    raise AssertionError("accepted a refusal of nothing")
