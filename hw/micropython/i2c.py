"""Speak to chips on an I2C bus of a microcontroller."""

from hw import pin_ports
from hw.micropython.chip import machine
from protocols.errors import LocalFault, WorldFault

# Any chip takes this; wires in a cabinet may be long.
_HZ = 100_000


class I2c(pin_ports.I2c):
    """Hold one bus, taken at the first transfer; `pins` are scl and sda where one may choose."""

    def __init__(self, number: int, pins: "tuple[int, int] | None"):
        self._number = number
        self._pins = pins
        self._bus: machine.I2C | None = None

    def transfer(self, address: int, data: bytes, count: int) -> bytes:
        """Write bytes, then read `count`; raises `i2c.missing`."""
        try:
            if self._bus is None:
                self._bus = self._taken()
            self._bus.writeto(address, data, count == 0)
            return self._bus.readfrom(address, count) if count else b""
        except (OSError, ValueError) as error:
            text = "I2C %d address %d: %s" % (self._number, address, error)
            raise WorldFault("i2c.missing", text, "check the bus's number and the chip's wires")

    def _taken(self) -> "machine.I2C":
        if self._pins is None:
            return machine.I2C(self._number, freq=_HZ)
        scl, sda = machine.Pin(self._pins[0]), machine.Pin(self._pins[1])
        return machine.I2C(self._number, scl=scl, sda=sda, freq=_HZ)


def open_i2c(path: str) -> I2c:
    """Return the bus named `0` or, with its pins scl and sda, `0:22:21`."""
    try:
        numbers = [int(part) for part in path.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3):
        raise LocalFault("config.rtc", path + " is no I2C bus", "give a number, or number:scl:sda")
    return I2c(numbers[0], (numbers[1], numbers[2]) if len(numbers) == 3 else None)
