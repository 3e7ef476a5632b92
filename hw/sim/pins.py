"""Pins and a bus in memory."""

from hw import pin_ports
from protocols.errors import WorldFault


class OutputPin(pin_ports.OutputPin):
    """Note every level; `lost` refuses as a chip that was pulled out does."""

    def __init__(self) -> None:
        self.level = 0
        self.levels: list[int] = []
        self.lost = False

    def set(self, level: int) -> None:
        """Drive 0 or 1."""
        if self.lost:
            raise WorldFault("gpio.missing", "simulated chip", "plug the chip in")
        self.level = level
        self.levels.append(level)

    def get(self) -> int:
        """Return the level."""
        return self.level

    def close(self) -> None:
        """Fall back to 0."""
        self.level = 0


class InputPin(pin_ports.InputPin):
    """Read what a test set."""

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self.lost = False

    def get(self) -> int:
        """Return the level."""
        if self.lost:
            raise WorldFault("gpio.missing", "simulated chip", "plug the chip in")
        return self.level

    def close(self) -> None:
        """Nothing is held."""
