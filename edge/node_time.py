"""The node's belief about the time: its floor kept on disk, its changes told to everyone."""

from edge import state_file
from edge.book import Book
from edge.feed import Feed
from hw import ports
from protocols.clock_trust import LATEST_MS, SUSPECT, TAKEN, ClockTrust, Instant, Outcome
from protocols.play_values import ClockSet
from protocols.records import HEALTH

_FLOOR = "state/floor"
_FLOOR_BYTES_MAX = 20
# A platform clock further off than this is set, so that the RTC carries the time over a power cut.
_SET_CLOCK_MS = 2_000


class NodeTime(ports.Clock):
    """Tell the believed time in place of the platform's; also a clock port for the audio.

    `sets_clock`: the platform's clock (and the RTC behind it) is corrected by this node.
    """

    def __init__(
        self, clock: ports.Clock, storage: ports.Storage, feed: Feed, book: Book, sets_clock: bool
    ):
        self._clock = clock
        self._storage = storage
        self._feed = feed
        self._book = book
        self._sets_clock = sets_clock
        self._trust = ClockTrust(_read_floor(storage), clock.wall_ms(), clock.ticks_ms())

    @property
    def floor_ms(self) -> int:
        """Return the latest time that a verified signature has shown (Unix ms)."""
        return self._trust.floor_ms

    def now(self) -> Instant:
        """Return the believed time."""
        return self._trust.now(self._clock.ticks_ms())

    def wall_ms(self) -> int | None:
        """Return the believed wall time, or None."""
        wall_ms: int | None = self.now().wall_ms
        return wall_ms

    def ticks_ms(self) -> int:
        """Return the platform's monotonic milliseconds."""
        return self._clock.ticks_ms()

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait for a duration."""
        await self._clock.sleep_ms(duration_ms)

    def latest_s(self) -> int:
        """Return the best guess in seconds for checking expiry: the time, or else the floor."""
        return max(self.wall_ms() or 0, self.floor_ms) // 1000

    def event(self) -> ClockSet:
        """Return the belief as an event for deciding sessions."""
        instant = self.now()
        return ClockSet(instant.wall_ms, instant.source, self.floor_ms)

    def raise_floor(self, issued_s: int) -> None:
        """Take the issue time of verified metadata; durable when this returns."""
        outcome = self._trust.raise_floor(issued_s * 1000, self._clock.ticks_ms())
        if outcome.verdict == TAKEN:
            state_file.write(self._storage, _FLOOR, str(self.floor_ms).encode())
        self._tell(outcome, "floor")

    def void_floor(self) -> None:
        """Forget the floor: a key that could have signed a false one was taken out of trust."""
        self._trust.floor_ms = 0
        state_file.write(self._storage, _FLOOR, b"0")

    def offer_hub(self, hub_ms: int, sent_ticks_ms: int, received_ticks_ms: int) -> None:
        """Take the hub's signed time, asked and answered at these ticks."""
        outcome = self._trust.offer_hub(hub_ms, sent_ticks_ms, received_ticks_ms)
        self._tell(outcome, "hub")

    def offer_network(self, wall_ms: int, ticks_ms: int, uncertainty_ms: int) -> None:
        """Take the time on which network servers agree."""
        self._tell(self._trust.offer_network(wall_ms, ticks_ms, uncertainty_ms), "network")

    def _tell(self, outcome: Outcome, source: str) -> None:
        wall_ms = self.wall_ms()
        if outcome.reason in ("first", "step", "clock-behind-floor") or outcome.verdict == SUSPECT:
            body = {"source": source, "reason": outcome.reason, "step_ms": outcome.step_ms}
            self._book.write(HEALTH, "clock", body)
        if outcome.verdict != TAKEN:
            return
        if self._sets_clock and wall_ms is not None:
            platform_ms = self._clock.wall_ms()
            if platform_ms is None or abs(platform_ms - wall_ms) >= _SET_CLOCK_MS:
                self._clock.set_wall_ms(wall_ms)
        self._feed.publish(self.event())


def _read_floor(storage: ports.Storage) -> int:
    """Return the stored floor; what is no time of this century counts as none."""
    try:
        floor_ms = int(state_file.read(storage, _FLOOR, _FLOOR_BYTES_MAX) or b"0")
    except ValueError:
        return 0
    return floor_ms if 0 < floor_ms <= LATEST_MS else 0
