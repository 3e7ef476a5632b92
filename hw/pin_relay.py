"""Drive a relay on a pin of this board.

The pin has no timer: a node that dies leaves it to the kernel, which lets a line fall back to its
pull when its holder ends. Wire the contact so that this is *off*; a node that hangs without dying
needs the watchdog as well (`hw.watchdog_port`).
"""

from hw.pin_ports import OutputPin
from hw.relay import Order, Relay


class PinRelay(Relay):
    """Switch one relay by a pin; taken at the first use, and again after a loss."""

    def __init__(self, pin: OutputPin):
        self._pin = pin

    def has_dead_man(self) -> bool:
        """Return False: only the caller's own guard switches off in time."""
        return False

    async def on(self, hold_ms: int, order: Order | None = None) -> None:
        """Switch on until `off`."""
        self._pin.set(1)

    async def off(self, order: Order | None = None) -> None:
        """Switch off."""
        self._pin.set(0)

    async def read(self) -> int:
        """Return what the pin is held at."""
        return self._pin.get()

    async def close(self) -> None:
        """Let the pin fall back to its pull."""
        self._pin.close()
