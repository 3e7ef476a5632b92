"""Write what would be heard to a WAV file in real time, for machines without a card.

Frame k stands at the wall time of the file's start, a whole millisecond, plus k/16000 s. The head
is right after every block, and durable every few seconds. A full file becomes `<path>.1` (an older
one is replaced), so that at most twice `bytes_max` stands on the disk; so does the file of an
earlier run.
"""

import os
import time

from hw.linux.audio_stream import RATE_HZ, Sink
from protocols import wav
from protocols.errors import WorldFault

# 64 MB are 35 minutes.
BYTES_MAX = 64 * 1024 * 1024
_BLOCK_FRAMES = RATE_HZ // 50
_CATCH_UP_FRAMES = RATE_HZ
_MS_FRAMES = RATE_HZ // 1000
_SYNC_S = 5.0


class Pacer:
    """Count the frames that real time asks for, by the monotonic clock."""

    def __init__(self) -> None:
        self._start_ns = time.monotonic_ns() + 1000000 - time.time_ns() % 1000000
        self._frames = 0

    def started_ns(self) -> int:
        """Return the wall time (ns) of frame 0, a whole millisecond."""
        return time.time_ns() - time.monotonic_ns() + self._start_ns

    def pace(self) -> tuple[int, int]:
        """Wait for the next block; return its frames and the wall time (ns) of its first."""
        while True:
            now_ns = time.monotonic_ns()
            due = (now_ns - self._start_ns) * RATE_HZ // 1000000000 - self._frames
            if due >= _BLOCK_FRAMES:
                break
            time.sleep((_BLOCK_FRAMES - due) / RATE_HZ)
        count = min(due - due % _MS_FRAMES, _CATCH_UP_FRAMES)
        first_ns = self._start_ns + self._frames * 1000000000 // RATE_HZ
        self._frames += count
        return count, time.time_ns() - (now_ns - first_ns)


class WavSink(Sink):
    """Hold one WAV file; `started_wall_ms` is the wall time of its first frame."""

    drifts = False

    def __init__(self, path: str, bytes_max: int):
        self._path = path
        self._bytes_max = bytes_max
        self._fd: int | None = None
        self._data_bytes = 0
        self._synced_s = 0.0
        self._pacer = Pacer()
        self._first_ns = 0
        self.started_wall_ms = 0

    def open(self) -> None:
        """Begin a file; raises `WorldFault("audio.missing")` when it cannot be written."""
        self._pacer = Pacer()
        try:
            self._begin(self._pacer.started_ns())
        except OSError as error:
            text = "%s: %s" % (self._path, error.strerror)
            raise WorldFault("audio.missing", text, "make its folder writable") from error

    def pace(self) -> tuple[int, int]:
        """Wait a fiftieth of a second."""
        count, self._first_ns = self._pacer.pace()
        return count, self._first_ns

    def write(self, data: bytes) -> None:
        """Append frames and put the head right."""
        try:
            if wav.HEAD_BYTES + self._data_bytes + len(data) > self._bytes_max:
                self._end()
                self._begin(self._first_ns)
            self._append(data)
        except OSError as error:
            text = "%s: %s" % (self._path, error.strerror)
            raise WorldFault("audio.lost", text, "free space on the disk") from error

    def close(self) -> None:
        """Make the file durable and close it."""
        self._end()

    def _begin(self, first_ns: int) -> None:
        if os.path.exists(self._path):
            os.replace(self._path, self._path + ".1")
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        self._data_bytes = 0
        self.started_wall_ms = (first_ns + 500000) // 1000000
        os.write(self._fd, wav.head(RATE_HZ, 0, self.started_wall_ms))

    def _append(self, data: bytes) -> None:
        fd = self._fd
        if fd is None:
            raise OSError(0, "not open")
        position = wav.HEAD_BYTES + self._data_bytes
        while data:
            written = os.pwrite(fd, data, position)
            position += written
            data = data[written:]
        self._data_bytes = position - wav.HEAD_BYTES
        os.pwrite(fd, wav.head(RATE_HZ, self._data_bytes, self.started_wall_ms), 0)
        if time.monotonic() - self._synced_s >= _SYNC_S:
            os.fdatasync(fd)
            self._synced_s = time.monotonic()

    def _end(self) -> None:
        fd = self._fd
        self._fd = None
        if fd is not None:
            try:
                os.fdatasync(fd)
            finally:
                os.close(fd)
