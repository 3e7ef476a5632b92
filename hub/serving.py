"""Sockets: slow clients are dropped, and nobody may hold more than a share.

aiohttp bounds the size of a head but not its time, so a guard stands between the socket and
aiohttp's protocol: it drops a connection whose request head is not whole in time. What a client
does not read is bounded by the kernel's own user timeout, which also covers sendfile.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

from aiohttp import web

from hub.answers import Handler
from protocols.errors import RemoteFault, WorldFault
from protocols.hub_limits import (
    HUB_BODY_S_MAX,
    HUB_CONNECTIONS_MAX,
    HUB_HEAD_S_MAX,
    HUB_STALL_S_MAX,
)
from protocols.limits import HTTP_HEAD_BYTES_MAX, HTTP_LINE_BYTES_MAX

# What answers still get when the hub stops; a stream of events would never end by itself.
FAREWELL_S = 3.0
# A node polls at most every 30 s while awake; keeping its connection saves a TLS handshake.
KEEPALIVE_S = 75


class Guard(asyncio.Protocol):
    """Pass bytes to aiohttp's protocol and drop a client that does not finish its head."""

    __slots__ = ("_guards", "_handed", "_head_s", "_inner", "_serving", "_timer", "transport")

    def __init__(self, inner: Any, guards: "set[Guard]", head_s: float):
        self._inner = inner
        self._guards = guards
        self._head_s = head_s
        self.transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._serving = False
        self._handed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound what the kernel holds for the client and start waiting for a head."""
        self.transport = transport  # type: ignore[assignment]
        if len(self._guards) >= HUB_CONNECTIONS_MAX:
            self.transport.abort()
            return
        self._guards.add(self)
        plug = transport.get_extra_info("socket")
        if plug is not None and plug.family in (socket.AF_INET, socket.AF_INET6):
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, HUB_STALL_S_MAX * 1000)
        self._inner.connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; between requests they begin a new head."""
        if not self._serving and self._timer is None:
            self._wait()
        self._inner.data_received(data)

    def head_arrived(self) -> None:
        """Stop the head's timer: a request is being served."""
        self._serving = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def answered(self) -> None:
        """Note that the request is over; the next byte begins a new head."""
        self._serving = self._handed

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._head_s, self._drop)

    def _drop(self) -> None:
        self._timer = None
        self.transport.abort()

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Give the connection of a request that is being served to another protocol, for good.

        To aiohttp the client has left: what the handler still returns goes nowhere.
        """
        self._serving = self._handed = True
        inner, self._inner = self._inner, protocol
        inner.transport = None
        inner.connection_lost(None)

    def eof_received(self) -> bool | None:
        """Pass the client's end on."""
        result: bool | None = self._inner.eof_received()
        return result

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        if self in self._guards:
            self._guards.discard(self)
            self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass back-pressure on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass back-pressure on."""
        self._inner.resume_writing()


def guard_of(request: web.Request) -> Guard | None:
    """Return the guard of a request's connection; None when it is gone, or no listener of ours."""
    # Of any event loop: what aiohttp was given has the methods of `asyncio.Transport`.
    guard = request.transport and request.transport.get_protocol()
    return guard if isinstance(guard, Guard) else None


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection's guard that a whole head has arrived."""
    guard = guard_of(request)
    if guard is None:
        return await handler(request)
    guard.head_arrived()
    try:
        return await handler(request)
    finally:
        guard.answered()


class Listener:
    """Serve one application on one address until closed."""

    def __init__(self, app: web.Application, head_s: float = HUB_HEAD_S_MAX):
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            shutdown_timeout=FAREWELL_S,
            max_line_size=HTTP_LINE_BYTES_MAX,
            max_field_size=HTTP_HEAD_BYTES_MAX,
            # Nobody has a reason to send squeezed bodies; unpacking is where bombs go off.
            auto_decompress=False,
        )
        self._guards: set[Guard] = set()
        self._head_s = head_s
        self._server: asyncio.Server | None = None
        self.host, self.port = "", 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen; port 0 picks a free one, `self.port` tells it. Raises `WorldFault`."""
        await self._runner.setup()
        make: Callable[[], asyncio.Protocol] = self._protocol
        try:
            self._server = await asyncio.get_running_loop().create_server(
                make, host, port, ssl=tls, backlog=1024, reuse_address=True
            )
        except OSError as error:
            await self._runner.cleanup()
            raise WorldFault(
                "hub.listen",
                f"cannot listen on {host}:{port}: {error.strerror}",
                "Stop the program that uses this port, or choose another with --listen.",
            ) from error
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None:
            raise RuntimeError("start the listener first")
        return Guard(server(), self._guards, self._head_s)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()


async def read_body(request: web.Request, bytes_max: int) -> bytes:
    """Return a request's body of at most `bytes_max` bytes.

    Raises `RemoteFault("http.too_large")`, or `("http.stalled")` when the client stops sending.
    """
    if request.content_length is not None and request.content_length > bytes_max:
        raise _too_large(bytes_max)
    body = Body(request, bytes_max)
    pieces = []
    while piece := await body.read():
        pieces.append(piece)
    return b"".join(pieces)


class Body:
    """Read a request's body in pieces, bounded in bytes, in stalls and in total time."""

    def __init__(self, request: web.Request, bytes_max: int, stall_s: float = HUB_STALL_S_MAX):
        self._content = request.content
        self._bytes_max = bytes_max
        self._stall_s = stall_s
        self._end = asyncio.get_running_loop().time() + HUB_BODY_S_MAX
        self._length = 0

    async def read(self) -> bytes:
        """Return the next piece, empty at the end.

        Raises `RemoteFault("http.too_large")`, `("http.stalled")` when nothing comes, or
        `("http.broken_body")` for one that is no body at all.
        """
        left_s = self._end - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0, min(self._stall_s, left_s))):
                piece = await self._content.readany()
        except TimeoutError:
            raise RemoteFault(
                "http.stalled", "the body stopped coming", "Send it again on a better link."
            ) from None
        except web.RequestPayloadError:
            raise broken_body() from None
        self._length += len(piece)
        if self._length > self._bytes_max:
            raise _too_large(self._bytes_max)
        return piece


def broken_body() -> RemoteFault:
    """Return the fault of a body that breaks HTTP's own rules."""
    return RemoteFault("http.broken_body", "the body did not arrive whole", "Send it once more.")


def _too_large(bytes_max: int) -> RemoteFault:
    return RemoteFault(
        "http.too_large", f"the body is longer than {bytes_max} bytes", "Send it in smaller parts."
    )
