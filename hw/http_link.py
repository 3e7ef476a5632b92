"""The pump between HTTP/1.1 and a byte stream, shared by every platform.

Theory of operation. `protocols/http1.py` decides, this file carries: it opens a stream, moves bytes
both ways and puts a deadline on every wait. One finished connection an origin is kept for the next
request. A kept connection may have died unnoticed: a request that may be sent twice is then tried
once more on a fresh one, any other only ever uses a connection that is seconds old. Waiting time is
also metered, so that a peer that drips bytes is cut however short its pauses.
"""

import asyncio

from hw import ports
from protocols.errors import LocalFault, WorldFault
from protocols.http1 import Connection, Data, End, Head
from protocols.http1_head import IDEMPOTENT
from protocols.limits import (
    LINK_EVENTS_IDLE_MS_MAX,
    LINK_HEAD_MS_MAX,
    LINK_IDLE_MS_MAX,
    LINK_KEPT_FRESH_MS,
    LINK_KEPT_MAX,
    LINK_KEPT_MS_MAX,
    LINK_OPEN_MS_MAX,
    LINK_RATE_BYTES_MIN,
    LINK_RATE_WINDOW_MS,
)

# One read or write: what a microcontroller can spare twice.
_PIECE_BYTES = 4096


class Stream:
    """Carry bytes both ways; a platform's adapter implements it over its sockets."""

    async def read(self, count: int) -> bytes:
        """Return 1 to `count` bytes; empty when the peer closed; raises OSError."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Send all bytes; raises OSError."""
        raise NotImplementedError

    def is_stale(self) -> bool:
        """Tell whether the peer is known to have closed; False where that cannot be known."""
        return False

    async def close(self) -> None:
        """Drop the connection; never raises, never waits for the peer."""
        raise NotImplementedError


class HttpLink(ports.Link):
    """Speak HTTP over the streams that a subclass opens."""

    def __init__(self, clock: ports.Clock):
        self.clock = clock
        self._kept: dict[tuple[bool, str, int], _Carrier] = {}
        self._turn = 0
        self._received = 0
        self._sent = 0

    async def open_stream(self, host: str, port: int, secure: bool) -> Stream:
        """Connect to a host; raises OSError or ValueError."""
        raise NotImplementedError

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> "Response":
        """Send one request and return its answer when the head has arrived.

        Raises `WorldFault` `link.*` or `http.cut` when the world fails, `RemoteFault` `http.*` when
        the answer breaks HTTP, `LocalFault` when the request cannot be sent at all.
        """
        origin, host, target = split_url(url)
        carrier = await self._take_kept(origin, method)
        if carrier is not None:
            before = carrier.http.bytes_received
            try:
                return await self._exchange(carrier, method, host, target, headers, body)
            except WorldFault:
                if method not in IDEMPOTENT or carrier.http.bytes_received != before:
                    raise
        carrier = await self._open(origin)
        return await self._exchange(carrier, method, host, target, headers, body)

    def counters(self) -> tuple[int, int]:
        """Return bytes (received, sent) by this link, TLS and TCP not counted."""
        return self._received, self._sent

    async def close(self) -> None:
        """Drop the kept connections."""
        for origin in list(self._kept):
            await self._kept.pop(origin).stream.close()

    async def _take_kept(self, origin: tuple[bool, str, int], method: str) -> "_Carrier | None":
        carrier = self._kept.pop(origin, None)
        if carrier is None:
            return None
        idle_ms = self.clock.ticks_ms() - carrier.idle_since_ms
        limit_ms = LINK_KEPT_MS_MAX if method in IDEMPOTENT else LINK_KEPT_FRESH_MS
        if idle_ms > limit_ms or carrier.stream.is_stale():
            await carrier.stream.close()
            return None
        return carrier

    async def keep(self, carrier: "_Carrier") -> None:
        """Keep a finished connection for the next request, the newest of each origin."""
        carrier.idle_since_ms = self.clock.ticks_ms()
        self._turn += 1
        carrier.turn = self._turn
        older = self._kept.pop(carrier.origin, None)
        if older is None and len(self._kept) >= LINK_KEPT_MAX:
            oldest = min(self._kept.values(), key=lambda kept: kept.turn)
            older = self._kept.pop(oldest.origin)
        self._kept[carrier.origin] = carrier
        if older is not None:
            await older.stream.close()

    async def _open(self, origin: tuple[bool, str, int]) -> "_Carrier":
        secure, host, port = origin
        try:
            stream = await asyncio.wait_for(
                self.open_stream(host, port, secure), LINK_OPEN_MS_MAX / 1000
            )
        except asyncio.TimeoutError:
            raise WorldFault("link.timeout", "no connection to " + host, "check the link")
        except (OSError, ValueError) as error:
            if "certif" in str(error).lower():
                remedy = "Log in to this network, or mend the hub's certificate or `tls_ca`"
                raise WorldFault("link.certificate", host + ": " + str(error), remedy)
            raise WorldFault("link.open", host + ": " + str(error), "check the link and address")
        return _Carrier(origin, stream)

    async def _exchange(
        self,
        carrier: "_Carrier",
        method: str,
        host: str,
        target: str,
        headers: dict[str, str],
        body: bytes,
    ) -> "Response":
        try:
            carrier.http.submit(method, host, target, headers, body)
            unsent = await self._send(carrier)
            carrier.is_whole = unsent is None
            try:
                head = await self._head(carrier)
            except WorldFault as fault:
                raise unsent or fault
        except BaseException:
            await carrier.stream.close()
            raise
        response = Response(self, carrier, head)
        if head.length == 0:
            await response.finish()
        return response

    async def _send(self, carrier: "_Carrier") -> WorldFault | None:
        """Send the request; return the fault when the peer stopped listening.

        A peer that refuses a body may answer before it has read it all: the answer is still due.
        """
        while True:
            data = carrier.http.data_to_send()
            if not data:
                return None
            for at in range(0, len(data), _PIECE_BYTES):
                piece = data[at : at + _PIECE_BYTES]
                try:
                    await _write(carrier.stream, piece)
                except WorldFault as fault:
                    return fault
                self._sent += len(piece)

    async def _head(self, carrier: "_Carrier") -> Head:
        until_ms = self.clock.ticks_ms() + LINK_HEAD_MS_MAX
        while True:
            event = carrier.http.next_event()
            if isinstance(event, Head):
                return event
            await self.receive(carrier, until_ms - self.clock.ticks_ms())

    async def receive(self, carrier: "_Carrier", wait_ms: int) -> int:
        """Give the connection its next bytes, or the news of its end; return how many."""
        data = await _read(carrier.stream, wait_ms)
        if data:
            carrier.http.receive(data)
            self._received += len(data)
        else:
            carrier.http.link_lost()
        return len(data)


class Response(ports.Response):
    """Read the body of one answer as it arrives."""

    def __init__(self, link: HttpLink, carrier: "_Carrier", head: Head):
        self.status = head.status
        self.headers = head.headers
        self._link = link
        self._carrier: _Carrier | None = carrier
        self._piece = b""
        self._waited_ms = 0
        self._gained = 0
        events = head.headers.get("content-type", "").startswith("text/event-stream")
        self._idle_ms = LINK_EVENTS_IDLE_MS_MAX if events else LINK_IDLE_MS_MAX
        self._rate_bytes = 0 if events else LINK_RATE_BYTES_MIN

    async def read(self, count: int) -> bytes:
        """Return up to `count` body bytes; empty at the end.

        Raises `WorldFault` on a cut, a silence or a drip, `RemoteFault` on a broken framing.
        """
        while not self._piece and self._carrier is not None:
            try:
                await self._advance(self._carrier)
            except BaseException:
                await self._drop()
                raise
        piece = self._piece[:count]
        self._piece = self._piece[count:]
        return piece

    async def _advance(self, carrier: "_Carrier") -> None:
        event = carrier.http.next_event()
        if isinstance(event, Data):
            self._piece = event.body
        elif isinstance(event, End):
            await self._end(carrier, event.reusable)
        else:
            await self._wait(carrier)

    async def _wait(self, carrier: "_Carrier") -> None:
        clock = self._link.clock
        started_ms = clock.ticks_ms()
        self._gained += await self._link.receive(carrier, self._idle_ms)
        self._waited_ms += clock.ticks_ms() - started_ms
        if self._waited_ms >= LINK_RATE_WINDOW_MS:
            if self._gained < self._rate_bytes:
                raise WorldFault("link.slow", "the peer drips its body", "try again later")
            self._waited_ms = 0
            self._gained = 0

    async def finish(self) -> None:
        """Take the end of an answer whose body was read or is empty, without waiting for it."""
        if self._carrier is not None and not self._piece:
            event = self._carrier.http.next_event()
            if isinstance(event, End):
                await self._end(self._carrier, event.reusable)

    async def close(self) -> None:
        """Stop reading; the connection is kept only when the body was read to its end."""
        try:
            await self.finish()
        finally:
            self._piece = b""
            await self._drop()

    async def _end(self, carrier: "_Carrier", reusable: bool) -> None:
        self._carrier = None
        if reusable and carrier.is_whole:
            await self._link.keep(carrier)
        else:
            await carrier.stream.close()

    async def _drop(self) -> None:
        carrier = self._carrier
        self._carrier = None
        if carrier is not None:
            await carrier.stream.close()


class _Carrier:
    """Hold one stream with the state of the HTTP spoken over it."""

    def __init__(self, origin: tuple[bool, str, int], stream: Stream):
        self.origin = origin
        self.stream = stream
        self.http = Connection()
        self.idle_since_ms = 0
        # Which use of the link this was: two in one millisecond have an order, too.
        self.turn = 0
        self.is_whole = True


async def _read(stream: Stream, wait_ms: int) -> bytes:
    try:
        return await asyncio.wait_for(stream.read(_PIECE_BYTES), max(wait_ms, 1) / 1000)
    except asyncio.TimeoutError:
        raise _silent()
    except (OSError, ValueError) as error:  # mbedTLS refuses a certificate by ValueError
        raise _broken(error)


async def _write(stream: Stream, data: bytes) -> None:
    try:
        await asyncio.wait_for(stream.write(data), LINK_IDLE_MS_MAX / 1000)
    except asyncio.TimeoutError:
        raise _silent()
    except (OSError, ValueError) as error:  # mbedTLS refuses a certificate by ValueError
        raise _broken(error)


def _silent() -> WorldFault:
    return WorldFault("link.timeout", "the peer fell silent", "try again later")


def _broken(error: OSError | ValueError) -> WorldFault:
    return WorldFault("link.lost", "the connection broke: " + str(error), "try again later")


def split_url(url: str) -> tuple[tuple[bool, str, int], str, str]:
    """Return origin (secure, host, port), Host header and target; raises `LocalFault`."""
    scheme, _, rest = url.partition("://")
    slash = rest.find("/")
    host = rest if slash < 0 else rest[:slash]
    target = "/" if slash < 0 else rest[slash:]
    name, port = host, "443" if scheme == "https" else "80"
    if host[:1] == "[":
        name, _, port_text = host[1:].partition("]")
        port = port_text[1:] if port_text[:1] == ":" else port
    elif ":" in host:
        name, _, port = host.partition(":")
    good = all("0" <= c <= "9" for c in port) and 0 < len(port) < 6 and name
    if scheme not in ("http", "https") or not good or "@" in host or "#" in target:
        raise LocalFault("link.url", "not an address: " + url, "mend the configuration")
    return (scheme == "https", name, int(port)), host, target
