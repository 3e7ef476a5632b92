"""Carry bytes over a serial port of Linux through pyserial, without blocking the loop."""

import asyncio
import errno
import fcntl
import os
import termios

import serial

from hw import ports
from protocols.errors import WorldFault

# A USB adapter that takes no bytes for this long is gone.
_WRITE_MS_MAX = 2000


class Serial(ports.Serial):
    """Hold one port (8N1) for this process alone."""

    def __init__(self, path: str, baud: int):
        self._path = path
        self._baud = baud
        self._port: serial.Serial | None = None

    async def open(self) -> None:
        """Open the port; raises `serial.missing`, `serial.permission` or `serial.busy`."""
        if self._port is not None:
            return
        try:
            self._port = serial.Serial(
                self._path, self._baud, timeout=0, write_timeout=0, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise _open_fault(self._path, error) from error
        fcntl.ioctl(self._port.fileno(), termios.TIOCEXCL)

    async def write(self, data: bytes) -> None:
        """Send all bytes; raises `serial.lost`."""
        port = self._opened()
        sent = 0
        while sent < len(data):
            try:
                sent += os.write(port.fileno(), data[sent:])
            except BlockingIOError:
                await self._ready(port, "writer", _WRITE_MS_MAX)
            except OSError as error:
                raise self._lost(error) from error

    async def read(self, count: int, timeout_ms: int) -> bytes:
        """Return what is there, waiting for the first byte; raises `serial.lost`."""
        port = self._opened()
        data = self._take(port, count)
        if not data and timeout_ms > 0 and await self._ready(port, "reader", timeout_ms):
            data = self._take(port, count)
            if not data:
                raise self._lost(OSError(errno.EIO, "hung up"))
        return data

    async def close(self) -> None:
        """Release the port."""
        port = self._port
        self._port = None
        if port is not None:
            try:
                fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
            except OSError as error:
                if error.errno not in (errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBADF):
                    raise
            port.close()

    def _opened(self) -> serial.Serial:
        if self._port is None:
            raise self._lost(OSError(errno.ENODEV, "not open"))
        return self._port

    def _take(self, port: serial.Serial, count: int) -> bytes:
        try:
            return os.read(port.fileno(), count)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error) from error

    async def _ready(self, port: serial.Serial, side: str, timeout_ms: int) -> bool:
        """Wait until the port can be read or written; False when the time is over."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        fd = port.fileno()
        add = loop.add_reader if side == "reader" else loop.add_writer
        remove = loop.remove_reader if side == "reader" else loop.remove_writer
        add(fd, ready.set)
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await ready.wait()
        except TimeoutError:
            if side == "writer":
                raise self._lost(OSError(errno.ETIMEDOUT, "takes no bytes")) from None
            return False
        finally:
            remove(fd)

    def _lost(self, error: OSError) -> WorldFault:
        text = "%s: %s" % (self._path, error.strerror or error)
        return WorldFault("serial.lost", text, "plug the adapter in again; it is retried")


def _open_fault(path: str, error: Exception) -> WorldFault:
    """Turn what opening raised into a fault with a remedy."""
    number = getattr(error, "errno", None)
    text = "%s: %s" % (path, error)
    if number in (errno.EACCES, errno.EPERM):
        return WorldFault("serial.permission", text, "add the node's user to group dialout")
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
        return WorldFault("serial.busy", text, "stop the other program that holds the port")
    return WorldFault("serial.missing", text, "plug the adapter in or correct the path")


def open_serial(path: str, baud: int) -> Serial:
    """Return the serial port at `path` (opened by its `open`)."""
    return Serial(path, baud)
