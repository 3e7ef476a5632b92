"""The storage contract on this interpreter's own adapter."""

import os

from hw.platform import Storage
from hw.sim.storage import Storage as SimStorage
from tests.portable import storage_contract

# The simulated disk lives in the heap.
HEAP_KB = 320


def _clear(path):
    for name in os.listdir(path):
        full = path + "/" + name
        if os.stat(full)[0] & 0x8000:
            os.remove(full)
        else:
            _clear(full)
            os.rmdir(full)


def test_platform_storage_keeps_the_contract():
    root = "build/portable-storage"
    for path in ("build", root):
        try:
            os.mkdir(path)
        except OSError:
            pass
    for check in storage_contract.CHECKS:
        _clear(root)
        check(Storage(root))
    _clear(root)
    os.rmdir(root)


def test_sim_storage_keeps_the_contract():
    for check in storage_contract.CHECKS:
        check(SimStorage())
