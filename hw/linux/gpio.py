"""Hold pins of this board through libgpiod 2 (the character device of the kernel).

A request is held open for as long as the pin is in use: the kernel lets a line fall back when its
holder ends, however it ends.
"""

import errno
import os

import gpiod
from gpiod.line import Direction, Value

from hw import pin_ports
from protocols.errors import WorldFault

_CONSUMER = "chieng"


class OutputPin(pin_ports.OutputPin):
    """Drive one line of a chip (`/dev/gpiochip0`, 17); `active_low` inverts it."""

    def __init__(self, chip: str, line: int, active_low: bool = False):
        self._place = (chip, line)
        self._settings = gpiod.LineSettings(
            direction=Direction.OUTPUT, output_value=Value.INACTIVE, active_low=active_low
        )
        self._request: gpiod.LineRequest | None = None
        self._level = 0

    def set(self, level: int) -> None:
        """Drive 0 or 1; raises `WorldFault("gpio.*")`."""
        line = self._place[1]
        try:
            if self._request is None:
                self._request = _take(self._place, self._settings)
            self._request.set_value(line, Value.ACTIVE if level else Value.INACTIVE)
        except OSError as error:
            self.close()
            raise _fault(self._place, error) from error
        self._level = level

    def get(self) -> int:
        """Return the level that the line is held at."""
        return self._level

    def close(self) -> None:
        """Let the line go."""
        request, self._request = self._request, None
        self._level = 0
        if request is not None:
            request.release()


class InputPin(pin_ports.InputPin):
    """Read one line of a chip."""

    def __init__(self, chip: str, line: int, active_low: bool = False):
        self._place = (chip, line)
        self._settings = gpiod.LineSettings(direction=Direction.INPUT, active_low=active_low)
        self._request: gpiod.LineRequest | None = None

    def get(self) -> int:
        """Return the level; takes the line at the first use. Raises `WorldFault("gpio.*")`."""
        try:
            if self._request is None:
                self._request = _take(self._place, self._settings)
            return 1 if self._request.get_value(self._place[1]) is Value.ACTIVE else 0
        except OSError as error:
            self.close()
            raise _fault(self._place, error) from error

    def close(self) -> None:
        """Let the line go."""
        request, self._request = self._request, None
        if request is not None:
            request.release()


def _take(place: tuple[str, int], settings: gpiod.LineSettings) -> gpiod.LineRequest:
    chip, line = place
    if not os.path.exists(chip):
        raise OSError(errno.ENOENT, "no such chip")
    try:
        return gpiod.request_lines(chip, consumer=_CONSUMER, config={line: settings})
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error


def _fault(place: tuple[str, int], error: OSError) -> WorldFault:
    text = "%s line %d: %s" % (*place, error.strerror)
    if error.errno == errno.EBUSY:
        return WorldFault("gpio.busy", text, "another program holds the line: stop it")
    if error.errno in (errno.EACCES, errno.EPERM):
        return WorldFault("gpio.permission", text, "add the node's user to the group gpio")
    return WorldFault("gpio.missing", text, "check chip and line in the node's file (gpiodetect)")
