"""A board in memory."""

import hashlib

from hw import ports
from protocols.errors import LocalFault, WorldFault


class Board(ports.Board):
    """Remember what is shown and how often it changed; `plugged` False is a dead board.

    `honest` False shows nothing new although it accepts frames: only read-back tells.
    """

    def __init__(self, width_px: int, height_px: int, channels: int):
        self.width_px = width_px
        self.height_px = height_px
        self.channels = channels
        self.rows = [bytes(width_px * channels)] * height_px
        self.shown = 0
        self.brightness_percent = 100
        self.plugged = True
        self.honest = True

    async def show(self, rows: list[bytes]) -> None:
        """Show one frame; raises `LocalFault("board.size")`, `WorldFault("board.lost")`."""
        if not self.plugged:
            raise WorldFault("board.lost", "simulated board", "plug it in")
        row_bytes = self.width_px * self.channels
        if len(rows) != self.height_px or [r for r in rows if len(r) != row_bytes]:
            raise LocalFault("board.size", "a frame of another size", "show this board's size")
        if self.honest:
            self.rows = list(rows)
            self.shown += 1

    async def off(self) -> None:
        """Show black."""
        await self.show([bytes(self.width_px * self.channels)] * self.height_px)

    async def set_brightness(self, percent: int) -> None:
        """Remember the level."""
        self.brightness_percent = percent

    async def present(self) -> bool | None:
        """Tell whether the board is plugged in."""
        return self.plugged

    async def close(self) -> None:
        """Show black."""
        await self.off()

    async def read_back(self) -> bytes | None:
        """Return the SHA-256 of the rows shown, None when unplugged."""
        return hashlib.sha256(b"".join(self.rows)).digest() if self.plugged else None
