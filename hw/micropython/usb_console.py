"""Use the cable of a board's prompt (USB CDC, or UART 0 behind a bridge) as a port for bytes.

While it is open no byte interrupts the program: a frame may hold Ctrl-C. Whoever wants the prompt
resets the board and knocks within the first two seconds (`board_main`).
"""

import select
import sys

import micropython

_TAKEN_BYTES = 256
_CTRL_C = 3


class Console:
    """Offer what a UART offers, on standard input and output."""

    def __init__(self) -> None:
        micropython.kbd_intr(-1)
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._received = b""

    def any(self) -> int:
        """Return how many bytes can be read."""
        while len(self._received) < _TAKEN_BYTES:
            ready = self._poll.poll(0)
            if not ready or not ready[0][1] & select.POLLIN:
                break
            byte = self._in.read(1)
            if not byte:
                break
            self._received += byte
        return len(self._received)

    def read(self, count: int) -> bytes | None:
        """Return up to `count` bytes, None when there are none."""
        data = self._received[:count]
        self._received = self._received[count:]
        return data or None

    def write(self, data: bytes) -> int | None:
        """Send bytes."""
        sent: int | None = self._out.write(data)
        return sent

    def deinit(self) -> None:
        """Let Ctrl-C lead to the prompt again."""
        self._poll.unregister(sys.stdin)
        micropython.kbd_intr(_CTRL_C)
