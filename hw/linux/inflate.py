"""Decompress zlib streams with the standard library."""

import zlib

from hw import ports
from protocols.errors import RemoteFault

_PIECE_BYTES = 4096


class _Inflated(ports.Reader):
    def __init__(self, source: ports.Reader, length_max: int):
        self._source = source
        self._left = length_max
        self._stream = zlib.decompressobj()
        self._pending = b""

    def read(self, count: int) -> bytes:
        """Return up to `count` decompressed bytes; empty at the end of the stream."""
        stream = self._stream
        while not stream.eof:
            if not self._pending:
                self._pending = self._source.read(_PIECE_BYTES)
                if not self._pending:
                    raise _refuse("the stream is cut")
            try:
                data = stream.decompress(self._pending, count)
            except zlib.error as error:
                raise _refuse(str(error)) from error
            self._pending = stream.unconsumed_tail
            if data:
                self._left -= len(data)
                if self._left < 0:
                    raise RemoteFault(
                        "media.oversize", "more bytes than the picture has", "publish it again"
                    )
                return data
        if stream.unused_data or self._source.read(1):
            raise _refuse("bytes after the stream")
        return b""

    def close(self) -> None:
        """Release nothing: the source belongs to the caller."""


def _refuse(text: str) -> RemoteFault:
    return RemoteFault("media.undecodable", "zlib: " + text, "publish it again")


class Inflate(ports.Inflate):
    """Open zlib streams."""

    def open(self, source: ports.Reader, length_max: int) -> ports.Reader:
        """Return a reader of the decompressed bytes; more than `length_max` is a `RemoteFault`."""
        return _Inflated(source, length_max)
