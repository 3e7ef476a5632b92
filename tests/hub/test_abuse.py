"""Every route that takes a body, against bodies that lie, end early, never end or are enormous."""

import asyncio
import inspect
import json
import sqlite3

import aiohttp
import pytest

from hub import backend_sqlite
from hub import serving as hub_serving
from hub.app import create_app
from hub.database import Database
from hub.serving import Listener
from protocols import hub_limits
from protocols.errors import WorldFault
from tests.hub.conftest import serving

REFUSED = {400, 401, 403, 404, 405, 408, 411, 413, 415}


@pytest.fixture
async def served(services):
    """Serve nodes and pages on one socket."""
    async with serving(create_app(services)) as listener:
        yield listener


def writing(listener):
    """Return the paths of every route that takes a body, its variables filled in."""
    found = []
    for route in listener._runner.app.router.routes():
        if route.method in ("POST", "PUT", "PATCH", "DELETE"):
            path = "/".join(
                "x1" if part.startswith("{") else part
                for part in route.resource.canonical.split("/")
            )
            found.append((route.method, path))
    return sorted(set(found))


async def answer(listener, head, body):
    """Send bytes as they are; return the status, or 0 for a connection that was dropped."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        writer.write(head)
        for piece in body:
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 10)
        line = await asyncio.wait_for(reader.readline(), 20)
        return int(line.split()[1]) if line else 0
    except ConnectionError:
        return 0
    finally:
        writer.close()


def head(listener, method, path, *more):
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: 127.0.0.1:{listener.port}",
        "Sec-Fetch-Site: same-origin",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


LIES = {
    "a terabyte": (["Content-Length: 1000000000000"], [b"x" * 1000]),
    "no number": (["Content-Length: abc"], []),
    "less than nothing": (["Content-Length: -5"], []),
    "both lengths": (["Content-Length: 5", "Transfer-Encoding: chunked"], [b"0\r\n\r\n"]),
    "a bad chunk": (["Transfer-Encoding: chunked"], [b"zz\r\nxx\r\n"]),
    "a wrong type": (["Content-Type: image/svg+xml", "Content-Length: 6"], [b"<svg/>"]),
    "an xml bomb": (
        ["Content-Type: text/xml", "Content-Length: 44"],
        [b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;&b;</a> '],
    ),
    "a form without its end": (
        ["Content-Type: multipart/form-data; boundary=a", "Content-Length: 9"],
        [b"--a\r\nnot "],
    ),
    "deep json": (
        ["Content-Type: application/json", "Content-Length: 20000"],
        [b"[" * 20000],
    ),
    "squeezed": (
        ["Content-Encoding: gzip", "Content-Length: 20"],
        [b"\x1f\x8b\x08" + b"\xff" * 17],
    ),
}


@pytest.mark.parametrize("lie", LIES)
async def test_no_route_breaks_or_believes(served, lie):
    lines, body = LIES[lie]
    routes = writing(served)
    assert ("POST", "/v1/records") in routes and ("POST", "/bulletins") in routes
    for method, path in routes:
        status = await answer(served, head(served, method, path, *lines), body)
        assert status in REFUSED | {0}, (method, path, status)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{served.port}/healthz") as health:
            assert health.status == 200


def test_the_limits_on_slow_clients_are_those_that_are_promised():
    """A connection's head has 15 s, a stalled body 30 s; `test_serving` sees both enforced."""
    assert (hub_limits.HUB_HEAD_S_MAX, hub_limits.HUB_STALL_S_MAX) == (15, 30)
    listener = inspect.signature(Listener.__init__).parameters["head_s"].default
    body = inspect.signature(hub_serving.Body.__init__).parameters["stall_s"].default
    assert (listener, body) == (15, 30)


async def test_a_locked_database_is_said_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(backend_sqlite, "BUSY_MS_MAX", 50)
    database = Database(tmp_path / "chieng.sqlite3")
    other = sqlite3.connect(tmp_path / "chieng.sqlite3", isolation_level=None)
    row = {"unit": "03.a", "hamlet": "h", "name": "Làng"}
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorldFault) as caught:
            await database.write(lambda store: store.add("hamlets", row))
        assert caught.value.code == "hub.storage" and caught.value.remedy
        # Readers see the last commit meanwhile.
        assert await database.read(lambda store: store.count("hamlets")) == 0
        other.execute("COMMIT")
        await database.write(lambda store: store.add("hamlets", row))
        assert await database.read(lambda store: store.count("hamlets")) == 1
    finally:
        other.close()
        database.close()


async def test_a_full_disk_answers_503_with_patience_to_nodes(served, services, monkeypatch):
    async def full(_decide):
        raise WorldFault("hub.storage", "disk full", "Free some space.")

    monkeypatch.setattr(services.ledger, "read", full)
    lines = ["Content-Type: application/json", "Content-Length: 2"]
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head(served, "GET", "/healthz", *lines[:1]))
    said = await asyncio.wait_for(reader.readuntil(b"}"), 10)
    writer.close()
    assert said.startswith(b"HTTP/1.1 503") and b"Retry-After: 30" in said
    assert json.loads(said.split(b"\r\n\r\n")[1])["code"] == "hub.storage"


async def test_a_stranger_leaves_no_file_at_the_hub(served, services):
    part = b'Content-Disposition: form-data; name="account"; filename="%s"'
    for name, data, status in ((b"a.wav", b"x" * 300_000, 400), (b"", b"", 401)):
        body = b"--a\r\n" + part % name + b"\r\n\r\n" + data + b"\r\n--a--\r\n"
        lines = ["Content-Type: multipart/form-data; boundary=a", f"Content-Length: {len(body)}"]
        assert await answer(served, head(served, "POST", "/login", *lines), [body]) == status
    assert [one for one in services.config.blobs.rglob("*") if one.is_file()] == []
