"""A test tone as the samples of a file: 1 kHz, a quarter of full scale, as long as asked for."""

import struct

RATE_HZ = 16000
# One cycle of 16 samples at -12 dBFS: 8191 * sin(k * 22.5 degrees). Loud, and harmless to a horn.
_CYCLE = (
    0, 3135, 5792, 7567, 8191, 7567, 5792, 3135, 0, -3135, -5792, -7567, -8191, -7567, -5792, -3135
)  # fmt: skip


class Tone:
    """Read like a file of PCM (s16le mono, 16 kHz)."""

    def __init__(self, duration_ms: int):
        self._length = duration_ms * RATE_HZ // 1000 * 2
        self._position = 0
        self._cycle = struct.pack("<16h", *_CYCLE)

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes; empty at the end."""
        count = min(count, self._length - self._position)
        first = self._position % 32
        cycles = (first + count + 31) // 32
        data = (self._cycle * cycles)[first : first + count]
        self._position += count
        return data

    def seek(self, position: int) -> None:
        """Continue at an absolute position."""
        self._position = min(position, self._length)

    def close(self) -> None:
        """Nothing is held."""
