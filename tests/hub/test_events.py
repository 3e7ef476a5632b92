"""Event streams wake exactly the unit whose timestamp changed."""

import asyncio
import contextlib
import errno
import json
import os

import aiohttp
import pytest

from hub import event_streams, events
from hub.app import create_node_app
from hub.serving import Listener


@pytest.fixture
def publish(services):
    def replace(unit, version=1):
        folder = services.config.repository / "units" / unit / "metadata"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "draft").write_text(json.dumps({"signed": {"version": version}}))
        (folder / "draft").rename(folder / "timestamp.json")

    return replace


async def lines(response, count):
    found = []
    while len(found) < count:
        line = await asyncio.wait_for(response.content.readline(), 3)
        if line.strip():
            found.append(line.strip())
    return found


@contextlib.asynccontextmanager
async def waiting(wakes):
    """Give a client's reader, which takes little by itself, and the stream that feeds it."""
    joined = asyncio.get_running_loop().create_future()

    class Joining(asyncio.Protocol):
        def connection_made(self, transport):
            stream = wakes.join("03.test", transport)
            transport.set_protocol(stream)
            joined.set_result(stream)

    server = await asyncio.get_running_loop().create_server(Joining, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    yield reader, await joined
    writer.close()
    server.close()


async def test_a_new_timestamp_wakes_its_unit_only(listener, publish, monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT_S", 1)
    publish("03.test")
    publish("03.m4x9")
    base = f"http://127.0.0.1:{listener.port}/v1/events?unit="
    async with aiohttp.ClientSession() as session:
        async with session.get(base + "03.test") as one, session.get(base + "03.m4x9") as other:
            assert one.headers["Content-Type"] == "text/event-stream"
            opening = [b": open", b"event: timestamp"]
            assert await lines(one, 3) == [*opening, b"data: 03.test 1"]
            assert await lines(other, 3) == [*opening, b"data: 03.m4x9 1"]
            publish("03.test", 2)
            assert await lines(one, 2) == [b"event: timestamp", b"data: 03.test 2"]
            assert await lines(other, 1) == [b":"]


async def test_a_new_timestamp_is_told_without_waiting_for_a_look(listener, publish, monkeypatch):
    monkeypatch.setattr(events, "LOOK_S", 3600)
    publish("03.test")
    url = f"http://127.0.0.1:{listener.port}/v1/events?unit=03.test"
    async with aiohttp.ClientSession() as session, session.get(url) as one:
        await lines(one, 3)
        for version in range(2, 5):
            publish("03.test", version)
            assert (await lines(one, 2))[1] == b"data: 03.test %d" % version


async def test_a_unit_without_a_version_is_still_announced(tmp_path):
    wakes = events.Wakes(tmp_path)
    folder = tmp_path / "units" / "03.test" / "metadata"
    async with waiting(wakes) as (reader, stream):
        assert stream.channel.line == b""
        folder.mkdir(parents=True)
        (folder / "timestamp.json").write_bytes(b"{}")
        wakes.look()
        line = b"event: timestamp\ndata: 03.test ?\n\n"
        assert await asyncio.wait_for(reader.readexactly(len(line)), 3) == line


async def test_a_second_timestamp_of_the_same_tick_is_told(services, publish):
    wakes = events.Wakes(services.config.repository)
    file = services.config.repository / "units" / "03.test" / "metadata" / "timestamp.json"
    publish("03.test", 1)
    os.utime(file, ns=(5, 5))
    async with waiting(wakes) as (_, stream):
        publish("03.test", 2)
        os.utime(file, ns=(5, 5))
        wakes.look()
        assert stream.channel.line == b"event: timestamp\ndata: 03.test 2\n\n"


async def test_a_look_that_fails_is_said_and_made_again(services, publish, monkeypatch, caplog):
    monkeypatch.setattr(events, "LOOK_S", 0.01)
    wakes = events.Wakes(services.config.repository)
    publish("03.test", 1)
    async with waiting(wakes) as (_, stream):

        def full(_unit):
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patch:
            patch.setattr(wakes, "_line", full)
            publish("03.test", 2)
            task = asyncio.create_task(wakes.run())
            await asyncio.sleep(0.1)
        assert "03.test: [Errno 24] Too many open files" in caplog.text
        async with asyncio.timeout(3):
            while b" 2" not in stream.channel.line:
                await asyncio.sleep(0.01)
        task.cancel()


async def test_an_unknown_unit_is_refused(hub):
    for unit in ("03.zzzz", "../x", ""):
        response, body = await hub("GET", "/v1/events", params={"unit": unit})
        assert response.status == 400
        assert json.loads(body)["code"] == "events.unit"


async def test_streams_are_capped(hub, publish, monkeypatch):
    monkeypatch.setattr(events, "EVENT_STREAMS_MAX", 0)
    publish("03.test")
    response, body = await hub("GET", "/v1/events", params={"unit": "03.test"})
    assert (response.status, json.loads(body)["code"]) == (503, "events.full")
    assert response.headers["Retry-After"]


# More than the kernel holds for a client that does not read.
HUGE = 8 * 1024 * 1024


async def test_a_slow_client_gets_only_the_newest_line(tmp_path):
    wakes = events.Wakes(tmp_path)
    async with waiting(wakes) as (reader, stream):
        stream.channel.send(b"a" * HUGE)
        for number in range(1000):
            stream.channel.send(b"line %d" % number)
        assert stream.transport.get_write_buffer_size() < HUGE
        stream.beat()
        assert await asyncio.wait_for(reader.readexactly(HUGE), 10) == b"a" * HUGE
        assert await asyncio.wait_for(reader.readexactly(8), 3) == b"line 999"
        stream.beat()
        assert await asyncio.wait_for(reader.readexactly(3), 3) == b":\n\n"


async def test_a_client_that_takes_nothing_is_dropped_and_counted_no_longer(tmp_path):
    wakes = events.Wakes(tmp_path)
    async with waiting(wakes) as (_, stream):
        stream.channel.send(b"a" * HUGE)
        stream.beat()
        assert not stream.transport.is_closing() and wakes.streams == 1
        stream.beat()
        assert stream.transport.is_closing()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert wakes.streams == 0
        wakes.look()
        assert wakes.channel("03.test") is not stream.channel


async def test_everyone_is_woken_though_others_are_served_in_between(tmp_path, monkeypatch):
    monkeypatch.setattr(event_streams, "PASS_MAX", 2)
    wakes = events.Wakes(tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(waiting(wakes)) for _ in range(7)]
        channel = clients[0][1].channel
        channel.send(b"one.")
        # Overtakes the first before its pass is over.
        channel.send(b"two.")
        clients[3][1].transport.abort()
        for number, (reader, _) in enumerate(clients):
            if number != 3:
                got = await asyncio.wait_for(reader.readuntil(b"two."), 3)
                assert got == (b"one.two." if number < 2 else b"two.")


async def test_a_stream_has_no_task_and_nothing_said_on_it_disturbs_it(listener, publish):
    publish("03.test")
    before = len(asyncio.all_tasks())
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    ask = b"GET /v1/events?unit=03.test HTTP/1.1\r\nHost: a\r\n\r\n"
    writer.write(ask + ask)
    await asyncio.wait_for(reader.readuntil(b"data: 03.test 1\n\n"), 3)
    writer.write(ask)
    publish("03.test", 2)
    await asyncio.wait_for(reader.readuntil(b"data: 03.test 2\n\n"), 3)
    assert len(asyncio.all_tasks()) == before
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()


async def test_a_stream_outlives_the_time_that_a_head_may_take(services, publish):
    publish("03.test")
    served = Listener(create_node_app(services), head_s=0.2)
    await served.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /v1/events?unit=03.test HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b" 1\n\n"), 3)
    writer.write(b"GET")
    await asyncio.sleep(0.5)
    publish("03.test", 2)
    await asyncio.wait_for(reader.readuntil(b" 2\n\n"), 3)
    # The hub ends it when it stops, at once.
    await asyncio.wait_for(served.close(), 2)
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()


async def test_a_head_request_gets_a_head(hub, publish):
    publish("03.test")
    response, body = await hub("HEAD", "/v1/events", params={"unit": "03.test"})
    assert (response.status, response.headers["Cache-Control"], body) == (200, "no-store", b"")
