"""Show frames on a display that is a `framebuf.FrameBuffer`, as MicroPython's display drivers are.

Such a driver is drawn on in memory and sends all of it with `show()`; nothing is told back.
"""

import framebuf

from hw import board_frame, ports
from protocols.errors import LocalFault, WorldFault

_LEVEL_MAX = 256
_MONO_LIT = 128


class FramebufBoard(ports.Board):
    """Draw on `display`, of the size `(width_px, height_px, channels)`.

    `form` is `mono` (lit from half brightness up), `grey` (8 bits) or `rgb565`, the display's own.
    """

    def __init__(self, display: "object", size: "tuple[int, int, int]", form: str):
        self.width_px, self.height_px, self.channels = size
        if self.channels != (3 if form == "rgb565" else 1):
            text = "board.channels: %d do not make %s" % (self.channels, form)
            raise LocalFault("config.board", text, "give 3 for rgb565, else 1")
        self._display = display
        self._form = form
        self._level = _LEVEL_MAX
        self._line = bytearray(self.width_px * 2 if form == "rgb565" else self.width_px)
        kind = framebuf.RGB565 if form == "rgb565" else framebuf.GS8
        self._row = framebuf.FrameBuffer(self._line, self.width_px, 1, kind)

    async def show(self, rows: "list[bytes]") -> None:
        """Draw one frame and send it; raises `board.size`, `WorldFault("board.lost")`."""
        board_frame.check(rows, self.width_px, self.height_px, self.channels)
        for y in range(self.height_px):
            self._fill(rows[y])
            self._display.blit(self._row, 0, y)  # type: ignore[attr-defined]
        self._send()

    async def off(self) -> None:
        """Darken the display."""
        self._display.fill(0)  # type: ignore[attr-defined]
        self._send()

    async def set_brightness(self, percent: int) -> None:
        """Scale what is shown from now on; a mono display is lit or, at 0, dark."""
        self._level = min(max(percent, 0), 100) * _LEVEL_MAX // 100

    async def present(self) -> "bool | None":
        """Return None: a display does not answer."""
        return None

    async def close(self) -> None:
        """Darken the display."""
        await self.off()

    async def read_back(self) -> "bytes | None":
        """Return None: the memory drawn on proves nothing about the lamps."""
        return None

    def _fill(self, row: bytes) -> None:
        line, level = self._line, self._level
        if self._form == "mono":
            for x in range(self.width_px):
                line[x] = 1 if level and row[x] >= _MONO_LIT else 0
        elif self._form == "grey":
            for x in range(self.width_px):
                line[x] = row[x] * level >> 8
        else:
            for x in range(self.width_px):
                red, green, blue = row[3 * x], row[3 * x + 1], row[3 * x + 2]
                red, green, blue = red * level >> 8, green * level >> 8, blue * level >> 8
                line[2 * x] = (green & 0x1C) << 3 | blue >> 3
                line[2 * x + 1] = red & 0xF8 | green >> 5

    def _send(self) -> None:
        try:
            self._display.show()  # type: ignore[attr-defined]
        except OSError as error:
            raise WorldFault("board.lost", "display: " + str(error), "check its cable")


def open_display(driver: str, size: "tuple[int, int, int]", form: str) -> FramebufBoard:
    """Return the board behind `Display(width_px, height_px)` of the driver module named.

    Raises `LocalFault("config.board")` when the board's flash holds no such module. On the Unix
    port a path names the double's file.
    """
    if driver.startswith("/"):
        module = __import__("hw.micropython.unix_panel", None, None, ("Display",))
        return FramebufBoard(module.Display(driver, size, form), size, form)
    try:
        module = __import__(driver)
    except ImportError:
        text = "board.driver " + driver + " is not on this board"
        raise LocalFault("config.board", text, "copy the display's driver to /lib")
    return FramebufBoard(module.Display(size[0], size[1]), size, form)
