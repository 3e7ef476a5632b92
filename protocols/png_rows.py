"""Read the rows of a board picture: a PNG of exactly the board's size, in one pass.

Only what the hub writes is taken: 8 bits, grey or RGB, not interlaced, every row with filter 0
(None), so that a microcontroller needs nothing but inflate. Chunk checksums, sizes and order are
checked; memory is one row. Source: PNG specification, second edition (ISO/IEC 15948).
"""

import binascii
import struct
from collections import namedtuple

from protocols.errors import RemoteFault
from protocols.limits import BOARD_SIDE_PX_MAX, BOARD_STRIP_PX_MAX, PNG_CHUNKS_MAX

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3}
_REMEDY = "publish the page again; the hub renders it for this board"


class Size(namedtuple("Size", ("width_px", "height_px", "channels"))):
    """Hold a picture's size."""

    def row_bytes(self) -> int:
        """Return the bytes of one row, without its filter byte."""
        return int(self.width_px * self.channels)

    def data_bytes(self) -> int:
        """Return the bytes of all rows as compressed, each with its filter byte."""
        return (self.row_bytes() + 1) * int(self.height_px)


def _refuse(text: str) -> RemoteFault:
    return RemoteFault("media.undecodable", "PNG: " + text, _REMEDY)


class Picture:
    """Read a PNG's chunks; itself a reader of the compressed data of all IDAT chunks.

    `source` needs `read(count)`. Construction reads up to the first data; raises
    `RemoteFault("media.undecodable")`, here and in every later call.
    """

    def __init__(self, source: "object", width_px_max: int = BOARD_SIDE_PX_MAX):
        self._source = source
        self._left = 0
        self._crc = 0
        self._chunks = 0
        self._at_end = False
        if self._exactly(8) != _SIGNATURE:
            raise _refuse("no signature")
        if self._next_chunk() != b"IHDR" or self._left != 13:
            raise _refuse("no IHDR")
        self.size = _read_size(self._body(13), width_px_max)
        self._close_chunk()
        self._seek_data()

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes of compressed data; empty after the last IDAT."""
        while self._left == 0 and not self._at_end:
            self._close_chunk()
            name = self._next_chunk()
            if name == b"IDAT":
                continue
            if name != b"IEND" or self._left:
                raise _refuse("unexpected chunk after the data")
            self._close_chunk()
            self._at_end = True
        if self._at_end:
            return b""
        return self._body(min(count, self._left))

    def close(self) -> None:
        """Release nothing: the source belongs to the caller."""

    def check_end(self) -> None:
        """Check that the compressed data and the file end here."""
        if self.read(1):
            raise _refuse("data after the last row")
        if self._source.read(1):  # type: ignore[attr-defined]
            raise _refuse("bytes after IEND")

    def _seek_data(self) -> None:
        while True:
            name = self._next_chunk()
            if name == b"IDAT":
                return
            # Bit 5 of the first letter: ancillary, may be skipped.
            if not name[0] & 0x20:
                raise _refuse("critical chunk before the data")
            while self._left:
                self._body(min(self._left, 512))
            self._close_chunk()

    def _next_chunk(self) -> bytes:
        self._chunks += 1
        if self._chunks > PNG_CHUNKS_MAX:
            raise _refuse("more than %d chunks" % PNG_CHUNKS_MAX)
        head = self._exactly(8)
        self._left = struct.unpack(">I", head[:4])[0]
        self._crc = binascii.crc32(head[4:])
        return head[4:]

    def _body(self, count: int) -> bytes:
        data = self._exactly(count)
        self._crc = binascii.crc32(data, self._crc)
        self._left -= count
        return data

    def _close_chunk(self) -> None:
        if struct.unpack(">I", self._exactly(4))[0] != self._crc & 0xFFFFFFFF:
            raise _refuse("a chunk's checksum is wrong")

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._source.read(count - len(data))  # type: ignore[attr-defined]
            if not piece:
                raise _refuse("the file is cut")
            data += piece
        return data


def _read_size(body: bytes, width_px_max: int) -> Size:
    width, height, depth, colour, method, filters, interlace = struct.unpack(">IIBBBBB", body)
    if not (1 <= width <= width_px_max and 1 <= height <= BOARD_SIDE_PX_MAX):
        raise _refuse("%d x %d pixels" % (width, height))
    if depth != 8 or colour not in _CHANNELS or method or filters or interlace:
        raise _refuse("not plain 8-bit grey or RGB")
    return Size(width, height, _CHANNELS[colour])


def read_rows(source: "object", inflate: "object", size: Size) -> list[bytes]:
    """Return all rows of a PNG that must have exactly this size.

    `inflate` is the inflate port. Raises `RemoteFault`: `media.wrong_size`, `media.undecodable`,
    `media.oversize`.
    """
    picture = Picture(source)
    if picture.size != size:
        raise RemoteFault(
            "media.wrong_size",
            "PNG of %d x %d x %d for a board of %d x %d x %d" % (tuple(picture.size) + tuple(size)),
            "correct the board's size at the hub and publish again",
        )
    return _rows(picture, inflate, size)


def read_strip(source: "object", inflate: "object", height_px: int, channels: int) -> list[bytes]:
    """Return all rows of a ticker's PNG: of a board's height, and as wide as its text."""
    picture = Picture(source, BOARD_STRIP_PX_MAX)
    size = picture.size
    if (size.height_px, size.channels) != (height_px, channels):
        raise RemoteFault(
            "media.wrong_size",
            "a strip of %d x %d for a board of %d x %d"
            % (size.height_px, size.channels, height_px, channels),
            "correct the board's size at the hub and publish again",
        )
    return _rows(picture, inflate, size)


def _rows(picture: Picture, inflate: "object", size: Size) -> list[bytes]:
    data = inflate.open(picture, size.data_bytes())  # type: ignore[attr-defined]
    rows = []
    for _ in range(size.height_px):
        if _fill(data, 1) != b"\0":
            raise _refuse("a row has a filter")
        rows.append(_fill(data, size.row_bytes()))
    if data.read(1):
        raise _refuse("more rows than stated")
    picture.check_end()
    return rows


def _fill(data: "object", count: int) -> bytes:
    out = b""
    while len(out) < count:
        piece = data.read(count - len(out))  # type: ignore[attr-defined]
        if not piece:
            raise _refuse("fewer rows than stated")
        out += piece
    return out
