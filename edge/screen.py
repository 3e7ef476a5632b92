"""Put frames on a board in time: still pictures, running text, and emergencies that blink.

Every change goes through the flash guard (WCAG 2.3.1). Running text has frames at exact instants;
one that comes too late is left out and counted, as is
one that would be a flash too many.
"""

from edge.inbox import Inbox
from hw import ports
from protocols.flashes import FlashGuard
from protocols.ticker import Ticker

# On and off once a second: one flash of the three that are allowed.
BLINK_MS = 500


class Screen:
    """Show one page after another on a board."""

    def __init__(self, board: ports.Board, clock: ports.Clock):
        self._board = board
        self._clock = clock
        self._guard = FlashGuard()
        self._percent = 100
        self._rows: list[bytes] = []
        self._ticker: Ticker | None = None
        self._blinks = False
        self._number = 0
        self._start_ms = 0
        self.shown = 0
        self.dropped = 0
        self.held = 0
        self._is_held = False

    async def show(self, rows: list[bytes], scroll_px_s: int, blink: bool) -> None:
        """Show a page from its beginning; raises the board's faults."""
        self._ticker = None
        self._blinks = blink
        self._rows = rows
        if scroll_px_s:
            board = self._board
            self._ticker = Ticker(rows, board.width_px, board.channels, scroll_px_s)
            self._rows = self._ticker.frame(0)
        await self._put(self._rows, 0)
        self._number = 0
        self._start_ms = self._clock.ticks_ms()

    async def off(self) -> None:
        """Darken the board; raises its faults."""
        self._ticker = None
        self._blinks = False
        self._rows = []
        await self._board.off()

    def is_moving(self) -> bool:
        """Tell whether what is shown changes by itself."""
        return self._ticker is not None or self._blinks

    def passage_ms(self) -> int:
        """Return how long one passage of the running text takes, 0 for others."""
        return 0 if self._ticker is None else self._ticker.duration_ms()

    async def set_brightness(self, percent: int) -> None:
        """Set the lamps' level, and show again what stands when it changed."""
        if percent == self._percent:
            return
        await self._board.set_brightness(percent)
        self._percent = percent
        if self._rows:
            await self._board.show(self._rows)

    async def move(self, until_ms: int, inbox: Inbox) -> None:
        """Let what is shown move until a tick, or until news come; raises the board's faults."""
        while not inbox.has_news():
            now_ms = self._clock.ticks_ms()
            due_ms = self._due_ms(self._number + 1)
            if due_ms >= until_ms:
                await inbox.wait(self._clock, until_ms - now_ms)
                return
            if due_ms > now_ms:
                await self._clock.sleep_ms(due_ms - now_ms)
            number = max(self._number_at(self._clock.ticks_ms()), self._number + 1)
            self.dropped += number - self._number - 1
            self._number = number
            if await self._put(self._frame(number), number):
                self.shown += 1

    def _due_ms(self, number: int) -> int:
        if self._ticker is not None:
            return self._start_ms + self._ticker.due_ms(number)
        return self._start_ms + number * BLINK_MS

    def _number_at(self, now_ms: int) -> int:
        elapsed_ms = now_ms - self._start_ms
        return elapsed_ms // BLINK_MS if self._ticker is None else self._ticker.number(elapsed_ms)

    def _frame(self, number: int) -> list[bytes]:
        if self._ticker is not None:
            return self._ticker.frame(number)
        return [bytes(len(row)) for row in self._rows] if number % 2 else self._rows

    async def _put(self, rows: list[bytes], number: int) -> bool:
        """Show a frame when it may be shown; False for a step of running text that may not."""
        now_ms = self._clock.ticks_ms()
        if self._ticker is None:
            wait_ms = self._guard.wait_ms(rows, now_ms)
            if wait_ms:
                await self._clock.sleep_ms(wait_ms)
            await self._board.show(rows)
            self._guard.shown(rows, self._clock.ticks_ms())
            return True
        # After a step that was left out the next one is wider, whatever it looks like.
        is_change = number > 0 and (self._is_held or self._ticker.is_change(number))
        self._is_held = is_change and self._guard.room_ms(now_ms) > 0
        if self._is_held:
            self.held += 1
            return False
        await self._board.show(rows)
        if is_change:
            self._guard.changed(now_ms)
        return True
