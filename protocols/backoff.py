"""Wait longer after every failure, never forever, and never in step with the neighbours."""


class Backoff:
    """Double a pause from `first_ms` up to `most_ms`; there is no last try.

    `seed` (from the node's id) decides the jitter, so that a village whose power returns does not
    call the hub at one instant.
    """

    def __init__(self, seed: int, first_ms: int, most_ms: int):
        self._state = (seed & 0xFFFFFFFF) or 1
        self._first_ms = first_ms
        self._most_ms = most_ms
        self._ceiling_ms = first_ms

    def next_ms(self) -> int:
        """Return the next pause, between half and all of the current ceiling, and raise that."""
        half_ms = self._ceiling_ms // 2
        pause_ms = half_ms + self._random() % (self._ceiling_ms - half_ms + 1)
        self._ceiling_ms = min(self._ceiling_ms * 2, self._most_ms)
        return pause_ms

    def reset(self) -> None:
        """Start from the shortest pause again, after a success."""
        self._ceiling_ms = self._first_ms

    def _random(self) -> int:
        # Marsaglia's xorshift32: no platform random, the same pauses on every replay.
        state = self._state
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        self._state = state
        return state


def seed_of(text: str) -> int:
    """Return a 32-bit seed for a name (FNV-1a)."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value
