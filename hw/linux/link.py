"""HTTP over the machine's sockets, TLS by OpenSSL."""

import asyncio
import ssl
import zlib

from hw import ports
from hw.http_link import HttpLink
from hw.http_link import Stream as HttpStream
from hw.linux.clock import Clock
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import CODING_SURPLUS_BYTES_MAX

_INTERFACES = "/sys/class/net/"
_BOOT = "/proc/sys/kernel/random/boot_id"
# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, x509_vfy.h
_NO_CHECK_TIME = 0x200000


class Stream(HttpStream):
    """Carry bytes over one asyncio connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer

    async def read(self, count: int) -> bytes:
        return await self._reader.read(count)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def is_stale(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    async def close(self) -> None:
        # Nothing is owed to the peer; a graceful close of TLS may wait for it half a minute.
        self._writer.transport.abort()
        await asyncio.sleep(0)


class Inflated(ports.Response):
    """Read the inflated body of an answer in the coding `deflate`, never more than asked for.

    Blocks that hold nothing could go on for ever before any reader's limit saw a byte of them: they
    are refused, so that a body is bounded by what it comes to.
    """

    def __init__(self, response: ports.Response):
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._stream = zlib.decompressobj()
        self._pending = b""
        # What was taken beyond what it came to.
        self._surplus_bytes = 0

    async def read(self, count: int) -> bytes:
        """Return up to `count` bytes; raises besides what the link does `RemoteFault("http.*")`."""
        stream = self._stream
        while not stream.eof:
            if not self._pending:
                self._pending = await self._response.read(count)
                if not self._pending:
                    raise WorldFault("http.cut", "the coding ends inside a body", "try again later")
                self._surplus_bytes += len(self._pending)
                if self._surplus_bytes > CODING_SURPLUS_BYTES_MAX:
                    raise _broken("more bytes than they come to")
            try:
                data = stream.decompress(self._pending, count)
            except zlib.error as error:
                raise _broken(str(error)) from error
            self._pending = stream.unconsumed_tail
            self._surplus_bytes = max(0, self._surplus_bytes - len(data))
            if data:
                return data
        if stream.unused_data or await self._response.read(1):
            raise _broken("bytes after the end")
        return b""

    async def close(self) -> None:
        """Stop reading."""
        await self._response.close()


def _broken(text: str) -> RemoteFault:
    remedy = "check the server, or what stands before it"
    return RemoteFault("http.coding", "deflate: " + text, remedy)


class Link(HttpLink):
    """Speak HTTP to the hub; trusts the system's authorities, or only those of `tls_ca_path`.

    With `interface` (as `wwan0`) the counters are the kernel's for that interface, which is what a
    SIM is billed for; without, they count what this link itself carried.
    """

    inflates = True

    def __init__(self, tls_ca_path: str | None = None, interface: str | None = None):
        super().__init__(Clock())
        self._tls_ca_path = tls_ca_path
        self._tls: ssl.SSLContext | None = None
        self._interface = _INTERFACES + interface if interface else ""
        self._counted = (0, 0)

    async def request(  # type: ignore[override]
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> ports.Response:
        response = await super().request(method, url, headers, body)
        is_coded = response.headers.get("content-encoding") == "deflate"
        return Inflated(response) if is_coded else response

    async def open_stream(self, host: str, port: int, secure: bool) -> HttpStream:
        if secure and self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._tls_ca_path)
            # What counts is signed; a node whose clock says 1970 must reach its hub all the same.
            self._tls.verify_flags |= _NO_CHECK_TIME
        reader, writer = await asyncio.open_connection(
            host, port, ssl=self._tls if secure else None
        )
        return Stream(reader, writer)

    def counters(self) -> tuple[int, int]:
        if not self._interface:
            return super().counters()
        try:
            received, sent = (
                int(_read(self._interface + "/statistics/" + name))
                for name in ("rx_bytes", "tx_bytes")
            )
        except OSError:
            # The modem is away: nothing is carried, and what was is not counted twice.
            return self._counted
        self._counted = (received, sent)
        return self._counted

    def life(self) -> str:
        """Return the boot and the interface's number in it: a modem that comes back has another."""
        if not self._interface:
            return ""
        try:
            return _read(_BOOT)[:8] + "." + _read(self._interface + "/ifindex").strip()
        except OSError:
            return ""


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
