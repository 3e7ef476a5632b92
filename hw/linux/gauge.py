"""Read a whole number that the kernel keeps in a file: thermal zones, hwmon, power supplies."""

from hw.senses import Sense
from protocols.errors import WorldFault

_BYTES_MAX = 32


class FileGauge(Sense):
    """Read `path`, scaled by `times` / `over` to thousandths."""

    def __init__(self, path: str, times: int, over: int):
        self._path = path
        self._times = times
        self._over = over

    async def read(self) -> int:
        """Return the value now; raises `WorldFault("gauge.missing")`."""
        try:
            with open(self._path, "rb") as file:  # noqa: ASYNC230 - the kernel's memory, no disk
                value = int(file.read(_BYTES_MAX))
        except (OSError, ValueError) as error:
            text = "%s: %s" % (self._path, error)
            raise WorldFault(
                "gauge.missing", text, "correct the path in the node's file"
            ) from error
        return value * self._times // self._over
