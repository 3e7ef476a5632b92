"""The watchdog of a microcontroller against the stand-in for `machine`, on every interpreter."""

import sys

from hw.sim import machine
from protocols.errors import Fault


def adapter(timeout_s):
    """Make the adapter with the stand-in in place of the interpreter's own module."""
    sys.modules["machine"] = machine
    from hw.micropython.devices import watchdog

    return watchdog({"kind": "chip", "timeout_s": timeout_s})


def test_it_is_armed_once_and_fed():
    dog = adapter(30)
    assert dog.open() == 30000 and dog.open() == 30000
    before = machine.WDT.fed
    dog.feed()
    dog.close()
    dog.feed()
    assert machine.WDT.fed == before + 2


def test_a_chip_that_has_none_or_cannot_count_so_far_is_told():
    machine.WDT.exists = False
    refused(30)
    machine.WDT.exists = True
    refused(300)


def refused(timeout_s):
    """Expect the fault that names the remedy."""
    try:
        adapter(timeout_s).open()
    except Fault as fault:
        assert fault.code == "watchdog.missing" and "timeout_s" in fault.remedy
    else:
        raise AssertionError
