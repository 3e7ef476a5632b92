"""Ready time and private memory of the Linux agent, beside a minimal aiohttp client; both over TLS.

A start counts until the hub begins the last answer that the first check asked for; the node holds
the programme already, as after a power cut, and looks at everything again. The client asks for one
file. Memory is what no other process shares (Private_* of smaps_rollup), a while after the check.

Both run compiled, as pip and our Debian package (`postinst`) leave them: each writes its bytecode
in a first start that is not counted. Both start without `site`, whose finder of a checkout costs as
much as it takes to load a fifth of the agent, and no installed machine has one.
"""

import asyncio
import os
import ssl
import statistics
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from hub.app import create_node_app
from hub.serving import Listener
from tests.bench.station import UNIT, Programme, Station, say
from tests.hw.http_servers import certificates

STARTS = 7
# Longer than any pause between two requests of one check.
QUIET_S = 1.5
START_S_MAX = 60
_UNCOMPILED = "PYTHONDONTWRITEBYTECODE"

CLIENT = """
import asyncio, ssl, sys, aiohttp

async def main(url, authority):
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(url) as response:
            await response.read()
        await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


class Front:
    """The hub's own endpoints over TLS; notes when each answer to a check begins."""

    def __init__(self, station: Station):
        self.answers_s: list[float] = []
        self._folder = station.folder
        app = create_node_app(station.services)
        app.on_response_prepare.append(self._note)
        self._listener = Listener(app)

    async def start(self) -> str:
        """Start and return the address."""
        certificates(self._folder)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self._folder / "server.pem", self._folder / "server.key")
        await self._listener.start("127.0.0.1", 0, tls)
        return f"https://localhost:{self._listener.port}"

    async def close(self) -> None:
        """Stop."""
        await self._listener.close()

    async def _note(self, request: web.Request, response: web.StreamResponse) -> None:
        # Records go up in a task of their own.
        if request.method == "GET":
            self.answers_s.append(time.monotonic())


def private_kb(pid: int) -> int:
    """Return what a process shares with nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def computed_s(pid: int) -> float:
    """Return the seconds that a process's threads have computed, whoever else was at work."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in threads) / 1e9


class Start(NamedTuple):
    """Tell what one start cost."""

    ready_s: float
    computed_s: float
    private_kb: int


async def started(front: Front, log: Path, *words: str) -> Start:
    """Start a program, wait until its check is over, and return what it cost."""
    front.answers_s.clear()
    compiled = {name: value for name, value in os.environ.items() if name != _UNCOMPILED}
    compiled["PYTHONPYCACHEPREFIX"] = str(log.parent / "bytecode")
    compiled["PYTHONPATH"] = os.pathsep.join([os.getcwd(), sysconfig.get_path("purelib")])
    with log.open("ab") as out:
        began_s = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", *words, stderr=out, env=compiled
        )
        try:
            while not front.answers_s or time.monotonic() < front.answers_s[-1] + QUIET_S:
                assert process.returncode is None, log.read_text()
                assert time.monotonic() < began_s + START_S_MAX, log.read_text()
                await asyncio.sleep(0.05)
            ready_s, pid = front.answers_s[-1] - began_s, process.pid
            return Start(ready_s, computed_s(pid), private_kb(pid))
        finally:
            process.kill()
            await process.wait()


def compare(what: str, unit: str, factor: float, goal: str, found: "list[list[float]]") -> None:
    """Print the medians of ours and theirs, and their ratio."""
    own, client = (statistics.median(values) for values in found)
    say(f"{what}: chieng, {unit}", f"{own * factor:.1f}")
    say(f"{what}: aiohttp client, {unit}", f"{client * factor:.1f}")
    say(f"{what}: chieng / aiohttp client", f"{own / client:.2f}", goal)


async def main() -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        station = Station(folder / "station")
        station.publish(Programme(3, 200_000))
        front = Front(station)
        base = await front.start()
        authority, log = station.folder / "ca.pem", folder / "log"
        node = ("-m", "edge.main", "run", "--config", str(station.config(base)))
        url = f"{base}/v1/units/{UNIT}/metadata/timestamp.json"
        client = ("-c", CLIENT, url, str(authority))
        await started(front, log, *node)
        await started(front, log, *client)
        ours, theirs = [], []
        # In turns, so that a neighbour's work on this machine meets both.
        for _ in range(STARTS):
            ours.append(await started(front, log, *node))
            theirs.append(await started(front, log, *client))
        await front.close()
        station.close()
    both = (ours, theirs)
    ready = [[one.ready_s for one in starts] for starts in both]
    compare("ready, first check over", "ms", 1000, "<= 0.35", ready)
    computed = [[one.computed_s for one in starts] for starts in both]
    compare("computed until then and shortly after", "ms", 1000, "", computed)
    memory = [[float(one.private_kb) for one in starts] for starts in both]
    compare("private memory", "MB", 1 / 1024, "<= 0.6", memory)


if __name__ == "__main__":
    asyncio.run(main())
