"""How fast and how much: backoff with full jitter, batch size, subjects put off. Pure.

A success doubles the batch, a failure halves it, so that one poisonous record is found by halving
while everything else goes on. A record is blamed only when others got through meanwhile: a province
that is simply down blames nobody.
"""

from collections.abc import Callable, Iterable

from hub.store import Row

SIZE_FIRST = 64
SIZE_MAX = 500
# Between tries while nothing gets through: from a second to five minutes.
WAIT_MS_MIN = 1000
WAIT_MS_MAX = 300_000
# A subject that was put off by the peer waits this long.
HOLD_MS = 30_000
HELD_MAX = 4096
# A record that failed alone this often, while others got through, is put aside.
STRIKES_MAX = 8
# A peer that asks for more patience than this is asked again all the same.
RETRY_AFTER_MS_MAX = 3600_000


class Pace:
    """Hold one peer's pace in memory; a restart begins anew."""

    def __init__(self, chance: Callable[[], float]):
        self._chance = chance
        self.size = SIZE_FIRST
        self.until_ms = 0
        self._failures = 0
        self._held: dict[str, int] = {}
        self._strikes: dict[int, tuple[int, int]] = {}
        self._passed = 0

    def held(self, now_ms: int) -> list[str]:
        """Return the subjects that wait, forgetting those whose time has come."""
        self._held = {one: end for one, end in self._held.items() if end > now_ms}
        return list(self._held)

    def hold(self, subject: str, now_ms: int) -> None:
        """Put a subject off; all others go on."""
        if len(self._held) < HELD_MAX:
            self._held[subject] = now_ms + HOLD_MS

    def next_ms(self, now_ms: int) -> int | None:
        """Return when the first held subject may go on, or None."""
        ends = [end for end in self._held.values() if end > now_ms]
        return min(ends) if ends else None

    def passed(self, numbers: Iterable[int] = ()) -> None:
        """Note that a batch with these rows got through."""
        for number in numbers:
            self._strikes.pop(number, None)
        self._passed += 1
        self._failures = 0
        self.until_ms = 0
        self.size = min(self.size * 2, SIZE_MAX)

    def failed(self, now_ms: int, retry_after_ms: int | None = None) -> None:
        """Wait after a failure: as long as the peer asks, or twice as long each time."""
        self._failures += 1
        ceiling = min(WAIT_MS_MIN << min(self._failures, 16), WAIT_MS_MAX)
        wait_ms = WAIT_MS_MIN + int(self._chance() * (ceiling - WAIT_MS_MIN))
        if retry_after_ms is not None:
            wait_ms = min(retry_after_ms, RETRY_AFTER_MS_MAX) + int(self._chance() * WAIT_MS_MIN)
        self.until_ms = now_ms + wait_ms

    def halve(self) -> None:
        """Send less at once."""
        self.size = max(1, self.size // 2)

    def alone(self, rows: list[Row]) -> list[Row]:
        """Return the first row alone when it is under suspicion, else those before such a one."""
        for place, row in enumerate(rows):
            if row["number"] in self._strikes:
                return rows[: max(1, place)]
        return rows

    def strike(self, number: int) -> bool:
        """Blame a record that failed alone; tell whether that was once too often."""
        count, seen = self._strikes.get(number, (0, -1))
        if self._passed == seen:
            return False
        self._strikes[number] = (count + 1, self._passed)
        if count + 1 < STRIKES_MAX:
            return False
        del self._strikes[number]
        return True
