"""What every relay offers, whatever switches it."""


class Order:
    """Say whether an order still stands; a newer one withdraws it before it is sent again."""

    def __init__(self) -> None:
        self.stands = True

    def withdraw(self) -> None:
        """Stop further sendings."""
        self.stands = False


class Relay:
    """Switch one relay and read it back."""

    def has_dead_man(self) -> bool:
        """Tell whether the relay switches off by itself, with this node dead."""
        raise NotImplementedError

    async def on(self, hold_ms: int, order: Order | None = None) -> None:
        """Switch on; one with a dead-man switches off after `hold_ms`."""
        raise NotImplementedError

    async def off(self, order: Order | None = None) -> None:
        """Switch off."""
        raise NotImplementedError

    async def read(self) -> int:
        """Return the state as the device reports it, 0 or 1."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of the device, which is off by now."""
