"""Pins of a board. A chip that resets lets go of them: wire relays so that this is off."""

from hw import pin_ports
from hw.micropython.chip import machine
from protocols.errors import WorldFault


class OutputPin(pin_ports.OutputPin):
    """Hold one `machine.Pin`; with `active_low` level 1 is driven low."""

    def __init__(self, number: int, active_low: bool = False):
        self._number = number
        self._low = 1 if active_low else 0
        self._level = 0
        self._pin: machine.Pin | None = None

    def set(self, level: int) -> None:
        """Drive 0 or 1; the level stands when the pin becomes an output, so nothing glitches."""
        if self._pin is None:
            self._pin = _make(self._number, machine.Pin.OUT, self._low)
        self._pin.value(level ^ self._low)
        self._level = level

    def get(self) -> int:
        """Return the level that the pin is held at."""
        return 0 if self._pin is None else self._level

    def close(self) -> None:
        """Make the pin an input: it falls back to its pull."""
        if self._pin is not None:
            self._pin = None
            self._level = 0
            _make(self._number, machine.Pin.IN, None)


class InputPin(pin_ports.InputPin):
    """Read one `machine.Pin`."""

    def __init__(self, number: int):
        self._pin = _make(number, machine.Pin.IN, None)

    def get(self) -> int:
        """Return the level."""
        return 1 if self._pin.value() else 0

    def close(self) -> None:
        """Leave it an input."""


def _make(number: int, mode: int, value: "int | None") -> "machine.Pin":
    try:
        if value is None:
            return machine.Pin(number, mode)
        return machine.Pin(number, mode, value=value)
    except (OSError, ValueError) as error:
        text = "pin %d: %s" % (number, error)
        raise WorldFault("gpio.missing", text, "choose a pin that this board has")
