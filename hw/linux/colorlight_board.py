"""Show frames on a colour wall behind Colorlight 5A-75 cards, on an Ethernet port of its own."""

import asyncio
import threading
import time

from hw import board_frame, ports
from hw.linux.ethernet import Ethernet
from protocols import colorlight
from protocols.errors import LocalFault

_DETECT_S = 1.0


class ColorlightBoard(ports.Board):
    """Send every frame as rows of pixels and a latch; the card holds it without repetition."""

    channels = 3

    def __init__(self, interface: str, width_px: int, height_px: int, dialect: colorlight.Dialect):
        if sorted(dialect.order) != ["b", "g", "r"]:
            raise LocalFault("config.board", "board.order " + dialect.order, "name r, g and b")
        self.width_px = width_px
        self.height_px = height_px
        self._dialect = dialect
        self._offsets = ["rgb".index(colour) for colour in dialect.order]
        self._ethernet = Ethernet(interface)
        self._level = 255
        self._turn = threading.Lock()

    async def show(self, rows: list[bytes]) -> None:
        """Send one frame; raises `board.size`, `ethernet.*`."""
        board_frame.check(rows, self.width_px, self.height_px, self.channels)
        await asyncio.to_thread(self._show, rows)

    async def off(self) -> None:
        """Send black."""
        await self.show([bytes(self.width_px * 3)] * self.height_px)

    async def set_brightness(self, percent: int) -> None:
        """Set the level that goes with the next frame."""
        self._level = min(max(percent, 0), 100) * 255 // 100

    async def present(self) -> bool | None:
        """Tell whether a card answers."""
        return await asyncio.to_thread(self._detect)

    async def close(self) -> None:
        """Send black and release the port."""
        try:
            await self.off()
        finally:
            self._ethernet.close()

    async def read_back(self) -> bytes | None:
        """Return None: the card tells nothing back."""
        return None

    def _show(self, rows: list[bytes]) -> None:
        with self._turn:
            self._ethernet.open()
            self._ethernet.send(colorlight.brightness(self._level))
            for number, row in enumerate(rows):
                self._send_row(number, self._ordered(row))
            time.sleep(colorlight.LATCH_DELAY_MS / 1000)
            self._ethernet.send(colorlight.latch(self._dialect, self._level))

    def _send_row(self, number: int, data: bytes) -> None:
        for column in range(0, self.width_px, colorlight.PIXELS_PER_FRAME_MAX):
            pixels = min(self.width_px - column, colorlight.PIXELS_PER_FRAME_MAX)
            head = colorlight.row_head(self._dialect, number, column, pixels)
            self._ethernet.send(head, data[column * 3 : (column + pixels) * 3])

    def _ordered(self, row: bytes) -> bytes:
        out = bytearray(len(row))
        for place, offset in enumerate(self._offsets):
            out[place::3] = row[offset::3]
        return bytes(out)

    def _detect(self) -> bool:
        with self._turn:
            self._ethernet.open()
            self._ethernet.send(colorlight.detect())
            until_s = time.monotonic() + _DETECT_S
            while (left_s := until_s - time.monotonic()) > 0:
                if colorlight.is_detected(self._ethernet.receive(left_s)):
                    return True
        return False
