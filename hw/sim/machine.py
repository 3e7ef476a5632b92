"""Stand in for MicroPython's `machine`, so that its adapters run where there is no board.

Put it in place before they are imported: `sys.modules["machine"] = hw.sim.machine`. UARTs of one
number share a wire: what one writes, `wires[number].feed` and `.sent` show. For `I2S` see
`hw.sim.i2s`.
"""

from hw.sim.i2s import I2S
from protocols.errors import Fault

__all__ = ["I2C", "I2S", "UART", "WDT", "Pin"]

# What a port's driver buffers by default.
_BUFFER_BYTES = 256


class Wire:
    """Hold what the far end sent and what it was sent; `stuck` takes no more bytes."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.sent = bytearray()
        self.stuck = False

    def feed(self, data: bytes) -> None:
        """Let bytes arrive; what does not fit is lost."""
        self.received.extend(data[: _BUFFER_BYTES - len(self.received)])


wires: dict[int, Wire] = {}
pins: dict[int, int] = {}
modes: dict[int, int] = {}
PINS = 40


class Pin:
    """Read a pin that a test sets in `pins`, pulled up when it does not; an output sets it there.

    `modes` tells what each pin was made last. Pins from `PINS` on do not exist.
    """

    IN = 0
    OUT = 1
    PULL_UP = 1

    def __init__(
        self, number: int, mode: int = 0, pull: int | None = None, *, value: int | None = None
    ):
        if number >= PINS:
            raise ValueError("invalid pin")
        self._number = number
        modes[number] = mode
        if value is not None:
            pins[number] = value

    def value(self, level: int | None = None) -> int | None:
        """Return 0 or 1, or set it."""
        if level is None:
            return pins.get(self._number, 1)
        pins[self._number] = level
        return None


class WDT:
    """Count what it is fed in `WDT.fed`; a chip without one, or a time it cannot count, raises."""

    exists = True
    timeout_ms_max = 60_000
    fed = 0

    def __init__(self, timeout: int):
        if not WDT.exists or timeout > WDT.timeout_ms_max:
            raise ValueError("invalid watchdog")

    def feed(self) -> None:
        """Start the time anew."""
        WDT.fed += 1


buses: dict[int, object] = {}


class I2C:
    """Pass transfers to `buses[number]` (a `hw.sim.i2c.I2c`); an absent chip is an OSError."""

    def __init__(self, number: int, *, scl: object = None, sda: object = None, freq: int = 0):
        if number not in buses:
            raise ValueError("I2C(%d) doesn't exist" % number)
        self._bus = buses[number]
        self._sent = b""

    def writeto(self, address: int, data: bytes, stop: bool = True) -> int:
        """Write, or keep what is written for the read that follows without a stop."""
        self._sent = data
        if stop:
            self._pass(address, 0)
        return len(data)

    def readfrom(self, address: int, count: int) -> bytes:
        """Read after a repeated start."""
        return self._pass(address, count)

    def _pass(self, address: int, count: int) -> bytes:
        try:
            bus = self._bus
            made: bytes = bus.transfer(address, self._sent, count)  # type: ignore[attr-defined]
        except Fault:
            raise OSError(19)
        return made


class UART:
    """Read and write a wire without waiting, as the real one does with `timeout=0`."""

    def __init__(self, number: int, baudrate: int, tx: int | None = None, rx: int | None = None):
        if number not in wires:
            raise ValueError("UART(%d) doesn't exist" % number)
        self.pins = (tx, rx)
        self.baudrate = baudrate
        self._wire: Wire | None = wires[number]

    def any(self) -> int:
        """Return how many bytes can be read."""
        return len(self._held().received)

    def read(self, count: int) -> bytes | None:
        """Return up to `count` bytes, None when there are none."""
        wire = self._held()
        data = bytes(wire.received[:count])
        wire.received = wire.received[count:]
        return data or None

    def write(self, data: bytes) -> int | None:
        """Take up to 8 bytes; None when stuck."""
        wire = self._held()
        if wire.stuck:
            return None
        wire.sent.extend(data[:8])
        return len(data[:8])

    def deinit(self) -> None:
        """Let go of the wire."""
        self._wire = None

    def _held(self) -> Wire:
        if self._wire is None:
            raise OSError(19)
        return self._wire
