"""State files are read and written whole, and leave nothing half done."""

import pytest

from edge import state_file
from hw.linux.storage import Storage as Disk
from hw.sim.storage import Storage
from protocols.errors import WorldFault


def test_what_was_written_is_read(tmp_path):
    for storage in (Storage(), Disk(str(tmp_path))):
        assert state_file.read(storage, "state/x", 10) is None
        state_file.write(storage, "state/x", b"first")
        state_file.write(storage, "state/x", b"second")
        assert state_file.read(storage, "state/x", 10) == b"second"
        assert state_file.read(storage, "state/x", 2) == b"sec"


def test_a_full_disk_keeps_the_old_file_and_no_rest():
    storage = Storage(20)
    state_file.write(storage, "state/x", b"0123456789")
    with pytest.raises(WorldFault) as caught:
        state_file.write(storage, "state/x", bytes(15))
    assert caught.value.code == "storage.full"
    assert state_file.read(storage, "state/x", 20) == b"0123456789"
    assert storage.staged == {}


def test_one_spoilt_copy_takes_nothing_away():
    storage = Storage()
    assert state_file.read_either(storage, "state/x", 10) is None
    state_file.write_twice(storage, "state/x", b"0123456789")
    names = sorted(storage.files)
    assert len(names) == 2
    for name in names:
        whole = storage.files[name]
        for place in range(len(whole)):
            spoilt = bytearray(whole)
            spoilt[place] ^= 1
            storage.files[name] = bytes(spoilt)
            assert state_file.read_either(storage, "state/x", 10) == b"0123456789"
        storage.files[name] = whole
    damaged = storage.files.pop("state/x")[:-1]
    storage.files["state/x-copy"] = damaged
    assert state_file.read_either(storage, "state/x", 10) == damaged, "not as if it never was"
    storage.files["state/x"] = damaged
    storage.files = {name: b"0" + data[1:] for name, data in storage.files.items()}
    assert state_file.read_either(storage, "state/x", 10) not in (None, b"0123456789")


def test_a_cut_between_the_copies_gives_the_newer_one():
    storage = Storage()
    state_file.write_twice(storage, "state/x", b"old")
    copy = storage.files["state/x-copy"]
    state_file.write_twice(storage, "state/x", b"new")
    storage.files["state/x-copy"] = copy
    assert state_file.read_either(storage, "state/x", 10) == b"new"
