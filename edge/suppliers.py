"""Where files are asked for: the hub, and when all its addresses fail a neighbour in turn.

A neighbour gets no records, decides nothing about addresses, and has no final word on what is
missing; what it sends is verified as the hub's.
"""

from edge.hubs import Hubs
from protocols.hub_addresses import NOTHING


class Suppliers:
    """Take turns; `neighbours()` returns their base addresses as they are known now, or is None."""

    def __init__(self, hubs: Hubs, neighbours: "object" = None):
        self._hubs = hubs
        self._neighbours = neighbours
        self._misses = 0
        self._turn = 0
        self._neighbour = ""
        self._is_spent = False

    def begin_check(self) -> None:
        """Ask the hub again after a neighbour has had its turn."""
        if self._is_spent:
            self._neighbour, self._is_spent = "", False

    def base(self) -> str:
        """Return the address that the next check asks."""
        return self._neighbour or self._hubs.base()

    def is_hub(self, base: str) -> bool:
        """Tell whether an address is the hub's own."""
        return base != self._neighbour

    def trial(self) -> "tuple[str, ...]":
        """Return the hub's addresses on trial."""
        return self._hubs.trial()

    def answered(self, base: str) -> str:
        """Note a verified answer; after a neighbour's the hub is asked first again."""
        if base == self._neighbour:
            self._is_spent = True
            return NOTHING
        self._misses = 0
        return self._hubs.answered(base)

    def failed(self, base: str) -> None:
        """Go on to the next address: a neighbour when every address of the hub has failed."""
        if base == self._neighbour:
            self._neighbour, self._is_spent = "", False
            return
        self._hubs.failed(base)
        self._misses += 1
        known = self._neighbours() if self._neighbours else []  # type: ignore[operator]
        if known and self._misses >= len(self._hubs.known()):
            self._misses = 0
            self._neighbour = known[self._turn % len(known)]
            self._turn += 1
