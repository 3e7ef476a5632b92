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
