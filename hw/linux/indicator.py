"""A lamp that the kernel blinks: a folder of `/sys/class/leds`.

Documentation/leds/leds-class.rst: `brightness`, `max_brightness`, and `trigger`, of which `timer`
brings `delay_on` and `delay_off` (ms).
"""

from hw import ports
from protocols.errors import WorldFault

# Working blinks evenly, faster as it goes on; trouble is a short flash every two seconds.
_SLOW_MS = 500
_FAST_MS = 80
_FLASH_MS = (100, 1900)


class Led(ports.Indicator):
    """Drive the lamp whose folder is given."""

    def __init__(self, path: str):
        self._path = path
        self._shown: tuple[str, int] | None = None

    def show(self, state: str, percent: int) -> None:
        """Show a state; raises `WorldFault("indicator.lost")` when the lamp cannot be driven."""
        percent = percent // 10 * 10
        if (state, percent) == self._shown:
            return
        try:
            if state == "working":
                half_ms = _SLOW_MS - (_SLOW_MS - _FAST_MS) * percent // 100
                self._blink(half_ms, half_ms)
            elif state == "trouble":
                self._blink(*_FLASH_MS)
            else:
                self._write("trigger", "none")
                self._write("brightness", self._brightest() if state == "done" else "0")
        except OSError as error:
            reason = error.strerror or "failed"
            raise WorldFault(
                "indicator.lost", self._path + ": " + reason, "Check the lamp's name and rights."
            ) from error
        self._shown = (state, percent)

    def _blink(self, on_ms: int, off_ms: int) -> None:
        self._write("trigger", "timer")
        self._write("delay_on", str(on_ms))
        self._write("delay_off", str(off_ms))

    def _brightest(self) -> str:
        with open(self._path + "/max_brightness", encoding="ascii") as file:
            return file.read(16).strip()

    def _write(self, name: str, text: str) -> None:
        # What is not there is no lamp: never create a file in its place.
        with open(self._path + "/" + name, "r+", encoding="ascii") as file:
            file.write(text)
