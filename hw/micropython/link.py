"""HTTP over MicroPython's sockets, TLS by mbedTLS."""

import asyncio

from hw.http_link import HttpLink
from hw.http_link import Stream as HttpStream
from hw.micropython.clock import Clock

# The buffer of a read is one piece of the heap, which is small and never quite unbroken.
_READ_BYTES_MAX = 1024


class Stream(HttpStream):
    """Carry bytes over one asyncio connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer

    async def read(self, count: int) -> bytes:
        return await self._reader.read(min(count, _READ_BYTES_MAX))

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        try:
            await self._writer.wait_closed()
        except OSError:
            return


class Link(HttpLink):
    """Speak HTTP to the hub; `tls_ca_path` names the authority's certificate (DER or PEM)."""

    def __init__(self, tls_ca_path: str | None = None):
        super().__init__(Clock())
        self._tls_ca_path = tls_ca_path
        self._tls: object | None = None

    async def open_stream(self, host: str, port: int, secure: bool) -> HttpStream:
        """Connect; raises ValueError for TLS without an authority: it would prove nothing."""
        if secure and self._tls is None:
            self._tls = self._context()
        reader, writer = await asyncio.open_connection(
            host, port, ssl=self._tls if secure else None, server_hostname=host
        )
        return Stream(reader, writer)

    def _context(self) -> "object":
        import tls  # noqa: PLC0415  # boards built without TLS still speak to a LAN

        if self._tls_ca_path is None:
            raise ValueError("TLS without the authority's certificate")
        with open(self._tls_ca_path, "rb") as file:
            authority = file.read()
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED  # type: ignore[attr-defined]
        context.load_verify_locations(authority)
        return context
