"""The journal and the blocks of the disk under it."""

from hw.sim.storage import Storage
from protocols import journal
from tests.edge.test_journal_store import CLOCK, SMALL, fact, facts, gaps, opened


def test_no_record_stands_in_two_blocks_and_all_are_found_again():
    storage = Storage()
    store = opened(storage)
    for number in range(60):
        store.append("plays", CLOCK, "play", fact(number, 80 + number * 7 % 400))
        if number % 7 == 0:
            store.acknowledge("plays", store.epoch("plays"), number // 2)
    for name, data in storage.files.items():
        reader = storage.open(name)
        for frame in journal.scan(reader.read):
            if frame.kind == journal.RECORD:
                assert frame.offset // 4096 == (frame.offset + frame.size - 1) // 4096, name
            assert frame.kind != journal.DAMAGE
        assert len(data) == SMALL
    again = opened(storage)
    assert facts(again) == list(range(60)) and gaps(again) == []
    assert again.epoch("plays") == store.epoch("plays")
    assert again.positions("plays") == store.positions("plays")
