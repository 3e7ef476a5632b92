"""Decompress zlib streams with MicroPython's deflate module."""

import io

import deflate

from hw import ports
from protocols.errors import RemoteFault


class _Stream(io.IOBase):
    """Show a reader to the deflate module, which wants a stream."""

    def __init__(self, source: ports.Reader):
        self._source = source

    def readinto(self, buffer: bytearray) -> int:
        """Fill a buffer and return the count of bytes."""
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def ioctl(self, request: int, argument: int) -> int:
        """Answer nothing but success."""
        return 0


class _Inflated(ports.Reader):
    def __init__(self, source: ports.Reader, length_max: int):
        self._left = length_max
        # No reference reaches back further than the output is long: a small window is enough.
        bits = 8
        while bits < 15 and 1 << bits < length_max:
            bits += 1
        self._data = deflate.DeflateIO(_Stream(source), deflate.ZLIB, bits)

    def read(self, count: int) -> bytes:
        """Return up to `count` decompressed bytes; empty at the end of the stream."""
        try:
            data = bytes(self._data.read(count))
        except (OSError, EOFError) as error:
            raise RemoteFault("media.undecodable", "zlib: " + repr(error), "publish it again")
        self._left -= len(data)
        if self._left < 0:
            raise RemoteFault(
                "media.oversize", "more bytes than the picture has", "publish it again"
            )
        return data

    def close(self) -> None:
        """Release nothing: the source belongs to the caller."""


class Inflate(ports.Inflate):
    """Open zlib streams."""

    def open(self, source: ports.Reader, length_max: int) -> ports.Reader:
        """Return a reader of the decompressed bytes; more than `length_max` is a `RemoteFault`."""
        return _Inflated(source, length_max)
