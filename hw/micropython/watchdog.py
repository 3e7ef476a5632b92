"""The watchdog of a chip: `machine.WDT`, which nothing but a reset disarms."""

from hw import watchdog_port
from hw.micropython.chip import machine
from protocols.errors import WorldFault


class Watchdog(watchdog_port.Watchdog):
    """Arm the chip's watchdog at the first `open`."""

    def __init__(self, timeout_s: int):
        self._timeout_ms = timeout_s * 1000
        self._chip: object = None

    def open(self) -> int:
        """Arm it; a port may refuse a time longer than its counter."""
        if self._chip is None:
            try:
                self._chip = machine.WDT(timeout=self._timeout_ms)
            except (AttributeError, OSError, ValueError) as error:
                text = "the chip refuses a watchdog of %d ms: %s" % (self._timeout_ms, error)
                remedy = "set a shorter watchdog.timeout_s, or leave the watchdog out"
                raise WorldFault("watchdog.missing", text, remedy)
        return self._timeout_ms

    def feed(self) -> None:
        """Start its time anew."""
        self._chip.feed()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Nothing disarms it: a node that ends starts again by its reset."""
