"""Pins of a microcontroller against the stand-in for `machine`, on every interpreter."""

import asyncio
import sys

from hw.sim import machine
from protocols.errors import Fault


def adapter():
    """Import the adapter with the stand-in in place of the interpreter's own module."""
    sys.modules["machine"] = machine
    from hw.micropython import pins

    return pins


def test_an_output_is_off_when_taken_and_lets_go_at_the_end():
    for active_low in (False, True):
        off, on = (1, 0) if active_low else (0, 1)
        machine.modes.clear()
        pin = adapter().OutputPin(4, active_low)
        assert pin.get() == 0 and not machine.modes
        pin.set(0)
        assert machine.pins[4] == off and machine.modes[4] == machine.Pin.OUT
        pin.set(1)
        assert machine.pins[4] == on and pin.get() == 1
        pin.close()
        pin.close()
        assert machine.modes[4] == machine.Pin.IN and pin.get() == 0


def test_inputs_are_made_of_pins_and_what_makes_no_sense_is_named():
    adapter()
    from hw.micropython.devices import inputs

    machine.pins[22] = 0
    machine.pins[23] = 1
    felt = inputs(
        {
            "mains": {"kind": "gpio", "line": 22, "active": 0},
            "key": {"kind": "gpio", "line": 23},
        },
        None,
    )
    assert asyncio.run(felt.read()) == {"mains": 1, "key": 1} and felt.faults() == []
    for settings in (
        {"smell": {"kind": "gpio", "line": 2}},
        {"mains": {"kind": "file", "path": "/x"}},
        {"key": {"kind": "modbus", "unit": 1, "input": 1}},
    ):
        try:
            inputs(settings, None)
        except Fault as fault:
            assert fault.code == "config.inputs"
        else:
            raise AssertionError(settings)


def test_an_input_reads_and_absent_pins_are_told():
    machine.pins[5] = 0
    pin = adapter().InputPin(5)
    assert pin.get() == 0
    machine.pins[5] = 1
    assert pin.get() == 1
    pin.close()
    for make in (adapter().InputPin, lambda number: adapter().OutputPin(number).set(1)):
        try:
            make(99)
        except Fault as fault:
            assert fault.code == "gpio.missing"
        else:
            raise AssertionError
