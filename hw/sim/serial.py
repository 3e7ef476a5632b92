"""Carry bytes over a simulated serial line, in virtual or real time."""

from hw import ports
from protocols.errors import WorldFault

# What an adapter's driver buffers; more is lost, as on a real line.
_BUFFER_BYTES_MAX = 4096


class Serial(ports.Serial):
    """Hand sent bytes to `device(data)`; it answers through `feed`, now or later.

    `plugged` False is an unplugged adapter.
    """

    def __init__(self, clock: ports.Clock, device: "object | None" = None):
        self._clock = clock
        self._received = bytearray()
        self._is_open = False
        self.device = device
        self.plugged = True
        self.opened = 0

    async def open(self) -> None:
        """Take the line; raises `serial.missing` when unplugged."""
        if self._is_open:
            return
        if not self.plugged:
            raise WorldFault("serial.missing", "simulated port", "plug the adapter in")
        self._is_open = True
        self.opened += 1

    async def write(self, data: bytes) -> None:
        """Pass bytes to the device."""
        self._check()
        if self.device is not None:
            self.device(bytes(data))  # type: ignore[operator]

    async def read(self, count: int, timeout_ms: int) -> bytes:
        """Return what the device has fed, looking every millisecond until the time is over."""
        until_ms = self._clock.ticks_ms() + timeout_ms
        while True:
            self._check()
            if self._received:
                data = bytes(self._received[:count])
                self._received = self._received[count:]
                return data
            if self._clock.ticks_ms() >= until_ms:
                return b""
            await self._clock.sleep_ms(1)

    async def close(self) -> None:
        """Release the line and forget what was not read."""
        self._is_open = False
        self._received = bytearray()

    def feed(self, data: bytes) -> None:
        """Let bytes arrive from the device."""
        room = _BUFFER_BYTES_MAX - len(self._received)
        self._received.extend(data[:room])

    def _check(self) -> None:
        if not self.plugged:
            raise WorldFault("serial.lost", "simulated port", "plug the adapter in again")
        if not self._is_open:
            raise WorldFault("serial.lost", "simulated port is not open", "call open")
