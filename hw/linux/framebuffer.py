"""Show frames on the kernel's framebuffer: HDMI panels and every synchronous LED sender box.

<linux/fb.h>: the picture is written into the mapped memory; where the driver has room for two
screens the hidden one is written and then panned to, so that no frame tears. A plain `write()`
shows nothing on some drivers (virtio). Pixels of 16 and 32 bits are taken, wherever their colours
stand.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import mmap
import os
import struct
from collections import namedtuple

from hw import board_frame, ports
from protocols.errors import LocalFault, WorldFault

_GET_VARIABLE = 0x4600
_GET_FIXED = 0x4602
_PAN = 0x4606
_BLANK = 0x4611
_UNBLANK = 0
# struct fb_var_screeninfo is 160 bytes, struct fb_fix_screeninfo 80 on 64-bit and 68 on 32-bit.
_VARIABLE_BYTES = 160
_FIXED_BYTES = 80

Layout = namedtuple(
    "Layout", ("width_px", "height_px", "screens", "bits", "stride", "memory_bytes", "places")
)
"""`places` holds (offset, length) of red, green and blue within a pixel, in bits."""


def read_layout(variable: bytes, fixed: bytes, long_bytes: int) -> Layout:
    """Return the layout that the driver's two answers describe."""
    width, height, _, virtual_height = struct.unpack_from("=4I", variable, 0)
    bits = struct.unpack_from("=I", variable, 24)[0]
    places = tuple(struct.unpack_from("=2I", variable, 32 + 12 * i) for i in range(3))
    # id[16], smem_start (long), smem_len, type, type_aux, visual, xpan, ypan, ywrap, line_length
    at = 16 + long_bytes
    memory_bytes = struct.unpack_from("=I", fixed, at)[0]
    stride = struct.unpack_from("=I", fixed, (at + 4 + 12 + 6 + 3) // 4 * 4)[0]
    return Layout(width, height, virtual_height // height, bits, stride, memory_bytes, places)


class FramebufferBoard(ports.Board):
    """Show frames at a place of `/dev/fb0`; what surrounds them stays black."""

    def __init__(self, path: str, size: tuple[int, int, int], at_px: tuple[int, int] = (0, 0)):
        self.width_px, self.height_px, self.channels = size
        self._path = path
        self._at = at_px
        self._fd: int | None = None
        self._memory: mmap.mmap | None = None
        self._layout = Layout(0, 0, 0, 0, 0, 0, ())
        self._variable = b""
        self._screen = 0
        self._level = 256
        self._table: list[bytes] = []
        self._sent: tuple[int, bytes, bytes] | None = None

    async def show(self, rows: list[bytes]) -> None:
        """Write one frame and pan to it; raises `board.size`, `board.lost`, `board.permission`."""
        board_frame.check(rows, self.width_px, self.height_px, self.channels)
        await asyncio.to_thread(self._show, rows)

    async def off(self) -> None:
        """Show black."""
        await self.show([bytes(self.width_px * self.channels)] * self.height_px)

    async def set_brightness(self, percent: int) -> None:
        """Scale what is shown from now on."""
        self._level = min(max(percent, 0), 100) * 256 // 100
        self._table = []

    async def present(self) -> bool | None:
        """Tell whether the device can be opened."""
        try:
            self._open()
        except WorldFault:
            return False
        return True

    async def close(self) -> None:
        """Show black and release the device."""
        with contextlib.suppress(WorldFault):
            await self.off()
        self._release()

    async def read_back(self) -> bytes | None:
        """Return the SHA-256 of the rows shown if the memory still holds them, else of nothing."""
        if self._sent is None or self._memory is None:
            return None
        screen, rows_sha256, memory_sha256 = self._sent
        seen = hashlib.sha256()
        for number in range(self.height_px):
            seen.update(self._line(screen, number))
        return rows_sha256 if seen.digest() == memory_sha256 else seen.digest()

    def _show(self, rows: list[bytes]) -> None:
        try:
            self._open()
            self._screen = (self._screen + 1) % min(self._layout.screens, 2)
            shown, written = hashlib.sha256(), hashlib.sha256()
            for number, row in enumerate(rows):
                line = self._pixels(row)
                start = self._start(self._screen, number)
                self._mapped()[start : start + len(line)] = line
                shown.update(row)
                written.update(line)
            self._pan()
        except OSError as error:
            self._release()
            raise _fault(self._path, error) from error
        self._sent = (self._screen, shown.digest(), written.digest())

    def _open(self) -> None:
        if self._fd is not None:
            return
        try:
            self._fd = os.open(self._path, os.O_RDWR)
            self._variable = fcntl.ioctl(self._fd, _GET_VARIABLE, bytes(_VARIABLE_BYTES))
            fixed = fcntl.ioctl(self._fd, _GET_FIXED, bytes(_FIXED_BYTES))
            layout = read_layout(self._variable, fixed, struct.calcsize("L"))
            self._check(layout)
            self._layout = layout
            self._memory = mmap.mmap(self._fd, layout.stride * layout.height_px * layout.screens)
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._fd, _BLANK, _UNBLANK)
        except OSError as error:
            self._release()
            raise _fault(self._path, error) from error
        except LocalFault:
            self._release()
            raise

    def _check(self, layout: Layout) -> None:
        left, top = self._at
        if left + self.width_px > layout.width_px or top + self.height_px > layout.height_px:
            text = "%d x %d at %d, %d on a screen of %d x %d"
            numbers = (self.width_px, self.height_px, left, top, layout.width_px, layout.height_px)
            raise LocalFault("board.size", text % numbers, "correct the board's size or place")
        if layout.bits not in (16, 32) or layout.screens < 1:
            text = "%d bits a pixel" % layout.bits
            raise LocalFault("board.size", text, "set the framebuffer to 16 or 32 bits (fbset)")

    def _pixels(self, row: bytes) -> bytes:
        """Return the pixels of a row as the memory has them."""
        if not self._table:
            self._table = _table(self._layout, self._level)
        count = self._layout.bits // 8
        planes = [row] * 3 if self.channels == 1 else [row[i::3] for i in range(3)]
        out = bytearray(self.width_px * count)
        # Colours stand in bits of their own: adding their bytes never carries.
        for byte in range(count):
            parts = []
            for colour in range(3):
                table = self._table[colour * count + byte]
                if any(table):
                    parts.append(planes[colour].translate(table))
            if len(parts) == 1:
                out[byte::count] = parts[0]
            elif parts:
                out[byte::count] = bytes(map(sum, zip(*parts, strict=True)))
        return bytes(out)

    def _start(self, screen: int, number: int) -> int:
        left, top = self._at
        line = screen * self._layout.height_px + top + number
        return int(line * self._layout.stride + left * (self._layout.bits // 8))

    def _line(self, screen: int, number: int) -> bytes:
        start = self._start(screen, number)
        return self._mapped()[start : start + self.width_px * (self._layout.bits // 8)]

    def _pan(self) -> None:
        """Let the driver show the screen just written."""
        if self._layout.screens < 2 or self._fd is None:
            return
        variable = bytearray(self._variable)
        struct.pack_into("=I", variable, 20, self._screen * self._layout.height_px)
        fcntl.ioctl(self._fd, _PAN, bytes(variable))

    def _mapped(self) -> mmap.mmap:
        if self._memory is None:
            raise OSError(errno.ENODEV, "not open")
        return self._memory

    def _release(self) -> None:
        memory, self._memory = self._memory, None
        fd, self._fd = self._fd, None
        self._sent = None
        if memory is not None:
            memory.close()
        if fd is not None:
            os.close(fd)


def _table(layout: Layout, level: int) -> list[bytes]:
    """Return, per colour and byte of a pixel, what each value (0 to 255) adds to that byte."""
    count = layout.bits // 8
    found = []
    for offset, length in layout.places:
        words = [((value * level >> 8) >> (8 - length)) << offset for value in range(256)]
        for byte in range(count):
            found.append(bytes(word >> (8 * byte) & 0xFF for word in words))
    return found


def _fault(path: str, error: OSError) -> WorldFault:
    text = "%s: %s" % (path, error.strerror)
    if error.errno in (errno.EACCES, errno.EPERM):
        return WorldFault("board.permission", text, "add the node's user to the group video")
    return WorldFault("board.lost", text, "check the screen's cable and driver")
