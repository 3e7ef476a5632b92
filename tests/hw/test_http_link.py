"""The pump's deadlines, retries and kept connections, against servers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from hw import http_link
from hw.linux.link import Link
from hw.sim.clock import Clock
from protocols.errors import LocalFault, RemoteFault, WorldFault

Script = Callable[["Visit"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Visit:
    """One connection to the scripted server."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.number = number
        self.reader = reader
        self.writer = writer
        self.second = b""

    async def head(self) -> bytes:
        """Return the next request's head, or empty bytes at the end."""
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def say(self, data: bytes, pause_s: float = 0) -> None:
        """Send bytes, then wait."""
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(pause_s)


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[tuple[str, list[Visit]]]:
    visits: list[Visit] = []
    running: set[asyncio.Task[None]] = set()

    async def play(visit: Visit) -> None:
        try:
            await script(visit)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            visit.writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(Visit(len(visits), reader, writer))
        running.add(asyncio.create_task(play(visits[-1])))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", visits
    finally:
        listener.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0)


async def whole(link: Link, url: str, method: str = "GET", body: bytes = b"") -> bytes:
    response = await link.request(method, url, {}, body)
    pieces = []
    while piece := await response.read(100):
        pieces.append(piece)
    await response.close()
    return b"".join(pieces)


async def serve_ok(visit: Visit) -> None:
    while await visit.head():
        await visit.say(OK)


def once(answer: bytes) -> Script:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.say(answer, 0.05)

    return script


async def close_on_second(visit: Visit) -> None:
    await visit.head()
    await visit.say(OK)
    if visit.number == 0:
        visit.second = await visit.head()
        return
    while await visit.head():
        await visit.say(OK)


async def test_a_stale_connection_is_tried_again_for_what_may_be_sent_twice() -> None:
    async with server(close_on_second) as (url, visits):
        link = Link()
        assert await whole(link, url + "/a") == b"ok"
        assert await whole(link, url + "/b") == b"ok"
        assert len(visits) == 2 and visits[0].second.startswith(b"GET /b")
        await link.close()


async def test_a_post_is_never_sent_twice() -> None:
    async with server(close_on_second) as (url, visits):
        link = Link()
        assert await whole(link, url + "/a") == b"ok"
        with pytest.raises(WorldFault):
            await whole(link, url + "/b", "POST", b"x")
        assert len(visits) == 1
        assert await whole(link, url + "/b", "POST", b"") == b"ok"
        await link.close()


@pytest.mark.parametrize(("method", "idle_ms", "visits_after"), [
    ("GET", 59_000, 1), ("GET", 61_000, 2), ("POST", 4_000, 1), ("POST", 6_000, 2),
])  # fmt: skip
async def test_how_old_a_kept_connection_may_be(
    method: str, idle_ms: int, visits_after: int
) -> None:
    async with server(serve_ok) as (url, visits):
        link = Link()
        link.clock = clock = Clock()
        assert await whole(link, url) == b"ok"
        clock.advance(idle_ms)
        assert await whole(link, url, method) == b"ok"
        assert len(visits) == visits_after
        await link.close()


async def test_a_closed_connection_is_not_kept() -> None:
    close = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with server(once(close)) as (url, visits):
        link = Link()
        for count in (1, 2):
            assert await whole(link, url) == b"ok"
            assert len(visits) == count


async def test_the_number_of_kept_connections_is_bounded() -> None:
    async with AsyncExitStack() as stack:
        link = Link()
        urls = [(await stack.enter_async_context(server(serve_ok)))[0] for _ in range(4)]
        for url in urls:
            assert await whole(link, url) == b"ok"
        assert {port for _, _, port in link._kept} == {int(u.rsplit(":", 1)[1]) for u in urls[1:]}
        await link.close()
        assert link._kept == {}


async def test_two_requests_at_once_use_two_connections_and_keep_one() -> None:
    async with server(serve_ok) as (url, visits):
        link = Link()
        first = await link.request("GET", url, {}, b"")
        second = await link.request("GET", url, {}, b"")
        assert [await first.read(9), await second.read(9)] == [b"ok", b"ok"]
        await first.close()
        await second.close()
        assert len(visits) == 2 and len(link._kept) == 1
        await link.close()


async def drip_head(visit: Visit) -> None:
    await visit.head()
    await visit.say(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.say(b"a: b\r\n", 0.02)


async def silent_body(visit: Visit) -> None:
    await visit.head()
    await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 5)


def drip_body(kind: bytes) -> Script:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n")
        for _ in range(60):
            await visit.say(b"x", 0.01)

    return script


async def test_a_dripping_head_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_link, "LINK_HEAD_MS_MAX", 150)
    async with server(drip_head) as (url, _):
        with pytest.raises(WorldFault, match=r"link\.timeout"):
            await whole(Link(), url)


async def test_a_silent_body_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_link, "LINK_IDLE_MS_MAX", 100)
    async with server(silent_body) as (url, _):
        link = Link()
        response = await link.request("GET", url, {}, b"")
        assert await response.read(9) == b"abc"
        with pytest.raises(WorldFault, match=r"link\.timeout"):
            await response.read(9)
        assert await response.read(9) == b""


async def test_a_dripping_body_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_link, "LINK_RATE_WINDOW_MS", 150)
    async with server(drip_body(b"audio/ogg")) as (url, _):
        with pytest.raises(WorldFault, match=r"link\.slow"):
            await whole(Link(), url)


async def test_an_event_stream_may_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_link, "LINK_RATE_WINDOW_MS", 150)
    async with server(drip_body(b"text/event-stream")) as (url, _):
        assert await whole(Link(), url) == b"x" * 60


async def test_a_callers_own_pauses_are_not_the_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_link, "LINK_RATE_WINDOW_MS", 100)
    async with server(once(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")) as (url, _):
        link = Link()
        response = await link.request("GET", url, {}, b"")
        for letter in (b"a", b"b", b"c"):
            await asyncio.sleep(0.06)
            assert await response.read(1) == letter
        await response.close()
        await link.close()


BROKEN = {
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc": (WorldFault, "http.cut"),
    b"HTTP/1.1 200 OK\r\nConte": (WorldFault, "http.cut"),
    b"": (WorldFault, "http.cut"),
    b"SSH-2.0-x\r\n": (RemoteFault, "http.status_line"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": (RemoteFault, "http.chunk"),
}


@pytest.mark.parametrize("answer", BROKEN)
async def test_broken_answers(answer: bytes) -> None:
    kind, code = BROKEN[answer]

    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.say(answer)
        visit.writer.write_eof()
        await visit.reader.read()

    async with server(script) as (url, visits):
        with pytest.raises(kind) as caught:
            await whole(Link(), url)
        assert caught.value.code == code
        assert len(visits) == 1


async def test_nobody_listens() -> None:
    async with server(serve_ok) as (url, _):
        pass
    with pytest.raises(WorldFault, match=r"link\.open"):
        await whole(Link(), url)


async def test_a_connection_that_never_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_link, "LINK_OPEN_MS_MAX", 50)

    class Hanging(Link):
        async def open_stream(self, host: str, port: int, secure: bool) -> http_link.Stream:
            await asyncio.sleep(9)
            raise AssertionError

    with pytest.raises(WorldFault, match=r"link\.timeout"):
        await whole(Hanging(), "http://127.0.0.1:9/")


async def test_an_early_refusal_of_a_long_body_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_link, "LINK_IDLE_MS_MAX", 150)

    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await asyncio.sleep(1)

    async with server(script) as (url, _):
        link = Link()
        response = await link.request("POST", url, {}, b"x" * 20_000_000)
        assert (response.status, await response.read(9)) == (413, b"big")
        await response.close()
        await link.close()


async def test_a_cancelled_request_drops_its_connection() -> None:
    ended = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.reader.read(1)
        ended.set()

    async with server(script) as (url, _):
        task = asyncio.create_task(whole(Link(), url))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 2)


def test_addresses() -> None:
    split = http_link.split_url
    assert split("http://hub.test") == ((False, "hub.test", 80), "hub.test", "/")
    assert split("https://hub.test/a?b") == ((True, "hub.test", 443), "hub.test", "/a?b")
    assert split("http://[::1]:8080/a") == ((False, "::1", 8080), "[::1]:8080", "/a")
    wrong = ("ftp://a/", "http://", "http://a:b/", "http://u@a/", "http://a:/", "a", "http://a/#b")
    for url in wrong:
        with pytest.raises(LocalFault, match=r"link\.url"):
            split(url)
