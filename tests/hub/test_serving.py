"""Slow and greedy clients, against a real socket."""

import asyncio
import json
import time

import pytest
from aiohttp import web

from hub.answers import json_faults
from hub.serving import Body, Guard, Listener, guarded, read_body
from protocols.errors import WorldFault


async def echo(request):
    return web.Response(body=await read_body(request, 100))


async def impatient(request):
    body = Body(request, 100, stall_s=0.2)
    while await body.read():
        pass
    return web.Response(text="all")


@pytest.fixture
async def served():
    app = web.Application(middlewares=[guarded, json_faults])
    app.add_routes([web.post("/echo", echo), web.post("/impatient", impatient)])
    listener = Listener(app, head_s=0.3)
    await listener.start("127.0.0.1", 0)
    yield listener
    await listener.close()


async def connect(listener):
    return await asyncio.open_connection("127.0.0.1", listener.port)


async def closed_after(reader):
    started = time.monotonic()
    try:
        await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        pass
    return time.monotonic() - started


@pytest.mark.parametrize("head", [b"", b"POST /echo HTTP/1.1\r\nHost: a\r\nX: "])
async def test_a_head_that_never_ends_is_dropped(served, head):
    reader, writer = await connect(served)
    writer.write(head)
    assert 0.1 < await closed_after(reader) < 2
    writer.close()


async def test_a_dripping_head_is_dropped(served):
    reader, writer = await connect(served)

    async def drip():
        for byte in b"POST /echo HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaa":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(drip())
    assert await closed_after(reader) < 1
    task.cancel()
    writer.close()


REQUEST = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"


async def test_a_kept_connection_outlives_the_head_time_only_between_requests(served):
    reader, writer = await connect(served)
    for _ in range(2):
        writer.write(REQUEST % (b"/echo", 2, b"ok"))
        answer = await asyncio.wait_for(reader.readuntil(b"ok"), 2)
        assert answer.startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.5)
    writer.write(b"POST /ec")
    assert await closed_after(reader) < 2
    writer.close()


async def test_a_stalled_body_is_answered_408(served):
    reader, writer = await connect(served)
    writer.write(b"POST /impatient HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf")
    answer = await asyncio.wait_for(reader.read(2000), 2)
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.split(b"\r\n\r\n")[1])["code"] == "http.stalled"
    writer.close()


async def test_a_long_body_is_refused_by_its_length_or_while_it_comes(served):
    for head in (b"Content-Length: 101\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        reader, writer = await connect(served)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\n" + head)
        if b"chunked" in head:
            writer.write(b"65\r\n" + b"x" * 101 + b"\r\n")
        answer = await asyncio.wait_for(reader.read(2000), 2)
        assert answer.startswith(b"HTTP/1.1 413")
        writer.close()


async def test_a_huge_head_is_refused(served):
    reader, writer = await connect(served)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000)
    answer = await asyncio.wait_for(reader.read(), 2)
    assert answer.split(b"\r\n")[0].endswith(b" 400 Bad Request")
    writer.close()


async def test_connections_are_capped(served, monkeypatch):
    monkeypatch.setattr("hub.serving.HUB_CONNECTIONS_MAX", 1)
    first_reader, first = await connect(served)
    first.write(REQUEST % (b"/echo", 2, b"ok"))
    await first_reader.readuntil(b"ok")
    reader, second = await connect(served)
    assert await closed_after(reader) < 0.2
    first.write(REQUEST % (b"/echo", 2, b"ok"))
    assert await first_reader.readuntil(b"ok")
    first.close()
    second.close()


async def test_a_taken_port_is_a_fault_with_a_remedy(served):
    other = Listener(web.Application())
    with pytest.raises(WorldFault) as caught:
        await other.start("127.0.0.1", served.port)
    assert caught.value.code == "hub.listen"


def test_the_guard_is_what_stands_at_the_socket(served):
    assert isinstance(served._protocol(), Guard)
