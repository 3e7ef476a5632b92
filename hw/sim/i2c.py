"""An I2C bus in memory with chips of registers on it."""

from hw import pin_ports
from protocols.errors import WorldFault


class I2c(pin_ports.I2c):
    """Hold chips by address as bytearrays; the first byte written picks the register."""

    def __init__(self) -> None:
        self.chips: dict[int, bytearray] = {}

    def transfer(self, address: int, data: bytes, count: int) -> bytes:
        """Write registers from the pointer on, then read them, as a DS3231 does."""
        chip = self.chips.get(address)
        if chip is None:
            raise WorldFault("i2c.missing", "simulated bus", "plug the chip in")
        at = data[0]
        for byte in data[1:]:
            chip[at % len(chip)] = byte
            at += 1
        return bytes([chip[(at + step) % len(chip)] for step in range(count)])
