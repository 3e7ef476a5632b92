"""The clock chip: every register by the data sheet, lost time told, the clock behind it kept."""

import sys

from hw.chip_clock import ChipClock
from hw.ds3231 import Ds3231, decoded, encoded
from hw.sim import machine
from hw.sim.clock import Clock
from hw.sim.i2c import I2c
from protocols.clock_trust import RTC, UNKNOWN, ClockTrust
from protocols.errors import WorldFault

# 2026-11-24 10:58:59 UTC, a Tuesday.
NOW_S = 1795517939
REGISTERS = b"\x59\x58\x10\x02\x24\x11\x26"


def chip(registers=REGISTERS, status=0):
    bus = I2c()
    bus.chips[0x68] = bytearray(19)
    bus.chips[0x68][0:7] = registers
    bus.chips[0x68][15] = status
    return bus, Ds3231(bus)


def test_registers_of_the_data_sheet():
    assert encoded(NOW_S) == REGISTERS and decoded(REGISTERS) == NOW_S * 1000
    # The same instant in twelve hours, and 22 o'clock as 10 PM.
    assert decoded(b"\x59\x58\x50\x02\x24\x11\x26") == NOW_S * 1000
    assert decoded(b"\x59\x58\x70\x02\x24\x11\x26") == (NOW_S + 12 * 3600) * 1000
    assert decoded(b"\x00\x00\x52\x02\x24\x11\x26") == decoded(b"\x00\x00\x00\x02\x24\x11\x26")
    for seconds in (946684800, 951782400, 1709164800, 4102444799, 4102444800, NOW_S):
        assert decoded(encoded(seconds)) == seconds * 1000


def test_registers_that_say_no_time_are_none():
    for place, byte in ((0, 0x60), (0, 0x0A), (1, 0x5B), (2, 0x24), (2, 0x53), (4, 0x00)):
        wrong = bytearray(REGISTERS)
        wrong[place] = byte
        assert decoded(bytes(wrong)) is None, (place, byte)
    assert decoded(b"\x00\x00\x00\x01\x30\x02\x26") is None
    assert decoded(b"\x00\x00\x00\x01\x01\x13\x26") is None
    assert decoded(b"\xff\xff\xff\xff\xff\xff\xff") is None


def test_setting_clears_the_stopped_note_and_keeps_the_rest():
    bus, made = chip(bytes(7), 0x88)
    assert made.read_ms() is None
    made.set_ms(NOW_S * 1000 - 400)
    assert made.read_ms() == NOW_S * 1000
    assert bus.chips[0x68][15] == 0x08 and bytes(bus.chips[0x68][0:7]) == REGISTERS


def test_the_chip_tells_the_time_at_boot_and_is_set():
    _, made = chip()
    behind = Clock(wall_ms=1_000_000_000_000)
    clock = ChipClock(behind, made, False)
    assert clock.fault is None and clock.wall_ms() == NOW_S * 1000
    behind.advance(1500)
    assert clock.wall_ms() == NOW_S * 1000 + 1500
    clock.set_wall_ms((NOW_S + 60) * 1000)
    assert clock.wall_ms() == (NOW_S + 60) * 1000 == made.read_ms()
    assert behind.wall_ms() == 1_000_000_001_500
    ChipClock(behind, made, True).set_wall_ms(NOW_S * 1000)
    assert behind.wall_ms() == NOW_S * 1000


def test_clock_trust_takes_it_as_rtc_and_a_lost_one_as_unknown():
    for status, source, code in ((0, RTC, None), (0x80, UNKNOWN, "rtc.lost")):
        clock = ChipClock(Clock(wall_ms=NOW_S * 1000), chip(status=status)[1], False)
        trust = ClockTrust(0, clock.wall_ms(), clock.ticks_ms())
        assert trust.now(0).source == source
        assert (clock.fault and clock.fault.code) == code


def test_a_missing_chip_leaves_the_platform_and_a_fault_until_it_answers():
    bus, made = chip()
    bus.chips.clear()
    behind = Clock(wall_ms=NOW_S * 1000)
    clock = ChipClock(behind, made, False)
    assert clock.wall_ms() == NOW_S * 1000 and clock.fault.code == "i2c.missing"
    bus.chips[0x68] = bytearray(19)
    clock.set_wall_ms(NOW_S * 1000)
    assert clock.fault is None and made.read_ms() == NOW_S * 1000


def test_a_chip_that_keeps_nothing_is_told():
    bus, made = chip(status=0x80)

    class Dead(bytearray):
        def __setitem__(self, place, byte):
            pass

    bus.chips[0x68] = Dead(bus.chips[0x68])
    try:
        made.set_ms(NOW_S * 1000)
    except WorldFault as fault:
        assert fault.code == "rtc.stopped"
    else:
        raise AssertionError


def test_the_bus_of_a_microcontroller():
    sys.modules["machine"] = machine
    from hw.micropython.i2c import open_i2c

    bus, _ = chip()
    machine.buses[0] = bus
    for path in ("0", "0:22:21"):
        made = Ds3231(open_i2c(path))
        assert made.read_ms() == NOW_S * 1000
        made.set_ms((NOW_S + 5) * 1000)
        made.set_ms(NOW_S * 1000)
    for path, address in (("7", 0x68), ("0", 0x50)):
        try:
            Ds3231(open_i2c(path), address).read_ms()
        except WorldFault as fault:
            assert fault.code == "i2c.missing"
        else:
            raise AssertionError
