"""Pass what one task learned to every task that decides on it."""


class Taker:
    """Take events of `protocols.play_values`."""

    def take(self, event: object) -> None:
        """Note an event for later; must not block or raise."""
        raise NotImplementedError


class Feed:
    """Hand every event to every taker, in order."""

    def __init__(self) -> None:
        self._takers: list[Taker] = []

    def subscribe(self, taker: Taker) -> None:
        """Add a taker; it misses what was published before."""
        self._takers.append(taker)

    def publish(self, event: object) -> None:
        """Hand an event over."""
        for taker in self._takers:
            taker.take(event)
