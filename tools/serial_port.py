"""Serial ports of the technician's laptop, through pyserial, on any system it runs on."""

import asyncio
import time
from typing import NamedTuple

import serial
from serial.tools import list_ports

from protocols.errors import WorldFault

BAUD = 115200
# USB gadget serial of Linux boards; Espressif; CP210x, CH34x and FTDI bridges.
KNOWN_VENDORS = (0x0525, 0x1D6B, 0x303A, 0x10C4, 0x1A86, 0x0403, 0x2E8A)
_WRITE_S_MAX = 5


class Found(NamedTuple):
    """A port of this laptop: its path, what the system calls it, and whether the maker is known."""

    path: str
    text: str
    is_known: bool


def find() -> list[Found]:
    """Return the USB serial ports, those of known makers first."""
    found = [
        Found(one.device, f"{one.description} [{one.vid:04x}:{one.pid:04x}]", _is_known(one.vid))
        for one in list_ports.comports()
        if one.vid is not None
    ]
    return sorted(found, key=lambda one: (not one.is_known, one.path))


def _is_known(vendor: int) -> bool:
    return vendor in KNOWN_VENDORS


class SerialPort:
    """One port, taken for this program alone."""

    def __init__(self, path: str, baud: int = BAUD):
        self.path = path
        self._baud = baud
        self._port: serial.Serial | None = None

    async def open(self) -> None:
        """Take the port; raises `WorldFault` (`serial.missing`, `serial.busy`,
        `serial.permission`)."""
        if self._port is None:
            self._port = await asyncio.to_thread(self._open)

    def _open(self) -> serial.Serial:
        try:
            return serial.Serial(
                self.path, self._baud, timeout=0.05, write_timeout=_WRITE_S_MAX, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise _open_fault(self.path, error) from error

    async def read(self, timeout_ms: int) -> bytes:
        """Return what comes within a time; raises `WorldFault("serial.lost")`."""
        return await asyncio.to_thread(self._read, timeout_ms)

    def _read(self, timeout_ms: int) -> bytes:
        port = self._opened()
        try:
            port.timeout = timeout_ms / 1000
            data: bytes = port.read(1)
            return data + port.read(port.in_waiting) if data else b""
        except (serial.SerialException, OSError, TypeError) as error:
            raise _lost(self.path, error) from error

    async def write(self, data: bytes) -> None:
        """Send bytes; raises `WorldFault("serial.lost")`."""
        await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        try:
            self._opened().write(data)
        except (serial.SerialException, OSError) as error:
            raise _lost(self.path, error) from error

    async def close(self) -> None:
        """Release the port."""
        port, self._port = self._port, None
        if port is not None:
            await asyncio.to_thread(port.close)

    def _opened(self) -> serial.Serial:
        if self._port is None:
            raise _lost(self.path, OSError("not open"))
        return self._port


class WallClock:
    """The laptop's monotonic clock."""

    def now_ms(self) -> int:
        """Return monotonic milliseconds."""
        return time.monotonic_ns() // 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait."""
        await asyncio.sleep(duration_ms / 1000)


def _lost(path: str, error: Exception) -> WorldFault:
    return WorldFault("serial.lost", f"{path}: {error}", "Plug the cable in again.")


def _open_fault(path: str, error: Exception) -> WorldFault:
    text = f"{path}: {error}"
    lower = text.lower()
    if "exclusively lock" in lower or "busy" in lower:
        return WorldFault("serial.busy", text, "Close the other program that holds the port.")
    if "permission" in lower or "access is denied" in lower:
        return WorldFault(
            "serial.permission", text, "Close other programs, or join the group dialout."
        )
    return WorldFault("serial.missing", text, "Plug the cable in, or name the right port.")
