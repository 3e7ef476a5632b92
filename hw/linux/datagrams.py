"""UDP packets of Linux."""

import asyncio
import socket

from hw import ports
from protocols.errors import WorldFault

_PACKET_BYTES_MAX = 65536


class Datagrams(ports.Datagrams):
    """Hold one IPv4 socket; multicast leaves by the interface with address `source`.

    Answers arrive at `port` (0: any free one); it may be shared with other programs.
    """

    def __init__(self, source: str = "", port: int = 0):
        self._source = source
        self._port = port
        self._socket: socket.socket | None = None

    async def open(self) -> None:
        """Take a socket."""
        if self._socket is not None:
            return
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", self._port))
            if self._source:
                address = socket.inet_aton(self._source)
                made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
        except OSError as error:
            made.close()
            raise _down(error) from error
        self._socket = made

    async def send(self, data: bytes, host: str, port: int) -> None:
        """Send one packet; a name is looked up first, without holding up other tasks."""
        loop = asyncio.get_running_loop()
        try:
            if not _is_numeric(host):
                found = await loop.getaddrinfo(host, port, family=socket.AF_INET)
                host = str(found[0][4][0])
            await loop.sock_sendto(self._opened(), data, (host, port))
        except OSError as error:
            raise _down(error) from error

    async def receive(self, timeout_ms: int) -> bytes:
        """Return the next packet, or empty bytes when none came within the time."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await loop.sock_recv(self._opened(), _PACKET_BYTES_MAX)
        except TimeoutError:
            return b""
        except OSError as error:
            raise _down(error) from error

    async def close(self) -> None:
        """Release the socket."""
        made = self._socket
        self._socket = None
        if made is not None:
            made.close()

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise OSError(9, "not open")
        return self._socket


def _is_numeric(host: str) -> bool:
    return host.replace(".", "").isdigit()


def _down(error: OSError) -> WorldFault:
    text = "UDP: %s" % (error.strerror or error)
    return WorldFault("network.down", text, "check the cable and the board's address")
