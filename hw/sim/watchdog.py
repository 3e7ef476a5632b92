"""A watchdog that says when it would have reset the machine."""

from hw import ports, watchdog_port
from protocols.errors import Fault


class Watchdog(watchdog_port.Watchdog):
    """Count by a clock; `refusal` is raised by `open`, `loss` by `feed`."""

    def __init__(self, clock: ports.Clock, timeout_ms: int):
        self.timeout_ms = timeout_ms
        self.refusal: Fault | None = None
        self.loss: Fault | None = None
        self.fed_ticks: int | None = None
        self._clock = clock

    def open(self) -> int:
        """Arm it."""
        if self.refusal is not None:
            raise self.refusal
        if self.fed_ticks is None:
            self.fed_ticks = self._clock.ticks_ms()
        return self.timeout_ms

    def feed(self) -> None:
        """Start its time anew."""
        assert self.fed_ticks is not None, "fed before it was opened"
        if self.loss is not None:
            raise self.loss
        self.fed_ticks = self._clock.ticks_ms()

    def close(self) -> None:
        """Disarm it."""
        self.fed_ticks = None

    def has_bitten(self) -> bool:
        """Tell whether the machine would have been reset by now."""
        fed_ticks = self.fed_ticks
        return fed_ticks is not None and self._clock.ticks_ms() - fed_ticks > self.timeout_ms
