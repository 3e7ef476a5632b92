"""The hub in memory, as the simulator and the agent's tests use it."""

import asyncio

from hw.sim.link import Link
from protocols.errors import WorldFault


def _serve(method, url, headers, body):
    return 200, {"ETag": headers.get("x-a", "")}, url.encode() + body


async def _read(response):
    pieces = []
    while True:
        piece = await response.read(4)
        if not piece:
            return pieces
        pieces.append(piece)


async def _answers():
    link = Link(_serve)
    response = await link.request("POST", "http://h/a", {"X-A": "b"}, b"cd")
    assert (response.status, response.headers) == (200, {"etag": "b"})
    assert await _read(response) == [b"http", b"://h", b"/acd"]
    await response.close()
    head = await link.request("HEAD", "http://h/a", {}, b"")
    assert await _read(head) == []
    assert link.requests == [("POST", "http://h/a"), ("HEAD", "http://h/a")]
    assert link.counters() == (12, 2)


async def _faults():
    link = Link(_serve)
    link.cut_after = 6
    response = await link.request("GET", "http://h/abc", {}, b"")
    assert await response.read(4) == b"http"
    assert await response.read(4) == b":/"
    try:
        await response.read(4)
        raise AssertionError("no cut")
    except WorldFault as fault:
        assert fault.code == "http.cut"
    response = await link.request("GET", "http://h/abc", {}, b"")
    assert b"".join(await _read(response)) == b"http://h/abc"
    link.is_down = True
    try:
        await link.request("GET", "http://h/abc", {}, b"")
        raise AssertionError("not down")
    except WorldFault as fault:
        assert fault.code == "link.open"


def test_answers():
    asyncio.run(_answers())


def test_faults():
    asyncio.run(_faults())
