"""Stand in for the parts of `machine` that MicroPython's Unix port lacks: a double, no device.

`UART` is a terminal (a USB adapter or a pseudo-terminal). `I2S` takes what a board's I2S would be
fed, at the pace at which its buffer would empty, and writes exactly that to a WAV file; it shows
nothing of a chip's own clock or of noise on its pins.
"""

import asyncio
import select
import termios  # type: ignore[import-not-found]
import time

from protocols import wav

# What a board's driver buffers by default.
_UART_BYTES = 256
_HEAD_EVERY_BYTES = 32000


class Pin:
    """Name a pin, and remember its level."""

    IN = 0
    OUT = 1
    PULL_UP = 1

    def __init__(self, number: int, mode: int = IN, pull: int | None = None, *, value: int = 0):
        self.number = number
        self._value = 1 if pull == self.PULL_UP else value

    def value(self, level: int | None = None) -> int | None:
        """Return the level, or set it."""
        if level is None:
            return self._value
        self._value = level
        return None


class UART:
    """Hold the terminal named in place of a number; 8N1 raw, the speed is the terminal's own."""

    def __init__(self, number: str, baudrate: int):
        self._file = open(number, "r+b")
        termios.setraw(self._file.fileno())
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)
        self._received = b""

    def any(self) -> int:
        """Return how many bytes can be read."""
        while len(self._received) < _UART_BYTES:
            ready = self._poll.poll(0)
            if not ready or not ready[0][1] & select.POLLIN:
                break
            self._received += self._file.read(1)
        return len(self._received)

    def read(self, count: int) -> bytes | None:
        """Return up to `count` bytes, None when there are none."""
        data = self._received[:count]
        self._received = self._received[count:]
        return data or None

    def write(self, data: bytes) -> int | None:
        """Send bytes."""
        sent: int = self._file.write(data)
        return sent

    def deinit(self) -> None:
        """Let go of the terminal."""
        self._poll.unregister(self._file)
        self._file.close()


class I2S:
    """Write a WAV file, named in place of a number, as fast as a board would play it.

    Non-blocking mode only: `write` takes one buffer and the handler of `irq` is called when it has
    been copied to the internal buffer of `ibuf` bytes, as on a board. When that buffer runs dry,
    silence stands in the file for as long, as a board would play it, and `underruns` counts one.
    """

    TX = 5
    MONO = 0

    def __init__(
        self,
        number: str,
        *,
        sck: object,
        ws: object,
        sd: object,
        mode: int,
        bits: int,
        format: int,
        rate: int,
        ibuf: int,
    ):
        if (mode, bits, format) != (self.TX, 16, self.MONO):
            raise ValueError("16-bit mono output only")
        self._rate = rate
        self._ibuf = ibuf
        self._file = open(number, "wb")
        self._file.write(wav.head(rate, 0, 0))
        self._written = 0
        self._head_at = 0
        self._started_ticks = time.ticks_ms()
        self._started_ms = 0
        self._handler: object = None
        self._taking: asyncio.Task[None] | None = None
        self.underruns = 0

    def irq(self, handler: "object") -> None:
        """Choose the non-blocking mode and what is called when a buffer was taken."""
        self._handler = handler

    def write(self, data: bytes) -> int:
        """Take one buffer."""
        if self._taking is None:
            self._started_ticks = time.ticks_ms()
            self._started_ms = time.time_ns() // 1000000
        self._taking = asyncio.create_task(self._take(data))
        return len(data)

    async def _take(self, data: bytes) -> None:
        passed_ms = time.ticks_diff(time.ticks_ms(), self._started_ticks)
        late_ms = passed_ms - self._played_ms(self._written)
        if self._written and late_ms > 0:
            self.underruns += 1
            for _ in range(late_ms):
                self._append(bytes(self._rate // 1000 * 2))
        due_ms = self._played_ms(self._written + len(data) - self._ibuf)
        if due_ms > passed_ms:
            await asyncio.sleep_ms(due_ms - passed_ms)
        if self._file is None:
            return
        self._append(data)
        self._handler(self)  # type: ignore[operator]

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._written += len(data)
        if self._written - self._head_at >= _HEAD_EVERY_BYTES:
            self._write_head()

    def _played_ms(self, count: int) -> int:
        return count * 500 // self._rate

    def deinit(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._write_head()
            self._file.close()
            self._file = None

    def _write_head(self) -> None:
        self._head_at = self._written
        self._file.seek(0)
        self._file.write(wav.head(self._rate, self._written, self._started_ms))
        self._file.seek(0, 2)
