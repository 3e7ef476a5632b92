"""The kernel's watchdog device (Documentation/watchdog/watchdog-api.rst).

Closed after a `V` it is disarmed; closed without, by a crash or a kill, it goes on counting. A
kernel built or told `nowayout` ignores the `V`: a node that is stopped then resets its machine.
"""

import contextlib
import errno
import fcntl
import os
import struct

from hw import watchdog_port
from protocols.errors import WorldFault

_SETTIMEOUT = 0xC0045706
_GETTIMEOUT = 0x80045707
_CODES = {errno.ENOENT: "missing", errno.ENODEV: "missing", errno.ENXIO: "missing"}
_CODES.update({errno.EACCES: "permission", errno.EPERM: "permission", errno.EBUSY: "busy"})
_REMEDIES = {
    "missing": "load the board's watchdog driver, or leave the watchdog out of the configuration",
    "permission": "let the node's user write to it (group, udev rule)",
    "busy": "leave it to one program: take RuntimeWatchdogSec out of systemd's configuration",
    "lost": "reset the machine at the next visit",
}


class Watchdog(watchdog_port.Watchdog):
    """Hold `/dev/watchdog` open."""

    def __init__(self, path: str, timeout_s: int):
        self._path = path
        self._timeout_s = timeout_s
        self._wait_ms = 0
        self._descriptor: int | None = None

    def open(self) -> int:
        """Arm it; a driver may wait longer or shorter than asked, and says so."""
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
            except OSError as error:
                raise self._fault(error) from error
            self._wait_ms = 1000 * self._set_timeout()
        return self._wait_ms

    def feed(self) -> None:
        """Write one byte that is no `V`."""
        assert self._descriptor is not None
        try:
            os.write(self._descriptor, b"\0")
        except OSError as error:
            raise self._fault(error, "lost") from error

    def close(self) -> None:
        """Take leave of the driver in the way that disarms it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.write(descriptor, b"V")
            os.close(descriptor)

    def _set_timeout(self) -> int:
        """Return the seconds that the driver counts; one that cannot be set tells its own."""
        assert self._descriptor is not None
        asked = struct.pack("i", self._timeout_s)
        for request, data in ((_SETTIMEOUT, asked), (_GETTIMEOUT, bytes(4))):
            with contextlib.suppress(OSError):
                seconds = struct.unpack("i", fcntl.ioctl(self._descriptor, request, data))[0]
                if seconds > 0:
                    return int(seconds)
        # The shortest that is in use: food that comes too often does no harm.
        return 5

    def _fault(self, error: OSError, otherwise: str = "missing") -> WorldFault:
        word = _CODES.get(error.errno or 0, otherwise) if otherwise != "lost" else "lost"
        text = f"{self._path}: {error.strerror}"
        return WorldFault("watchdog." + word, text, _REMEDIES[word])
