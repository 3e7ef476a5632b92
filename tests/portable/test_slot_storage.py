"""The slot store keeps the storage contract, and what it was told, on the worst of FAT disks."""

from hw.sim.slot_files import SlotFiles
from hw.sim.storage import PowerCut
from hw.slot_storage import Storage
from protocols import slot
from protocols.errors import Fault
from protocols.slot import CONTENT_AT, VISIBLE, Head
from tests.portable import storage_contract, storage_cuts

# The simulated disk lives in the heap, twice: as it is seen and as it is stored.
HEAP_KB = 512
LUCKS = (0, 1, 2, 3, 4, 5, 6)


def test_contract():
    for check in storage_contract.CHECKS:
        check(Storage(SlotFiles()))


def cut_everywhere(luck, step=1):
    """Cut at every `step`-th operation of the story; returns how many cuts there were."""
    cuts = 0
    cut_at = 0
    while True:
        cut_at += step
        disk = SlotFiles()
        disk.luck = luck
        store = Storage(disk)
        storage_cuts.begin(store)
        disk.cut_at = disk.calls + cut_at
        told = storage_cuts.Told()
        try:
            storage_cuts.story(store, told)
        except PowerCut:
            cuts += 1
            disk.reboot()
            store = Storage(disk)
            storage_cuts.check(store, told)
            storage_cuts.story(store, storage_cuts.Told())
            storage_cuts.check_end(store)
            storage_cuts.check_end(Storage(disk))
        else:
            storage_cuts.check_end(store)
            return cuts


def test_power_cut_at_every_operation():
    for luck in LUCKS:
        assert cut_everywhere(luck) > 50


def test_power_cut_while_sorting_out_the_last_one():
    for luck in LUCKS[2:]:
        for first in range(20, 60, 3):
            second = 0
            while True:
                second += 1
                disk = SlotFiles()
                disk.luck = luck
                store = Storage(disk)
                storage_cuts.begin(store)
                disk.cut_at = disk.calls + first
                told = storage_cuts.Told()
                try:
                    storage_cuts.story(store, told)
                except PowerCut:
                    disk.reboot()
                disk.cut_at = disk.calls + second
                try:
                    Storage(disk)
                    disk.cut_at = None
                    break
                except PowerCut:
                    disk.reboot()
                    storage_cuts.check(Storage(disk), told)


def put(store, name, data):
    storage_cuts.put(store, name, data)


def test_damaged_small_file_counts_as_absent_and_goes():
    disk = SlotFiles()
    store = Storage(disk)
    put(store, "a", b"content")
    number = disk.entries[disk.names()[0]]
    disk.live[number][CONTENT_AT] ^= 1
    assert store.open("a") is None
    assert store.names("") == [] and disk.names() == []


def test_of_two_versions_the_newer_whole_one_counts():
    disk = SlotFiles()
    put(Storage(disk), "a", b"older")
    old = {name: bytes(disk.live[number]) for name, number in disk.entries.items()}
    put(Storage(disk), "a", b"newer")
    for name, content in old.items():
        disk.open(name, True).write(0, content)
    assert storage_cuts.read(Storage(disk).open("a")) == b"newer"
    assert len(disk.names()) == 1
    for name, content in old.items():
        disk.open(name, True).write(0, content)
    newest = max(disk.names())
    disk.live[disk.entries[newest]][CONTENT_AT] ^= 1
    assert storage_cuts.read(Storage(disk).open("a")) == b"older"


def test_readers_keep_outdated_slots_until_they_close():
    disk = SlotFiles()
    store = Storage(disk)
    put(store, "a", b"one")
    first, second = store.open("a"), store.open("a")
    put(store, "a", b"two")
    put(store, "a", b"three")
    assert len(disk.names()) == 2
    assert storage_cuts.read(first) == b"one"
    assert len(disk.names()) == 2
    assert storage_cuts.read(second) == b"one"
    assert len(disk.names()) == 1
    assert storage_cuts.read(store.open("a")) == b"three"


def test_a_full_disk_says_so_and_loses_nothing():
    disk = SlotFiles(8192)
    store = Storage(disk)
    put(store, "a", b"1" * 1000)
    writer = store.stage("b")
    try:
        writer.write(bytes(8192))
    except Fault as fault:
        assert fault.code == "storage.full"
    else:
        raise AssertionError("no fault")
    writer.close()
    assert storage_cuts.read(Storage(disk).open("a")) == b"1" * 1000


def test_a_name_staged_twice_has_one_writer():
    store = Storage(SlotFiles())
    first = store.stage("x")
    first.write(b"abc")
    second = store.stage("x")
    try:
        first.write(b"def")
    except Fault as fault:
        assert fault.code == "storage.closed"
    else:
        raise AssertionError("two writers")
    second.commit("y")
    assert storage_cuts.read(store.open("y")) == b""


def test_heads_that_are_not_this_slots_are_none():
    head = Head(VISIBLE, 7, 4, 9, 100, 0xDEADBEEF, "f/name")
    sector = head.encode()
    assert len(sector) == 512
    blank = bytes(512)
    assert slot.read(sector + blank, 7) == head
    assert slot.read(blank + sector, 7) == head
    assert slot.read(sector + blank, 8) is None
    newer = head.follow(slot.DEAD, 0, 0, None, "f/name")
    assert slot.read(sector + newer.encode(), 7).kind == slot.DEAD
    assert slot.read(newer.encode() + sector, 7).crc is None
    for position in range(512):
        damaged = bytearray(sector)
        damaged[position] ^= 0x10
        assert slot.read(bytes(damaged) + blank, 7) is None
    for short in (b"", sector[:100], sector[:511]):
        assert slot.read(short, 7) is None
