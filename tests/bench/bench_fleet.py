"""The fleet page with 10,000 nodes and 1,000,000 records, alone and under 400 slow clients.

The hub is the real process. The peer beside it is what the same figures cost at least: one raw
`sqlite3` connection asking the same questions of the same file, and a plain aiohttp handler that
answers as many bytes. Prints `name value goal`.
"""

import asyncio
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
from aiohttp import web

from hub import founding, standing
from hub.config import Config
from hub.folding import fold
from hub.services import open_hub
from tests.bench.station import say
from tests.hub.conftest import signed_in
from tests.hw.http_servers import free_port

NODES, RECORDS, PLAYS, UNITS = 10_000, 1_000_000, 300_000, 135
ASKED, SLOW, SLOW_BYTES_S = 60, 400, 1000
PAGES = {
    "/nodes": "fleet page",
    "/nodes?state=fault": "fleet page, faults",
    "/nodes?q=cum+99": "fleet page, search",
    "/": "first page",
}


def fill(path: Path, now_ms: int) -> None:
    """Write a province's rows straight into the hub's file."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    day = ("2025-07-01", None)
    units = [("00.prov", *day, None, "Tỉnh", "province", None, None, None)]
    units += [
        (f"03.u{n:03}", *day, "00.prov", f"Xã số {n}", "commune", None, None, None)
        for n in range(UNITS)
    ]
    db.executemany("INSERT INTO units VALUES (?,?,?,?,?,?,?,?,?)", units)
    names = "node unit kind name groups_json public_key state registered_s search".split()
    _insert(db, "nodes", names, _nodes())
    names = "node contact_ms nonces_json clock late_ms offline_ms playing_until_ms".split()
    names += "open_faults budget_low play_title play_ended_ms play_grade air_title".split()
    _insert(db, "node_status", names, _statuses(now_ms))
    rows = [(f"n{n}", "amplifier", "amplifier.silent", "0 W", 1, now_ms - n, 1, None)
            for n in range(0, NODES, 40)]  # fmt: skip
    db.executemany("INSERT INTO faults VALUES (?,?,?,?,?,?,?,?)", rows)
    body = b'{"kind":"status","body":{"versions":[["03.u001",17]],"free_bytes":123456789}}' * 4
    records = (
        (f"n{n % NODES}", "health", "ab" * 8, n // NODES, "00" * 32, "status", now_ms, body)
        for n in range(RECORDS)
    )
    db.executemany("INSERT INTO records VALUES (?,?,?,?,?,?,?,?)", records)
    names = "node epoch sequence unit item title class started_ms ended_ms outcome resumed".split()
    _insert(db, "plays", [*names, "grade"], _plays(now_ms))
    db.execute("COMMIT")
    db.execute("ANALYZE")
    db.close()


def _insert(db: sqlite3.Connection, table: str, names: list[str], rows: object) -> None:
    marks = ",".join("?" * len(names))
    db.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({marks})", rows)


def _nodes() -> list[tuple[object, ...]]:
    return [
        (f"n{n}", f"03.u{n % UNITS:03}", "speaker", f"Cụm {n}", "[]", f"{n:064x}", "enrolled", 1,
         fold(f"Cụm {n} n{n}"))
        for n in range(NODES)
    ]  # fmt: skip


def _statuses(now_ms: int) -> list[tuple[object, ...]]:
    found = []
    for n in range(NODES):
        if n % 50 == 0:
            continue
        contact_ms = now_ms - (n % 100) * 40_000
        late_ms, offline_ms = standing.due(contact_ms, 900, None).values()
        playing_ms = now_ms + 3600_000 if n % 10 == 0 else 0
        nonces = json.dumps([f"{n}{one:012x}" for one in range(32)])
        found.append((f"n{n}", contact_ms, nonces, "unknown" if n % 97 == 0 else "hub", late_ms,
                      offline_ms, playing_ms, int(n % 40 == 0), int(n % 33 == 0), "Bản tin sáng",
                      now_ms - 9000, 3, "Bản tin trưa"))  # fmt: skip
    return found


def _plays(now_ms: int) -> object:
    return (
        (f"n{n % NODES}", "ab" * 8, n // NODES, f"03.u{n % NODES % UNITS:03}", f"b{n // NODES}.1",
         "Bản tin sáng", "normal", now_ms - n * 100, now_ms - n * 100 + 9000, "complete", 0, 3)
        for n in range(PLAYS)
    )  # fmt: skip


async def ask(session: aiohttp.ClientSession, path: str, count: int) -> tuple[list[float], int]:
    """Return how long each of some requests took (milliseconds), and the bytes of the last."""
    took, length = [], 0
    for _ in range(count):
        start = time.perf_counter()
        async with session.get(path) as response:
            length = len(await response.read())
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status}")
        took.append((time.perf_counter() - start) * 1000)
    return took, length


def p95(took: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(took, n=20)[18]


async def slow_client(port: int, cookie: str, path: str) -> None:
    """Ask for a page again and again and read it at `SLOW_BYTES_S`."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2048)
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
            writer.write(head.encode())
            while await reader.read(SLOW_BYTES_S):
                await asyncio.sleep(1)
            writer.close()


async def peer(path: str, port: str, length: str) -> None:
    """Serve the least that such a page costs."""
    db = sqlite3.connect(path, check_same_thread=False)
    body = b"x" * int(length)
    join = "FROM nodes n LEFT JOIN node_status s USING (node) WHERE n.state = 'enrolled'"

    def questions() -> int:
        now_ms = time.time() * 1000
        db.execute("SELECT * FROM units").fetchall()
        filters = ("s.late_ms > ?", "s.late_ms <= ?", "s.offline_ms <= ?", "s.contact_ms IS NULL",
                   "s.open_faults > 0", "s.budget_low = 1", "s.clock = 'unknown'")  # fmt: skip
        counts = ", ".join(f"count(*) FILTER (WHERE {one})" for one in filters)
        asked = f"SELECT unit, {counts} {join} GROUP BY unit"
        db.execute(asked, (now_ms, now_ms, now_ms)).fetchall()
        page = f"SELECT * {join} ORDER BY unit, name LIMIT 50"
        return len(db.execute(page).fetchall())

    async def handler(_request: web.Request) -> web.Response:
        await asyncio.get_running_loop().run_in_executor(None, questions)
        return web.Response(body=body)

    app = web.Application()
    app.add_routes([web.get("/nodes", handler)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(port)).start()
    await asyncio.Event().wait()


async def _up(port: int) -> None:
    for _ in range(400):
        with suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("the server does not come up")


async def _start(stack: AsyncExitStack, words: list[str], port: int) -> None:
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    await _up(port)


async def measure(config: Config, cookies: dict[str, str]) -> None:
    """Print the figures of hub and peer."""
    port, other = free_port(), free_port()
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    async with AsyncExitStack() as stack:
        hub = ["-m", "hub.main", "serve", "--data", str(config.data), "--listen"]
        await _start(stack, [*hub, f"127.0.0.1:{port}"], port)
        headers = {"Cookie": cookie, "Accept-Encoding": "identity"}
        base = f"http://127.0.0.1:{port}"
        session = await stack.enter_async_context(aiohttp.ClientSession(base, headers=headers))
        alone, length = 0.0, 0
        for path, name in PAGES.items():
            await ask(session, path, 3)
            took, size = await ask(session, path, ASKED)
            say(f"{name}, p50 / p95, ms", f"{statistics.median(took):.0f} / {p95(took):.0f}",
                "<= 300")  # fmt: skip
            if path == "/nodes":
                alone, length = p95(took), size
        own = ["-m", "tests.bench.bench_fleet", "peer", str(config.database), str(other)]
        await _start(stack, [*own, str(length)], other)
        near = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{other}"))
        await ask(near, "/nodes", 3)
        least, _ = await ask(near, "/nodes", ASKED)
        say("raw sqlite3 and plain aiohttp, p95, ms", f"{p95(least):.0f}", "")
        say("fleet page to that, p95, times", f"{alone / p95(least):.1f}", "")
        slow = [asyncio.create_task(slow_client(port, cookie, "/nodes")) for _ in range(SLOW)]
        await asyncio.sleep(10)
        took, _ = await ask(session, "/nodes", ASKED)
        for one in slow:
            one.cancel()
        say(f"fleet page, {SLOW} slow clients, p50 / p95, ms",
            f"{statistics.median(took):.0f} / {p95(took):.0f}", "<= 500")  # fmt: skip


def main() -> None:
    """Found a hub, fill it, measure."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(data=Path(folder) / "hub")
        now_ms = config.now_ms()
        founding.found(config, ["00", "03"], Path(folder) / "stick", now_ms // 1000)
        services, database = open_hub(config)
        cookies = asyncio.run(signed_in(services))
        database.close()
        fill(config.database, now_ms)
        asyncio.run(measure(config, cookies))


if __name__ == "__main__":
    if sys.argv[1:2] == ["peer"]:
        asyncio.run(peer(*sys.argv[2:5]))
    else:
        main()
