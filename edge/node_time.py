"""The node's belief about the time: its floor kept on disk, its changes told to everyone."""

from edge import state_file
from edge.book import Book
from edge.feed import Feed
from hw import ports
from protocols import canonical, fields
from protocols.clock_trust import (
    LATEST_MS,
    NETWORK,
    RTC,
    SUSPECT,
    TAKEN,
    ClockTrust,
    Instant,
    Outcome,
)
from protocols.errors import RemoteFault
from protocols.limits import TIMESTAMP_BYTES_MAX
from protocols.play_values import ClockSet
from protocols.records import HEALTH

_TIMESTAMP = "metadata/timestamp.json"
# A platform clock further off than this is set, so that the RTC carries the time over a power cut.
_SET_CLOCK_MS = 2_000
# Smaller corrections are not told to everyone: whoever starts a sound asks for the time itself.
_NEWS_MS = 100
_TOLD = ("first", "step", "clock-behind-floor", "floor-voided")


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
        self._suspected = ""
        # (how far the wall is ahead of the ticks, source, floor) as last told.
        self._told: tuple[int, str, int] = (0, "", 0)
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

    def alarm(self, duration_ms: int, ring: "object") -> "object":
        """Have `ring()` called after a duration, where the platform can."""
        return self._clock.alarm(duration_ms, ring)

    def latest_s(self) -> int:
        """Return the best guess in seconds for checking expiry: the time, or else the floor."""
        return max(self.wall_ms() or 0, self.floor_ms) // 1000

    def sure_s(self) -> int:
        """Return the time in seconds as far as no online key had a say in it, 0 when unknown."""
        instant = self.now()
        return instant.wall_ms // 1000 if instant.source in (RTC, NETWORK) else 0

    def event(self) -> ClockSet:
        """Return the belief as an event for deciding sessions."""
        instant = self.now()
        return ClockSet(instant.wall_ms, instant.source, self.floor_ms)

    def raise_floor(self, issued_s: int) -> None:
        """Take the issue time of verified metadata, which stand in store by now."""
        self._tell(self._trust.raise_floor(issued_s * 1000, self._clock.ticks_ms()), "floor")

    def void_floor(self) -> None:
        """Forget the floor, and the hub's time: a key that could have signed false ones is gone."""
        self._tell(self._trust.void_floor(), "floor")

    def offer_hub(self, hub_ms: int, sent_ticks_ms: int, received_ticks_ms: int) -> None:
        """Take the hub's signed time, asked and answered at these ticks."""
        outcome = self._trust.offer_hub(hub_ms, sent_ticks_ms, received_ticks_ms)
        self._tell(outcome, "hub")

    def offer_network(self, wall_ms: int, ticks_ms: int, uncertainty_ms: int) -> None:
        """Take the time on which network servers agree."""
        self._tell(self._trust.offer_network(wall_ms, ticks_ms, uncertainty_ms), "network")

    def _tell(self, outcome: Outcome, source: str) -> None:
        wall_ms = self.wall_ms()
        is_suspect = outcome.verdict == SUSPECT
        # A stranger who goes on lying is written down once.
        is_news = is_suspect and outcome.reason != self._suspected
        if source == "network" or outcome.verdict == TAKEN:
            self._suspected = outcome.reason if is_suspect else ""
        if outcome.reason in _TOLD or is_news:
            body = {"source": source, "reason": outcome.reason, "step_ms": outcome.step_ms}
            self._book.write(HEALTH, "clock", body)
        if outcome.verdict != TAKEN:
            return
        if self._sets_clock and wall_ms is not None:
            platform_ms = self._clock.wall_ms()
            if platform_ms is None or abs(platform_ms - wall_ms) >= _SET_CLOCK_MS:
                self._clock.set_wall_ms(wall_ms)
        if self._is_news():
            self._feed.publish(self.event())

    def _is_news(self) -> bool:
        """Tell whether the belief is another than what was told last."""
        instant = self.now()
        ahead_ms = 0 if instant.wall_ms is None else instant.wall_ms - self._clock.ticks_ms()
        told, belief = self._told, (ahead_ms, instant.source, self.floor_ms)
        if belief[1:] == told[1:] and abs(ahead_ms - told[0]) < _NEWS_MS:
            return False
        self._told = belief
        return True


def _read_floor(storage: ports.Storage) -> int:
    """Return the issue time (ms) in the stored timestamp, which was verified before it was stored.

    The floor is kept nowhere else: it goes with the metadata when a key is taken away.
    """
    data = state_file.read(storage, _TIMESTAMP, TIMESTAMP_BYTES_MAX)
    try:
        value = canonical.decode(data or b"{}", TIMESTAMP_BYTES_MAX)
        floor_ms = value["signed"]["x-issued"] * 1000  # type: ignore[index]
    except (RemoteFault, KeyError, TypeError):
        return 0
    return floor_ms if fields.is_integer(floor_ms) and 0 < floor_ms <= LATEST_MS else 0
