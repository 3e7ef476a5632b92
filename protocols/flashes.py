"""Keep a board from flashing more than eyes may bear: WCAG 2.1, success criterion 2.3.1.

No more than three flashes in any second, a flash being a pair of opposing changes of a tenth of
full brightness or more over a quarter of the picture. Every such change counts here, whichever way
it goes, so six a second are the most. In running text, whose strokes come and go everywhere, a
change is a quarter of the board turning brighter, or darker, from one step to the next.
"""

CHANGES_PER_S_MAX = 6
# A tenth of full scale, and a quarter of the sampled places.
STEP = 26
SHARE = 4
# Places compared; a wall of 600 x 400 need not be looked at pixel by pixel.
_SAMPLES_MAX = 2048


class FlashGuard:
    """Say how long a frame must wait before it may follow the last one."""

    def __init__(self) -> None:
        self._last: list[int] = []
        self._changes: list[int] = []

    def wait_ms(self, rows: list[bytes], now_ms: int) -> int:
        """Return 0 when the frame may be shown at a tick, else how much later."""
        return self.room_ms(now_ms) if self._is_change(_sample(rows)) else 0

    def room_ms(self, now_ms: int) -> int:
        """Return after how long one more change may be shown, 0 for at once."""
        self._changes = [at_ms for at_ms in self._changes if now_ms - at_ms < 1000]
        if len(self._changes) < CHANGES_PER_S_MAX:
            return 0
        return self._changes[-CHANGES_PER_S_MAX] + 1000 - now_ms

    def shown(self, rows: list[bytes], now_ms: int) -> None:
        """Note a frame that was shown."""
        sample = _sample(rows)
        if self._is_change(sample):
            self.changed(now_ms)
        self._last = sample

    def changed(self, now_ms: int) -> None:
        """Note a change that was shown."""
        self._changes.append(now_ms)
        self._changes = self._changes[-CHANGES_PER_S_MAX:]

    def _is_change(self, sample: list[int]) -> bool:
        before = self._last or [0] * len(sample)
        changed = 0
        for index in range(len(sample)):
            if abs(sample[index] - before[index]) >= STEP:
                changed += 1
        return changed * SHARE >= len(sample)


def _sample(rows: list[bytes]) -> list[int]:
    total = len(rows) * len(rows[0])
    step = total // _SAMPLES_MAX + 1
    found = []
    at = 0
    for row in rows:
        while at < len(row):
            found.append(row[at])
            at += step
        at -= len(row)
    return found
