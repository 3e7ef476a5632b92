"""Stand in for a display's driver on MicroPython's Unix port: a double, no display.

What a board would send to its lamps is written to a file: a portable bitmap (PBM), a greymap (PGM)
or, for RGB565, the frame's bytes as they are.
"""

import os

import framebuf

_FORMATS = {
    "mono": framebuf.MONO_HLSB,
    "grey": framebuf.GS8,
    "rgb565": framebuf.RGB565,
}


class Display(framebuf.FrameBuffer):
    """Hold one frame; `show` replaces the file."""

    def __init__(self, path: str, size: "tuple[int, int, int]", form: str):
        width_px, height_px = size[:2]
        self._path = path
        self._head = b""
        row_bytes = width_px * 2
        if form == "mono":
            row_bytes = (width_px + 7) // 8
            self._head = b"P4\n%d %d\n" % (width_px, height_px)
        elif form == "grey":
            row_bytes = width_px
            self._head = b"P5\n%d %d\n255\n" % (width_px, height_px)
        self._buffer = bytearray(row_bytes * height_px)
        super().__init__(self._buffer, width_px, height_px, _FORMATS[form])

    def show(self) -> None:
        """Write what stands in the buffer."""
        with open(self._path + ".new", "wb") as file:
            file.write(self._head)
            file.write(self._buffer)
        os.rename(self._path + ".new", self._path)
