"""Event streams wake exactly the unit whose timestamp changed."""

import asyncio
import json

import aiohttp
import pytest

from hub import events


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


async def test_a_new_timestamp_wakes_its_unit_only(listener, publish, monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT_S", 1.2)
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


async def test_a_unit_without_a_version_is_still_announced(tmp_path):
    wakes = events.Wakes(tmp_path)
    folder = tmp_path / "units" / "03.test" / "metadata"
    with wakes.join("03.test") as channel:
        assert channel.line == b""
        folder.mkdir(parents=True)
        (folder / "timestamp.json").write_bytes(b"{}")
        wakes.look()
        assert channel.line == b"event: timestamp\ndata: 03.test ?\n\n"


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


async def test_a_slow_client_gets_only_the_newest_line(tmp_path):
    wakes = events.Wakes(tmp_path)
    with wakes.join("03.test") as channel:
        for number in range(1000):
            channel.send(b"line %d" % number)
        await asyncio.wait_for(channel.beyond(0), 1)
        assert (channel.count, channel.line) == (1000, b"line 999")
    assert wakes.streams == 0
