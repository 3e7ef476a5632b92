"""Raw Ethernet frames of Linux (AF_PACKET)."""

import errno
import select
import socket
import time

from protocols.errors import WorldFault

_ETHERTYPE_ALL = 0x0003
# A port whose queue stays full this long has no link.
_SEND_S_MAX = 0.5


class Ethernet:
    """Hold one interface; calls block shortly, so make them from a thread."""

    def __init__(self, interface: str):
        self._interface = interface
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Take the interface; raises `ethernet.permission` or `ethernet.missing`."""
        if self._socket is not None:
            return
        try:
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE_ALL))
        except PermissionError as error:
            remedy = "give the node the capability CAP_NET_RAW"
            raise WorldFault("ethernet.permission", str(error), remedy) from error
        try:
            made.bind((self._interface, 0))
            made.setblocking(False)
        except OSError as error:
            made.close()
            text = "%s: %s" % (self._interface, error.strerror)
            raise WorldFault("ethernet.missing", text, "correct the interface's name") from error
        self._socket = made

    def send(self, *parts: bytes) -> None:
        """Send one frame given in parts; raises `WorldFault("ethernet.down")`."""
        until_s = 0.0
        while True:
            try:
                self._opened().sendmsg(parts)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                    raise self._down(error) from error
                until_s = until_s or time.monotonic() + _SEND_S_MAX
                if time.monotonic() > until_s:
                    raise self._down(error) from error
                time.sleep(0.001)

    def receive(self, timeout_s: float) -> bytes:
        """Return the next frame seen, or empty bytes when none came within the time."""
        made = self._opened()
        try:
            if not select.select([made], [], [], max(timeout_s, 0))[0]:
                return b""
            return made.recv(2048)
        except OSError as error:
            raise self._down(error) from error

    def close(self) -> None:
        """Release the interface."""
        made = self._socket
        self._socket = None
        if made is not None:
            made.close()

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.EBADF, "not open")
        return self._socket

    def _down(self, error: OSError) -> WorldFault:
        text = "%s: %s" % (self._interface, error.strerror)
        return WorldFault("ethernet.down", text, "check the cable to the board")
