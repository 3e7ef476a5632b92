"""The contracts between drivers and the pins and chips of a board; as `hw.ports`, for drivers only.

Adapters stand in `hw/linux/`, `hw/micropython/` and `hw/sim/`. Calls do not wait: a pin answers at
once, a chip on I2C within a millisecond.
"""


class OutputPin:
    """Hold one pin at a level; it is 0 from the moment it is taken."""

    def set(self, level: int) -> None:
        """Drive 0 or 1; takes the pin when it is not held. Raises `WorldFault("gpio.*")`."""
        raise NotImplementedError

    def get(self) -> int:
        """Return the level that the pin is held at, 0 when it is not held."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the pin go: it falls back to its pull."""
        raise NotImplementedError


class InputPin:
    """Read one pin."""

    def get(self) -> int:
        """Return the level, 0 or 1; raises `WorldFault("gpio.*")`."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the pin go."""
        raise NotImplementedError


class I2c:
    """Speak to the devices of one I2C bus as its master."""

    def transfer(self, address: int, data: bytes, count: int) -> bytes:
        """Write bytes, then read `count` with a repeated start.

        Raises `WorldFault`: `i2c.missing` (no bus, or nobody answers), `i2c.permission`.
        """
        raise NotImplementedError
