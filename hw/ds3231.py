"""Read and set a DS3231 clock chip, in UTC.

Registers as in Maxim's data sheet 19-5170 rev 10: 00h seconds to 06h years in BCD (05h bit 7
century, 02h bit 6 twelve-hour mode), 0Fh bit 7 OSF: the oscillator has stopped since it was set.
"""

from hw.pin_ports import I2c
from protocols import dates
from protocols.errors import WorldFault

_STATUS = 0x0F
_STOPPED = 0x80
_CENTURY = 0x80
_TWELVE_HOURS = 0x40


class Ds3231:
    """Hold one chip on a bus."""

    def __init__(self, bus: I2c, address: int = 0x68):
        self._bus = bus
        self._address = address

    def read_ms(self) -> int | None:
        """Return Unix UTC ms, None when the chip has lost the time; raises `WorldFault("i2c.*")`.

        Seven registers in one transfer: the chip holds them still meanwhile.
        """
        if self._bus.transfer(self._address, bytes([_STATUS]), 1)[0] & _STOPPED:
            return None
        return decoded(self._bus.transfer(self._address, b"\0", 7))

    def set_ms(self, wall_ms: int) -> None:
        """Set the nearest second and take the note back that the oscillator had stopped."""
        self._bus.transfer(self._address, b"\0" + encoded((wall_ms + 500) // 1000), 0)
        status = self._bus.transfer(self._address, bytes([_STATUS]), 1)[0]
        self._bus.transfer(self._address, bytes([_STATUS, status & ~_STOPPED & 0xFF]), 0)
        if self.read_ms() is None:
            text = "the clock chip does not keep what it is told"
            raise WorldFault("rtc.stopped", text, "Replace the chip or its battery.")


def encoded(seconds: int) -> bytes:
    """Return the seven time registers of a Unix time from 2000 to 2199."""
    days, rest = divmod(seconds, dates.DAY_S)
    year, month, day = dates.civil(days)
    century, years = (_CENTURY, year - 2100) if year >= 2100 else (0, year - 2000)
    values = (rest % 60, rest // 60 % 60, rest // 3600, dates.weekday(days), day, month, years)
    coded = bytearray([value // 10 * 16 + value % 10 for value in values])
    coded[5] |= century
    return bytes(coded)


def decoded(registers: bytes) -> int | None:
    """Return Unix ms from the seven registers, None when they say no time that there is."""
    is_afternoon = False
    hours = registers[2]
    is_twelve = bool(hours & _TWELVE_HOURS)
    if is_twelve:
        is_afternoon, hours = bool(hours & 0x20), hours & 0x1F
    masked = (registers[0], registers[1], hours, registers[4], registers[5] & 0x7F, registers[6])
    values = [_decimal(byte) for byte in masked]
    if None in values:
        return None
    second, minute, hour, day, month, years = [value or 0 for value in values]
    if is_twelve:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if is_afternoon else 0)
    if second > 59 or minute > 59 or hour > 23 or not 1 <= month <= 12:
        return None
    year = (2100 if registers[5] & _CENTURY else 2000) + years
    days = dates.day_number(year, month, day)
    if dates.civil(days) != (year, month, day):
        return None
    return ((days * 24 + hour) * 3600 + minute * 60 + second) * 1000


def _decimal(byte: int) -> int | None:
    tens, ones = byte >> 4, byte & 15
    return None if tens > 9 or ones > 9 else tens * 10 + ones
