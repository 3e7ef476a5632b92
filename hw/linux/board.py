"""Show frames on a panel that is a PNG file: for machines without a board."""

import asyncio
import hashlib
import os
import struct
import zlib

from hw import ports
from hw.linux.inflate import Inflate
from protocols.errors import Fault, LocalFault, WorldFault
from protocols.png_rows import Size, read_rows


class PngPanel(ports.Board):
    """Keep what is shown as a PNG at `path`, replaced at once; read back from that file."""

    def __init__(self, path: str, width_px: int, height_px: int, channels: int):
        if channels not in (1, 3):
            raise LocalFault("board.size", "%d channels" % channels, "give 1 (grey) or 3 (RGB)")
        self._path = path
        self._folder = os.path.dirname(os.path.abspath(path))
        self._size = Size(width_px, height_px, channels)
        self.width_px = width_px
        self.height_px = height_px
        self.channels = channels
        self.brightness_percent = 100

    async def show(self, rows: list[bytes]) -> None:
        """Write one frame; raises `LocalFault("board.size")`, `WorldFault("board.lost")`."""
        if len(rows) != self.height_px or any(len(r) != self._size.row_bytes() for r in rows):
            text = "a frame that is not %d x %d x %d" % tuple(self._size)
            raise LocalFault("board.size", text, "show pictures of this board's size")
        try:
            await asyncio.to_thread(self._write, _png(rows, self._size))
        except OSError as error:
            text = "%s: %s" % (self._path, error.strerror)
            raise WorldFault("board.lost", text, "make its folder writable") from error

    async def off(self) -> None:
        """Show black."""
        await self.show([bytes(self._size.row_bytes())] * self.height_px)

    async def set_brightness(self, percent: int) -> None:
        """Remember the level; the file holds the picture itself."""
        self.brightness_percent = percent

    async def present(self) -> bool | None:
        """Tell whether the file can be written."""
        return await asyncio.to_thread(os.access, self._folder, os.W_OK)

    async def close(self) -> None:
        """Show black."""
        await self.off()

    async def read_back(self) -> bytes | None:
        """Return the SHA-256 of the rows in the file, None when it cannot be read."""
        try:
            rows = await asyncio.to_thread(self._read)
        except (OSError, Fault):
            return None
        return hashlib.sha256(b"".join(rows)).digest()

    def _write(self, data: bytes) -> None:
        staged = self._path + ".new"
        with open(staged, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, self._path)

    def _read(self) -> list[bytes]:
        with open(self._path, "rb") as file:
            return read_rows(file, Inflate(), self._size)


def _png(rows: list[bytes], size: Size) -> bytes:
    colour = 0 if size.channels == 1 else 2
    head = struct.pack(">IIBBBBB", size.width_px, size.height_px, 8, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 1)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
