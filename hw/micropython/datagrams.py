"""UDP packets of MicroPython."""

import errno
import socket

from hw import ports
from protocols.errors import WorldFault

_PACKET_BYTES_MAX = 1472


class Datagrams(ports.Datagrams):
    """Hold one IPv4 socket; answers arrive at `port` (0: any free one)."""

    def __init__(self, clock: ports.Clock, port: int = 0):
        self._clock = clock
        self._port = port
        self._socket: socket.socket | None = None

    async def open(self) -> None:
        """Take a socket."""
        if self._socket is None:
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.setblocking(False)
            if self._port:
                anywhere = "0.0.0.0"  # noqa: S104 - answers come by broadcast
                made.bind(socket.getaddrinfo(anywhere, self._port)[0][-1])
            self._socket = made

    async def send(self, data: bytes, host: str, port: int) -> None:
        """Send one packet."""
        try:
            self._opened().sendto(data, socket.getaddrinfo(host, port)[0][-1])
        except OSError as error:
            raise _down(error)

    async def receive(self, timeout_ms: int) -> bytes:
        """Return the next packet, looking every few milliseconds until the time is over."""
        until_ms = self._clock.ticks_ms() + timeout_ms
        while True:
            try:
                return bytes(self._opened().recv(_PACKET_BYTES_MAX))
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise _down(error)
            if self._clock.ticks_ms() >= until_ms:
                return b""
            await self._clock.sleep_ms(5)

    async def close(self) -> None:
        """Release the socket."""
        made = self._socket
        self._socket = None
        if made is not None:
            made.close()

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.EBADF)
        return self._socket


def _down(error: OSError) -> WorldFault:
    return WorldFault("network.down", "UDP: " + str(error), "check the cable and the address")
